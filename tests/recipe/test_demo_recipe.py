"""The README's first command."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.paths import PROJECT, SYNTHESISER
from support.readme import blocks, environment


def test_demo_recipe(tmp_path: Path) -> None:
    """Five systems, between chance and perfect. After its first stage, the corpus is replaced by half of it."""
    assert "bash recipes/demo/run.sh" in blocks("bash")[0]
    assert "bash tests/run.sh" in blocks("bash")[0]
    folder = tmp_path / "demo"
    run(folder, "--stop-stage", "1")
    assert len(list(folder.glob("corpus/wav/*.wav"))) == 6 * 4 * 8
    shutil.rmtree(folder / "corpus")
    options = ["--speakers", "4", "--per-emotion", "6"]
    subprocess.run([sys.executable, SYNTHESISER, folder / "corpus", *options], check=True, capture_output=True)
    done = run(folder, "--stage", "2")
    results = (folder / "RESULTS.md").read_text(encoding="utf-8")
    uars = [float(score) for score in re.findall(r"\*\*(\d+\.\d)", results)]
    assert len(uars) == 5
    assert all(25 < uar < 100 for uar in uars)
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
    labelled = [line.split("\t") for line in done.stdout.splitlines() if "_0000.wav" in line]
    assert len(labelled) == 4
    assert {label for _, label, *_ in labelled} <= {"anger", "happiness", "neutral", "sadness"}
    again = run(folder, "--stage", "2", "--stop-stage", "7")
    assert (folder / "RESULTS.md").read_text(encoding="utf-8") == results
    assert again.stderr.count("nothing to do") >= 10


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", str(PROJECT / "recipes" / "demo" / "run.sh"), str(folder), *options]
    done = subprocess.run(words, cwd=folder.parent, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done
