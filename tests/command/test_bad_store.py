"""Damaged stores, steps in the wrong order, and what happens to a command while it runs, on the real command."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import ENVIRONMENT, FIXABLE, Sercli, words_on
from support.errors import Fields, error_text, refused
from support.processes import DEADLINE, INTERRUPTED, interrupt_at, stopped_at
from support.stores import staged

from sercli.store.locations import STORE_FORMAT

LOGMEL = "arrays.zarr/features/logmel"
LATENTS = "arrays.zarr/latents/cvae-8/marginal/fold-1"
AUTOENCODER = "autoencoders/cvae-8/fold-1"
CLASSIFIER = "classifiers/cvae-8.lstm/fold-1"
NEW_AE = ["train-ae", "STORE", "--name", "new", "--latent-dim", "2", "--epochs", "1", "--fold", "1", "--jobs", "1"]
NEW_LSTM = ["train-lstm", "STORE", "--ae", "cvae-8", "--name", "new", "--epochs", "1", "--fold", "1", "--jobs", "1"]
ENCODE = ["encode", "STORE", "--ae", "cvae-8", "--jobs", "1"]
EVALUATE = ["evaluate", "STORE", "--jobs", "1"]
FEATURIZE = ["featurize", "STORE"]
FOLDS = ["folds", "STORE"]


# --- steps in the wrong order

ORDER: dict[str, tuple[str | None, list[str], Fields]] = {  # what is deleted -> the command, and fields of the error
    "featurize before ingest": (".", FEATURIZE, {"fix": "sercli ingest CORPUS"}),
    "train-ae before featurize": ("arrays.zarr", NEW_AE, {"place": LOGMEL, "fix": "sercli featurize"}),
    "encode before train-ae": ("autoencoders", ENCODE, {"seen": "cvae-8", "fix": "sercli train-ae"}),
    "encode before train-ae of a fold": (
        AUTOENCODER,
        ENCODE,
        {"place": AUTOENCODER, "problem": "missing", "fix": ("sercli train-ae", "--fold 1")},
    ),
    "train-lstm before train-ae": ("autoencoders", NEW_LSTM, {"seen": "cvae-8", "fix": "sercli train-ae"}),
    "train-lstm before encode": (
        "arrays.zarr/latents",
        NEW_LSTM,
        {"place": LATENTS, "problem": "missing", "fix": ("sercli encode", "--ae cvae-8 --fold 1")},
    ),
    "evaluate before train-lstm": ("classifiers", EVALUATE, {"fix": "sercli train-lstm"}),
    "evaluate before train-lstm of any fold": (
        "classifiers/cvae-8.lstm/fold-*",
        EVALUATE,
        {"place": "fold-1", "problem": "missing", "fix": "sercli train-"},
    ),
    "evaluate of another classifier": (
        None,
        [*EVALUATE, "--classifier", "x"],
        {"seen": "x", "expected": "cvae-8.lstm"},
    ),
    "no table of utterances": (
        "corpus/utterances.tsv",
        FOLDS,
        {"place": "utterances.tsv", "problem": "missing", "fix": "sercli ingest"},
    ),
}


@pytest.mark.parametrize("situation", ORDER)
def test_a_step_before_the_one_that_it_needs(situation: str, sercli: Sercli, trained_store: Path) -> None:
    gone, command, fields = ORDER[situation]
    for path in trained_store.parent.glob(f"toy/{gone}") if gone else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    refused(sercli, FIXABLE, fields, *words_on(trained_store, command))


@pytest.mark.parametrize("command", [FEATURIZE, FOLDS, NEW_AE, ENCODE, NEW_LSTM, EVALUATE])
def test_a_step_pointed_at_a_raw_corpus(command: list[str], sercli: Sercli, corpus: Path) -> None:
    before = sorted(corpus.iterdir())
    fields = {"place": str(corpus), "fix": f"sercli ingest {corpus} STORE"}
    refused(sercli, FIXABLE, fields, *words_on(corpus, command))
    assert sorted(corpus.iterdir()) == before


# --- later formats and damage


def _sed(old: str, new: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1))

    return change


def _flip(path: Path) -> None:
    """One bit, in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _drop_column(path: Path) -> None:
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace("\t", " ", 1)
    path.write_text("\n".join(lines) + "\n")


LATER = _sed(f'"format": {STORE_FORMAT}', f'"format": {STORE_FORMAT + 1}')
TOO_NEW = {"seen": f"format {STORE_FORMAT + 1}", "expected": f"format {STORE_FORMAT}", "fix": "version"}


