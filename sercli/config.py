"""Options: frozen dataclasses made from YAML files and `key=value` flags. Unknown options and wrong values are refused."""

import difflib
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from .errors import SercliError, UsageError, listed

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """Base class of options from which others inherit."""

    def __post_init__(self) -> None:
        """Raise SercliError for values that cannot work. A subclass calls that of `super()` first."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds one mapping, read with the safe loader. Raises SercliError for anything else."""
    lines = "lines of the form `option: value`"
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SercliError("no such file", place=path, fix="check the path") from None
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:  # ValueError: not UTF-8, or an invalid date
        reason = " ".join(str(error).split())
        raise SercliError("cannot be read as YAML", place=path, seen=reason, expected=lines) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise SercliError("is not a table of options", place=path, seen=type(loaded).__name__, expected=lines)
    return loaded


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Write one mapping, keys in their order."""
    path.write_text(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def assignments(pairs: Iterable[str]) -> dict[str, Any]:
    """Options typed as `key=value`, the values read as YAML scalars. Raises UsageError.

    >>> assignments(["beta=0.5", "hidden=16,8"])
    {'beta': 0.5, 'hidden': '16,8'}
    """
    values = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError("not an option", place="--set", seen=repr(pair), expected="key=value, as in beta=0.5")
        try:
            values[key.strip()] = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise UsageError(
                "the value cannot be read", place=f"--set {key.strip()}", seen=repr(text), expected="a YAML scalar"
            ) from None
    return values


def build(cls: type[T], values: Mapping[str, Any], place: object) -> T:
    """A dataclass, and the dataclasses within it, from a mapping.

    The annotations decide the types (`coerce`), so that `beta=1` and `beta=1.0` are one configuration. Raises UsageError
    at `place` for an unknown or missing option, a value of another type, or what the dataclass itself refuses.

    >>> from sercli.learning.options import TrainingConfig
    >>> build(TrainingConfig, {"epochs": "1e2", "lr": 1}, "training").epochs
    100
    """
    hints = get_type_hints(cls)
    options = {option.name: option for option in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in options:
            raise unknown_option(place, key, options)
    for name, option in options.items():
        if option.default is MISSING and option.default_factory is MISSING and name not in values:
            raise UsageError("an option is missing", place=place, expected=name)
    coerced = {key: coerce(value, hints[key], f"{place}: {key}") for key, value in values.items()}
    try:
        return cls(**coerced)
    except SercliError as error:
        raise UsageError(**error.at(place).fields()) from None


def check_range(
    options: object,
    *names: str,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
) -> None:
    """Refuse options that lie outside a range; for the `__post_init__` of a dataclass. Raises SercliError."""
    for name in names:
        value = getattr(options, name)
        if not (above < value < below and at_least <= value <= at_most):
            limits = {"more than": above, "at least": at_least, "less than": below, "at most": at_most}
            expected = [f"{words} {limit:g}" for words, limit in limits.items() if math.isfinite(limit)]
            expected += [] if math.isfinite(value) else ["finite"]
            raise SercliError("value out of range", place=name, seen=value, expected=" and ".join(expected))


def unknown_option(place: object, key: str, valid_keys: Iterable[str]) -> UsageError:
    """The error for an option that `place` does not have."""
    keys = list(valid_keys)
    fix = "".join(f"did you mean {close!r}?" for close in difflib.get_close_matches(key, keys, 1))
    return UsageError("unknown option", place=place, seen=repr(key), expected=listed(keys), fix=fix)


def plain(config: Any) -> dict[str, Any]:
    """A dataclass as plain YAML and JSON types."""
    return {key: plain_value(value) for key, value in asdict(config).items()}


def plain_value(value: Any) -> Any:
    """One value of an option as YAML and JSON have it: a list in place of a tuple."""
    return list(value) if isinstance(value, tuple) else value


def coerce(value: Any, annotation: Any, place: object) -> Any:
    """A value, as YAML or a flag gives it, in the type of an annotation. Raises UsageError at `place`.

    Known are int, float, bool, str, `Literal[...]`, `X | None`, `tuple[X, ...]` (also from "a,b" or one value), dict and
    dataclasses. Numbers may be text, because YAML 1.1 reads 1e-3, which has no point, as text.

    >>> coerce("16,8", tuple[int, ...], "hidden")
    (16, 8)
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return None if value is None else coerce(value, next(a for a in arguments if a is not type(None)), place)
    if origin is tuple:
        items = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
        return tuple(coerce(item, arguments[0], place) for item in items)
    if is_dataclass(annotation) and isinstance(annotation, type) and isinstance(value, dict):
        return build(annotation, value, place)
    if annotation in (int, float):
        number = _number(value)
        if math.isfinite(number) and (annotation is float or number.is_integer()):
            return value if type(value) is annotation else annotation(number)  # a large seed is not a float
    elif origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
    elif isinstance(value, origin or annotation):
        return value
    raise UsageError("wrong value", place=place, seen=repr(value), expected=_expected(annotation))


def _number(value: Any) -> float:
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _expected(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "one of " + listed(get_args(annotation))
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}
    return names.get(annotation, str(annotation))
