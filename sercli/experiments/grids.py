"""A grid of experiments, and the options of each of its points for each step.

    name: latent-size
    fixed: {protocol: leave-one-session-out, classifier.epochs: 20}
    axes:
      latent_dim: [32, 64, 128, 256, 512]
      model: [ae, vae, cvae]
      adam: {default: {}, paper: {ae.adam_beta1: 0.999, ae.adam_beta2: 0.99}}

Any option of the pipeline is fixed or an axis; an axis of named settings changes several at once. An option goes to every
step that has it, `ae.lr` or `classifier.lr` to that step alone.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import read_yaml, unknown_option
from ..errors import UsageError
from ..learning.options import TrainingConfig
from ..store.locations import check_name
from .configs import AutoencoderConfig, ClassifierConfig, takes_soft_labels
from .resolve import TASK_OPTIONS

_TASK = set(TASK_OPTIONS) - {"folds"}
# A classifier has these of its autoencoder, if it has one.
_SHARED = {"frontend", "segment_shift_ms", "normalise", "seed"}
_TRAINING = {option.name for option in fields(TrainingConfig)}
_NOT_OPTIONS = {"training", "options", "task", "autoencoder"}
_AUTOENCODER = {option.name for option in fields(AutoencoderConfig)} - _NOT_OPTIONS | _TRAINING
_CLASSIFIER = {option.name for option in fields(ClassifierConfig)} - _NOT_OPTIONS - _SHARED | _TRAINING
_PARTS = ("name", "fixed", "axes")
NO_MODEL = "none"  # the value of `model` in a grid for points without an autoencoder

Axis = Mapping[str, Mapping[str, Any]]  # label of a value -> the options that it sets


@dataclass(frozen=True)
class Grid:
    """The content of a file; `folds` are the folds to run, all if empty."""

    where: str  # for people
    name: str
    fixed: Mapping[str, Any]
    axes: Mapping[str, Axis]
    folds: Sequence[int] = ()

    def content(self) -> dict[str, Any]:
        """Everything that decides what is run, as plain YAML."""
        axes = {axis: dict(values) for axis, values in self.axes.items()}
        return {"fixed": dict(self.fixed), "axes": axes, **({"folds": list(self.folds)} if self.folds else {})}


@dataclass(frozen=True)
class Point:
    """The options of each step; no autoencoder where the model is none. `labels` has those of each axis that matter here."""

    labels: Mapping[str, str]
    task: Mapping[str, Any]
    autoencoder: Mapping[str, Any] | None
    classifier: Mapping[str, Any]

    @property
    def frontend(self) -> str:
        """Name of the features that the point reads."""
        options = self.classifier if self.autoencoder is None else self.autoencoder
        return str(options.get("frontend", ClassifierConfig.frontend))

    def __str__(self) -> str:
        return " ".join(f"{axis}={label}" for axis, label in self.labels.items() if label) or "the only point"


def read_grid(
    path: Path, name: str | None = None, overrides: Mapping[str, Any] | None = None, folds: Sequence[int] = ()
) -> Grid:
    """The grid of a YAML file; `overrides` go over what it fixes, and a list over an axis.

    Raises UsageError for all that can be seen without a store.
    """
    content = read_yaml(path)
    for key, value in content.items():
        if key not in _PARTS:
            raise unknown_option(path, key, _PARTS)
        if key != "name" and not isinstance(value or {}, dict):
            raise UsageError("not a table", place=f"{path}: {key}", seen=value, expected="lines `option: value`")
    fixed = {**(content.get("fixed") or {}), **(overrides or {})}
    axes = {str(axis): _axis(f"{path}: {axis}", axis, values) for axis, values in (content.get("axes") or {}).items()}
    if not axes:
        raise UsageError("the grid has no axes", place=path, expected="at least one: `axes: {latent_dim: [64, 128]}`")
    for option, value in (overrides or {}).items():
        has_values = isinstance(value, list) and not _takes_list(option)
        if option in axes or has_values:
            values = fixed.pop(option) if has_values else [fixed.pop(option)]
            axes[option] = _replaced(f"{path}: {option}", option, axes.get(option, {}), values)
    grid = Grid(str(path), check_name(name or content.get("name", path.stem)), fixed, axes, folds)
    _check_options(grid)
    return grid


def _axis(place: str, axis: str, values: Any) -> Axis:
    if isinstance(values, dict):
        settings = {str(name): options or {} for name, options in values.items()}
        for name, options in settings.items():
            if not isinstance(options, dict):
                raise UsageError(
                    "not options", place=f"{place}: {name}", seen=options, expected=f"{{{axis}: {options}}}"
                )
    elif isinstance(values, list):
        settings = {_label(value): {axis: value} for value in values}
        if len(settings) < len(values):
            raise UsageError("the axis has a value twice", place=place, seen=_label(values), expected="each value once")
    else:
        fix = "put an option with one value under `fixed`"
        raise UsageError("the axis is not a list", place=place, seen=values, expected=f"[{values}]", fix=fix)
    if not settings:
        raise UsageError("the axis is empty", place=place, fix="give it values, or leave it out")
    return settings


def _label(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_label, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _replaced(place: str, name: str, axis: Axis, values: list[Any]) -> Axis:
    """An axis with other values; of named settings, those of these names."""
    if all(name in options for options in axis.values()):
        return _axis(place, name, values)
    for value in values:
        if value not in axis:
            raise UsageError("the axis has no such setting", place=place, seen=repr(value), expected=", ".join(axis))
    return {value: dict(axis[value]) for value in values}


def _takes_list(option: str) -> bool:
    """Whether one value of an option is a list: of the classes, of the sizes of layers."""
    name = option.rpartition(".")[2]
    defaults = [*_of_plugins("autoencoders"), *_of_plugins("classifiers")]
    return name in ("classes", "apart") or any(key == name and isinstance(default, tuple) for key, default in defaults)


def _of_plugins(package: str) -> list[tuple[str, Any]]:
    """The options of all plug-ins of a kind, with their defaults."""
    return [pair for name in plugins.names(package) for pair in plugins.defaults(package, name).items()]


def _check_options(grid: Grid) -> None:
    """Raises UsageError for an option that no step has, or that could be of two, and for one that is set in two places."""
    autoencoder, classifier = dict(_of_plugins("autoencoders")).keys(), dict(_of_plugins("classifiers")).keys()
    steps = {"ae": _AUTOENCODER | autoencoder, "classifier": _CLASSIFIER | classifier}
    steps[""] = _TASK | steps["ae"] | steps["classifier"]
    setters = dict.fromkeys(grid.fixed, "fixed")
    for axis, values in grid.axes.items():
        for option in dict.fromkeys(itertools.chain.from_iterable(values.values())):
            if setters.setdefault(option, f"axis {axis}") != f"axis {axis}":
                place, seen = f"{grid.where}: {option}", f"{setters[option]} and axis {axis}"
                raise UsageError("the option is set twice", place=place, seen=seen, fix="leave one of them out")
    for option in setters:
        step, _, name = option.rpartition(".")
        place, qualified = f"{grid.where}: {option}", f"ae.{name} or classifier.{name}"
        if step not in steps:
            raise UsageError("there is no such step", place=place, seen=repr(step), expected=qualified)
        if name not in steps[step]:
            raise unknown_option(grid.where, name, sorted(steps[step]))
        if not step and name in autoencoder & classifier:
            raise UsageError("the option could be of either model", place=place, expected=qualified)


def points(grid: Grid) -> Iterator[Point]:
    """Every combination, the last axis fastest. Combinations that differ in nothing that matters come once.

    Raises UsageError for an option that no point has a use for.
    """
    seen: set[str] = set()
    unused = {
        *grid.fixed,
        *(option for values in grid.axes.values() for options in values.values() for option in options),
    }
    for combination in itertools.product(*(values.items() for values in grid.axes.values())):
        options = dict(grid.fixed)
        for _, setting in combination:
            options |= setting
        try:
            point, used = _point(options)
        except UsageError as error:
            raise error.at(grid.where) from None
        unused -= used
        if repr(point) not in seen:
            seen.add(repr(point))
            pairs = zip(grid.axes, combination, strict=True)
            labels = {axis: label if not setting or used & setting.keys() else "" for axis, (label, setting) in pairs}
            yield replace(point, labels=labels)
    for option in sorted(unused):
        problem = "no model or classifier of this grid has this option"
        raise UsageError(problem, place=f"{grid.where}: {option}", fix="leave it out")


def _point(options: Mapping[str, Any]) -> tuple[Point, set[str]]:
    """The options by step; also, which of them were of use."""
    model = str(options.get("ae.model", options.get("model", AutoencoderConfig.model)))
    kind = str(options.get("classifier.classifier", options.get("classifier", ClassifierConfig.classifier)))
    classifier = _TRAINING | {"classifier", *plugins.defaults("classifiers", kind)}
    classifier |= {"soft_labels"} if takes_soft_labels(kind) else set()
    steps: dict[str, set[str]] = {"task": _TASK, "ae": set(), "classifier": classifier}
    if model == NO_MODEL:
        classifier |= _SHARED
    else:
        attributes = plugins.attributes("autoencoders", model, "Model")
        steps["ae"] = _AUTOENCODER | plugins.defaults("autoencoders", model).keys()
        classifier |= {"condition"} if attributes.get("uses_labels", False) else set()
        classifier |= {"latents"} if attributes.get("has_std", True) else set()
    values: dict[str, dict[str, Any]] = {step: {} for step in steps}
    used = {"model", "ae.model"}
    for option, value in options.items():
        prefix, _, name = option.rpartition(".")
        for step in [prefix] if prefix else steps:
            if name in steps[step] and (prefix or f"{step}.{name}" not in options):
                is_text = name == "classes" and isinstance(value, str)
                values[step][name] = value.split(",") if is_text else value
                used.add(option)
    return Point({}, values["task"], None if model == NO_MODEL else values["ae"], values["classifier"]), used
