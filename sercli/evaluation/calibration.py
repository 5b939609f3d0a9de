"""How far posteriors are probabilities, the temperature that brings them closer, and what it is worth to reject uncertain answers.

Arrays: posteriors (N, C), whose rows sum to 1; truth (N,), the index of each utterance's class. The answer is the most probable class
(the first of equals), its posterior is the confidence.

A temperature T replaces posteriors p by p^(1/T), renormalised, which for a softmax divides the logits by T. No answer changes.
T is fitted on dev alone, and applied to the test part of the same fold. Guo, Pleiss, Sun, Weinberger: On Calibration of Modern
Neural Networks, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import build
from ..errors import SercliError, listed
from .scores import Prediction

Posteriors = npt.NDArray[np.float64]  # (N, C)
Truth = npt.NDArray[np.int64]  # (N,)
N_BINS = 15  # of confidence, of equal width
COVERAGES = tuple(k / 20 for k in range(1, 21))  # at which the risk is stored
COLDEST, HOTTEST = 0.05, 20.0  # bounds of a temperature
_SMALLEST = float(np.finfo(np.float64).eps)  # of a probability in the log loss, as in scikit-learn
_TINY = float(np.finfo(np.float64).tiny)  # of a probability whose logarithm is divided by T
_ALIKE = 1e-6  # posteriors of one utterance that differ by less say nothing
_HALVINGS = 60  # of the range of 1/T, down to the last bit


def check_finite(posteriors: npt.NDArray[np.floating], place: str) -> None:
    """Raises SercliError at `place`, the classifier and the utterance, for posteriors (C,) that give no answer."""
    if not np.isfinite(posteriors).all():
        fix = "train the classifier again with a smaller learning rate, or leave the recording out"
        seen = listed(f"{p:g}" for p in posteriors)
        raise SercliError("the posteriors are not finite", place=place, seen=seen, expected="probabilities", fix=fix)


# --- quality


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers whose confidence lies in one bin; without any, both means are None."""

    n: int
    confidence: float | None  # mean
    accuracy: float | None


@dataclass(frozen=True)
class PosteriorScores:
    """Quality of posteriors. All but the reliability are means over utterances; lower is better."""

    ece: float
    brier: float
    log_loss: float
    risk_area: float  # under the risk–coverage curve
    risk: tuple[float, ...]  # at each of COVERAGES
    reliability: tuple[ReliabilityBin, ...]  # N_BINS, from the lowest confidence to the highest

    @classmethod
    def of(cls, posteriors: Posteriors, truth: Truth) -> PosteriorScores:
        """Of at least one utterance."""
        bins = reliability(posteriors, truth)
        risk, area = risk_coverage(posteriors, truth)
        return cls(
            expected_calibration_error(bins), brier(posteriors, truth), log_loss(posteriors, truth), area, risk, bins
        )

    @classmethod
    def mean(cls, several: Sequence[PosteriorScores]) -> PosteriorScores:
        """The mean over seeds; bins hold the answers of all seeds."""
        numbers = {
            name: float(np.mean([getattr(s, name) for s in several]))
            for name in ("ece", "brier", "log_loss", "risk_area")
        }
        risk = tuple(map(float, np.mean([s.risk for s in several], axis=0)))
        return cls(
            **numbers, risk=risk, reliability=tuple(map(_together, zip(*(s.reliability for s in several), strict=True)))
        )


def _together(bins: Sequence[ReliabilityBin]) -> ReliabilityBin:
    n = sum(each.n for each in bins)
    mean = [
        sum(each.n * (value or 0) for each, value in zip(bins, values, strict=True)) / max(n, 1)
        for values in zip(*((each.confidence, each.accuracy) for each in bins), strict=True)
    ]
    return ReliabilityBin(n, *mean) if n else ReliabilityBin(0, None, None)


def log_loss(posteriors: Posteriors, truth: Truth) -> float:
    """Mean negative natural logarithm of the true class's posterior, which counts as 2.2e-16 at least: an utterance costs 36 nats at most.

    >>> log_loss(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0, 0])).__round__(4)
    0.3993
    """
    return float(-np.log(np.maximum(posteriors[np.arange(len(truth)), truth], _SMALLEST)).mean())


def brier(posteriors: Posteriors, truth: Truth) -> float:
    """Mean over utterances of the squared differences from the true answer, summed over classes: 0 to 2.

    >>> brier(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1]))
    1.25
    """
    return float(((posteriors - np.eye(posteriors.shape[1])[truth]) ** 2).sum(axis=1).mean())


