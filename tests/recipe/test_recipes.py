"""What the recipes refuse before anything is made, and what their last stage refuses to show."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import PROJECT
from support.readme import environment

RESULTS = PROJECT / "recipes" / "iemocap" / "local" / "page.py"


def recipe(name: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = str(PROJECT / "recipes" / name / "run.sh")
    return subprocess.run(["bash", script, *words], cwd=folder, env=environment(), capture_output=True, text=True)


def results(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(RESULTS), str(store), *words], capture_output=True, text=True)


@pytest.mark.parametrize("name", ["demo", "emodb", "cross-corpus", "iemocap", "benchmark"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a", "--stage", "x"], "--stage wants the number of a stage, not 'x'"),
        (["a", "--stage", "-1"], "--stage wants the number of a stage, not '-1'"),
        (["a", "--stop-stage"], "--stop-stage wants the number of a stage"),
        (["a", "--stage", "5", "--stop-stage", "3"], "--stage 5 comes after --stop-stage 3"),
        (["a", "--fast"], "unknown option --fast; known are --stage --stop-stage"),
        (["a", "b", "c"], "argument too many"),
    ],
)
def test_wrong_usage_is_one_line(name: str, words: list[str], says: str, tmp_path: Path) -> None:
    done = recipe(name, tmp_path, *words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["emodb", "cross-corpus", "iemocap", "benchmark"])
def test_a_corpus_is_wanted(name: str, tmp_path: Path) -> None:
    done = recipe(name, tmp_path)
    assert done.returncode == 2
    assert "_FOLDER is missing" in done.stderr


def test_an_environment_is_installed_into_once(tmp_path: Path) -> None:
    """However much else is noted there: what has found its line may stop reading."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\n[ "$1" != -c ] || echo "{tmp_path}"\n')
    python.chmod(0o755)
    words = ["bash", "-euo", "pipefail", "-c", f'project="{PROJECT}"; . "$project/recipes/setup.sh"; sercli_setup']
    told = {**os.environ, "VIRTUAL_ENV": str(tmp_path), "PATH": f"{python.parent}:{os.environ['PATH']}"}
    first = subprocess.run(words, env=told, capture_output=True, text=True, check=True)
    assert first.stderr.startswith("installing sercli")
    (tmp_path / ".sercli-installed-test").write_text("another\n" * 100_000)
    assert subprocess.run(words, env=told, capture_output=True, text=True, check=True).stderr == ""


def test_each_recipe_lists_its_own_options(tmp_path: Path) -> None:
    own = ("--device", "--jobs", "--set", "--quick")
    said = recipe("iemocap", tmp_path, "a", "--fast").stderr
    assert all(option in said for option in own)
    said = recipe("demo", tmp_path, "--quick").stderr
    assert not any(option in said.partition("known are")[2] for option in own)
    assert "--set wants a value" in recipe("iemocap", tmp_path, "a", "--set").stderr


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("model=ae", "variations1.yaml: model: the option is set twice; seen fixed and axis system"),
        ("subset=[improvised]", "table2.yaml: subset is no axis of this grid"),
        ("latent=3", "table1.yaml: unknown option; seen 'latent'"),
        ("protocol=random-10-fold", "ask for their own protocol"),
        ("epochs", "expected key=value"),
    ],
)
def test_a_setting_fits_all_grids_or_nothing_is_run(setting: str, says: str, tmp_path: Path) -> None:
    done = recipe("iemocap", tmp_path, "no-such-corpus", "--set", setting)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert says in line


def test_a_setting_must_fit_the_grids_that_are_run_alone(tmp_path: Path) -> None:
    done = recipe("iemocap", tmp_path, "no-such-corpus", "--set", "model=ae", "--stage", "1", "--stop-stage", "4")
    assert "no-such-corpus: no such folder" in done.stderr


def test_no_results_without_a_sweep(iemocap_store: Path, tmp_path: Path) -> None:
    store = shutil.copytree(iemocap_store, tmp_path / "store")
    for words in ([], ["--quick"]):
        done = results(store, *words, "--", "bash", "run.sh", "A FOLDER")
        assert done.returncode == 1
        assert done.stderr.startswith(f"results: {store}: holds no ")
        assert done.stderr.endswith("run `bash run.sh 'A FOLDER'` first\n")
        assert done.stderr.count("\n") == 1
    assert not list(store.glob("*RESULTS.md"))