def _damaged(place: str, fix: str = "delete", **fields: str) -> Fields:
    """Of a product that must be deleted and made again."""
    return {"place": place, "fix": fix, **fields}


DAMAGE: dict[str, tuple[str, Callable[[Path], object], list[str], Fields]] = {
    "store of a later format": (
        "corpus/corpus.yaml",
        _sed(f"format: {STORE_FORMAT}", f"format: {STORE_FORMAT + 1}"),
        FOLDS,
        {"place": "corpus.yaml", **TOO_NEW},
    ),
    "array of a later format": (f"{LOGMEL}/zarr.json", LATER, FEATURIZE, {"place": "zarr.json", **TOO_NEW}),
    "features of a later format": (f"{LOGMEL}/zarr.json", LATER, NEW_AE, {"place": "zarr.json", **TOO_NEW}),
    "autoencoder of a later format": (
        f"{AUTOENCODER}/provenance.json",
        LATER,
        ENCODE,
        {"place": "provenance.json", **TOO_NEW},
    ),
    "classifier of a later format": (
        f"{CLASSIFIER}/provenance.json",
        LATER,
        EVALUATE,
        {"place": "provenance.json", **TOO_NEW},
    ),
    "byte of an autoencoder": (f"{AUTOENCODER}/model.safetensors", _flip, ENCODE, _damaged("fold-1")),
    "byte of a classifier": (f"{CLASSIFIER}/model.safetensors", _flip, EVALUATE, _damaged("fold-1")),
    "byte of features": (f"{LOGMEL}/frames/c/0/0", _flip, NEW_AE, _damaged(f"{LOGMEL}/frames", seen="checksum")),
    "byte of offsets": (f"{LOGMEL}/offsets/c/0", _flip, NEW_AE, _damaged(f"{LOGMEL}/offsets", seen="checksum")),
    "byte of latents": (f"{LATENTS}/mean/c/0/0", _flip, NEW_LSTM, _damaged(f"{LATENTS}/mean", seen="checksum")),
    "metadata of an array": (
        f"{LOGMEL}/frames/zarr.json",
        _sed("NaN", "0.0"),
        NEW_AE,
        _damaged(f"{LOGMEL}/frames/zarr.json"),
    ),
    "attributes": (f"{LOGMEL}/zarr.json", _sed('"n_mels": 80', '"n_mels": 81'), NEW_AE, _damaged("zarr.json")),
    "provenance": (
        f"{AUTOENCODER}/provenance.json",
        _sed('"seed": 0', '"seed": 1'),
        ENCODE,
        _damaged("provenance.json"),
    ),
    "provenance cut short": (f"{AUTOENCODER}/provenance.json", _empty, ENCODE, _damaged("provenance.json")),
    "chunk gone": (f"{LOGMEL}/frames/c/0/0", Path.unlink, NEW_AE, _damaged(f"{LOGMEL}/frames", expected="chunks")),
    "chunk cut short": (f"{LOGMEL}/frames/c/0/0", _empty, NEW_AE, _damaged(f"{LOGMEL}/frames", seen="checksum")),
    "chunk of latents gone": (
        f"{LATENTS}/std/c/0/0",
        Path.unlink,
        NEW_LSTM,
        _damaged(f"{LATENTS}/std", seen="0 chunks", expected="1 chunks"),
    ),
    "scores": ("results/cvae-8.lstm/scores.json", _flip, EVALUATE, _damaged("scores.json")),
    "width of a row": (
        "corpus/utterances.tsv",
        _drop_column,
        FOLDS,
        {"place": ("utterances.tsv", "line 5"), "seen": "17", "expected": "18"},
    ),
    "number in a row": (
        "corpus/utterances.tsv",
        _sed("\t16000\t", "\tmany\t"),
        FEATURIZE,
        {"place": ("utterances.tsv", "line 2"), "problem": "'many'"},
    ),
    "no row": ("corpus/utterances.tsv", _empty, FOLDS, {"place": "utterances.tsv", "fix": "--overwrite"}),
    "corpus.yaml without a root": (
        "corpus/corpus.yaml",
        _sed("root:", "rot:"),
        FEATURIZE,
        {"place": "corpus.yaml", "expected": "root", "fix": "sercli ingest"},
    ),
    "corpus.yaml without a task": (
        "corpus/corpus.yaml",
        _sed("task:", "ask:"),
        FOLDS,
        {"place": "corpus.yaml", "expected": "task", "fix": "sercli ingest"},
    ),
    "corpus.yaml that is no YAML": (
        "corpus/corpus.yaml",
        _sed("format: ", "format: ["),
        FOLDS,
        {"place": "corpus.yaml"},
    ),
}


