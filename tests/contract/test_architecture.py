"""The layers hold: which module imports which, which library belongs where, what must never be called."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sercli

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
tasks corpora frontends autoencoders classifiers executors
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
    assert {"store/store", "store/publishing", "experiments/making"} <= set(imported("stages/train_ae"))
    assert {"autoencoders/base", "plugins"} <= set(imported("experiments/fitted"))
    assert "autoencoders/vae" in set(imported("autoencoders/cvae"))
    assert {"experiments/configs", "stages/encode"} <= set(imported("cli/training_commands"))


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
