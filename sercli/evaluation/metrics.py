"""Scores of confusion matrices. "WA" in the field's tables is `accuracy` here, "UA" is `uar`; F1 as in scikit-learn.

Truth and prediction are label names, (U,); scores are fractions, over the classes that occur in truth. Each score takes
counts of any leading axes, (…, C, C), to (…).
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Confusion = npt.NDArray[np.int64]
Score = Callable[[npt.NDArray[Any]], Any]
Interval = tuple[float, float] | tuple[None, None]
Drawn = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float64]]
RESAMPLES = 2000


def confusion(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]) -> Confusion:
    """Rows are truth, columns prediction, (C, C)."""
    from sklearn.metrics import confusion_matrix

    counts: Confusion = confusion_matrix(truth, prediction, labels=list(labels)).astype(np.int64)
    return counts


def accuracy(counts: npt.NDArray[Any]) -> Any:
    """Share of utterances that are right (WA)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def recalls(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Recall of each class, (…, C, C) -> (…, C); NaN for a class that does not occur."""
    support = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    shares: npt.NDArray[np.float64] = np.divide(right, support, out=np.full(support.shape, np.nan), where=support > 0)
    return shares


def uar(counts: npt.NDArray[Any]) -> Any:
    """Mean recall (UA)."""
    return np.nanmean(recalls(counts), axis=-1)


def macro_f1(counts: npt.NDArray[Any]) -> Any:
    """Mean F1 of the classes."""
    return np.nanmean(_f1(counts), axis=-1)


def weighted_f1(counts: npt.NDArray[Any]) -> Any:
    """Mean F1 of the classes, each weighted by how often it occurs."""
    return np.nansum(_f1(counts) * counts.sum(axis=-1), axis=-1) / counts.sum(axis=(-2, -1))


def _f1(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """F1 of each class, (…, C, C) -> (…, C); NaN for a class that does not occur."""
    support = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    found: npt.NDArray[np.float64] = np.divide(
        2 * right, support + counts.sum(axis=-2), out=np.full(support.shape, np.nan), where=support > 0
    )
    return found


SCORES: Mapping[str, Score] = {"accuracy": accuracy, "uar": uar, "macro_f1": macro_f1, "weighted_f1": weighted_f1}


def interval(counts: Sequence[npt.NDArray[Any]], score: Score) -> Interval:
    """95 % percentile bootstrap of a score over speakers, whose utterances are not independent (scipy.stats.bootstrap).

    `counts` has one confusion matrix (C, C) a speaker; or (…, C, C), for the mean over seeds, targets or both, the
    speakers drawn once for all of them. Every score sees the same draws. One speaker alone has no interval.
    """
    return _bootstrap(len(counts), _of_speakers(counts, score))


def paired_interval(
    counts_a: Sequence[npt.NDArray[Any]], counts_b: Sequence[npt.NDArray[Any]], score: Score
) -> Interval:
    """The same of the difference A − B of two systems: one confusion matrix a speaker of each, the same speakers drawn for both."""
    assert len(counts_a) == len(counts_b), "the same speakers, in the same order"
    a, b = _of_speakers(counts_a, score), _of_speakers(counts_b, score)
    return _bootstrap(len(counts_a), lambda drawn: a(drawn) - b(drawn))


def _of_speakers(counts: Sequence[npt.NDArray[Any]], score: Score) -> Drawn:
    """The score of the speakers drawn, (…, n) -> (…): the mean over whatever axes stand before (C, C)."""
    stacked = np.stack(counts)  # (speakers, …, C, C)

    def of(drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        scores = np.asarray(score(stacked[np.moveaxis(drawn, -1, 0)].sum(axis=0)))
        means: npt.NDArray[np.float64] = scores.reshape(*drawn.shape[:-1], -1).mean(axis=-1)
        return means

    return of


def _bootstrap(n: int, of: Drawn) -> Interval:
    from scipy.stats import bootstrap

    if n < 2:
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # speakers all alike make a point of the interval, which is true
        found = bootstrap(
            (np.arange(n),),
            lambda drawn, axis: of(np.moveaxis(drawn, axis, -1)),
            n_resamples=RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return float(found.low), float(found.high)


def mcnemar(n_only_a: int, n_only_b: int) -> float:
    """Exact two-sided p of so many utterances that one system alone gets right, were both as good; 1 where there are none.

    Utterances count as independent, which those of one speaker are not.
    """
    from scipy.stats import binomtest

    return float(binomtest(n_only_a, n_only_a + n_only_b).pvalue) if n_only_a + n_only_b else 1.0


def scores(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """All scores of one set of predictions, as JSON; None where nothing was predicted."""
    if not truth:
        none = dict.fromkeys(SCORES)
        return {**none, "recall": dict.fromkeys(labels), "confusion": [[0] * len(labels) for _ in labels]}
    counts = confusion(truth, prediction, labels)
    return {
        **{name: float(score(counts)) for name, score in SCORES.items()},
        "recall": {label: None if np.isnan(r) else float(r) for label, r in zip(labels, recalls(counts), strict=True)},
        "confusion": counts.tolist(),
    }
