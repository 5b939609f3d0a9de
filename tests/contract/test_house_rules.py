"""What keeps the code readable for a stranger: sizes, names, and one place for each thing."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import sercli
from sercli.store import keys

PACKAGE = Path(sercli.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
TREES = {name: ast.parse(text) for name, text in FILES.items()}
PLUGIN_PACKAGES = ("corpora", "frontends", "autoencoders", "classifiers", "executors")

# A name is a noun of the field that tells its type, not a piece of grammar.
NO_NAMES = {"told", "found", "asked", "usual", "one", "there", "mine", "theirs"}
PLUGIN_CLASSES = {"Config", "Model", "Extractor", "Source", "Executor"}  # every plug-in has one, by contract
FOLDERS = (
    *(keys.AUTOENCODERS, keys.CLASSIFIERS, keys.PREDICTIONS, keys.RESULTS, keys.COMPARISONS, keys.DIAGNOSTICS),
    *(keys.CROSS_CORPUS, keys.SWEEPS, keys.BUNDLES, "features", "latents", "tasks"),
)
COMMAND_FUNCTION = re.compile(r"cli/")  # its parameters are the options that a user sees


def functions(name: str) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(TREES[name]) if isinstance(node, ast.FunctionDef))


def names(name: str) -> Iterator[str]:
    """Variables, parameters, attributes and functions that a file defines."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef):
            yield node.name.strip("_")


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_at_most_400_lines(name: str) -> None:
    assert FILES[name].count("\n") <= 400


@pytest.mark.parametrize("name", FILES)
def test_a_function_has_at_most_50_lines_and_six_parameters(name: str) -> None:
    for function in functions(name):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno < 50, f"{name}: {function.name} is too long"
        arguments = function.args
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        parameters = [parameter for parameter in parameters if parameter.arg not in ("self", "cls")]
        is_command = COMMAND_FUNCTION.match(name) and function.decorator_list
        assert len(parameters) <= 6 or is_command, f"{name}: {function.name} has {len(parameters)} parameters"


@pytest.mark.parametrize("name", FILES)
def test_names_are_nouns(name: str) -> None:
    assert not NO_NAMES & set(names(name))


def test_at_most_six_modules_lie_outside_a_package() -> None:
    assert len([name for name in FILES if "/" not in name]) <= 6


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("/__init__.py")])
def test_a_package_says_what_it_contains_and_holds_no_engine(name: str) -> None:
    assert len(TREES[name].body) == 1
    docstring = ast.get_docstring(TREES[name]) or ""
    assert "may import" in docstring.lower(), f"{name} does not say what the package may import"


def test_no_two_classes_share_a_name() -> None:
    places = defaultdict(list)
    for name, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name not in PLUGIN_CLASSES:
                places[node.name.strip("_")].append(name)
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_a_command_and_its_engine_have_the_same_word_and_no_other_modules_do() -> None:
    stems = Counter(
        Path(name).stem for name in FILES if not name.endswith(("__init__.py", "base.py", "corpora/kaldi.py"))
    )
    stages = {Path(name).stem for name in FILES if name.startswith("stages/")}
    assert not {stem for stem, n in stems.items() if n > 1 + (stem in stages)}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("stages/")])
def test_stages_import_no_other_stage(name: str) -> None:
    """Sweeps run the work of other commands."""
    if Path(name).stem in ("sweep", "sweep_plan"):
        return
    for node in ast.walk(TREES[name]):
        assert not (isinstance(node, ast.ImportFrom) and node.level == 1), f"{name} imports a stage"


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("store/keys.py",)])
def test_keys_of_products_are_spelled_in_one_module(name: str) -> None:
    """No f-string begins with the folder of a product, and no literal is a pattern of one."""
    folders = tuple(f"{folder}/" for folder in FOLDERS)
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            assert not str(node.values[0].value).startswith(folders), f"{name}: {ast.unparse(node)}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            assert not node.value.startswith(tuple(f"{folder}*" for folder in folders)), f"{name}: {node.value}"


def test_no_two_modules_of_tests_share_a_name() -> None:
    """pytest imports them by their names alone."""
    modules = Counter(path.name for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert [name for name, n in modules.items() if n > 1] == []
