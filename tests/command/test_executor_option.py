"""`--executor`: a command gives the same bytes wherever its units of work run."""

import os
from pathlib import Path

import pytest
from support.command import USAGE, Sercli
from support.errors import refused
from support.paths import PROJECT
from support.stores import same


@pytest.fixture
def with_serial(tmp_path: Path) -> dict[str, str]:
    """An environment in which `support.serial_executor` is installed as `serial`."""
    info = tmp_path / "site" / "serial_executor-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: serial_executor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sercli.executors]\nserial = support.serial_executor\n")
    folders = (str(info.parent), str(PROJECT / "tests"), os.environ.get("PYTHONPATH"))
    return {"PYTHONPATH": os.pathsep.join(filter(None, folders))}


def test_another_executor_gives_the_same_bytes(
    sercli: Sercli, with_serial: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    for executor, environment in {"local": {}, "serial": {"env": with_serial}}.items():
        store, options = tmp_path / executor / "toy", ["--executor", executor, "--jobs", 2]
        sercli("ingest", corpus, store, *options, **environment)
        sercli("featurize", store, *options, **environment)
        size = ["--latent-dim", 2, "--epochs", 1, "--fold", 1, "--fold", 2]
        sercli("train-ae", store, "--name", "vae", *size, *options, **environment)
    same(tmp_path / "local" / "toy", tmp_path / "serial" / "toy")
    assert (tmp_path / "serial" / "toy" / "autoencoders" / "vae" / "fold-2").is_dir()


def test_an_unknown_executor(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    error = refused(sercli, USAGE, "nonsense", "ingest", corpus, tmp_path / "store", "--executor", "nonsense")
    assert "local" in error["expected"]
