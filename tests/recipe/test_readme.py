"""The README's commands do what it says."""

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.command import run_sercli
from support.corpora import write_other_corpus
from support.readme import README, blocks, environment

from sercli import plugins

SPEAKERS, EMOTIONS, TAKES = ("f01", "m02", "f03"), ("anger", "neutral", "sadness"), 2  # a part of the small corpus


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pipeline block of the README was run, word for word, with a smaller corpus in `speech`."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "speech" / "wav").mkdir(parents=True)
    rows = ["path\tspeaker\temotion"]
    for speaker, emotion, k in itertools.product(SPEAKERS, EMOTIONS, range(TAKES)):
        name = f"wav/{speaker}_{emotion}_{k:04d}.wav"
        shutil.copy(corpus / name, folder / "speech" / name)
        rows.append(f"{name}\t{speaker}\t{emotion}")
    (folder / "speech" / "labels.tsv").write_text("\n".join(rows) + "\n")
    run_block("sercli ingest speech/", folder)
    return folder


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-euo", "pipefail", "-c", script]
    surroundings = {**environment(), **variables}
    done = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done


def block(marker: str, language: str = "bash") -> str:
    """The block of the README that holds this."""
    return next(text for text in blocks(language) if marker in text)


def run_block(marker: str, folder: Path, **variables: str) -> str:
    """The block of the README that holds this, word for word; what it printed."""
    return run(block(marker), folder, **variables).stdout


def test_pipeline_ends_in_scores_of_all_its_systems(folder: Path) -> None:
    scores = json.loads((folder / "scores.json").read_text())
    assert {one["classifier"] for one in scores["results"]} == {"cvae-128.lstm", "logmel.lstm", "logmel.functionals"}


def test_pipeline_ends_in_a_comparison(folder: Path) -> None:
    (found,) = (folder / "store" / "comparisons").glob("*/comparison.json")
    comparison = json.loads(found.read_text())
    assert {comparison[side]["system"] for side in ("first", "second")} == {"cvae-128.lstm", "logmel.functionals"}


def test_pipeline_ends_in_a_report_and_labels(folder: Path) -> None:
    page = (folder / "store" / "report" / "report.html").read_text(encoding="utf-8")
    assert "cvae-128.lstm" in page
    rows = [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()]
    assert rows[0] == ["path", "prediction", "p_anger", "p_neutral", "p_sadness"]
    assert [row[0] for row in rows[1:]] == sorted(
        f"speech/wav/{path.name}" for path in (folder / "speech/wav").iterdir()
    )


def test_labelling(folder: Path) -> None:
    """Files, folders, paths and sound from standard input, windows, rejection; what makes the sound there is of the reader's own."""
    more = folder / "more"
    shutil.copytree(folder / "speech" / "wav", more)
    first, second, *_ = sorted(more.iterdir())
    for name in ("recording.wav", "meeting.wav"):
        shutil.copy(first, folder / name)
    second.rename(second.with_suffix(".flac"))  # libsndfile looks at what is in a file, not at its name
    pipe = "sox talk.mp3 -t wav -"
    assert pipe in block("--stdin-audio")
    done = run(block("--stdin-audio").replace(pipe, "cat recording.wav"), folder)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    heads = [number for number, row in enumerate(rows) if row[0] == "path"]
    files, found, sound, windows, rejected = (
        rows[start + 1 : end] for start, end in zip(heads, [*heads[1:], len(rows)], strict=True)
    )
    assert [row[0] for row in files] == ["recording.wav", *(f"more/{path.name}" for path in sorted(more.iterdir()))]
    assert [row[0] for row in found] == [f"more/{second.stem}.flac"]
    assert sound[0] == ["-", *files[0][1:]]
    assert [row[0] for row in windows] == ["meeting.wav"] * len(windows)
    assert rejected[0][1] in ("", files[0][1])
    assert rejected[0][2:] == files[0][2:]


def test_any_features(folder: Path, tmp_path: Path) -> None:
    """Also those of the reader's own, and an autoencoder on them."""
    shutil.copytree(folder / "store", tmp_path / "store")
    (tmp_path / "frames").mkdir()
    rng = np.random.default_rng(0)
    for path in (folder / "speech" / "wav").iterdir():
        np.save(tmp_path / "frames" / f"wav_{path.stem}.npy", rng.standard_normal((40, 6)).astype(np.float32))
    said = run_block("--frontend imported", tmp_path)
    assert said.split() == ["mfcc", "egemaps", "wavlm", "vae-128.frontend-wavlm"]


def test_across_corpora(folder: Path) -> None:
    write_other_corpus(folder / "speech", folder / "more-speech")
    for words in (["ingest", "more-speech", "other"], ["featurize", "other"]):
        run_sercli(*words, cwd=folder)
    said = run_block("sercli combine store/ other/ both/", folder)
    assert "leave-one-corpus-out" in said
    assert "anger, neutral, sadness" in said
    assert "happiness 2" in said  # the label that the classifier does not have


def test_into_other_tools(folder: Path) -> None:
    run_block("sercli export-features store/ data/", folder, ae="cvae-128")
    latents = pd.read_csv(folder / "latents" / "fold-1" / "latents.csv")
    assert {"id", "segment", "mean_0", "std_127"} <= set(latents.columns)
    assert len(pd.read_parquet(folder / "posteriors" / "posteriors.parquet")) > len(SPEAKERS) * len(EMOTIONS) * TAKES
    assert (folder / "data" / "feats.scp").is_file()
    assert (folder / "folds" / "folds.csv").is_file()


def test_every_corpus_that_is_named_has_a_reader() -> None:
    """And every reader of one is named."""
    listed = README.partition("ask for it: ")[2].partition(".")[0].replace("\n", " ").split(", ")
    names = {"".join(filter(str.isalnum, name.lower())) for name in listed}
    forms = {"audformat", "kaldi", "table"}
    assert names == {name.replace("_", "") for name in plugins.names("corpora")} - forms


def test_grid(folder: Path) -> None:
    (folder / "grid.yaml").write_text(block("axes:", "yaml"))
    done = run(block("sercli sweep store/ grid.yaml"), folder)
    assert "free on this disk" in done.stderr
    sweep = folder / "store" / "sweeps" / "latent-size"
    rows = [line.split("\t") for line in (sweep / "results.tsv").read_text().splitlines()]
    points = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    asked = {(row["latent_dim"], row["model"]) for row in points if row["row"] == "point"}
    assert asked == {(size, model) for size in ("32", "128") for model in ("ae", "vae", "cvae")}
    assert [row["row"] for row in points].count("nested") == 1
    assert {path.name for path in sweep.iterdir()} >= {"figure.png", "figure.svg"}


def test_loop_over_folds(folder: Path) -> None:
    run(block("for k in").replace("train-ae store/", "train-ae store/ --epochs 1 --model ae --latent-dim 4"), folder)
    assert len(list((folder / "store" / "autoencoders").glob("ae-4*/fold-*"))) == len(SPEAKERS)


def test_python_snippet_reads_the_store(folder: Path) -> None:
    n = len(SPEAKERS) * len(EMOTIONS) * TAKES
    check = f"\nassert frames.shape[1] == 80 and len(frames) > 10 and len(utterances) == {n}\n"
    words = [sys.executable, "-c", block("xr.open_zarr", "python") + check]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=600)
