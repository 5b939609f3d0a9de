"""The README's first command."""

import re
import subprocess
from pathlib import Path

from support.paths import PROJECT
from support.readme import blocks, environment


def test_demo_recipe(tmp_path: Path) -> None:
    """The README's first command, into a folder of its own: five systems, between chance and perfect."""
    assert "bash recipes/demo/run.sh" in blocks("bash")[0]
    assert "bash tests/run.sh" in blocks("bash")[0]
    words = ["bash", str(PROJECT / "recipes" / "demo" / "run.sh"), str(tmp_path / "demo")]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "demo" / "RESULTS.md").read_text(encoding="utf-8")
    uars = [float(score) for score in re.findall(r"\*\*(\d+\.\d)", results)]
    assert len(uars) == 5
    assert "<html" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    labelled = [line.split("\t") for line in done.stdout.splitlines() if "_0000.wav" in line]
    assert len(labelled) == 4
    assert all(row[1] in ("anger", "happiness", "neutral", "sadness") for row in labelled)
    assert all(25 < uar < 100 for uar in uars)
    words += ["--stop-stage", "7"]
    again = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "demo" / "RESULTS.md").read_text(encoding="utf-8") == results
    assert again.stderr.count("nothing to do") >= 10
