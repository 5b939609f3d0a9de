"""A grid of experiments, and what each of its points asks of each step.

    name: latent-size
    fixed: {protocol: leave-one-session-out, classifier.epochs: 20}
    axes:
      latent_dim: [32, 64, 128, 256, 512]
      model: [ae, vae, cvae]
      adam: {default: {}, paper: {ae.adam_beta1: 0.999, ae.adam_beta2: 0.99}}

Any option of the pipeline is fixed or an axis; an axis of named settings moves several at once. An option goes to every
step that knows it, `ae.lr` or `classifier.lr` to one alone.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import plain, read_yaml, unknown_option
from ..errors import UsageError
from ..learning.options import TrainingConfig
from ..store.locations import check_name
from ..tasks.task import Task
from .configs import AutoencoderConfig, ClassifierConfig

_TASK = {option.name for option in fields(Task)} - {"folds"} | {"task", "folds_file"}
# A classifier has these of its autoencoder, if it has one.
_BOTH = {"frontend", "segment_shift_ms", "normalise", "seed"}
_AUTOENCODER = {option.name for option in fields(AutoencoderConfig)} - {"training", "options", "task"} - _BOTH
_CLASSIFIER = (
    {option.name for option in fields(ClassifierConfig)} - {"training", "options", "task", "autoencoder"} - _BOTH
)
_TRAINING = set(plain(TrainingConfig()))
_PARTS = ("name", "fixed", "axes")
NO_MODEL = "none"  # the value of `model` in a grid for points without an autoencoder
NO_MODEL = "none"  # the value of `model` in a grid for points without an autoencoder


@dataclass(frozen=True)
class Grid:
    """As the file says it; `folds` are the folds to run, all if empty."""

    where: str  # for people
    name: str
    fixed: Mapping[str, Any]
    axes: Mapping[str, Mapping[str, Mapping[str, Any]]]  # axis -> what a value is called -> the options that it sets
    folds: Sequence[int] = ()

    def content(self) -> dict[str, Any]:
        """Everything that decides what is run, as plain YAML."""
        axes = {axis: dict(values) for axis, values in self.axes.items()}
        return {"fixed": dict(self.fixed), "axes": axes, **({"folds": list(self.folds)} if self.folds else {})}


@dataclass(frozen=True)
class Point:
    """What is asked of each step; no autoencoder where the model is none. `labels` has what matters here of each axis."""

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
    found = read_yaml(path)
    where = str(path)
    for key in found:
        if key not in _PARTS:
            raise unknown_option(where, key, _PARTS)
    for key in ("fixed", "axes"):
        if not isinstance(found.get(key) or {}, dict):
            raise UsageError(
                f"{where}: {key} holds {type(found[key]).__name__}, wanted lines of the form `option: value`"
            )
    fixed = {**(found.get("fixed") or {}), **(overrides or {})}
    axes = {str(axis): _axis(where, str(axis), values) for axis, values in (found.get("axes") or {}).items()}
    if not axes:
        raise UsageError(f"{where}: has no axes; give at least one, such as `axes: {{latent_dim: [64, 128]}}`")
    for option, value in (overrides or {}).items():
        several = isinstance(value, list) and not _takes_list(option)
        if option in axes or several:
            axes[option] = _instead(where, option, axes.get(option, {}), value if several else [value])
            del fixed[option]
    grid = Grid(where, check_name(name or found.get("name", path.stem)), fixed, axes, folds)
    for options in (fixed, *(options for values in axes.values() for options in values.values())):
        for option in options:
            _check_known(where, option)
    moved_by: dict[str, str] = {}
    for axis, values in axes.items():
        for option in {option: None for options in values.values() for option in options}:
            if option in fixed:
                raise UsageError(f"{where}: {option} is fixed and on the axis {axis}; leave one of them out")
            if moved_by.setdefault(option, axis) != axis:
                raise UsageError(
                    f"{where}: {option} is on the axes {moved_by[option]} and {axis}; leave one of them out"
                )
    return grid


def _instead(
    where: str, axis: str, usual: Mapping[str, Mapping[str, Any]], values: list[Any]
) -> dict[str, dict[str, Any]]:
    """An axis with these values in place of the usual ones; of named settings, those of these names."""
    if all(axis in options for options in usual.values()):
        return _axis(where, axis, values)
    for name in values:
        if name not in usual:
            raise UsageError(f"{where}: the axis {axis} has no {name!r}; it has {', '.join(usual)}")
    return {name: dict(usual[name]) for name in values}


def _axis(where: str, axis: str, values: Any) -> dict[str, dict[str, Any]]:
    """Values by what they are called: of an option, or named settings of several."""
    if isinstance(values, dict):
        found = {str(name): options or {} for name, options in values.items()}
        for name, options in found.items():
            if not isinstance(options, dict):
                raise UsageError(
                    f"{where}: {axis}: {name} is {options!r}, wanted options such as `{{{axis}: {options}}}`"
                )
    elif isinstance(values, list):
        found = {_called(value): {axis: value} for value in values}
        if len(found) < len(values):
            raise UsageError(f"{where}: the axis {axis} has a value twice: {', '.join(map(_called, values))}")
    else:
        raise UsageError(
            f"{where}: the axis {axis} is {values!r}, wanted a list; write [{values}], or put it under `fixed`"
        )
    if not found:
        raise UsageError(f"{where}: the axis {axis} is empty; give it values, or leave it out")
    return found


def _called(value: Any) -> str:
    return (
        ",".join(map(_called, value))
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _check_known(where: str, option: str) -> None:
    step, dot, name = option.rpartition(".")
    known = {
        "": _TASK
        | _BOTH
        | _AUTOENCODER
        | _CLASSIFIER
        | _TRAINING
        | _of_plugins("autoencoders")
        | _of_plugins("classifiers"),
        "ae": _BOTH | _AUTOENCODER | _TRAINING | _of_plugins("autoencoders"),
        "classifier": _CLASSIFIER | _TRAINING | _of_plugins("classifiers"),
    }
    if dot and step not in known:
        raise UsageError(f"{where}: {option}: there is no step {step!r}; wanted ae.{name} or classifier.{name}")
    if name not in known[step]:
        raise unknown_option(where, name, sorted(known[step]))
    if not dot and name in _of_plugins("autoencoders") & _of_plugins("classifiers"):
        raise UsageError(f"{where}: {option} could be of either model; write ae.{option} or classifier.{option}")


def _of_plugins(package: str) -> set[str]:
    return {option for name in plugins.names(package) for option in plugins.defaults(package, name)}


def _takes_list(option: str) -> bool:
    """Whether one value of an option is a list: of the classes, of the sizes of layers."""
    name = option.rpartition(".")[2]
    configs = (
        plugins.defaults(package, plugin)
        for package in ("autoencoders", "classifiers")
        for plugin in plugins.names(package)
    )
    return name == "classes" or any(isinstance(config.get(name), tuple) for config in configs)


def points(grid: Grid) -> Iterator[Point]:
    """Every combination, the last axis fastest. Combinations that differ in nothing that matters come once.

    Raises UsageError for an option that no point has a use for.
    """
    seen: set[str] = set()
    useless = {*grid.fixed, *(option for values in grid.axes.values() for own in values.values() for option in own)}
    for chosen in itertools.product(*(values.items() for values in grid.axes.values())):
        options = dict(grid.fixed)
        for _, own in chosen:
            options |= own
        try:
            point, used = _route(options)
        except UsageError as error:
            raise UsageError(f"{grid.where}: {error}") from None
        useless -= used
        labels = {
            axis: name if not own or used.intersection(own) else ""
            for axis, (name, own) in zip(grid.axes, chosen, strict=True)
        }
        if repr(point) not in seen:
            seen.add(repr(point))
            yield replace(point, labels=labels)
    for option in sorted(useless):
        raise UsageError(
            f"{grid.where}: {option} is of no use: no model or classifier of this grid knows it; leave it out"
        )


def _route(options: Mapping[str, Any]) -> tuple[Point, set[str]]:
    """Options to the steps; also, which of them were of use."""
    model = str(options.get("ae.model", options.get("model", AutoencoderConfig.model)))
    kind = str(options.get("classifier.classifier", options.get("classifier", ClassifierConfig.classifier)))
    has_autoencoder = model != NO_MODEL
    for_classifier = _TRAINING | {"classifier"} | set(plugins.defaults("classifiers", kind))
    for_autoencoder: set[str] = set()
    if has_autoencoder:
        own = plugins.attributes("autoencoders", model, "Model")
        for_autoencoder = _AUTOENCODER | _BOTH | _TRAINING | set(plugins.defaults("autoencoders", model))
        for_classifier |= {"condition"} if own.get("uses_labels", False) else set()
        for_classifier |= {"latents"} if own.get("has_std", True) else set()
    else:
        for_classifier |= _BOTH
    options = {
        key: value.split(",") if key == "classes" and isinstance(value, str) else value
        for key, value in options.items()
    }
    task: dict[str, Any] = {}
    autoencoder: dict[str, Any] = {}
    classifier: dict[str, Any] = {}
    used = {"model", "ae.model"}
    for option, value in options.items():
        step, _, name = option.rpartition(".")
        for part, known, prefix in (
            (task, _TASK, ""),
            (autoencoder, for_autoencoder, "ae"),
            (classifier, for_classifier, "classifier"),
        ):
            if name in known and step in ("", prefix) and (step == prefix or f"{prefix}.{name}" not in options):
                part[name] = value
                used.add(option)
    return Point({}, task, autoencoder if has_autoencoder else None, classifier), used
