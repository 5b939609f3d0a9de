"""The recipe of the paper, on a corpus of IEMOCAP's shape."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.markdown import rows_under
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
    table1 = rows_under("data", "WA", "UA", text=results)
    printed = {(row["data"], row["system"]): (row["printed"], row["printed 2"]) for row in table1}
    assert len(printed) == len(table1) == 9
    assert printed["improvised", "CVAE-LSTM"] == ("64.93", "62.81")  # as the paper prints them
    table2 = {
        (row["system"], row["dimension"]): row for row in rows_under("dimension", text=results) if "printed" in row
    }
    assert len(table2) == 12
    assert table2["CVAE-LSTM", "mean"]["printed"] == "56.42"
    for row in table1:
        assert "PARTIAL" in row["marks"]
        differs_as_shown(row["WA"], row["printed"], row["difference"])
        differs_as_shown(row["UA"], row["printed 2"], row["difference 2"])
    figures = rows_under("128 (95 %)", "printed at 128", text=results)
    assert len(figures) == 6 + 3  # WA and UA of Figure 2a, the mean F1 of 2b
    for number, row in enumerate(figures):
        if number >= 6:  # both speakers that Figure 2b tests are of one session, which has no interval
            assert "(" not in row["128 (95 %)"]
        differs_as_shown(row["128 (95 %)"].partition(" (")[0], row["printed at 128"], row["difference"])
        assert "PARTIAL" in row["marks"]
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
    assert "stale (emotion changed)" in said
    assert (tmp_path / "store" / "quick-RESULTS.md").read_text(encoding="utf-8") == results


def differs_as_shown(score: str, printed: str, difference: str) -> None:
    """All three are rounded."""
    assert float(score.strip("*")) - float(printed) == pytest.approx(float(difference), abs=0.11)


def relabel(evaluation: Path) -> None:
    """Another emotion for one utterance that was neutral."""
    text = evaluation.read_bytes()
    assert b"\tneu\t" in text
    evaluation.write_bytes(text.replace(b"\tneu\t", b"\tang\t", 1))