def reliability(posteriors: Posteriors, truth: Truth, n_bins: int = N_BINS) -> tuple[ReliabilityBin, ...]:
    """Confidence and accuracy of the answers in bins of equal width, each without its lower edge."""
    confidence, right = posteriors.max(axis=1), posteriors.argmax(axis=1) == truth
    number = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence)
    bins = [(confidence[number == k], right[number == k]) for k in range(n_bins)]
    return tuple(
        ReliabilityBin(len(c), float(c.mean()), float(r.mean())) if len(c) else ReliabilityBin(0, None, None)
        for c, r in bins
    )


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean over utterances of the difference between confidence and accuracy of their bin.

    >>> expected_calibration_error([ReliabilityBin(3, 0.4, 0.5), ReliabilityBin(1, 0.9, 0.5)]).__round__(3)
    0.175
    """
    gaps = [each.n * abs((each.confidence or 0) - (each.accuracy or 0)) for each in bins]
    return sum(gaps) / sum(each.n for each in bins)


def risk_coverage(posteriors: Posteriors, truth: Truth) -> tuple[tuple[float, ...], float]:
    """The share of wrong answers among the most certain ones, at each of COVERAGES; and the mean over all N coverages, the area.

    Answers with equal confidence come in no order: each of them counts with their mean error, so that the order of utterances does
    not matter.
    """
    confidence, wrong = posteriors.max(axis=1), posteriors.argmax(axis=1) != truth
    _, place, n = np.unique(-confidence, return_inverse=True, return_counts=True)  # most certain first
    errors = np.repeat(np.bincount(place, wrong) / n, n).cumsum()
    numbers = np.arange(1, len(truth) + 1)
    kept = len(truth) * np.array(COVERAGES)
    risk = np.interp(kept, np.r_[0, numbers], np.r_[0, errors]) / kept
    return tuple(map(float, risk)), float((errors / numbers).mean())


# --- temperature


@dataclass(frozen=True)
class Temperature:
    """A temperature, and the dev utterances that it was fitted on. The note says what they do not tell."""

    value: float
    n_utterances: int
    note: str = ""
    fold: int | None = None  # whose dev part; None: the dev parts of all folds


def calibrated(posteriors: Posteriors, temperature: float) -> Posteriors:
    """Posteriors (..., C) to the power 1/T, renormalised; unchanged at T = 1.

    >>> calibrated(np.array([0.8, 0.2]), 2.0).round(3).tolist()
    [0.667, 0.333]
    """
    return posteriors if temperature == 1 else _softmax(_logits(posteriors) / temperature)


def _logits(posteriors: Posteriors) -> Posteriors:
    logits: Posteriors = np.log(np.maximum(posteriors, _TINY))
    return logits


def _softmax(logits: Posteriors) -> Posteriors:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Posteriors = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def fit_temperature(posteriors: Posteriors, truth: Truth) -> Temperature:
    r"""The temperature between 0.05 and 20 that minimises the log loss of calibrated dev posteriors.

    The loss is convex in :math:`\beta = 1/T`; its slope, the mean over utterances of :math:`\sum_c q_c \log p_c - \log p_{truth}` with
    :math:`q = p^\beta` renormalised, is brought to 0 by bisection. One number is fitted to all utterances, so a class without dev
    utterances changes nothing. T is 1 where dev cannot tell it: no utterance, all posteriors uniform, or every answer right (the loss
    then falls for ever as T goes to 0). An optimum beyond a bound gives the bound.
    """
    if reason := _undetermined(posteriors, truth):
        return Temperature(1.0, len(truth), reason)
    logits = _logits(posteriors)
    of_truth = logits[np.arange(len(truth)), truth].mean()

    def slope(beta: float) -> float:
        return float((_softmax(beta * logits) * logits).sum(axis=1).mean() - of_truth)

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(low) >= 0:
        return Temperature(HOTTEST, len(truth), "the best temperature is higher than the bound")
    if slope(high) <= 0:
        return Temperature(COLDEST, len(truth), "the best temperature is lower than the bound")
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return Temperature(1 / high, len(truth))


def _undetermined(posteriors: Posteriors, truth: Truth) -> str:
    """Why no temperature can be fitted; empty where one can."""
    if not len(truth):
        return "no dev utterance"
    if np.ptp(posteriors, axis=1).max() < _ALIKE:
        return "the dev posteriors are uniform"
    if (posteriors[np.arange(len(truth)), truth] == posteriors.max(axis=1)).all():
        return "every dev utterance is right"
    return ""


# --- of the predictions of a classifier


@dataclass(frozen=True)
class Calibration:
    """Quality of the posteriors of all test parts, as they are and with the temperature of each fold; or its mean over seeds."""

    raw: PosteriorScores
    calibrated: PosteriorScores
    temperatures: tuple[Temperature, ...]

    @classmethod
    def of(cls, test: Sequence[Prediction], dev: Sequence[Prediction], labels: Sequence[str]) -> Calibration:
        """From rows of `predictions.tsv`; there must be at least one test row."""
        before, after, truths, temperatures = [], [], [], []
        for fold in dict.fromkeys(row["fold"] for row in test):
            of_test, of_dev = (arrays([row for row in part if row["fold"] == fold], labels) for part in (test, dev))
            temperature = fit_temperature(*of_dev)
            temperatures.append(replace(temperature, fold=int(fold)))
            before.append(of_test[0])
            after.append(calibrated(of_test[0], temperature.value))
            truths.append(of_test[1])
        truth = np.concatenate(truths)
        scores = [PosteriorScores.of(np.concatenate(parts), truth) for parts in (before, after)]
        return cls(scores[0], scores[1], tuple(temperatures))

    @classmethod
    def mean(cls, several: Sequence[Calibration]) -> Calibration:
        """The mean over seeds, with the temperatures of all of them."""
        raw, after = (PosteriorScores.mean([getattr(c, name) for c in several]) for name in ("raw", "calibrated"))
        return cls(raw, after, tuple(temperature for c in several for temperature in c.temperatures))

    def to_json(self) -> dict[str, Any]:
        """`posteriors` of `scores.json`."""
        return {"coverages": COVERAGES, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """The inverse of `to_json`."""
        return build(cls, {name: value for name, value in values.items() if name != "coverages"}, "posteriors")


def arrays(rows: Sequence[Prediction], labels: Sequence[str]) -> tuple[Posteriors, Truth]:
    """Posteriors and truth of rows of `predictions.tsv`, which may be none."""
    index = {label: number for number, label in enumerate(labels)}
    posteriors = np.array([[float(row[f"p_{label}"]) for label in labels] for row in rows]).reshape(-1, len(labels))
    return posteriors, np.array([index[row["truth"]] for row in rows], np.int64)
