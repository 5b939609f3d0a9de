"""The README's commands do what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def environment(folder: Path) -> dict[str, str]:
    """One in which `sercli` and `python` are those of the tests, and nothing needs installing."""
    return {**os.environ, "VIRTUAL_ENV": sys.prefix, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pipeline block of the README was run, word for word, with the small corpus in `speech`."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(corpus, folder / "speech")
    block = next(block for block in blocks("bash") if "sercli ingest speech/" in block)
    words = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder


def test_pipeline_ends_in_scores_of_all_its_systems(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text())
    assert {one["classifier"] for one in scores["results"]} == {"cvae-128.lstm", "logmel.lstm", "logmel.functionals"}


def test_pipeline_ends_in_a_comparison(folder: Path) -> None:
    (found,) = (folder / "store" / "comparisons").glob("*/comparison.json")
    comparison = json.loads(found.read_text())
    assert {comparison[side]["classifier"] for side in ("first", "second")} == {"cvae-128.lstm", "logmel.functionals"}


def test_pipeline_ends_in_a_report_and_labels(folder: Path) -> None:
    page = (folder / "store" / "report.html").read_text(encoding="utf-8")
    assert "cvae-128.lstm" in page
    rows = [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()]
    assert rows[0] == ["path", "prediction", "p_anger", "p_neutral", "p_sadness"]
    assert [row[0] for row in rows[1:]] == sorted(
        f"speech/wav/{path.name}" for path in (folder / "speech/wav").iterdir()
    )


def test_labelling(folder: Path) -> None:
    """Files, folders, paths and sound from standard input, windows; what makes the sound there is of the reader's own."""
    more = folder / "more"
    shutil.copytree(folder / "speech" / "wav", more)
    first, second, *_ = sorted(more.iterdir())
    for name in ("recording.wav", "meeting.wav"):
        shutil.copy(first, folder / name)
    second.rename(second.with_suffix(".flac"))  # libsndfile looks at what is in a file, not at its name
    block = next(block for block in blocks("bash") if "--stdin-audio" in block)
    assert "sox talk.mp3 -t wav -" in block
    words = ["bash", "-euo", "pipefail", "-c", block.replace("sox talk.mp3 -t wav -", "cat recording.wav")]
    done = subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    heads = [number for number, row in enumerate(rows) if row[0] == "path"]
    files, found, sound, windows = (
        rows[start + 1 : end] for start, end in zip(heads, [*heads[1:], len(rows)], strict=True)
    )
    assert [row[0] for row in files] == ["recording.wav", *(f"more/{path.name}" for path in sorted(more.iterdir()))]
    assert [row[0] for row in found] == [f"more/{second.stem}.flac"]
    assert sound[0] == ["-", *files[0][1:]]
    assert [row[0] for row in windows] == ["meeting.wav"] * len(windows)


def test_grid(folder: Path) -> None:
    (folder / "grid.yaml").write_text(next(block for block in blocks("yaml") if "axes:" in block))
    block = next(block for block in blocks("bash") if "sercli sweep store/ grid.yaml" in block)
    words = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "free on this disk" in done.stderr
    sweep = folder / "store" / "sweeps" / "latent-size"
    rows = [line.split("\t") for line in (sweep / "results.tsv").read_text().splitlines()]
    points = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    asked = {(row["latent_dim"], row["model"]) for row in points if row["row"] == "point"}
    assert asked == {(size, model) for size in ("32", "128") for model in ("ae", "vae", "cvae")}
    assert [row["row"] for row in points].count("nested") == 1
    assert {path.name for path in sweep.iterdir()} >= {"figure.png", "figure.svg"}


def test_loop_over_folds(folder: Path) -> None:
    block = next(block for block in blocks("bash") if block.startswith("for k in"))
    loop = block.replace("train-ae store/", "train-ae store/ --epochs 1 --model ae --latent-dim 4")
    done = subprocess.run(
        ["bash", "-c", loop], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "store" / "autoencoders").glob("ae-4*/fold-*"))) == 4


