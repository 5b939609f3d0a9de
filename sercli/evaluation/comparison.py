"""Two classifiers on the same utterances: how much they differ, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import SercliError, listed
from ..text import c_order
from . import jackknife, metrics
from .marks import Mark
from .metrics import Interval
from .results import Result
from .scores import FourScores, Prediction


@dataclass(frozen=True)
class Evaluated:
    """A classifier's result, and its test predictions by utt_id."""

    result: Result
    rows: Mapping[str, Prediction]

    @classmethod
    def of(cls, result: Result, predictions: Sequence[Prediction]) -> Evaluated:
        return cls(result, {row["utt_id"]: row for row in predictions if row["part"] == "test"})

    @property
    def name(self) -> str:
        return self.result.system.classifier


@dataclass(frozen=True)
class Side:
    """One of the two classifiers."""

    classifier: str
    task: str
    marks: tuple[Mark, ...]
    scores: FourScores[float]


@dataclass(frozen=True)
class RecallPair:
    """The recall of one class by both classifiers, and first − second."""

    first: float
    second: float
    difference: float


@dataclass(frozen=True)
class Agreement:
    """Numbers of utterances by which of the two classifiers is right."""

    both: int
    only_first: int
    only_second: int
    neither: int


@dataclass(frozen=True)
class Comparison:
    """Scores of both classifiers, and differences first − second; fractions."""

    first: Side
    second: Side
    target: str
    labels: tuple[str, ...]
    n_utterances: int
    n_speakers: int
    difference: FourScores[float]
    intervals: FourScores[Interval]  # 95 %, of the differences, over speakers
    recall: Mapping[str, RecallPair]  # of each class that was tested
    right: Agreement
    mcnemar_p: float
    warnings: tuple[str, ...]

    @property
    def swapped(self) -> Comparison:
        """The same comparison with the two classifiers in the other order."""
        recall = {label: RecallPair(p.second, p.first, -p.difference) for label, p in self.recall.items()}
        right = Agreement(self.right.both, self.right.only_second, self.right.only_first, self.right.neither)
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=FourScores.each(lambda name: -getattr(self.difference, name)),
            intervals=FourScores.each(lambda name: _negated(getattr(self.intervals, name))),
            recall=recall,
            right=right,
        )

    @property
    def better(self) -> Side | None:
        """The classifier with the higher UA, if the interval of the difference excludes 0."""
        low, high = self.intervals.uar
        if low is None or high is None or low <= 0 <= high:
            return None
        return self.first if low > 0 else self.second

    def to_json(self) -> dict[str, Any]:
        """The content of `comparison.json`."""
        sides = {
            name: {"classifier": side.classifier, "task": side.task, "marks": list(side.marks), **side.scores.to_json()}
            for name, side in (("first", self.first), ("second", self.second))
        }
        return {
            **sides,
            "target": self.target,
            "labels": self.labels,
            "n_utterances": self.n_utterances,
            "n_speakers": self.n_speakers,
            "difference": {**self.difference.to_json(), **self.intervals.to_json(after="_ci95")},
            "recall": {label: asdict(pair) for label, pair in self.recall.items()},
            "right": asdict(self.right),
            "mcnemar_p": self.mcnemar_p,
            "warnings": self.warnings,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """The inverse of `to_json`."""
        first, second = (
            Side(side["classifier"], side["task"], tuple(map(Mark, side["marks"])), FourScores.from_json(side))
            for side in (values["first"], values["second"])
        )
        return cls(
            first=first,
            second=second,
            target=values["target"],
            labels=tuple(values["labels"]),
            n_utterances=values["n_utterances"],
            n_speakers=values["n_speakers"],
            difference=FourScores.from_json(values["difference"]),
            intervals=FourScores.from_json(values["difference"], after="_ci95"),
            recall={label: RecallPair(**pair) for label, pair in values["recall"].items()},
            right=Agreement(**values["right"]),
            mcnemar_p=values["mcnemar_p"],
            warnings=tuple(values["warnings"]),
        )


def _negated(interval: Interval) -> Interval:
    low, high = interval
    return (None, None) if low is None or high is None else (-high, -low)


def compare(first: Evaluated, second: Evaluated, warnings: Sequence[str] = ()) -> Comparison:
    """The comparison of two classifiers; `warnings` are reasons to doubt it. Raises SercliError for two that cannot be compared."""
    check_comparable(first, second)
    labels = first.result.labels
    by_speaker = _utterances_by_speaker(first)
    counts = [[_confusion(side, utt_ids, labels) for utt_ids in by_speaker.values()] for side in (first, second)]
    pooled = [np.sum(matrices, axis=0) for matrices in counts]
    sides = [_side(side, matrix) for side, matrix in zip((first, second), pooled, strict=True)]
    right = _agreement(first, second)
    return Comparison(
        first=sides[0],
        second=sides[1],
        target=first.result.system.target,
        labels=labels,
        n_utterances=len(first.rows),
        n_speakers=len(by_speaker),
        difference=FourScores.each(lambda name: getattr(sides[0].scores, name) - getattr(sides[1].scores, name)),
        intervals=FourScores.each(lambda name: jackknife.paired_interval(counts[0], counts[1], metrics.SCORES[name])),
        recall=_recalls(labels, *pooled),
        right=right,
        mcnemar_p=metrics.mcnemar(right.only_first, right.only_second),
        warnings=tuple(warnings),
    )


def check_comparable(first: Evaluated, second: Evaluated) -> None:
    """Raises SercliError unless both classifiers answer the same question about the same utterances."""
    questions = [(s.result.system.target, s.result.system.bins, sorted(s.result.labels)) for s in (first, second)]
    if questions[0] != questions[1]:
        raise SercliError(
            "the classifiers answer different questions",
            place=f"{first.name}, {second.name}",
            seen=f"{_question(first.result)}; {_question(second.result)}",
            expected="one target and the same classes",
        )
    only_first, only_second = first.rows.keys() - second.rows.keys(), second.rows.keys() - first.rows.keys()
    if only_first or only_second:
        raise SercliError(
            "the classifiers were not tested on the same utterances",
            place=f"{first.name}, {second.name}",
            seen=f"{_examples(only_first)} only by {first.name}, {_examples(only_second)} only by {second.name}",
            expected="classifiers of one task, with all folds evaluated",
        )
    differing = [utt_id for utt_id, row in first.rows.items() if row["truth"] != second.rows[utt_id]["truth"]]
    if differing:
        utt_id = min(differing, key=c_order)
        raise SercliError(
            f"the true labels of {len(differing)} utterances differ",
            place=utt_id,
            seen=f"{first.rows[utt_id]['truth']} for {first.name}, {second.rows[utt_id]['truth']} for {second.name}",
            expected="classifiers of one task",
        )


def _question(result: Result) -> str:
    bins = f" ({result.system.bins})" if result.system.bins else ""
    return f"{listed(result.labels)} of {result.system.target}{bins}"


def _examples(utt_ids: set[str]) -> str:
    if not utt_ids:
        return "0"
    return f"{len(utt_ids)} ({min(utt_ids, key=c_order)}{', …' if len(utt_ids) > 1 else ''})"


def _side(evaluated: Evaluated, counts: metrics.Counts) -> Side:
    scores = FourScores.each(lambda name: float(metrics.SCORES[name](counts)))
    return Side(evaluated.name, evaluated.result.system.task, evaluated.result.marks, scores)


def _utterances_by_speaker(evaluated: Evaluated) -> dict[str, list[str]]:
    by_speaker: dict[str, list[str]] = {}
    for utt_id in sorted(evaluated.rows, key=c_order):
        by_speaker.setdefault(evaluated.rows[utt_id]["speaker"], []).append(utt_id)
    return {speaker: by_speaker[speaker] for speaker in sorted(by_speaker, key=c_order)}


def _confusion(evaluated: Evaluated, utt_ids: Sequence[str], labels: Sequence[str]) -> metrics.Counts:
    rows = [evaluated.rows[utt_id] for utt_id in utt_ids]
    return metrics.confusion([row["truth"] for row in rows], [row["prediction"] for row in rows], labels)


def _recalls(labels: Sequence[str], first: metrics.Counts, second: metrics.Counts) -> dict[str, RecallPair]:
    pairs = zip(labels, metrics.recalls(first).tolist(), metrics.recalls(second).tolist(), strict=True)
    return {label: RecallPair(a, b, a - b) for label, a, b in pairs if not np.isnan(a)}


def _agreement(first: Evaluated, second: Evaluated) -> Agreement:
    right_first, right_second = (
        {utt_id for utt_id, row in side.rows.items() if row["prediction"] == row["truth"]} for side in (first, second)
    )
    return Agreement(
        both=len(right_first & right_second),
        only_first=len(right_first - right_second),
        only_second=len(right_second - right_first),
        neither=len(first.rows.keys() - right_first - right_second),
    )