@pytest.mark.parametrize("situation", DAMAGE)
def test_damage_is_found(situation: str, sercli: Sercli, trained_store: Path) -> None:
    path, damage, command, fields = DAMAGE[situation]
    damage(trained_store / path)
    if command is ENCODE:
        shutil.rmtree(trained_store / "arrays.zarr" / "latents")
    if situation == "byte of a classifier":
        shutil.rmtree(trained_store / "predictions")
    before = _listing(trained_store)
    refused(sercli, FIXABLE, fields, *words_on(trained_store, command))
    assert before <= _listing(trained_store)


def _listing(store: Path) -> set[str]:
    return {str(path.relative_to(store)) for path in store.rglob("*") if ".staging" not in path.parts}


def test_folds_beside_a_damaged_one_are_kept(sercli: Sercli, trained_store: Path) -> None:
    _flip(trained_store / AUTOENCODER / "model.safetensors")
    shutil.rmtree(trained_store / "arrays.zarr" / "latents")
    refused(sercli, FIXABLE, {"place": "(1 failed, 3 finished and kept)"}, *words_on(trained_store, ENCODE))
    shutil.rmtree(trained_store / AUTOENCODER)  # the cure that the line names
    words = error_text(sercli(*words_on(trained_store, ENCODE), code=FIXABLE)).split("`")[1].split()
    sercli(*words[1:], "--jobs", 1)
    again = json.loads(sercli(*words_on(trained_store, ENCODE), "--json").stdout)
    assert (len(again["made"]), len(again["reused"])) == (1, 3)


def test_a_table_edited_by_hand_is_kept(sercli: Sercli, corpus: Path, store: Path) -> None:
    _sed("anger", "fury")(store / "corpus" / "utterances.tsv")
    edited = (store / "corpus" / "utterances.tsv").read_bytes()
    refused(sercli, FIXABLE, {"place": "utterances.tsv", "fix": "--overwrite"}, "ingest", corpus, store)
    assert (store / "corpus" / "utterances.tsv").read_bytes() == edited
    sercli("ingest", corpus, store, "--overwrite")
    assert b"fury" not in (store / "corpus" / "utterances.tsv").read_bytes()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            ["train-ae", "STORE", "--model", "cvae", "--latent-dim", "8", "--name", "cvae-8", "--epochs", "3"],
            "autoencoders/cvae-8",
        ),
        (
            ["train-lstm", "STORE", "--ae", "cvae-8", "--name", "cvae-8.lstm", "--epochs", "3", "--set", "hidden=8"],
            "cvae-8.lstm",
        ),
    ],
)
def test_a_name_taken_by_another_configuration(command: list[str], words: str, sercli: Sercli, trained: Path) -> None:
    fields = {"place": words, "seen": "training.epochs is 2", "expected": "3", "fix": "--name"}
    refused(sercli, FIXABLE, fields, *words_on(trained, command))


# --- devices


