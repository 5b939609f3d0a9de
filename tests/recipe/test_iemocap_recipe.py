"""The recipe of the paper, on a corpus of IEMOCAP's shape."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.paths import PROJECT
from support.readme import environment


def test_iemocap_recipe(iemocap: Path, tmp_path: Path) -> None:
    """On a corpus of its shape: every cell of the paper's tables that is ours, beside the printed one, and marked as a quick look."""
    corpus = shutil.copytree(iemocap, tmp_path / "corpus")
    words = [
        "bash",
        str(PROJECT / "recipes" / "iemocap" / "run.sh"),
        str(corpus),
        str(tmp_path / "store"),
        "--quick",
        "--set",
        "epochs=1",
        "--jobs",
        "1",
    ]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8")
    assert "QUICK LOOK" in results
    assert "Made by `bash recipes/iemocap/run.sh IEMOCAP_FOLDER --quick --set epochs=1 --jobs 1`." in results
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
    again = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8") == results
    assert again.stderr.count(" 0 steps to do") == 7
    relabel(next(corpus.glob("**/EmoEvaluation/Ses01F_impro01.txt")))
    for stage, code in (("1", 0), ("10", 1)):
        only = [*words, "--stage", stage, "--stop-stage", stage]
        stale = subprocess.run(only, cwd=tmp_path, env=environment(), capture_output=True, text=True)
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
