"""The results of a sweep, as rows of a table and as a figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..evaluation.marks import Mark, marks_apart
from ..evaluation.metrics import SCORES, Interval
from ..evaluation.nested import nested
from ..evaluation.results import Result
from ..evaluation.scores import FourScores, intervals
from ..evaluation.stored import read_predictions
from ..experiments.catalogue import Catalogue
from ..experiments.grids import Axis
from ..tasks.task import task_name
from .figures import Line, Panel, score_figure

_TASK_AXES = ("target", "bins", "subset", "protocol", "task", "classes", "apart")
_CURVES = {  # option -> what it counts, on the axis of a figure
    "latent_dim": "latents per segment",
    "ae.latent_dim": "latents per segment",
    "train_speakers": "training speakers",
    "train_share": "share of the training part",
}
_FACTS = ("seed", "classifier", "task", "target", "subset", "bins", "protocol")


class ScoredPoint(NamedTuple):
    """A point of a grid, by its value on each axis, and its result."""

    labels: Mapping[str, str]
    result: Result


def rows_of(catalogue: Catalogue, scored: Sequence[ScoredPoint]) -> list[dict[str, str]]:
    """One row per point and seed; then, for each task and seed, a row of what choosing among the points by dev gives."""
    return [*(_row(labels, result) for labels, result in scored), *_nested_rows(catalogue, scored)]


def _row(labels: Mapping[str, str], result: Result, kind: str = "point", chosen: str = "") -> dict[str, str]:
    """The values on the axes, the facts of the system, and every score on test and beside it on dev."""
    row = {"row": kind, **labels, **{name: _cell(getattr(result.system, name)) for name in _FACTS}}
    counts = (len(result.per_fold), result.folds_expected, result.test.n_utterances)
    row |= {name: str(n) for name, n in zip(("folds_done", "folds_expected", "n_utterances"), counts, strict=True)}
    row["marks"] = " ".join(result.marks)
    for name in SCORES:
        low, high = getattr(result.intervals, name)
        row |= {name: _cell(getattr(result.test, name)), f"{name}_low": _cell(low), f"{name}_high": _cell(high)}
        row |= {f"{name}_fold_mean": _cell(getattr(result.fold_mean, name))}
        row |= {f"dev_{name}": _cell(getattr(result.dev, name))}
    return {
        **row,
        "chance_uar": _cell(result.chance.uar),
        "chance_accuracy": _cell(result.chance.accuracy),
        "chosen": chosen,
    }


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def _nested_rows(catalogue: Catalogue, scored: Sequence[ScoredPoint]) -> Iterator[dict[str, str]]:
    """Points of one task, with the same marks and folds, are candidates. Systems that are given the answer are not, nor those whose
    autoencoder was refitted: it was trained on dev, so that their dev scores are too good."""
    pools: dict[tuple[str, tuple[Mark, ...], tuple[int, ...]], dict[str, list[Result]]] = {}
    for labels, result in scored:
        autoencoder = catalogue.classifier(result.system.classifier).autoencoder
        if Mark.ORACLE not in result.marks and not (autoencoder and autoencoder.is_refitted):
            point = " ".join(f"{axis}={label}" for axis, label in labels.items() if label and axis != "seed")
            pool = pools.setdefault((result.system.task, result.marks, result.folds), {})
            pool.setdefault(point, []).append(result)
    no_labels = dict.fromkeys(scored[0].labels, "")
    for (task, _, _), candidates in pools.items():
        if len(candidates) > 1:
            folds, store = catalogue.task(task).folds, catalogue.store
            for choice in nested(candidates, partial(read_predictions, store), folds, store.utterances):
                chosen = "; ".join(f"fold {fold}: {point}" for fold, point in choice.chosen.items())
                yield _row(no_labels, choice.result, "nested", chosen)


@dataclass(frozen=True)
class CurveAxis:
    """The horizontal axis of the figure: its name in the grid, what is counted, and the number that each label stands for."""

    name: str
    text: str
    numbers: Mapping[str, float]


def curve_axis(axes: Mapping[str, Axis]) -> CurveAxis | None:
    """The first axis of a grid with two or more sizes: of the latents, or of the training part."""
    for name, settings in axes.items():
        for option, text in _CURVES.items():
            pairs = ((label, options.get(option)) for label, options in settings.items())
            numbers = {label: float(value) for label, value in pairs if isinstance(value, int | float)}
            if len(set(numbers.values())) > 1:
                return CurveAxis(name, text, numbers)
    return None


def draw(catalogue: Catalogue, scored: Sequence[ScoredPoint], axis: CurveAxis, stem: Path) -> None:
    """Score against size, as PNG and SVG: one panel per task, one line per setting of the other axes, over all seeds."""
    lines: dict[str, dict[str, dict[float, list[Result]]]] = {}
    for labels, result in scored:
        if labels[axis.name] in axis.numbers:
            others = [text for key, text in labels.items() if not _is_of_curve(key, axis) and text]
            name = " ".join([*others, *marks_apart(result.marks)]) or "score"
            by_size = lines.setdefault(_whole_task(catalogue, result.system.task), {}).setdefault(name, {})
            by_size.setdefault(axis.numbers[labels[axis.name]], []).append(result)
    panels = [_panel(task, axis, by_name) for task, by_name in lines.items()]
    if panels:
        score_figure(panels, stem.with_suffix(".png"), stem.with_suffix(".svg"))


def _is_of_curve(key: str, axis: CurveAxis) -> bool:
    """Whether an axis is shown by the panels or along the lines, or is a seed."""
    return key in (*_TASK_AXES, axis.name) or key.rpartition(".")[2] in ("seed", "train_seed")


def _whole_task(catalogue: Catalogue, name: str) -> str:
    """The name of a task; without the size of its training part, if that is smaller than the protocol's."""
    definition = catalogue.task(name).definition
    if not definition.has_reduced_training:
        return name
    whole = replace(definition, train_speakers=None, train_share=None, train_seed=0)
    return task_name(whole, catalogue.corpus_task)


def _panel(task: str, axis: CurveAxis, by_name: Mapping[str, Mapping[float, Sequence[Result]]]) -> Panel:
    first = next(iter(next(iter(by_name.values())).values()))[0]
    score, heading = ("uar", "UA") if first.system.target == "emotion" else ("macro_f1", "macro F1")
    lines = [_line(name, score, by_size) for name, by_size in by_name.items()]
    note = " ".join(mark for mark in first.marks if not mark.apart)
    return Panel(task, axis.text, f"{heading} %, band: 95 %", lines, getattr(first.chance, score), note)


def _line(name: str, score: str, by_size: Mapping[float, Sequence[Result]]) -> Line:
    """The mean score over seeds at each size, and its interval over clusters; single seeds as dots."""
    sizes = sorted(by_size)
    bounds = [getattr(_interval(by_size[size]), score) for size in sizes]
    single = {size: [getattr(result.test, score) for result in by_size[size]] for size in sizes}
    dots = [(size, value) for size in sizes for value in single[size] if len(single[size]) > 1]
    means = [float(np.mean(single[size])) for size in sizes]
    return Line(name, sizes, means, [low for low, _ in bounds], [high for _, high in bounds], dots)


def _interval(results: Sequence[Result]) -> FourScores[Interval]:
    clusters = results[0].per_cluster
    return intervals([np.array([result.per_cluster[name] for result in results]) for name in clusters])
