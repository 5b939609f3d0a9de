"""The plan of the house holds: who imports whom, what help and doing nothing cost, what must never be called."""

import ast
import graphlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import sercli
from sercli.cli.commands import app

PACKAGE = Path(sercli.__file__).parent

# A package, or a module beside the packages, imports from floors below its own, and within itself.
FLOORS = """
__main__
cli
stages
report
evaluation bundles exports
experiments
store
tasks corpora frontends autoencoders classifiers
learning data formats
config plugins machine
errors text __init__
"""

ONLY_IMPORTER = {
    "typer": {"cli"},
    "zarr": {"store"},
    "soundfile": {"data"},
    "soxr": {"data"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "pyarrow": {"corpora", "exports"},
}
HEAVY = ["torch", "sklearn", "zarr", "matplotlib", "scipy", "pandas", "pyarrow", "kaldi_native_io"]


def module_of(path: Path) -> str:
    name = path.relative_to(PACKAGE).with_suffix("").as_posix()
    return name.removesuffix("/__init__") if "/" in name else name


SOURCES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
PACKAGES = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")}


def floor(module: str) -> int:
    """Line of the table, counted from below. A room without a line fails its test."""
    room = module.partition("/")[0]
    lines = FLOORS.strip().splitlines()
    return len(lines) - next(number for number, line in enumerate(lines) if room in line.split())


def imported(module: str) -> Iterator[str]:
    """Every module of this package that `module` imports, anywhere in its text."""
    folder = module if module in PACKAGES else module.rpartition("/")[0]
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = "/".join(folder.split("/")[: len([p for p in folder.split("/") if p]) - node.level + 1])
            origin = "/".join(part for part in (base, (node.module or "").replace(".", "/")) if part)
            for name in node.names:
                inside = "/".join(part for part in (origin, name.name) if part)
                yield inside if inside in SOURCES else origin or "__init__"


def third_party(module: str) -> Iterator[str]:
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


# --- layers


@pytest.mark.parametrize("module", SOURCES)
def test_imports_go_down(module: str) -> None:
    for target in imported(module):
        same_room = module.partition("/")[0] == target.partition("/")[0]
        assert same_room or floor(target) < floor(module), f"{module} imports {target}, which lies above it"


def test_imports_make_no_circle() -> None:
    tuple(graphlib.TopologicalSorter({module: set(imported(module)) for module in SOURCES}).static_order())


def test_the_walk_sees_imports() -> None:
    assert {"store/store", "stages/folds", "learning/checkpoints"} <= set(imported("stages/train_ae"))
    assert {"autoencoders/base", "plugins"} <= set(imported("experiments/fitted"))
    assert "autoencoders/vae" in set(imported("autoencoders/cvae"))
    assert {"plugins", "stages/encode"} <= set(imported("cli/pipeline"))


@pytest.mark.parametrize("module", SOURCES)
def test_each_library_has_its_place(module: str) -> None:
    for name in third_party(module):
        library = name.partition(".")[0]
        assert library != "sercli", f"{module} imports the package by its root; write `from .` or `from ..`"
        owners = ONLY_IMPORTER.get(library, {module.partition("/")[0]})
        assert module.partition("/")[0] in owners, f"{module} imports {library}, which is for {owners} alone"


def test_no_drawer_for_odds_and_ends() -> None:
    assert not {"utils", "util", "common", "helpers", "misc"} & {name.rpartition("/")[2] for name in SOURCES}


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_that_runs_what_it_reads(module: str) -> None:
    """No pickle, no eval, no shell: a store or a corpus from a stranger can be opened."""
    for name in third_party(module):
        assert name.partition(".")[0] not in {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
    for node in ast.walk(SOURCES[module]):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in {"eval", "exec", "compile", "os.system", "os.popen", "torch.load", "torch.save"}
        assert called not in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}
        for keyword in node.keywords:
            literal = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            assert (keyword.arg, literal) not in {("shell", True), ("allow_pickle", True)}


# --- what is loaded when

_THEN_LIST = """
import json, sys
from sercli.cli.commands import app
app(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def loaded_by(code: str, *arguments: object) -> tuple[set[str], "subprocess.CompletedProcess[str]"]:
    """Top-level modules that are loaded at the end of `code`, which prints them last."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1])), done


def test_import_is_light() -> None:
    loaded, _ = loaded_by("import json, sys, sercli.cli.commands\nprint(json.dumps([*sys.modules]))")
    assert not loaded & {*HEAVY, "numpy", "rich"}


@pytest.mark.parametrize("command", ["", *sorted(typer.main.get_group(app).commands)])
def test_help_is_light(command: str) -> None:
    loaded, done = loaded_by(_THEN_LIST, *command.split(), "--help")
    assert "Usage: " in done.stdout
    assert not loaded & {*HEAVY, "numpy"}


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


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its inode and time: what has been written again differs."""
    found = {path.relative_to(folder).as_posix(): path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items() if not name.startswith(".cache")}


@pytest.mark.parametrize("command", AGAIN, ids=lambda command: str(command[0]))
def test_a_second_run_does_nothing_and_loads_nothing(command: list[object], corpus: Path, trained: Path) -> None:
    before = files(trained)
    names = {"STORE": trained, "CORPUS": corpus}
    loaded, done = loaded_by(_THEN_LIST, *(names.get(str(word), word) for word in command))
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
