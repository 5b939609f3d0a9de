"""What a sweep found, as rows of a table and as a figure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..data.hashing import digest
from ..evaluation import metrics
from ..evaluation.scores import Prediction, group, nested
from ..experiments.catalogue import Catalogue
from .figures import Line, Panel, score_figure

_TASK_AXES = ("target", "bins", "subset", "protocol", "task", "classes")
_ABOUT = (
    "seed",
    "classifier",
    "task",
    "target",
    "subset",
    "bins",
    "protocol",
    "folds_done",
    "folds_expected",
    "n_utterances",
)

Result = Mapping[str, Any]  # as in scores.json


class Scored(NamedTuple):
    """A point of a grid, by its value on each axis, and its result."""

    labels: Mapping[str, str]
    result: Result


def rows_of(
    catalogue: Catalogue, scored: Sequence[Scored], predictions: Callable[[str], Sequence[Prediction]]
) -> list[dict[str, str]]:
    """A row a point and seed; then, for each task and seed, what choosing among the points by dev gives."""
    return [*(_row(labels, result) for labels, result in scored), *_nested_rows(catalogue, scored, predictions)]


def _row(labels: Mapping[str, str], result: Result, kind: str = "point", chosen: str = "") -> dict[str, str]:
    """What was asked, and every score on test and beside it on dev."""
    row = {"row": kind, **labels, **{key: _cell(result[key]) for key in _ABOUT}, "marks": " ".join(result["marks"])}
    for score in metrics.SCORES:
        low, high = result[f"{score}_ci95"]
        row |= {score: _cell(result[score]), f"{score}_low": _cell(low), f"{score}_high": _cell(high)}
        row |= {key: _cell(result[key]) for key in (f"{score}_fold_mean", f"dev_{score}")}
    return {**row, **{f"chance_{key}": _cell(value) for key, value in result["chance"].items()}, "chosen": chosen}


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def _nested_rows(
    catalogue: Catalogue, scored: Sequence[Scored], predictions: Callable[[str], Sequence[Prediction]]
) -> Iterator[dict[str, str]]:
    """Systems that see the answer are no candidates."""
    groups: dict[str, dict[str, list[Result]]] = {}
    for labels, result in scored:
        if "ORACLE" not in result["marks"]:
            alike = digest([result["task"], result["marks"], [fold["fold"] for fold in result["per_fold"]]])
            point = " ".join(f"{axis}={label}" for axis, label in labels.items() if label and axis != "seed")
            groups.setdefault(alike, {}).setdefault(point, []).append(result)
    for candidates in groups.values():
        if len(candidates) > 1:
            for row in nested(catalogue, candidates, predictions):
                labels = dict.fromkeys(scored[0].labels, "")
                yield _row(labels, row, "nested", "; ".join(f"fold {k}: {point}" for k, point in row["chosen"].items()))


def draw(catalogue: Catalogue, scored: Sequence[Scored], axis: str, stem: Path) -> None:
    """Score against latent size, which is on `axis`, as PNG and SVG: a panel a task, a line for the rest of the point."""
    labels_of = {result["classifier"]: labels for labels, result in scored}
    lines: dict[str, dict[str, list[Result]]] = {}
    for one in group([result for _, result in scored], lambda name: catalogue.classifier(name).seedless_key):
        if one["latent_dim"] is not None:
            labels = labels_of[one["classifiers"][0]]
            rest = [text for key, text in labels.items() if key not in (*_TASK_AXES, axis, "seed") and text]
            name = " ".join([*rest, *one["marks"]]) or "score"
            lines.setdefault(one["task"], {}).setdefault(name, []).append(one)
    panels = [_panel(task, by_name) for task, by_name in lines.items()]
    if panels:
        score_figure(panels, stem.with_suffix(".png"), stem.with_suffix(".svg"))


def _panel(task: str, by_name: Mapping[str, Sequence[Result]]) -> Panel:
    first = next(iter(by_name.values()))[0]
    score, heading = ("uar", "UA") if first["target"] == "emotion" else ("macro_f1", "macro F1")
    lines = [_line(name, score, found) for name, found in by_name.items()]
    return Panel(task, "latents a segment", f"{heading} %, band: 95 %", lines, first["chance"].get(score))


def _line(name: str, score: str, found: Sequence[Result]) -> Line:
    in_order = sorted(found, key=lambda one: int(one["latent_dim"]))
    low, high = zip(*(one[f"{score}_ci95"] for one in in_order), strict=True)
    return Line(
        name, [float(one["latent_dim"]) for one in in_order], [one[score]["mean"] for one in in_order], low, high
    )
