"""The command line itself: help, version, what is loaded when, and one name for one idea."""

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command import THEN_LIST_MODULES, USAGE, Sercli, loaded_by, run_sercli
from support.corpora import write_other_corpus
from support.errors import refused
from support.stores import files

import sercli
from sercli import plugins
from sercli.cli.commands import app
from sercli.config import plain
from sercli.experiments.configs import MARGINAL, AutoencoderConfig, ClassifierConfig, training_defaults
from sercli.experiments.making import Settings
from sercli.experiments.naming import word
from sercli.learning.options import FLAGS, TrainingConfig
from sercli.stages.featurize import FeaturizeOptions
from sercli.tasks.task import Task

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


# --- help

COMMANDS = typer.main.get_group(app).commands


@functools.cache
def help_of(command: str = "") -> str:
    return run_sercli(*command.split(), "--help").stdout  # never wider than 80 columns


def panels_of(command: str) -> dict[str, dict[str, str]]:
    """What help lists: for each heading, each flag (or other first word) with its text."""
    panels: dict[str, dict[str, str]] = {}
    for line in help_of(command).splitlines():
        if heading := re.fullmatch(r"(\S.*):", line):
            rows = panels.setdefault(heading[1], {})
        elif panels and (entry := re.match(r"  (-\w, )?(\S+)(.*)", line)):
            flag = entry[2]
            rows[flag] = entry[3]
        elif panels and line.strip():
            rows[flag] += f" {line.strip()}"
    return panels


def defaults_of(command: str) -> dict[str, str]:
    """The default that help prints of each option, if it is a value: a text in parentheses says how it is found."""
    texts = {flag: text for rows in panels_of(command).values() for flag, text in rows.items()}
    found = {flag: re.search(r"\[default: ([^\](;][^\];]*)", text) for flag, text in texts.items()}
    return {flag: match[1] for flag, match in found.items() if match}


def test_summaries_are_whole() -> None:
    lines = help_of().splitlines()
    for name, command in COMMANDS.items():
        assert f"  {name:16}  {command.short_help}" in lines
        assert len(str(command.short_help)) <= 45


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.help.endswith(".")
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_listed_in_groups(name: str) -> None:
    panels = panels_of(name)
    listed = [flag for heading, rows in panels.items() if heading in OF_OPTIONS for flag in rows]
    flags = [
        max(parameter.opts, key=len) for parameter in COMMANDS[name].params if parameter.param_type_name == "option"
    ]
    assert sorted(listed) == sorted([*flags, "--help"])
    for flag, heading in GROUP.items():
        assert flag not in flags or flag in panels[heading]
    assert list(panels)[-1] == "Example"


OF_OPTIONS = {"Task", "Model", "Training", "Options", "Execution", "Output"}
GROUP = {
    "--target": "Task",
    "--protocol": "Task",
    "--normalise": "Model",
    "--epochs": "Training",
    "--seed": "Training",
    "--jobs": "Execution",
    "--executor": "Execution",
    "--device": "Execution",
    "--dry-run": "Execution",
    "--json": "Output",
}


def test_options_of_a_plugin_are_those_of_the_command() -> None:
    panels = {command: panels_of(command)["Values of --set"] for command in ("train-lstm", "train-classifier")}
    assert set(panels["train-lstm"]) == {"lstm", "training"}
    assert set(panels["train-classifier"]) == {*plugins.names("classifiers"), "training"}


@pytest.mark.parametrize("name", ["train-ae", "train-lstm", "train-classifier"])
def test_a_flag_of_training_is_declared_once(name: str) -> None:
    """`learning/options.py: FLAGS` names them."""
    training = {flag: text for flag, text in panels_of(name)["Training"].items() if flag != "--seed"}
    assert set(training) == {f"--{option.replace('_', '-')}" for option in FLAGS}


# --- defaults


def classifier_training() -> dict[str, Any]:
    """Defaults of training, where all classifiers share them."""
    each = [plain(training_defaults(name)) for name in plugins.names("classifiers")]
    return {key: value for key, value in each[0].items() if all(other[key] == value for other in each)}


