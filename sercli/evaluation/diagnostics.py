"""What the latents of an autoencoder keep and what they forget, over its folds: for `sercli report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..experiments.systems import Autoencoder
from .clusters import clusters
from .latent_space import (
    Array,
    LatentVerdict,
    Points,
    active_units,
    indices_at_quantiles,
    judge,
    kl_of_units,
    lower_median,
    principal_components,
    tsne,
)
from .observation import FoldObserver, Observation
from .probes import Answer, Probe, ProbeScore, answer, score_answers, score_speakers, stack
from .stored import History

QUANTILES = (0.05, 0.5, 0.95)  # of the squared error: a good, a median and a bad segment are shown


@dataclass(frozen=True)
class FoldDiagnosis:
    """One fold, on its dev segments. Errors are squared, per normalised feature."""

    fold: int
    n_segments: int
    error: float
    error_of_mean: float  # of always answering the training mean
    n_active: int | None  # active units; None for a model without a posterior
    kl: tuple[float, ...]  # nats of each unit, largest first; empty for a model without a posterior
    judgement: LatentVerdict
    best_epoch: int
    n_epochs: int


@dataclass(frozen=True)
class SegmentPair:
    """A test segment and its reconstruction, (S, F) both, in standard deviations of each feature."""

    quantile: float  # of the error among all test segments of the fold
    utt_id: str
    index: int  # of the segment in the utterance
    error: float
    original: tuple[tuple[float, ...], ...]
    reconstruction: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class UtteranceMap:
    """The utterances of one fold in two dimensions; points are None where nothing varies."""

    utt_ids: tuple[str, ...]
    parts: tuple[str, ...]
    labels: tuple[str, ...]
    speakers: tuple[str, ...]
    principal: Points | None
    explained: tuple[float, ...] | None  # shares of the variance of the training part
    tsne: Points | None


@dataclass(frozen=True)
class ShownFold:
    """The fold whose maps and segments are shown: the one with the median dev loss, never chosen by test."""

    fold: int
    n_usable: int  # utterances with frames, of which those on the map were looked at
    segments: tuple[SegmentPair, ...]  # none if no test utterance is usable
    map: UtteranceMap


@dataclass(frozen=True)
class Diagnosis:
    """The content of `diagnostics.json`."""

    autoencoder: str
    n_inputs: int  # features of a segment
    segment_ms: float
    per_fold: tuple[FoldDiagnosis, ...]
    shown: ShownFold  # the probe of speakers is of this fold too
    probes: tuple[Probe, ...]


def diagnose(
    autoencoder: Autoencoder, histories: Mapping[int, History], device: str, report: Callable[[float], None]
) -> Diagnosis:
    """Look at the folds that have a history. `report` is called with the fraction that is done."""
    features = autoencoder.features.open()
    best = {number: _best_epoch(rows) for number, rows in histories.items()}
    shown_fold = lower_median({number: row["dev_loss"] for number, row in best.items()})
    questions = _Questions(autoencoder)
    per_fold, shown = [], []
    for number, rows in histories.items():
        observer = FoldObserver(autoencoder, features, number, device)
        observation = observer.observe(with_test_errors=number == shown_fold)
        per_fold.append(_diagnose_fold(observer, observation, int(best[number]["epoch"]), len(rows)))
        questions.add_fold(observation, observer.fold.parts)
        if number == shown_fold:
            questions.add_speakers(observation, observer.fold.parts)
            shown.append(_show(observer, observation))
        report(len(per_fold) / len(histories))
    shape = observer.shape
    n_inputs = shape.size * features.width("frames")
    return Diagnosis(autoencoder.name, n_inputs, shape.size_ms, tuple(per_fold), shown[0], questions.probes())


def _best_epoch(history: History) -> Mapping[str, float]:
    return next(row for row in history if row["best"])


def _diagnose_fold(observer: FoldObserver, observation: Observation, best_epoch: int, n_epochs: int) -> FoldDiagnosis:
    error, error_of_mean = np.mean([each[2:] for each in observation.dev_errors], axis=0).tolist()
    means, stds = np.concatenate(observation.dev_means), np.concatenate(observation.dev_stds)
    has_posterior = observer.fitted.model.has_std
    n_active = active_units(means) if has_posterior else None
    kl: Array = kl_of_units(means, stds) if has_posterior else np.empty(0)
    latent_dim = observer.autoencoder.config.latent_dim
    return FoldDiagnosis(
        fold=observer.fold.number,
        n_segments=len(means),
        error=error,
        error_of_mean=error_of_mean,
        n_active=n_active,
        kl=tuple(np.round(kl, 5).tolist()),
        judgement=judge(n_active, latent_dim, error, error_of_mean),
        best_epoch=best_epoch,
        n_epochs=n_epochs,
    )


def _show(observer: FoldObserver, observation: Observation) -> ShownFold:
    segments = _segment_pairs(observer, observation)
    points = _map(observer.autoencoder, observation, observer.fold.parts)
    return ShownFold(observer.fold.number, observer.count_usable(), segments, points)


def _segment_pairs(observer: FoldObserver, observation: Observation) -> tuple[SegmentPair, ...]:
    errors = observation.test_errors
    if not errors:
        return ()
    pairs = []
    chosen = indices_at_quantiles([each.error for each in errors], QUANTILES)
    for quantile, place in zip(QUANTILES, chosen, strict=True):
        utt_id, index, error, _ = errors[place]
        original, copy = (
            tuple(map(tuple, np.round(each, 2).tolist())) for each in observer.segment_pair(utt_id, index)
        )
        pairs.append(SegmentPair(quantile, utt_id, index, error, original, copy))
    return tuple(pairs)


def _map(autoencoder: Autoencoder, observation: Observation, parts: Mapping[str, str]) -> UtteranceMap:
    utt_ids = tuple(observation.latents)
    rows = stack(observation.latents, utt_ids)
    train = stack(observation.latents, [utt_id for utt_id in utt_ids if parts[utt_id] == "train"])
    speaker_of = {u.utt_id: u.speaker for u in autoencoder.store.utterances}
    principal = principal_components(train, rows)
    return UtteranceMap(
        utt_ids=utt_ids,
        parts=tuple(parts[utt_id] for utt_id in utt_ids),
        labels=tuple(autoencoder.folds.labels[utt_id] for utt_id in utt_ids),
        speakers=tuple(speaker_of[utt_id] for utt_id in utt_ids),
        principal=principal[0] if principal else None,
        explained=principal[1] if principal else None,
        tsne=tsne(train, rows),
    )


class _Questions:
    """What the probes are asked: the target of the task, gender, and who speaks."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        utterances = autoencoder.store.utterances
        self._speaker_of = {u.utt_id: u.speaker for u in utterances}
        self._cluster_of = clusters(utterances).of
        gender_of = {u.utt_id: u.gender for u in utterances}
        self._truths = {autoencoder.task.definition.target: autoencoder.folds.labels, "gender": gender_of}
        self._answers: dict[str, tuple[list[Answer], list[Answer]]] = {name: ([], []) for name in self._truths}
        self._speakers: tuple[ProbeScore | None, ProbeScore | None] = (None, None)

    def add_fold(self, observation: Observation, parts: Mapping[str, str]) -> None:
        """Have the probes of a fold answer for its test part, from latents and from features."""
        for question, truth in self._truths.items():
            for answers, vectors in zip(
                self._answers[question], (observation.latents, observation.features), strict=True
            ):
                answers += answer(vectors, truth, parts)

    def add_speakers(self, observation: Observation, parts: Mapping[str, str]) -> None:
        """Recognise the speakers of the training part of a fold."""
        train = [utt_id for utt_id in observation.latents if parts[utt_id] == "train"]
        speakers = [self._speaker_of[utt_id] for utt_id in train]
        latents, features = (stack(each, train) for each in (observation.latents, observation.features))
        self._speakers = score_speakers(latents, speakers), score_speakers(features, speakers)

    def probes(self) -> tuple[Probe, ...]:
        """The scores; a question with a single answer is left out."""
        scores = {"speaker": self._speakers}
        for question, (latents, features) in self._answers.items():
            scores[question] = (
                score_answers(latents, self._cluster_of),
                score_answers(features, self._cluster_of),
            )
        return tuple(Probe(name, a, b) for name, (a, b) in scores.items() if a is not None and b is not None)
