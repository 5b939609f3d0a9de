"""Probes: what a linear classifier reads from the latents of utterances, and beside it from their features.

Shapes: U utterances, D columns. A probe is fitted without a label, latent or feature of the test part.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import jackknife, metrics
from .latent_space import Array
from .metrics import Interval

SPLITS = 5  # of the probe of speakers
_MAX_ITERATIONS = 1000
Vectors = Mapping[str, Array]  # utt_id -> (D,)


@dataclass(frozen=True)
class ProbeScore:
    """UA of a probe, its 95 % interval over clusters, and chance; fractions."""

    uar: float
    interval: tuple[float | None, ...]  # (None, None) where there is none
    chance: float
    n: int  # utterances


@dataclass(frozen=True)
class Probe:
    """How well a question is answered from latents, and from the features that the autoencoder was given."""

    question: str  # the target of the task, "gender" or "speaker"
    latents: ProbeScore
    features: ProbeScore


@dataclass(frozen=True)
class Answer:
    """What a probe predicts for a test utterance."""

    utt_id: str
    truth: str
    prediction: str


def fit_and_predict(train: Array, labels: Sequence[str], test: Array) -> list[str]:
    """Predictions for rows (U, D) of logistic regression that is fitted on standardised rows (U', D) and their labels."""
    if len(set(labels)) < 2:
        return [labels[0]] * len(test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged after 1000 steps
        fitted = _pipeline().fit(train.astype(np.float64), np.array(labels))
    return [str(label) for label in fitted.predict(test.astype(np.float64))]


def _pipeline() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(class_weight="balanced", solver="newton-cg", max_iter=_MAX_ITERATIONS)
    return make_pipeline(StandardScaler(), model)


def answer(vectors: Vectors, truth: Mapping[str, str], parts: Mapping[str, str]) -> list[Answer]:
    """Fit on the training part of a fold, answer for its test part. Utterances without a truth are left out."""
    utt_ids = [utt_id for utt_id in vectors if truth.get(utt_id)]
    train, test = ([u for u in utt_ids if parts[u] == part] for part in ("train", "test"))
    if not train or not test:
        return []
    labels = [truth[utt_id] for utt_id in train]
    predictions = fit_and_predict(stack(vectors, train), labels, stack(vectors, test))
    return [Answer(u, truth[u], prediction) for u, prediction in zip(test, predictions, strict=True)]


def stack(vectors: Vectors, utt_ids: Sequence[str]) -> Array:
    """Rows (U, D) of some utterances."""
    return np.stack([vectors[utt_id] for utt_id in utt_ids])


def score_answers(answers: Sequence[Answer], cluster_of: Mapping[str, str]) -> ProbeScore | None:
    """The score of the answers of all folds. None if the question has a single answer."""
    if len({answer.truth for answer in answers}) < 2:
        return None
    by_cluster: dict[str, list[Answer]] = {}
    for each in answers:
        by_cluster.setdefault(cluster_of[each.utt_id], []).append(each)
    labels = sorted({label for each in answers for label in (each.truth, each.prediction)})
    counts = [_confusion(by_cluster[name], labels) for name in sorted(by_cluster)]
    return _score(counts, jackknife.interval(counts, metrics.uar_of_counts))


def score_speakers(rows: Array, speakers: Sequence[str]) -> ProbeScore | None:
    """How well speakers are recognised in other utterances of theirs: stratified cross-validation over rows (U, D).

    Speakers with fewer than five utterances are left out; None unless two speakers are left.
    """
    from sklearn.model_selection import StratifiedKFold

    labels = sorted({speaker for speaker in speakers if speakers.count(speaker) >= SPLITS})
    if len(labels) < 2:
        return None
    chosen = [index for index, speaker in enumerate(speakers) if speaker in labels]
    rows, truth = rows[chosen], np.array([speakers[index] for index in chosen])
    predictions = np.empty_like(truth)
    for train, test in StratifiedKFold(SPLITS, shuffle=True, random_state=0).split(rows, truth):
        predictions[test] = fit_and_predict(rows[train], truth[train].tolist(), rows[test])
    return _score([metrics.confusion(truth.tolist(), predictions.tolist(), labels)], (None, None))


def _confusion(answers: Sequence[Answer], labels: Sequence[str]) -> metrics.Counts:
    return metrics.confusion([each.truth for each in answers], [each.prediction for each in answers], labels)


def _score(counts: Sequence[metrics.Counts], interval: Interval) -> ProbeScore:
    pooled = np.sum(counts, axis=0)
    n_classes = np.count_nonzero(pooled.sum(axis=1))
    return ProbeScore(float(metrics.uar_of_counts(pooled)), interval, 1 / n_classes, int(pooled.sum()))
