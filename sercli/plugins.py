"""Plug-ins: one file each in `corpora`, `frontends`, `autoencoders` or `classifiers`, or an entry point of another package.

They are listed by file name, and what they declare is read from their source, so that help and "nothing to do" import
none of them, and no torch. Rules for what is read (each package's docstring says which classes and constants it has):

- A class is read with its base classes, as far as they lie in the same file, in another module of the plug-in's own
  package or in sercli, and are imported there by name (`from .vae import Config as VaeConfig`, `from . import vae`).
- Each option of `Config` has an annotation and a default that is a literal. An annotation is int, float, bool, str,
  `Literal[...]`, `tuple[X, ...]` of these, or `X | None`, written out (no alias).
- Attributes of `Model` and constants of the module are read where their value is a literal.
"""

import ast
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, make_dataclass
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from .errors import BrokenPlugin, UsageError, listed

_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}


@cache  # reading the list of installed packages takes 10 ms
def _points(package: str) -> EntryPoints:
    return entry_points(group=f"sercli.{package}")


def names(package: str) -> list[str]:
    """Names of the plug-ins of one kind ("corpora", "frontends", …), in C order."""
    ours = (path.stem for path in (Path(__file__).parent / package).glob("*.py"))
    return sorted({*_points(package).names, *ours} - {"__init__", "base"})


def load(package: str, name: str) -> ModuleType:
    """Import one plug-in. Raises UsageError for a name that does not exist; BrokenPlugin for a plug-in of another package that
    fails."""
    for point in _points(package).select(name=name):
        with of_another_package(package, name):
            return importlib.import_module(point.module)
    check_exists(package, name)
    return importlib.import_module(f".{package}.{name}", __package__)


@contextmanager
def of_another_package(package: str, name: str) -> Iterator[None]:
    """Errors of a plug-in of another package become BrokenPlugin; errors of our own are bugs and pass."""
    try:
        yield
    except BrokenPlugin:
        raise
    except Exception as error:
        for point in _points(package).select(name=name):
            raise BrokenPlugin(
                "a plug-in of another package fails",
                place=f"{package}: {name} ({point.module})",
                seen=" ".join(f"{type(error).__name__}: {error}".split()),
                fix="mend or uninstall that package",
            ) from error
        raise


# --- what is read from the source


@cache
def config_class(package: str, name: str) -> type:
    """The options of a plug-in as a dataclass: those of its `Config`, without the checks of `__post_init__`."""
    with of_another_package(package, name):
        options: dict[str, tuple[str, Any, Any]] = {}
        for line in _lines(_source(package, name), "Config", whole=True):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                if line.value is None:
                    raise ValueError(f"the option {line.target.id} of Config has no default")
                option = line.target.id
                options[option] = (option, _annotation(line.annotation), ast.literal_eval(line.value))
        return make_dataclass("Config", options.values(), frozen=True)


def defaults(package: str, name: str) -> dict[str, Any]:
    """Each option of a plug-in's `Config`, and its default."""
    return dict(vars(config_class(package, name)()))


def attributes(package: str, name: str, class_name: str) -> dict[str, Any]:
    """What a class of a plug-in (`Model`), or a base class of it, sets to literals in its body."""
    with of_another_package(package, name):
        return dict(_literals(_lines(_source(package, name), class_name)))


def constants(package: str, name: str) -> dict[str, Any]:
    """What a plug-in's module sets to literals (`INPUT`, `TRAINING`)."""
    with of_another_package(package, name):
        return dict(_literals(_source(package, name).statements))


def defines(package: str, name: str, class_name: str) -> bool:
    """Whether a plug-in has such a class (`Extractor`, `Source`)."""
    return class_name in _source(package, name).classes


def card(package: str, name: str) -> str:
    """The docstring of a plug-in; empty where it has none. Raises UsageError for a name that does not exist."""
    return ast.get_docstring(ast.Module(_source(package, name).statements, [])) or ""


@dataclass(frozen=True)
class _Module:
    """A module as text: its dotted name, the folder in which the top package lies, its statements."""

    name: str
    root: Path
    statements: list[ast.stmt]

    @property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        return {node.name: node for node in self.statements if isinstance(node, ast.ClassDef)}

    def imported(self, name: str) -> str | None:
        """The dotted name of what `name` was imported from."""
        for node in self.statements:
            if isinstance(node, ast.ImportFrom):
                above = self.name.split(".")[: -node.level] if node.level else []
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return ".".join([*above, *([node.module] if node.module else []), alias.name])
        return None

    def neighbour(self, name: str) -> "_Module | None":
        """Another module of the same package, or of sercli; None for any other, so that torch is never looked for."""
        top = name.partition(".")[0]
        if top not in (self.name.partition(".")[0], __package__):
            return None
        root = self.root if top != __package__ else Path(__file__).parents[1]
        path = root.joinpath(*name.split(".")).with_suffix(".py")
        return _parsed(name, path) if path.is_file() else None


@cache
def _parsed(name: str, path: Path) -> _Module:
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    return _Module(name, path.parents[name.count(".")], statements)


def _source(package: str, name: str) -> _Module:
    for point in _points(package).select(name=name):
        with of_another_package(package, name):
            spec = importlib.util.find_spec(point.module)
            if spec is None or spec.origin is None:
                raise ImportError(f"no source of {point.module}")
            return _parsed(point.module, Path(spec.origin))
    check_exists(package, name)
    return _parsed(f"{__package__}.{package}.{name}", Path(__file__).parent / package / f"{name}.py")


def _lines(module: _Module, class_name: str, whole: bool = False) -> Iterator[ast.stmt]:
    """The body of a class, after the bodies of its base classes; `whole` refuses a base class that cannot be read."""
    node = module.classes.get(class_name)
    if node is None:
        raise ValueError(f"{module.name} has no class {class_name}")
    for base in reversed(node.bases):  # as dataclasses do: what the first base class says comes last, and counts
        source, base_name = _base(module, ast.unparse(base))
        if source is not None:
            yield from _lines(source, base_name, whole)
        elif whole:
            raise ValueError(f"the base class {base_name} of {class_name} cannot be read; see sercli.plugins")
    yield from node.body


def _base(module: _Module, written: str) -> tuple[_Module | None, str]:
    """The module of a base class (`Config`, `vae.Config`), None if it is not one of the neighbours, and its name there."""
    if written in module.classes:
        return module, written
    owner, _, attribute = written.rpartition(".")
    origin = module.imported(owner or attribute) or ""
    where, name = (origin, attribute) if owner else (origin.rpartition(".")[0], origin.rpartition(".")[2])
    return module.neighbour(where), name or written


def _literals(lines: Iterator[ast.stmt] | list[ast.stmt]) -> Iterator[tuple[str, Any]]:
    for line in lines:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0]
            if isinstance(target, ast.Name):
                try:
                    yield target.id, ast.literal_eval(line.value)
                except ValueError:
                    continue


def _annotation(node: ast.expr) -> Any:
    """The type that an annotation of an option names. Raises ValueError for one that is not written out."""
    match node:
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _annotation(left) | _annotation(right)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return Literal[ast.literal_eval(choices)]
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[item, ast.Constant()])):
            return tuple[_annotation(item), ...]  # type: ignore[misc]
    raise ValueError(f"the annotation {ast.unparse(node)} cannot be read; see sercli.plugins")


def check_exists(package: str, name: str) -> None:
    """Raises UsageError, with the names that exist, unless there is such a plug-in."""
    if not (Path(__file__).parent / package / f"{name}.py").is_file() and name not in names(package):
        raise UsageError("unknown plug-in", place=package, seen=repr(name), expected=listed(names(package)))
