"""Fixtures: the real command, two small synthetic corpora, stores made from one, and EMO-DB where it lies beside the project."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.command import QUICK, Sercli, end_zygote, run_sercli
from support.paths import IEMOCAP_SYNTHESISER, SHARED, SYNTHESISER

# Examples take longer on a busy machine; how long is no property of the code.
settings.register_profile("sercli", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sercli")

# A shell that starts the tests in the background has Ctrl-C ignored; with a handler here, the commands get the default again.
signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW = (  # files that take half a minute or more, the longest first
    "test_iemocap_recipe",
    "test_readme",
    "test_promises",
    "test_demo_recipe",
    "test_sweep",
    "test_predict",
    "test_bad_store",
    "test_example_plugins",
    "test_report",
    "test_cross_corpus_recipe",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "slow: in a file that takes half a minute or more; `-m 'not slow'` leaves it out"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files are begun first, so that all workers end at about the same time."""
    rank = {name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    for item in items:
        if item.path.stem in rank:
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def end_of_zygote() -> Iterator[None]:
    yield
    end_zygote()


@pytest.fixture(scope="session")
def sercli() -> Sercli:
    return run_sercli


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 speakers, 3 emotions, 3 utterances of each: a table and WAV files."""
    folder = tmp_path_factory.mktemp("corpus") / "toy"
    options = ["--speakers", "4", "--per-emotion", "3", "--emotions", "anger,neutral,sadness"]
    subprocess.run([sys.executable, SYNTHESISER, folder, *options], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def featurized(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with LogMel in it. Not to be changed: copy it with `store`."""
    path = tmp_path_factory.mktemp("store") / "toy"
    run_sercli("ingest", corpus, path)
    run_sercli("featurize", path)
    return path


@pytest.fixture(scope="session")
def trained(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a small CVAE (`cvae-8`), its latents, an LSTM and its scores. Not to be changed."""
    path = tmp_path_factory.mktemp("trained") / "toy"
    shutil.copytree(featurized, path)
    run_sercli("train-ae", path, "--model", "cvae", "--latent-dim", 8, "--name", "cvae-8", *QUICK)
    run_sercli("encode", path, "--ae", "cvae-8", "--jobs", 1)
    run_sercli("train-lstm", path, "--ae", "cvae-8", "--set", "hidden=8", "--name", "cvae-8.lstm", *QUICK)
    run_sercli("evaluate", path, "--jobs", 1)
    return path


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained store with a control beside the LSTM; three bundles made from it lie beside it. Not to be changed."""
    path = tmp_path_factory.mktemp("exported") / "toy"
    shutil.copytree(trained, path)
    run_sercli("train-classifier", path, "--classifier", "functionals", "--name", "control", "--jobs", 1)
    run_sercli("evaluate", path, "--jobs", 1)
    run_sercli("export", path, "--classifier", "cvae-8.lstm", path.with_name("bundle"))
    run_sercli("export", path, "--classifier", "cvae-8.lstm", path.with_name("fold-bundle"), "--fold", 1)
    run_sercli("export", path, "--classifier", "control", path.with_name("control-bundle"), "--fold", 2)
    return path


@pytest.fixture(scope="session")
def bundle(exported: Path) -> Path:
    """Of a CVAE-LSTM fitted on everybody. Not to be changed."""
    return exported.with_name("bundle")


@pytest.fixture(scope="session")
def fold_bundle(exported: Path) -> Path:
    """The CVAE-LSTM of fold 1. Not to be changed."""
    return exported.with_name("fold-bundle")


@pytest.fixture(scope="session")
def control_bundle(exported: Path) -> Path:
    """Functionals and a support vector machine, without an autoencoder, of fold 2. Not to be changed."""
    return exported.with_name("control-bundle")


@pytest.fixture
def store(featurized: Path, tmp_path: Path) -> Path:
    """A featurized store of one's own."""
    return Path(shutil.copytree(featurized, tmp_path / "toy"))


@pytest.fixture
def trained_store(trained: Path, tmp_path: Path) -> Path:
    """A trained store of one's own."""
    return Path(shutil.copytree(trained, tmp_path / "toy"))


@pytest.fixture(scope="session")
def iemocap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of IEMOCAP's shape: 10 speakers, each of whom has every class in both styles, 140 utterances with labels.

    Not to be changed: copy it.
    """
    folder = tmp_path_factory.mktemp("iemocap") / "corpora"
    subprocess.run([sys.executable, IEMOCAP_SYNTHESISER, folder], check=True, capture_output=True)
    return folder / "IEMOCAP_full_release"


@pytest.fixture(scope="session")
def iemocap_store(iemocap: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of it with LogMel. Not to be changed: copy it."""
    path = tmp_path_factory.mktemp("store") / "iemocap"
    run_sercli("ingest", iemocap, path)
    run_sercli("featurize", path)
    return path


@pytest.fixture(scope="session")
def emodb() -> Path:
    folder = SHARED / "data" / "emodb"
    if not (folder / "wav").is_dir():
        pytest.skip("EMO-DB is not beside the project (../shared/data/emodb)")
    return folder
