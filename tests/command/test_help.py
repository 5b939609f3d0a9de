"""The command line itself: help, version, what is loaded when, and one name for one idea."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from support.command import THEN_LIST_MODULES, loaded_by
from support.stores import files

import sercli
from sercli.cli.commands import app

HEAVY = {"torch", "sklearn", "zarr", "matplotlib", "scipy", "pandas", "pyarrow", "kaldi_native_io", "numpy"}

# --- what is loaded when


def test_import_is_light() -> None:
    loaded, _ = loaded_by("import json, sys, sercli.cli.commands\nprint(json.dumps([*sys.modules]))")
    assert not loaded & {*HEAVY, "rich"}


@pytest.mark.parametrize("command", ["", *sorted(typer.main.get_group(app).commands)])
def test_help_is_light(command: str) -> None:
    loaded, done = loaded_by(THEN_LIST_MODULES, *command.split(), "--help")
    assert "Usage: " in done.stdout
    assert not loaded & HEAVY


TRAIN_AE = ["train-ae", "STORE", "--model", "cvae", "--latent-dim", 8, "--name", "cvae-8", "--epochs", 2]
TRAIN_LSTM = ["train-lstm", "STORE", "--ae", "cvae-8", "--set", "hidden=8", "--name", "cvae-8.lstm", "--epochs", 2]
AGAIN = [
    ["ingest", "CORPUS", "STORE"],
    ["featurize", "STORE"],
    ["folds", "STORE"],
    TRAIN_AE,
    ["encode", "STORE", "--ae", "cvae-8"],
    TRAIN_LSTM,
    ["train-classifier", *TRAIN_LSTM[1:], "--classifier", "lstm"],
    ["evaluate", "STORE"],
]


@pytest.mark.parametrize("command", AGAIN, ids=lambda command: str(command[0]))
def test_a_second_run_does_nothing_and_loads_nothing(command: list[object], corpus: Path, trained: Path) -> None:
    before = files(trained)
    names = {"STORE": trained, "CORPUS": corpus}
    loaded, done = loaded_by(THEN_LIST_MODULES, *(names.get(str(word), word) for word in command))
    assert "nothing to do" in done.stderr
    assert not loaded & {"torch", "sklearn", "matplotlib"}
    assert files(trained) == before


# --- the command line

COMMANDS = typer.main.get_group(app).commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


LOOKS = {"info", "doctor", "corpora", "predict"}  # and makes nothing
FIRST = {
    "ingest": "corpus",
    "corpora": "corpus",
    "combine": "stores",
    "predict": "bundle",
    "doctor": "as_json",
}  # the others have the store


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_what_all_have(name: str) -> None:
    flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts}
    assert {"--json"} | (set() if name in LOOKS else {"--overwrite", "--dry-run"}) <= flags
    assert COMMANDS[name].params[0].name == FIRST.get(name, "store")


def test_one_name_for_one_idea() -> None:
    """Two commands that have the same parameter give it the same flags."""
    flags: dict[str, set[tuple[str, ...]]] = {}
    for command in COMMANDS.values():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                flags.setdefault(str(parameter.name), set()).add(tuple(parameter.opts))
    assert not {name: seen for name, seen in flags.items() if len(seen) > 1}


def test_version() -> None:
    words = [[sys.executable, "-m", "sercli", "--version"], [Path(sys.executable).with_name("sercli"), "--version"]]
    for command in words:
        assert subprocess.check_output(command, text=True) == f"sercli {sercli.__version__}\n"
