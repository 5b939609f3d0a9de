"""Scores from (truth, prediction, labels). "WA" in the field's tables is `accuracy` here, "UA" is `uar`; F1 as in scikit-learn.

Truth and prediction are label names, (U,); scores are fractions.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Confusion = npt.NDArray[np.int64]
RESAMPLES = 2000


def confusion(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]) -> Confusion:
    """Rows are truth, columns prediction, (C, C)."""
    from sklearn.metrics import confusion_matrix

    counts: Confusion = confusion_matrix(truth, prediction, labels=list(labels)).astype(np.int64)
    return counts


def accuracy(counts: Confusion) -> float:
    """Share of utterances that are right (WA), of a confusion matrix (C, C)."""
    return float(np.trace(counts) / counts.sum())


def recalls(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Recall of each class, (…, C, C) -> (…, C); NaN for a class that does not occur."""
    support = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    shares: npt.NDArray[np.float64] = np.divide(right, support, out=np.full(support.shape, np.nan), where=support > 0)
    return shares


def uar(counts: npt.NDArray[Any]) -> Any:
    """Mean recall over the classes that occur (UA), (…, C, C) -> (…)."""
    return np.nanmean(recalls(counts), axis=-1)


def f1(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str], average: str) -> float:
    """F1, "macro" or "weighted", over the classes that occur in truth (scikit-learn's `f1_score`)."""
    from sklearn.metrics import f1_score

    present = [label for label in labels if label in set(truth)]
    return float(f1_score(truth, prediction, labels=present, average=average, zero_division=0.0))


def uar_interval(counts: Sequence[npt.NDArray[Any]]) -> tuple[float, float] | tuple[None, None]:
    """95 % percentile bootstrap of the UAR over speakers, whose utterances are not independent (scipy.stats.bootstrap).

    `counts` has one confusion matrix (C, C) a speaker; or (seeds, C, C), for the mean UAR over seeds, the speakers
    drawn once for all seeds. One speaker alone has no interval.
    """
    from scipy.stats import bootstrap

    stacked = np.stack(counts)  # (speakers, …, C, C)
    if len(stacked) < 2:
        return None, None

    def statistic(speakers: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float64]:
        pooled = stacked[np.moveaxis(speakers, axis, 0)].sum(axis=0)
        scores = uar(pooled)
        return np.asarray(scores.mean(axis=-1) if stacked.ndim == 4 else scores)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # speakers all alike make a point of the interval, which is true
        found = bootstrap(
            (np.arange(len(stacked)),),
            statistic,
            n_resamples=RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return float(found.low), float(found.high)


def scores(truth: Sequence[str], prediction: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """All scores of one set of predictions, as JSON; None where nothing was predicted."""
    if not truth:
        none = dict.fromkeys(("accuracy", "uar", "macro_f1", "weighted_f1"))
        return {**none, "recall": dict.fromkeys(labels), "confusion": [[0] * len(labels) for _ in labels]}
    counts = confusion(truth, prediction, labels)
    return {
        "accuracy": accuracy(counts),
        "uar": float(uar(counts)),
        "macro_f1": f1(truth, prediction, labels, "macro"),
        "weighted_f1": f1(truth, prediction, labels, "weighted"),
        "recall": {label: None if np.isnan(r) else float(r) for label, r in zip(labels, recalls(counts), strict=True)},
        "confusion": counts.tolist(),
    }