def test_python_snippet_reads_the_store(folder: Path) -> None:
    snippet = next(block for block in blocks("python") if "xr.open_zarr" in block)
    check = "\nassert frames.shape[1] == 80 and len(frames) > 10 and len(utterances) == 36\n"
    done = subprocess.run(
        [sys.executable, "-c", snippet + check], cwd=folder, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr


def test_iemocap_recipe(iemocap: Path, tmp_path: Path) -> None:
    """On a corpus of its shape: every cell of the paper's tables that is ours, beside the printed one, and marked as a quick look."""
    corpus = shutil.copytree(iemocap, tmp_path / "corpus")
    words = ["bash", str(PROJECT / "recipes" / "iemocap" / "run.sh"), str(corpus), str(tmp_path / "store"), "--quick"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8")
    assert "QUICK LOOK" in results
    assert "Made by `bash recipes/iemocap/run.sh IEMOCAP_FOLDER --quick`." in results
    assert "Not run" not in results
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in results.splitlines() if line.startswith("|")]
    table1 = {(row[0], row[1]): (row[7], row[11]) for row in cells if row[0] in ("improvised", "scripted", "complete")}
    assert len(table1) == 9
    assert table1["improvised", "CVAE-LSTM"] == ("64.93", "62.81")  # as the paper prints them
    table2 = {(row[0], row[1]): row[7] for row in cells if row[1] in ("arousal", "power", "valence", "mean")}
    assert len(table2) == 12
    assert table2["CVAE-LSTM", "mean"] == "56.42"
    scored = [row for row in cells if len(row) == 13 and "PARTIAL" in row[2]]
    assert len(scored) == 9
    for row in scored:
        for ours, printed, difference in ((row[5], row[7], row[8]), (row[9], row[11], row[12])):
            assert float(ours.strip("*")) - float(printed) == pytest.approx(float(difference), abs=0.11)
    figures = [row for row in cells if row[0] in ("AE-LSTM", "VAE-LSTM", "CVAE-LSTM") and " to " in row[-5]]
    assert len(figures) == 6 + 3  # WA and UA of Figure 2a, the mean F1 of 2b
    for row in figures:
        ours, low, high = map(float, re.findall(r"[\d.]+", row[-5]))  # at 128, the third of five sizes
        assert low <= high
        assert ours - float(row[-2]) == pytest.approx(float(row[-1]), abs=0.11)
        assert any("PARTIAL" in cell for cell in row)
    for picture in re.findall(r"\((\S+\.png)\)", results):
        assert (tmp_path / "store" / picture).read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "store" / "autoencoders").glob("*arousal*"))) > 0
    assert not list((tmp_path / "store" / "autoencoders").glob("*valence*"))  # the dimensions share theirs
    again = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8") == results
    assert again.stderr.count(" 0 steps to do") == 7
    relabel(next(corpus.glob("**/EmoEvaluation/Ses01F_impro01.txt")))
    for stage, code in (("1", 0), ("10", 1)):
        only = [*words, "--stage", stage, "--stop-stage", stage]
        stale = subprocess.run(only, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
        assert stale.returncode == code, stale.stderr
    announced, said = stale.stderr.splitlines()
    assert announced.startswith("== stage 10")
    assert said.startswith("results: ")
    assert "is stale (emotion changed)" in said
    assert (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8") == results


def relabel(evaluation: Path) -> None:
    """Another emotion for one utterance that was neutral."""
    text = evaluation.read_bytes()
    assert b"\tneu\t" in text
    evaluation.write_bytes(text.replace(b"\tneu\t", b"\tang\t", 1))


def test_demo_recipe(tmp_path: Path) -> None:
    """The README's first command, into a folder of its own: five systems, between chance and perfect."""
    assert "bash recipes/demo/run.sh" in blocks("bash")[0]
    assert "bash tests/run.sh" in blocks("bash")[0]
    words = ["bash", str(PROJECT / "recipes" / "demo" / "run.sh"), str(tmp_path / "demo")]
    done = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "demo" / "RESULTS.md").read_text(encoding="utf-8")
    uars = [float(score) for score in re.findall(r"\*\*(\d+\.\d)", results)]
    assert len(uars) == 5
    assert "<html" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    labelled = [line.split("\t") for line in done.stdout.splitlines() if "_0000.wav" in line]
    assert len(labelled) == 4
    assert all(row[1] in ("anger", "happiness", "neutral", "sadness") for row in labelled)
    assert all(25 < uar < 100 for uar in uars)
    again = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=900)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "demo" / "RESULTS.md").read_text(encoding="utf-8") == results
    assert again.stderr.count("nothing to do") >= 10
