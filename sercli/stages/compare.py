"""`sercli compare`: two classifiers on the same utterances, and whether their difference is more than chance."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SercliError, UsageError
from ..evaluation import metrics
from ..evaluation.scores import Prediction
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings, make_here
from ..store import keys, publishing
from ..store.store import Store
from ..text import c_order
from .evaluate import read_predictions, read_scores

COMPARISON = "comparison.json"


@dataclass(frozen=True)
class System:
    """A classifier as it was evaluated: its scores, and the test row of each utterance."""

    name: str
    scores: Mapping[str, Any]
    rows: Mapping[str, Prediction]


def run(store_path: Path, first: str, second: str, settings: Settings) -> tuple[Outcome, dict[str, Any]]:
    """The comparison as JSON, empty on a dry run. Raises SercliError for two that cannot be compared."""
    if first == second:
        raise UsageError(f"compare: {first} is named twice; name two classifiers")
    store = Store(store_path)
    catalogue = Catalogue(store)
    product = catalogue.classifier(first).comparison(catalogue.classifier(second))
    if not publishing.is_fresh(store, product):
        _refuse_incomparable(_read(store, first), _read(store, second))

    def fill(built: Path) -> None:
        found = compare(catalogue, _read(store, first), _read(store, second))
        (built / COMPARISON).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    outcome = make_here(store, product, settings, fill)
    outcome.say_if_nothing_to_do()
    return outcome, {} if settings.dry_run and outcome.made else store.read_json(product.key, COMPARISON)


def _read(store: Store, name: str) -> System:
    key = keys.result(name)
    rows = {row["utt_id"]: row for row in read_predictions(store, key) if row["part"] == "test"}
    return System(name, read_scores(store, key), rows)


def compare(catalogue: Catalogue, first: System, second: System) -> dict[str, Any]:
    """As JSON; scores and differences (first − second) are fractions."""
    _refuse_incomparable(first, second)
    labels = first.scores["labels"]
    by_speaker = _by_speaker(first)
    counts = [[_confusion(system, utt_ids, labels) for utt_ids in by_speaker.values()] for system in (first, second)]
    pooled = [sum(matrices[1:], matrices[0]) for matrices in counts]
    sides = [
        {
            "classifier": system.name,
            "task": system.scores["task"],
            "marks": system.scores["marks"],
            **{key: float(score(matrix)) for key, score in metrics.SCORES.items()},
        }
        for system, matrix in zip((first, second), pooled, strict=True)
    ]
    difference: dict[str, Any] = {}
    for key, score in metrics.SCORES.items():
        difference[key] = sides[0][key] - sides[1][key]
        difference[f"{key}_ci95"] = list(metrics.paired_interval(counts[0], counts[1], score))
    return {
        "first": sides[0],
        "second": sides[1],
        "target": first.scores["target"],
        "labels": labels,
        "n_utterances": len(first.rows),
        "n_speakers": len(by_speaker),
        "difference": difference,
        "recall": _recalls(labels, *pooled),
        **_who_is_right(first, second),
        "warnings": _warnings(catalogue, first, second),
    }


def _refuse_incomparable(first: System, second: System) -> None:
    """Raises SercliError unless both were asked the same of the same utterances."""
    asked = [(one.scores["target"], one.scores["bins"], sorted(one.scores["labels"])) for one in (first, second)]
    if asked[0] != asked[1]:
        raise SercliError(
            f"{first.name} tells apart {_question(first)}, {second.name} {_question(second)}; "
            "compare classifiers of one target and the same classes"
        )
    alone = [
        sorted(one.rows.keys() - other.rows.keys(), key=c_order) for one, other in ((first, second), (second, first))
    ]
    if any(alone):
        counts = (
            f"{len(utt_ids)} only {one.name}"
            + (f" ({utt_ids[0]}{', …' if len(utt_ids) > 1 else ''})" if utt_ids else "")
            for one, utt_ids in zip((first, second), alone, strict=True)
        )
        raise SercliError(
            f"{first.name} and {second.name} were not tested on the same utterances: {', '.join(counts)}; "
            "compare classifiers of one task, all their folds evaluated"
        )
    truth = {utt_id: (row["truth"], second.rows[utt_id]["truth"]) for utt_id, row in first.rows.items()}
    other = sorted((utt_id for utt_id, (one, another) in truth.items() if one != another), key=c_order)
    if other:
        one, another = truth[other[0]]
        raise SercliError(
            f"the truth of {len(other)} utterances differs: {other[0]} is {one} to {first.name}, {another} to {second.name}; "
            "compare classifiers of one task"
        )


def _question(system: System) -> str:
    bins = f" ({system.scores['bins']})" if system.scores["bins"] else ""
    return f"{', '.join(system.scores['labels'])} of {system.scores['target']}{bins}"


def _by_speaker(system: System) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for utt_id in sorted(system.rows, key=lambda utt_id: (c_order(system.rows[utt_id]["speaker"]), c_order(utt_id))):
        found.setdefault(system.rows[utt_id]["speaker"], []).append(utt_id)
    return found


def _confusion(system: System, utt_ids: list[str], labels: list[str]) -> metrics.Confusion:
    rows = [system.rows[utt_id] for utt_id in utt_ids]
    return metrics.confusion([row["truth"] for row in rows], [row["prediction"] for row in rows], labels)


def _recalls(labels: list[str], first: metrics.Confusion, second: metrics.Confusion) -> dict[str, Any]:
    """Of each class that was tested."""
    found = {}
    for label, one, other in zip(labels, metrics.recalls(first), metrics.recalls(second), strict=True):
        if not np.isnan(one):
            found[label] = {"first": float(one), "second": float(other), "difference": float(one - other)}
    return found


def _who_is_right(first: System, second: System) -> dict[str, Any]:
    right = [
        {utt_id for utt_id, row in system.rows.items() if row["prediction"] == row["truth"]}
        for system in (first, second)
    ]
    only_first, only_second = len(right[0] - right[1]), len(right[1] - right[0])
    return {
        "right": {
            "both": len(right[0] & right[1]),
            "only_first": only_first,
            "only_second": only_second,
            "neither": len(first.rows.keys() - right[0] - right[1]),
        },
        "mcnemar_p": metrics.mcnemar(only_first, only_second),
    }


def _warnings(catalogue: Catalogue, first: System, second: System) -> list[str]:
    """Why the two may differ for another reason than what they are."""
    found = []
    marks = [" ".join(system.scores["marks"]) or "no mark" for system in (first, second)]
    if marks[0] != marks[1]:
        found.append(f"the marks differ: {first.name} has {marks[0]}, {second.name} has {marks[1]}")
    tasks = [system.scores["task"] for system in (first, second)]
    if catalogue.task(tasks[0]).folds.folds != catalogue.task(tasks[1]).folds.folds:
        found.append(
            f"the folds differ, so training or dev does: {first.name} has those of {tasks[0]}, {second.name} those of {tasks[1]}"
        )
    return found
