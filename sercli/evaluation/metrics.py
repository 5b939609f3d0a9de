"""Scores of predictions, and McNemar's test. Scores are fractions.

Each score has two functions. `uar(truth, prediction, labels)` reads one label per utterance. `uar_of_counts(counts)` reads confusion
matrices with any leading axes, (..., C, C) -> (...): a permutation test scores thousands of them at once.
Classes that do not occur in `truth` are left out of means over classes, as in scikit-learn with `labels=set(truth)`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = Sequence[str]
Counts = npt.NDArray[Any]  # (..., C, C): truth in rows, predictions in columns
CountScore = Callable[[Counts], Any]  # (..., C, C) -> (...)
Interval = tuple[float, float] | tuple[None, None]


def confusion(truth: Labels, prediction: Labels, labels: Labels) -> npt.NDArray[np.int64]:
    """Confusion matrix (C, C): truth in rows, predictions in columns. Raises KeyError for a label that is not in `labels`.

    >>> confusion(["sad", "sad", "calm"], ["sad", "calm", "calm"], ["calm", "sad"]).tolist()
    [[1, 0], [1, 1]]
    """
    index = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for true, predicted in zip(truth, prediction, strict=True):
        counts[index[true], index[predicted]] += 1
    return counts


def accuracy(truth: Labels, prediction: Labels, labels: Labels) -> float:
    r"""Share of utterances that are right, :math:`\sum_c n_{cc} / N`. The field's tables call it WA (weighted accuracy).

    >>> accuracy(["sad", "sad", "sad", "calm"], ["sad", "sad", "sad", "sad"], ["calm", "sad"])
    0.75
    """
    return float(accuracy_of_counts(confusion(truth, prediction, labels)))


def uar(truth: Labels, prediction: Labels, labels: Labels) -> float:
    r"""Unweighted average recall, :math:`\frac{1}{C} \sum_c n_{cc} / n_{c}`. The field's tables call it UA.

    Guessing reaches 1 / C, however unequal the classes are.

    >>> uar(["sad", "sad", "sad", "calm"], ["sad", "sad", "sad", "sad"], ["calm", "sad"])
    0.5
    """
    return float(uar_of_counts(confusion(truth, prediction, labels)))


def macro_f1(truth: Labels, prediction: Labels, labels: Labels) -> float:
    r"""Mean F1 of the classes, :math:`\frac{1}{C} \sum_c 2 n_{cc} / (n_{c} + \hat n_{c})`, where :math:`\hat n_c` counts predictions.

    >>> macro_f1(["sad", "sad", "calm", "calm"], ["sad", "sad", "sad", "sad"], ["calm", "sad"]).__round__(3)
    0.333
    """
    return float(macro_f1_of_counts(confusion(truth, prediction, labels)))


def weighted_f1(truth: Labels, prediction: Labels, labels: Labels) -> float:
    r"""Mean F1 of the classes, each weighted by its share of the utterances.

    >>> weighted_f1(["sad", "sad", "sad", "calm"], ["sad", "sad", "sad", "sad"], ["calm", "sad"]).__round__(3)
    0.643
    """
    return float(weighted_f1_of_counts(confusion(truth, prediction, labels)))


def accuracy_of_counts(counts: Counts) -> Any:
    """Accuracy of each confusion matrix, (..., C, C) -> (...)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def recalls(counts: Counts) -> npt.NDArray[np.float64]:
    """Recall of each class, (..., C, C) -> (..., C); NaN for a class that does not occur."""
    support = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    shares: npt.NDArray[np.float64] = np.divide(right, support, out=np.full(support.shape, np.nan), where=support > 0)
    return shares


def precisions(counts: Counts) -> npt.NDArray[np.float64]:
    """Precision of each class, (..., C, C) -> (..., C); NaN for a class that was never predicted."""
    return recalls(np.swapaxes(counts, -2, -1))


def uar_of_counts(counts: Counts) -> Any:
    """Unweighted average recall of each confusion matrix, (..., C, C) -> (...)."""
    return np.nanmean(recalls(counts), axis=-1)


def macro_f1_of_counts(counts: Counts) -> Any:
    """Macro F1 of each confusion matrix, (..., C, C) -> (...)."""
    return np.nanmean(f1_scores(counts), axis=-1)


def weighted_f1_of_counts(counts: Counts) -> Any:
    """Weighted F1 of each confusion matrix, (..., C, C) -> (...)."""
    return np.nansum(f1_scores(counts) * counts.sum(axis=-1), axis=-1) / counts.sum(axis=(-2, -1))


def f1_scores(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 of each class, (..., C, C) -> (..., C); NaN for a class that does not occur."""
    support = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    f1: npt.NDArray[np.float64] = np.divide(
        2 * right, support + counts.sum(axis=-2), out=np.full(support.shape, np.nan), where=support > 0
    )
    return f1


SCORES: Mapping[str, CountScore] = {
    "accuracy": accuracy_of_counts,
    "uar": uar_of_counts,
    "macro_f1": macro_f1_of_counts,
    "weighted_f1": weighted_f1_of_counts,
}


def mcnemar(n_only_a: int, n_only_b: int) -> float:
    """McNemar's exact two-sided p that two systems are equally good; 1 if no utterance tells them apart.

    `n_only_a` utterances are right in system A alone, `n_only_b` in system B alone. Utterances count as independent, though those of
    one speaker are not.

    >>> mcnemar(1, 5)
    0.21875
    """
    from scipy.stats import binomtest

    return float(binomtest(n_only_a, n_only_a + n_only_b).pvalue) if n_only_a + n_only_b else 1.0