@pytest.mark.parametrize("command", [NEW_AE, ["featurize", "STORE", "--name", "new"], [*EVALUATE, "--overwrite"]])
def test_a_gpu_that_is_not_there(command: list[str], sercli: Sercli, trained_store: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    fields = {"place": "--device", "seen": "cuda:3", "fix": "--device cpu"}
    refused(sercli, FIXABLE, fields, *words_on(trained_store, command), "--device", "cuda:3")


# --- a disk that fills up


LIMITS = [  # bytes that a file may have; what is taken away first; the command
    (1000, None, ["ingest", "CORPUS", "STORE"]),
    (100, "tasks", FOLDS),
    (3000, None, [*FEATURIZE, "--name", "new"]),
    (400_000, None, [*FEATURIZE, "--name", "new"]),
    (100_000, None, [*NEW_AE[:-1], "2", "--fold", "2"]),
    (1000, "arrays.zarr/latents", [*ENCODE[:-1], "2"]),
    (1000, None, NEW_LSTM),
    (1000, "results", EVALUATE),
]


@pytest.mark.parametrize(("limit", "gone", "command"), LIMITS)
def test_a_disk_that_fills_up(
    limit: int, gone: str | None, command: list[str], sercli: Sercli, corpus: Path, trained_store: Path, tmp_path: Path
) -> None:
    store = tmp_path / "new" if command[0] == "ingest" else trained_store
    words = [str(corpus) if word == "CORPUS" else word for word in words_on(store, command)]
    if gone:
        shutil.rmtree(store / gone)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    fields = {"place": str(store), "problem": "File too large", "fix": "run the same command again"}
    refused(sercli, FIXABLE, fields, *words, preexec_fn=fill)
    sercli(*words)
    assert not staged(store)


# --- commands that run at once, Ctrl-C, closed pipes


def test_the_same_product_made_twice_at_once(sercli: Sercli, store: Path) -> None:
    command = ["train-ae", store, "--name", "new", "--latent-dim", 2, "--epochs", 4, "--fold", 1, "--jobs", 1]
    with stopped_at(".staging/autoencoders,new,fold-1/*", store, command):
        error = refused(sercli, FIXABLE, {"place": str(store / "autoencoders/new/fold-1"), "fix": "wait"}, *command)
        assert "another command" in error["problem"]
    assert json.loads(sercli(*command, "--json").stdout)["reused"] == ["autoencoders/new/fold-1"]
    assert not staged(store)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c(jobs: int, sercli: Sercli, store: Path) -> None:
    """As a terminal sends it, to the whole group: finished folds are kept, no process is left."""
    command = ["train-ae", store, "--name", "new", "--latent-dim", 2, "--epochs", 2]
    assert only_interrupted(interrupt_at("autoencoders/new/fold-*", store, [*command, "--jobs", jobs]).stderr)
    kept = {f"autoencoders/new/{path.name}" for path in (store / "autoencoders" / "new").glob("fold-*")}
    assert 1 <= len(kept) < 4
    again = json.loads(sercli(*command, "--jobs", 2, "--json").stdout)
    assert set(again["reused"]) == kept
    assert len(again["made"]) == 4 - len(kept)


NEW: list[object] = ["train-ae", "STORE", "--name", "new", "--latent-dim", 2, "--epochs", 2, "--jobs", 2]
EARLY: dict[str, tuple[str, list[object]]] = {
    "as it starts": ("import yaml", NEW),
    "as workers start": (".staging/autoencoders,new*", NEW),
    "as audio is read": (".staging/*new*", ["featurize", "STORE", "--name", "new", "--jobs", 2]),
}


@pytest.mark.parametrize("moment", EARLY)
def test_ctrl_c_early(moment: str, store: Path) -> None:
    """No traceback either from imports or from workers that are on their way."""
    where, command = EARLY[moment]
    err = interrupt_at(where, store, command).stderr
    assert only_interrupted(err) or (moment == "as it starts" and not err), err


def only_interrupted(err: str) -> bool:
    """Talk, and at its end the line that says that it was interrupted."""
    talk = [line for line in err.splitlines() if not line.startswith(("tasks/", "new: ", "featurize: "))]
    return talk == [INTERRUPTED]


@pytest.mark.parametrize("stream", ["stdout", "both", "none"])
@pytest.mark.parametrize("words", [["folds"], ["folds", "--details"], ["evaluate"], ["evaluate", "--json"]])
def test_nobody_reads(words: list[str], stream: str, trained: Path) -> None:
    """`| head -c 0`, `2>&1 | head -c 0`, `>&-`: quiet, and not an error."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "sercli", words[0], str(trained), *words[1:]]
    if stream == "none":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        code, err = done.returncode, done.stderr
    else:
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen(
            command, stdout=write, stderr=subprocess.STDOUT if stream == "both" else subprocess.PIPE, text=True
        )
        os.close(write)
        _, err = process.communicate(timeout=DEADLINE)
        code, err = process.returncode, err or ""
    assert code == 0, err
    assert [line for line in err.splitlines() if "nothing to do" not in line] == []


@pytest.mark.parametrize("words", [["--help"], ["train-ae", "--help"], ["--version"]])
def test_nobody_reads_the_help(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "sercli", *words], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert process.communicate(timeout=DEADLINE)[1] == ""


def test_a_full_disk_behind_stdout(trained: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sercli", "folds", str(trained)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert done.returncode == FIXABLE
    assert "No space left on device; free space" in error_text(done)


def test_a_folder_of_our_name_beside_the_user(featurized: Path, sercli: Sercli, tmp_path: Path) -> None:
    """As when the checkout is a folder here: workers import us, not it."""
    (tmp_path / "sercli").mkdir()
    store = shutil.copytree(featurized, tmp_path / "store")
    command = [Path(sys.executable).with_name("sercli"), "train-classifier", "store", "--classifier", "functionals"]
    done = subprocess.run(
        [*command, "--fold", "1", "--fold", "2", "--jobs", "2"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(list(store.glob("classifiers/*/fold-*"))) == 2
