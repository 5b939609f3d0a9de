"""Two systems on the same utterances: how much they differ, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..data.utterances import Utterance
from ..errors import SercliError, listed
from ..experiments.systems import Classifier
from ..text import c_order
from . import jackknife, metrics, permutation
from .groups import Group
from .marks import Mark
from .metrics import Interval
from .results import confusions_by_cluster
from .scores import FourScores, Prediction

MCNEMAR = (
    "McNemar's test takes utterances as independent, which those of one speaker are not, and finds differences where there are none: "
    "it is given for papers that print it, of one fit of each system, and decides nothing"
)
Rows = Mapping[str, Prediction]  # test predictions by utt_id


@dataclass(frozen=True)
class Evaluated:
    """A system: its results, the test predictions of each of its fits, and the test utterances of its folds."""

    group: Group
    rows: Mapping[str, Rows]  # by classifier
    tested: AbstractSet[str]  # some of which may have no features, and so no prediction

    @classmethod
    def of(cls, group: Group, predictions: Mapping[str, Sequence[Prediction]], tested: AbstractSet[str]) -> Evaluated:
        """`predictions` of dev and test, by classifier."""
        tests = {
            name: {row["utt_id"]: row for row in rows if row["part"] == "test"} for name, rows in predictions.items()
        }
        return cls(group, tests, tested)

    @property
    def name(self) -> str:
        return self.group.name

    @property
    def first(self) -> Rows:
        """The predictions of the first fit."""
        return self.rows[self.name]

    def within(self, utt_ids: AbstractSet[str]) -> Evaluated:
        """The same system on some utterances."""
        rows = {name: {u: row for u, row in of_fit.items() if u in utt_ids} for name, of_fit in self.rows.items()}
        return replace(self, rows=rows)


@dataclass(frozen=True)
class Side:
    """One of the two systems."""

    system: str  # the name of its first classifier
    classifiers: tuple[str, ...]
    seeds: tuple[int, ...]
    task: str
    marks: tuple[Mark, ...]
    scores: FourScores[float]  # mean over seeds

    def to_json(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in ("system", "classifiers", "seeds", "task", "marks")}
        return {**facts, **self.scores.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Side:
        marks = tuple(map(Mark, values["marks"]))
        names, seeds = tuple(values["classifiers"]), tuple(values["seeds"])
        return cls(values["system"], names, seeds, values["task"], marks, FourScores.from_json(values))


@dataclass(frozen=True)
class RecallPair:
    """The recall of one class by both systems, means over seeds, and first − second."""

    first: float
    second: float
    difference: float


@dataclass(frozen=True)
class McNemar:
    """Numbers of utterances by which of two single fits is right, and McNemar's exact p."""

    first: str  # classifier
    second: str
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Scores of both systems, and differences first − second; fractions, means over seeds."""

    first: Side
    second: Side
    target: str
    labels: tuple[str, ...]
    n_utterances: int
    cluster: str  # what is left out and swapped as a whole: "session" or "speaker"
    n_clusters: int
    difference: FourScores[float]
    intervals: FourScores[Interval]  # 95 %, of the differences, over clusters
    p: FourScores[float]  # of the exact permutation test
    recall: Mapping[str, RecallPair]  # of each class that was tested
    mcnemar: McNemar
    warnings: tuple[str, ...]

    @property
    def swapped(self) -> Comparison:
        """The same comparison with the two systems in the other order."""
        recall = {label: RecallPair(p.second, p.first, -p.difference) for label, p in self.recall.items()}
        m = self.mcnemar
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=FourScores.each(lambda name: -getattr(self.difference, name)),
            intervals=FourScores.each(lambda name: _negated(getattr(self.intervals, name))),
            recall=recall,
            mcnemar=McNemar(m.second, m.first, m.both, m.only_second, m.only_first, m.neither, m.p),
        )

    @property
    def smallest_p(self) -> float:
        """The smallest p that so many clusters can give."""
        return permutation.smallest_p(self.n_clusters)

    @property
    def can_claim(self) -> bool:
        """Whether there are enough clusters for any claim."""
        return self.smallest_p <= permutation.LEVEL

    @property
    def better(self) -> Side | None:
        """The system with the higher UA, if that can be claimed: no part of it is by the intervals."""
        if self.p.uar > permutation.LEVEL:
            return None
        return self.first if self.difference.uar > 0 else self.second

    def to_json(self) -> dict[str, Any]:
        """The content of `comparison.json`."""
        better = self.better
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "target": self.target,
            "labels": self.labels,
            "n_utterances": self.n_utterances,
            "cluster": self.cluster,
            "n_clusters": self.n_clusters,
            "difference": {**self.difference.to_json(), **self.intervals.to_json(after="_ci95")},
            "p": self.p.to_json(),
            "smallest_p": self.smallest_p,
            "exact": self.n_clusters <= permutation.MOST_EXACT,
            "better": better and better.system,
            "recall": {label: asdict(pair) for label, pair in self.recall.items()},
            "mcnemar": {**asdict(self.mcnemar), "note": MCNEMAR},
            "warnings": self.warnings,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """The inverse of `to_json`."""
        return cls(
            first=Side.from_json(values["first"]),
            second=Side.from_json(values["second"]),
            target=values["target"],
            labels=tuple(values["labels"]),
            n_utterances=values["n_utterances"],
            cluster=values["cluster"],
            n_clusters=values["n_clusters"],
            difference=FourScores.from_json(values["difference"]),
            intervals=FourScores.from_json(values["difference"], after="_ci95"),
            p=FourScores.from_json(values["p"]),
            recall={label: RecallPair(**pair) for label, pair in values["recall"].items()},
            mcnemar=McNemar(**{name: value for name, value in values["mcnemar"].items() if name != "note"}),
            warnings=tuple(values["warnings"]),
        )


def _negated(interval: Interval) -> Interval:
    low, high = interval
    return (None, None) if low is None or high is None else (-high, -low)


def compare(
    first: Evaluated, second: Evaluated, utterances: Sequence[Utterance], warnings: Sequence[str] = ()
) -> Comparison:
    """The comparison of two systems; `warnings` are reasons to doubt it. Raises SercliError for two that cannot be compared.

    Utterances that one of them could not read, for want of features, are left out of both.
    """
    check_comparable(first, second)
    common = first.first.keys() & second.first.keys()
    left_out = [_left_out(side, further) for side in (first, second) if (further := side.first.keys() - common)]
    first, second = first.within(common), second.within(common)
    labels, by_id = first.group.labels, {u.utt_id: u for u in utterances}
    (unit, counts_a), (_, counts_b) = (_confusions(side, labels, by_id) for side in (first, second))
    sides = [_side(side, counts) for side, counts in ((first, counts_a), (second, counts_b))]
    return Comparison(
        first=sides[0],
        second=sides[1],
        target=first.group.system.target,
        labels=labels,
        n_utterances=len(common),
        cluster=unit,
        n_clusters=len(counts_a),
        difference=FourScores.each(lambda name: getattr(sides[0].scores, name) - getattr(sides[1].scores, name)),
        intervals=FourScores.each(lambda name: jackknife.paired_interval(counts_a, counts_b, metrics.SCORES[name])),
        p=FourScores.each(lambda name: permutation.p_value(counts_a, counts_b, metrics.SCORES[name])),
        recall=_recalls(labels, counts_a, counts_b),
        mcnemar=_mcnemar(first, second),
        warnings=(*left_out, *warnings),
    )


def _left_out(system: Evaluated, utt_ids: AbstractSet[str]) -> str:
    return (
        f"{_examples(utt_ids)} of the utterances of {system.name} are left out, since the other has no features of them"
    )


def check_same_question(first: Classifier, second: Classifier) -> None:
    """Raises SercliError unless both classifiers have one target and the same classes."""
    both = [(classifier.task.definition, classifier.folds.classes) for classifier in (first, second)]
    a, b = ((task.target, task.bins, sorted(classes)) for task, classes in both)
    if a != b:
        raise SercliError(
            "the systems answer different questions",
            place=f"{first.name}, {second.name}",
            seen="; ".join(
                f"{listed(classes)} of {task.target}{f' ({task.bins})' if task.bins else ''}" for task, classes in both
            ),
            expected="one target and the same classes",
        )


def check_comparable(first: Evaluated, second: Evaluated) -> None:
    """Raises SercliError unless both systems were tested on the same utterances, with the same labels.

    Utterances of which one of them has no features may differ: its folds test them, but it could not read them.
    """
    only_first = first.first.keys() - second.first.keys() - second.tested
    only_second = second.first.keys() - first.first.keys() - first.tested
    common = first.first.keys() & second.first.keys()
    if only_first or only_second or not common:
        raise SercliError(
            "the systems were not tested on the same utterances",
            place=f"{first.name}, {second.name}",
            seen=f"{_examples(only_first)} only by {first.name}, {_examples(only_second)} only by {second.name}",
            expected="systems of one task",
        )
    differing = [utt_id for utt_id in common if first.first[utt_id]["truth"] != second.first[utt_id]["truth"]]
    if differing:
        utt_id = min(differing, key=c_order)
        raise SercliError(
            f"the true labels of {len(differing)} utterances differ",
            place=utt_id,
            seen=f"{first.first[utt_id]['truth']} for {first.name}, {second.first[utt_id]['truth']} for {second.name}",
            expected="systems of one task",
        )


def _examples(utt_ids: AbstractSet[str]) -> str:
    if not utt_ids:
        return "0"
    return f"{len(utt_ids)} ({min(utt_ids, key=c_order)}{', …' if len(utt_ids) > 1 else ''})"


def _confusions(
    system: Evaluated, labels: Sequence[str], utterances: Mapping[str, Utterance]
) -> tuple[str, list[metrics.Counts]]:
    """What a cluster is, and for each the confusion matrices (seeds, C, C)."""
    fits = {name: confusions_by_cluster(list(rows.values()), labels, utterances) for name, rows in system.rows.items()}
    names = [result.system.classifier for result in system.group.balanced]
    unit, clusters = fits[names[0]]
    return unit, [np.array([fits[name][1][cluster] for name in names]) for cluster in clusters]


def _side(evaluated: Evaluated, counts: Sequence[metrics.Counts]) -> Side:
    group, pooled = evaluated.group, np.sum(counts, axis=0)
    scores = FourScores.each(lambda name: float(metrics.SCORES[name](pooled).mean()))
    return Side(group.name, tuple(group.classifiers), tuple(group.seeds), group.system.task, group.marks, scores)


def _recalls(
    labels: Sequence[str], first: Sequence[metrics.Counts], second: Sequence[metrics.Counts]
) -> dict[str, RecallPair]:
    both = (metrics.recalls(np.sum(counts, axis=0)).mean(axis=0).tolist() for counts in (first, second))
    return {label: RecallPair(a, b, a - b) for label, a, b in zip(labels, *both, strict=True) if not np.isnan(a)}


def _mcnemar(first: Evaluated, second: Evaluated) -> McNemar:
    right_first, right_second = (
        {utt_id for utt_id, row in side.first.items() if row["prediction"] == row["truth"]} for side in (first, second)
    )
    only_first, only_second = len(right_first - right_second), len(right_second - right_first)
    return McNemar(
        first.name,
        second.name,
        both=len(right_first & right_second),
        only_first=only_first,
        only_second=only_second,
        neither=len(first.first.keys() - right_first - right_second),
        p=metrics.mcnemar(only_first, only_second),
    )
