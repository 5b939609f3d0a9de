"""Scores as values: of one set of predictions, their mean over seeds, folds or models, and what chance reaches. Fractions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from . import jackknife, metrics
from .metrics import SCORES, Counts, Interval

T = TypeVar("T", covariant=True)
Matrix = tuple[tuple[int, ...], ...]  # a confusion matrix: truth in rows, predictions in columns
Prediction = Mapping[str, str]  # a row of predictions.tsv
ClassShares = Mapping[str, float | None]  # by class; None where the denominator is 0
BY_CLASS = ("recall", "precision", "f1")


@dataclass(frozen=True)
class FourScores(Generic[T]):
    """One value for each of the four scores: the score itself, its interval, or its spread over seeds."""

    accuracy: T
    uar: T
    macro_f1: T
    weighted_f1: T

    @staticmethod
    def each(value: Callable[[str], T]) -> FourScores[T]:
        """The four values of a function of the score's name."""
        return FourScores(*map(value, SCORES))

    def to_json(self, before: str = "", after: str = "") -> dict[str, Any]:
        """By the name of the score, with `before` and `after` around it."""
        return {f"{before}{name}{after}": _plain(getattr(self, name)) for name in SCORES}

    @staticmethod
    def from_json(values: Mapping[str, Any], before: str = "", after: str = "") -> FourScores[Any]:
        """The inverse of `to_json`; intervals come back as tuples."""
        return FourScores.each(lambda name: _frozen(values[f"{before}{name}{after}"]))


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Spread) else list(value) if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return Spread(**value) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of a score over seeds or models; `std` is None for a single one."""

    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """
        >>> Spread.of([0.5, 0.7]).mean
        0.6
        """
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


@dataclass(frozen=True)
class ClassScores(FourScores[T]):
    """The four scores, recall, precision and F1 of each class, and the confusion matrix."""

    recall: ClassShares
    precision: ClassShares  # None for a class that was never predicted
    f1: ClassShares  # None for a class that does not occur, as in macro F1
    confusion: Matrix

    @property
    def never_predicted(self) -> list[str]:
        """Classes that were never predicted, whatever the truth."""
        columns = zip(self.recall, np.sum(self.confusion, axis=0), strict=True)
        return [label for label, n in columns if not n]

    def classes_to_json(self) -> dict[str, Any]:
        """What is known of each class."""
        return {**{name: dict(getattr(self, name)) for name in BY_CLASS}, "confusion": self.confusion}

    @staticmethod
    def classes_from_json(values: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `classes_to_json`."""
        return {**{name: values[name] for name in BY_CLASS}, "confusion": matrix(values["confusion"])}


@dataclass(frozen=True)
class Scores(ClassScores[float]):
    """Scores of one set of predictions."""

    @classmethod
    def from_predictions(cls, rows: Iterable[Prediction], labels: Sequence[str]) -> Scores:
        """Scores of rows with `truth` and `prediction`; there must be at least one row."""
        rows = list(rows)
        counts = confusion_of(rows, labels)
        return cls(
            **{name: float(score(counts)) for name, score in SCORES.items()},
            recall=_by_class(labels, metrics.recalls(counts)),
            precision=_by_class(labels, metrics.precisions(counts)),
            f1=_by_class(labels, metrics.f1_scores(counts)),
            confusion=matrix(counts),
        )

    @property
    def n_utterances(self) -> int:
        return int(np.sum(self.confusion))

    @property
    def four(self) -> FourScores[float]:
        """The four scores alone."""
        return FourScores.each(lambda name: getattr(self, name))


def _by_class(labels: Sequence[str], shares: npt.NDArray[np.float64]) -> ClassShares:
    """NaN becomes None."""
    return {label: None if np.isnan(share) else float(share) for label, share in zip(labels, shares, strict=True)}


NO_SCORES: FourScores[float | None] = FourScores(None, None, None, None)  # of a part in which nothing was predicted


@dataclass(frozen=True)
class MeanScores(ClassScores[Spread]):
    """Scores of several seeds, folds or models: mean and standard deviation, means of each class, and the sum of the confusion matrices."""


def mean_over(several: Sequence[Scores]) -> MeanScores:
    """The mean of scores over the same classes. A share that one of them lacks has no mean."""
    return MeanScores(
        **vars(spreads(several)),
        **{name: _mean_shares([getattr(scores, name) for scores in several]) for name in BY_CLASS},  # type: ignore[arg-type]
        confusion=matrix(np.sum([scores.confusion for scores in several], axis=0)),
    )


def _mean_shares(several: Sequence[ClassShares]) -> ClassShares:
    values = {label: [shares[label] for shares in several] for label in several[0]}
    return {label: None if None in shares else float(np.mean(shares)) for label, shares in values.items()}  # type: ignore[arg-type]


def spreads(several: Sequence[FourScores[float]]) -> FourScores[Spread]:
    """Mean and standard deviation of each of the four scores."""
    return FourScores.each(lambda name: Spread.of([getattr(scores, name) for scores in several]))


def intervals(counts: Sequence[Counts]) -> FourScores[Interval]:
    """95 % intervals: one confusion matrix per cluster, or (seeds, C, C) per cluster for the mean over seeds."""
    return FourScores.each(lambda name: jackknife.interval(counts, SCORES[name]))


def chance(confusion: Matrix) -> FourScores[float]:
    """Scores without listening: UA of guessing, and WA and F1 of always predicting the commonest class of the test part.

    >>> chance(((3, 0), (1, 0))).accuracy, chance(((3, 0), (1, 0))).uar
    (0.75, 0.5)
    """
    support = np.sum(confusion, axis=1)
    counts = np.zeros((len(support), len(support)), np.int64)
    counts[:, support.argmax()] = support
    return FourScores.each(lambda name: 1 / len(support) if name == "uar" else float(SCORES[name](counts)))


def confusion_of(rows: Sequence[Prediction], labels: Sequence[str]) -> Counts:
    """The confusion matrix of rows with `truth` and `prediction`."""
    return metrics.confusion([row["truth"] for row in rows], [row["prediction"] for row in rows], labels)


def matrix(counts: Counts) -> Matrix:
    """A confusion matrix as a value of a frozen dataclass."""
    return tuple(tuple(int(n) for n in row) for row in counts)
