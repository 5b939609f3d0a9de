"""The results of a sweep, as rows of a table and as a figure."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..evaluation.groups import Group, group_by_system
from ..evaluation.marks import Mark
from ..evaluation.metrics import SCORES
from ..evaluation.nested import nested
from ..evaluation.results import Result
from ..evaluation.stored import read_predictions
from ..experiments.catalogue import Catalogue
from .figures import Line, Panel, score_figure

_TASK_AXES = ("target", "bins", "subset", "protocol", "task", "classes")
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


def draw(catalogue: Catalogue, scored: Sequence[ScoredPoint], axis: str, stem: Path) -> None:
    """Score against latent size, which is on `axis`, as PNG and SVG: one panel per task, one line per setting of the other axes."""
    labels_of = {result.system.classifier: labels for labels, result in scored}
    lines: dict[str, dict[str, list[Group]]] = {}
    results = [point.result for point in scored]
    for group in group_by_system(results, lambda name: catalogue.classifier(name).seedless_key):
        if group.system.latent_dim is not None:
            labels = labels_of[group.classifiers[0]]
            others = [text for key, text in labels.items() if key not in (*_TASK_AXES, axis, "seed") and text]
            name = " ".join([*others, *group.marks]) or "score"
            lines.setdefault(group.system.task, {}).setdefault(name, []).append(group)
    panels = [_panel(task, by_name) for task, by_name in lines.items()]
    if panels:
        score_figure(panels, stem.with_suffix(".png"), stem.with_suffix(".svg"))


def _panel(task: str, by_name: Mapping[str, Sequence[Group]]) -> Panel:
    first = next(iter(by_name.values()))[0]
    score, heading = ("uar", "UA") if first.system.target == "emotion" else ("macro_f1", "macro F1")
    lines = [score_line(name, score, groups) for name, groups in by_name.items()]
    return Panel(task, "latents per segment", f"{heading} %, band: 95 %", lines, getattr(first.chance, score))


def score_line(name: str, score: str, groups: Sequence[Group]) -> Line:
    """A score of one system at several latent sizes."""
    ascending = sorted(groups, key=lambda group: group.system.latent_dim or 0)
    low, high = zip(*(getattr(group.intervals, score) for group in ascending), strict=True)
    sizes = [float(group.system.latent_dim or 0) for group in ascending]
    return Line(name, sizes, [getattr(group.test, score).mean for group in ascending], low, high)
