"""Configurations: frozen dataclasses from YAML files and `key=value` flags. Unknown keys and wrong types are refused."""

import contextlib
import difflib
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from .errors import SercliError, UsageError

T = TypeVar("T")


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds one mapping, read with the safe loader. Raises SercliError for anything else."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SercliError(f"{path}: no such file") from None
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:  # ValueError: no UTF-8, or no such date
        raise SercliError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise SercliError(f"{path}: holds {type(loaded).__name__}, wanted lines of the form `option: value`")
    return loaded


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """`["beta=0.5"]` -> `{"beta": 0.5}`; values are read as YAML scalars."""
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {pair!r} is not of the form key=value, as in --set beta=0.5")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise UsageError(f"--set {pair!r}: the value cannot be read") from None
    return values


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass, and those within it, from a mapping.

    Raises UsageError, naming `where` for a key unknown or missing or a value of the wrong type, or as the dataclass itself says.
    """
    hints = get_type_hints(cls)
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    unknown = [key for key in values if key not in known]
    if unknown:
        raise unknown_option(where, unknown[0], known)
    for field in fields(cls):  # type: ignore[arg-type]
        if field.default is MISSING and field.default_factory is MISSING and field.name not in values:
            raise UsageError(f"{where} lacks {field.name!r}")
    coerced = {key: _coerce(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    try:
        return cls(**coerced)
    except SercliError as error:
        raise UsageError(**error.fields()) from None


def unknown_option(where: str, key: str, known: Sequence[str]) -> UsageError:
    """What to say of an option that `where` does not know."""
    hint = "".join(f"; did you mean {close!r}?" for close in difflib.get_close_matches(key, known, 1))
    return UsageError(f"{where} has no option {key!r}{hint}; known are {', '.join(known)}")


def plain(config: Any) -> dict[str, Any]:
    """A dataclass as plain YAML and JSON types."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}


def like_default(default: Any, value: Any, where: str) -> Any:
    """A value in the type of its default, so that `beta=1` and `beta=1.0` are one configuration."""
    if isinstance(default, tuple):
        items = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(like_default(default[0], item, where) for item in items)
    wanted = type(default)
    if wanted in (int, float) and type(value) in (int, str):
        with contextlib.suppress(ValueError, OverflowError):
            value = wanted(value)
    if type(value) is not wanted or (wanted is float and not math.isfinite(value)):
        raise UsageError(f"{where}: {value!r} is not of the type of its default, {default!r}")
    return value


def _coerce(value: Any, wanted: Any, where: str) -> Any:
    origin = get_origin(wanted)
    if origin is Literal:
        if value not in get_args(wanted):
            raise UsageError(f"{where}: {value!r} is not one of {', '.join(map(str, get_args(wanted)))}")
        return value
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _coerce(value, next(arg for arg in get_args(wanted) if arg is not type(None)), where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_coerce(item, get_args(wanted)[0], where) for item in value)
    if is_dataclass(wanted) and isinstance(wanted, type) and isinstance(value, dict):
        return build(wanted, value, where)
    if origin is dict and isinstance(value, dict):
        return dict(value)
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted in (int, float) and not isinstance(value, bool):
        try:
            number = float(value)  # YAML 1.1 reads 1e-3, which has no point, as text
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if math.isfinite(number) and (wanted is float or number.is_integer()):
            return wanted(number)
    if wanted is str and isinstance(value, str):
        return value
    name = getattr(wanted, "__name__", str(wanted))
    raise UsageError(f"{where}: {value!r} is not a {'whole number' if wanted is int else name}")
