"""What tests share: the real command, two small synthetic corpora, stores made from one, and EMO-DB where it lies beside us."""

import functools
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared"
SYNTHESISER = PROJECT / "recipes" / "demo" / "local" / "synthesise.py"
IEMOCAP_SYNTHESISER = PROJECT / "recipes" / "iemocap" / "local" / "synthesise.py"
INTERPRETER = [sys.executable, "-W", "error::ResourceWarning"]
QUICK = ["--epochs", "2", "--jobs", "1"]  # enough to fit something, on one worker

# A shell that starts the tests in the background has Ctrl-C ignored; with a handler here, the commands get the default again.
signal.signal(signal.SIGINT, signal.default_int_handler)

Sercli = Callable[..., "subprocess.CompletedProcess[str]"]


LONGEST = (
    "test_demo_recipe",
    "test_iemocap_recipe",
    "test_readme",
    "test_sweep",
    "test_predict",
    "test_report",
    "test_promises",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest are begun first, so that all workers end at about the same time."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def run_sercli(*arguments: object, code: int | None = 0, **options: Any) -> "subprocess.CompletedProcess[str]":
    """The real command in a process of its own; fails the test unless it exits with `code` (None: any).

    With options of `subprocess.run` in a new interpreter, else in a fork of one that has the libraries loaded.
    """
    words = list(map(str, arguments))
    own: dict[str, str] = options.pop("env", {})
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", **own}
    if own or options:
        alone = [*INTERPRETER, "-m", "sercli", *words]
        done = subprocess.run(alone, capture_output=True, text=True, env=environment, timeout=300, **options)
    else:
        done = _forked(words, environment)
    assert code is None or done.returncode == code, f"{words} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run_alone(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """The same in a new interpreter, with hashes of its own: for promises about bytes."""
    return run_sercli(*arguments, stdin=subprocess.DEVNULL, **options)


def _forked(words: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        asked = {"arguments": words, "environment": environment, "stdout": stdout.name, "stderr": stderr.name}
        zygote = _zygote()
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        zygote.stdin.write(json.dumps(asked) + "\n")
        zygote.stdin.flush()
        answered, _, _ = select.select([zygote.stdout], [], [], 300)
        assert answered, f"{words} takes more than 300 s"
        said = [Path(file.name).read_text(encoding="utf-8") for file in (stdout, stderr)]
        return subprocess.CompletedProcess(words, int(zygote.stdout.readline()), *said)


@functools.cache
def _zygote() -> "subprocess.Popen[str]":
    words = [*INTERPRETER, str(Path(__file__).with_name("zygote.py"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="session", autouse=True)
def end_of_zygote() -> Iterator[None]:
    yield
    if _zygote.cache_info().currsize:
        _zygote().communicate()


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


OTHER_WORDS = {"anger": "Furious", "neutral": "neutral", "sadness": "sorrow"}


def write_other_corpus(corpus: Path, folder: Path) -> None:
    """The small corpus backwards, by other people, who have other words for what they feel, and joy beside it."""
    (folder / "wav").mkdir(parents=True)
    rows = ["path;speaker;emotion;gender"]
    for number, path in enumerate(sorted((corpus / "wav").iterdir())):
        samples, rate = soundfile.read(path)
        soundfile.write(folder / "wav" / path.name, samples[::-1], rate)
        speaker, emotion, *_ = path.stem.split("_")
        label = "joy" if number % 9 == 8 else OTHER_WORDS[emotion]
        rows.append(f"wav/{path.name};{speaker};{label};{'female' if speaker[0] == 'f' else 'male'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def load_synthesiser(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{path.parents[1].name}_synthesise", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module
