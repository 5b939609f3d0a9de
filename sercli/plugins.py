"""Plug-ins: one file each in `corpora`, `frontends`, `autoencoders` or `classifiers`, or an entry point of another package.

They are found by file name, so that listing them imports none of them.
"""

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import BrokenPlugin, UsageError


@cache  # reading what is installed takes 10 ms
def _points(package: str) -> EntryPoints:
    return entry_points(group=f"sercli.{package}")


def names(package: str) -> list[str]:
    """Names of the plug-ins of one kind ("corpora", "frontends", …), in C order."""
    own = [
        path.stem for path in (Path(__file__).parent / package).glob("*.py") if path.stem not in ("__init__", "base")
    ]
    return sorted({*own, *_points(package).names})


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in. Raises UsageError, with the known names, for one that does not exist; BrokenPlugin for one of another
    package that fails."""
    for point in _points(package).select(name=name):
        with of_another_package(package, name):
            return importlib.import_module(point.module)
    check_exists(package, name)
    return importlib.import_module(f".{package}.{name}", __package__)


@contextmanager
def of_another_package(package: str, name: str) -> Iterator[None]:
    """Whatever fails in a plug-in that is not ours is a BrokenPlugin; what fails in ours is our bug."""
    try:
        yield
    except BrokenPlugin:
        raise
    except Exception as error:
        for point in _points(package).select(name=name):
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise BrokenPlugin(
                f"{package} plug-in {name!r} of another package ({point.module}) fails: {reason}; mend or uninstall that package"
            ) from error
        raise


def declared(package: str, name: str, class_name: str) -> dict[str, Any]:
    """What a class of a plug-in (`Config`, `Model`) sets to literals in its body, read from the source.

    The plug-in, and torch with it, stays unloaded. A contract test holds that this is what the class says.
    """
    found: dict[str, Any] = {}
    for node in _statements(package, name):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for line in node.body:
                target = (
                    line.target
                    if isinstance(line, ast.AnnAssign)
                    else line.targets[0]
                    if isinstance(line, ast.Assign)
                    else None
                )
                if (
                    isinstance(target, ast.Name)
                    and isinstance(line, ast.AnnAssign | ast.Assign)
                    and line.value is not None
                ):
                    found[target.id] = ast.literal_eval(line.value)
    return found


def defines(package: str, name: str, class_name: str) -> bool:
    """Whether a plug-in has such a class (`Extractor`, `Source`), read from the source like `declared`."""
    return any(isinstance(node, ast.ClassDef) and node.name == class_name for node in _statements(package, name))


def declared_constant(package: str, name: str, constant: str) -> Any:
    """A module-level literal of a plug-in, read from the source like `declared`."""
    for node in _statements(package, name):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == constant:
            return ast.literal_eval(node.value)
    raise UsageError(f"the {package} plug-in {name!r} does not say its {constant}")


def card(package: str, name: str) -> str:
    """The docstring of a plug-in, read from the source; empty where it has none. Raises UsageError for one that does not exist."""
    return ast.get_docstring(ast.parse(_source(package, name).read_text(encoding="utf-8"))) or ""


@cache
def _statements(package: str, name: str) -> list[ast.stmt]:
    return ast.parse(_source(package, name).read_text(encoding="utf-8")).body


def _source(package: str, name: str) -> Path:
    for point in _points(package).select(name=name):
        with of_another_package(package, name):
            spec = importlib.util.find_spec(point.module)
            if spec is None or spec.origin is None:
                raise ImportError(f"no source of {point.module}")
            return Path(spec.origin)
    check_exists(package, name)
    return Path(__file__).parent / package / f"{name}.py"


def check_exists(package: str, name: str) -> None:
    """Raises UsageError, with the names that exist, for the name of no plug-in."""
    if not (Path(__file__).parent / package / f"{name}.py").is_file() and name not in names(package):
        raise UsageError(f"no {package} plug-in is named {name!r}; choose from {', '.join(names(package))}")