RUN = {"device": Settings.device, "executor": Settings.executor}
AUTOENCODER, CLASSIFIER = plain(AutoencoderConfig()), plain(ClassifierConfig())
FEATURES = {key: CLASSIFIER[key] for key in ("frontend", "segment_shift_ms", "normalise")}
TASK = {"subset": Task().subset, "train_seed": Task().train_seed}
OWNERS: dict[str, dict[str, Any]] = {
    "featurize": {"frontend": "logmel", "device": "cpu"},
    "train-ae": {**RUN, **AUTOENCODER, **plain(TrainingConfig()), **TASK},
    "encode": {**RUN, "condition": MARGINAL},
    "train-lstm": {
        **RUN,
        **FEATURES,
        **plain(training_defaults("lstm")),
        **TASK,
        "condition": MARGINAL,
    },
    "train-classifier": {**RUN, **FEATURES, **classifier_training(), **TASK, "condition": MARGINAL},
    "folds": TASK,
    "predict": {"device": "cpu"},
    "export-features": {"frontend": AutoencoderConfig().frontend, "condition": MARGINAL},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_printed_defaults_are_those_of_their_owners(name: str) -> None:
    """And no other is printed, but for what differs between the classifiers."""
    owner = {f"--{key.replace('_', '-')}": str(value) for key, value in OWNERS.get(name, RUN).items()}
    owner |= {"--max-rejects": str(FeaturizeOptions.max_rejects), "--executor": Settings.executor}
    if name in ("train-lstm", "train-classifier"):
        owner["--seed"] = f"that of the autoencoder, or {CLASSIFIER['seed']}"
    printed = defaults_of(name)
    for flag, text in printed.items():
        assert text == owner.get(flag) or (name == "train-classifier" and "(" in text), f"{flag} has {text}"
    flags = {parameter.opts[0] for parameter in COMMANDS[name].params}
    absent = {"", "None", "{}"}
    assert {flag for flag, text in owner.items() if flag in flags and text not in absent} <= {*printed}


@pytest.mark.parametrize(
    ("command", "package"),
    [("train-ae", "autoencoders"), ("train-classifier", "classifiers"), ("train-lstm", ""), ("featurize", "frontends")],
)
def test_printed_values_of_set_are_those_of_the_plugins(command: str, package: str) -> None:
    for name, text in panels_of(command)["Values of --set"].items():
        printed = dict(pair.split("=") for pair in text.strip().split(", ") if "=" in pair)
        if name == "training":
            training = training_defaults("lstm") if command == "train-lstm" else TrainingConfig()
            if command != "train-classifier":
                assert printed == {key: word(value) for key, value in plain(training).items() if key not in FLAGS}
        else:
            config = plain(plugins.load(package or "classifiers", name).Config())
            assert printed == {key: word(value) for key, value in config.items()}


# --- examples

ALSO = {  # what makes an example quick
    "train-ae": ["--epochs", "2", "--name", "cvae-32"],
    "train-lstm": ["--epochs", "2", "--name", "cvae-32.lstm"],
    "train-classifier": ["--name", "logmel.functionals"],
}
GRID = "name: sizes\nfixed: {epochs: 2}\naxes: {latent_dim: [8, 32]}\n"


def test_every_example_works(corpus: Path, tmp_path: Path) -> None:
    """One after the other, in the order of the help, in a folder with two corpora and a grid."""
    shutil.copytree(corpus, tmp_path / "speech")
    write_other_corpus(corpus, tmp_path / "more")
    (tmp_path / "grid.yaml").write_text(GRID)
    run_sercli("ingest", tmp_path / "more", tmp_path / "other")
    for name in COMMANDS:
        (example,) = panels_of(name)["Example"].values()
        _, verb, *words = f"sercli{example}".split()
        assert verb == name
        here = [tmp_path / word if word.endswith(("/", ".yaml", ".html")) else word for word in words]
        if name == "verify":  # the digest of a table is another on each machine
            here[-1] = next((tmp_path / "store" / "tables").iterdir()).stem
        run_sercli(name, *here, *ALSO.get(name, []))


# --- usage errors


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (
            ["train-ae", "store", "--epohcs", "3"],
            {"place": "--epohcs", "expected": "--epochs", "fix": "sercli train-ae --help"},
        ),
        (
            ["train-ae", "store", "--epochs", "many"],
            {"place": "--epochs", "problem": "integer", "fix": "sercli train-ae --help"},
        ),
        (["folds", "store", "--target", "joy"], {"place": "--target", "problem": ("joy", "arousal")}),
        (["encode", "store"], {"place": "--ae", "problem": "missing", "fix": "sercli encode --help"}),
        (["ingest", "corpus"], {"place": "STORE", "problem": "missing"}),
        (["ingest", "corpus", "store", "more"], {"problem": "more", "fix": "sercli ingest --help"}),
        (["evalaute"], {"problem": ("evalaute", "evaluate"), "fix": "sercli --help"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_errors_have_fields(words: list[str], fields: dict[str, str], sercli: Sercli) -> None:
    refused(sercli, USAGE, fields, *words)


def test_without_a_command_help_is_printed(sercli: Sercli) -> None:
    done = sercli(code=USAGE)
    assert done.stdout == ""
    assert all(name in done.stderr for name in COMMANDS)


# --- what all commands have

LOOKS = {"info", "doctor", "corpora", "predict", "verify"}  # these make nothing
FIRST = {"ingest": "corpus", "corpora": "corpus", "combine": "stores", "predict": "bundle", "doctor": None}
UNITS = {
    "ingest",
    "featurize",
    "train-ae",
    "encode",
    "train-lstm",
    "train-classifier",
    "evaluate",
    "sweep",
    "report",
    "export",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_what_all_have(name: str) -> None:
    flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts}
    assert {"--json"} | (set() if name in LOOKS else {"--overwrite", "--dry-run"}) <= flags
    assert ("--executor" in flags) == (name in UNITS)
    arguments = [parameter.name for parameter in COMMANDS[name].params if parameter.param_type_name == "argument"]
    assert next(iter(arguments), None) == FIRST.get(name, "store")


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
