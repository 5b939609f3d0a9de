"""The result of one classifier: its scores on test and dev, by fold and by speaker, and which system it is. `scores.json` as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ..data.utterances import SUBSET_COLUMNS, Utterance
from ..errors import SercliError
from ..experiments.systems import Classifier
from ..tasks.folds import Folds
from ..text import c_order
from .calibration import Calibration
from .clusters import clusters
from .endings import Endings, LimitedFits, endings_to_json
from .marks import Mark
from .metrics import Counts, Interval
from .scores import NO_SCORES, FourScores, Matrix, Prediction, Scores, chance, confusion_of, intervals, matrix


@dataclass(frozen=True)
class SystemFacts:
    """Which system a result is of, and what it was asked."""

    classifier: str  # its name in the store
    classifier_kind: str
    autoencoder: str | None  # its name
    autoencoder_seed: int | None
    model: str | None  # of the autoencoder
    latent_dim: int | None
    frontend: str
    task: str
    target: str
    subset: str
    bins: str | None
    protocol: str
    folds: str  # digest
    normalise: str
    condition: str
    latents: str
    seed: int
    closed_form: bool  # whether its own seed changes nothing

    @property
    def seeds(self) -> tuple[int, int]:
        """What tells fits of one system apart: the seed of the autoencoder and its own, −1 for one that has no effect."""
        autoencoder_seed = -1 if self.autoencoder_seed is None else self.autoencoder_seed
        return autoencoder_seed, -1 if self.closed_form else self.seed

    @classmethod
    def of(cls, classifier: Classifier) -> SystemFacts:
        """The facts of a classifier."""
        config, task, autoencoder = classifier.config, classifier.task.definition, classifier.autoencoder
        return cls(
            classifier=classifier.name,
            classifier_kind=config.classifier,
            autoencoder=config.autoencoder,
            autoencoder_seed=autoencoder.config.seed if autoencoder else None,
            model=autoencoder.config.model if autoencoder else None,
            latent_dim=autoencoder.config.latent_dim if autoencoder else None,
            frontend=config.frontend,
            task=config.task,
            target=task.target,
            subset=task.subset,
            bins=task.bins,
            protocol=task.protocol,
            folds=classifier.folds.digest,
            normalise=config.normalise,
            condition=config.condition,
            latents=config.latents,
            seed=config.seed,
            closed_form=classifier.is_closed_form,
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SystemFacts:
        return cls(**{field.name: values[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class FoldResult:
    """One fold: who was left out for test, who was dev, and the scores on both."""

    fold: int
    left_out: str
    dev_group: str
    n_classes: int  # that occur in its test part
    n_utterances: int
    test: FourScores[float | None]
    dev: FourScores[float | None]

    def to_json(self) -> dict[str, Any]:
        return {
            "fold": self.fold,
            "left_out": self.left_out,
            "dev": self.dev_group,
            "n_classes": self.n_classes,
            **self.dev.to_json("dev_"),
            "n_utterances": self.n_utterances,
            **self.test.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FoldResult:
        return cls(
            values["fold"],
            values["left_out"],
            values["dev"],
            values["n_classes"],
            values["n_utterances"],
            FourScores.from_json(values),
            FourScores.from_json(values, "dev_"),
        )


@dataclass(frozen=True)
class SubsetResult:
    """The test utterances of one speaker, session, gender, style or corpus."""

    scores: FourScores[float]
    confusion: Matrix

    @property
    def n_utterances(self) -> int:
        return int(np.sum(self.confusion))

    def to_json(self) -> dict[str, Any]:
        return {"n_utterances": self.n_utterances, **self.scores.to_json(), "confusion": self.confusion}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SubsetResult:
        return cls(FourScores.from_json(values), matrix(values["confusion"]))


@dataclass(frozen=True)
class Result:
    """The scores of one classifier, pooled over the test parts of its folds unless said otherwise."""

    system: SystemFacts
    marks: tuple[Mark, ...]
    folds_expected: int
    labels: tuple[str, ...]
    test: Scores
    intervals: FourScores[Interval]  # 95 %, over clusters
    fold_mean: FourScores[float]  # the mean of the folds' scores
    dev: FourScores[float | None]
    per_fold: tuple[FoldResult, ...]
    per: Mapping[str, Mapping[str, SubsetResult]]  # column, such as "speaker" -> its value -> scores
    cluster: str  # what a cluster is: "session" or "speaker"
    per_cluster: Mapping[str, Matrix]  # confusion matrices, which intervals and tests are made of
    posteriors: Calibration
    endings: Endings = field(default_factory=dict)

    @property
    def folds(self) -> tuple[int, ...]:
        """The numbers of the folds that are scored."""
        return tuple(fold.fold for fold in self.per_fold)

    @property
    def chance(self) -> FourScores[float]:
        return chance(self.test.confusion)

    def to_json(self) -> dict[str, Any]:
        """The content of `scores.json`."""
        return {
            **asdict(self.system),
            "marks": list(self.marks),
            "n_utterances": self.test.n_utterances,
            "folds_done": len(self.per_fold),
            "folds_expected": self.folds_expected,
            "epoch_limit": endings_to_json(self.endings),
            "labels": self.labels,
            **self.test.to_json(),
            **self.intervals.to_json(after="_ci95"),
            **self.fold_mean.to_json(after="_fold_mean"),
            **self.dev.to_json("dev_"),
            "chance": chance_to_json(self.chance),
            "per_fold": [fold.to_json() for fold in self.per_fold],
            **{f"per_{by}": {value: scores.to_json() for value, scores in self.per[by].items()} for by in self.per},
            "cluster": self.cluster,
            "per_cluster": dict(self.per_cluster),
            **self.test.classes_to_json(),
            "posteriors": self.posteriors.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Result:
        """The inverse of `to_json`."""
        return cls(
            system=SystemFacts.from_json(values),
            marks=tuple(map(Mark, values["marks"])),
            folds_expected=values["folds_expected"],
            labels=tuple(values["labels"]),
            test=Scores(**vars(FourScores.from_json(values)), **Scores.classes_from_json(values)),
            intervals=FourScores.from_json(values, after="_ci95"),
            fold_mean=FourScores.from_json(values, after="_fold_mean"),
            dev=FourScores.from_json(values, "dev_"),
            per_fold=tuple(map(FoldResult.from_json, values["per_fold"])),
            per={
                by: {value: SubsetResult.from_json(scores) for value, scores in values[f"per_{by}"].items()}
                for by in SUBSET_COLUMNS
            },
            endings={part: LimitedFits(**fits) for part, fits in values["epoch_limit"].items()},
            posteriors=Calibration.from_json(values["posteriors"]),
            cluster=values["cluster"],
            per_cluster={name: matrix(counts) for name, counts in values["per_cluster"].items()},
        )


def chance_to_json(values: FourScores[float]) -> dict[str, float]:
    return {"uar": values.uar, "accuracy": values.accuracy}


def score_classifier(
    system: SystemFacts,
    marks: tuple[Mark, ...],
    folds: Folds,
    done: Sequence[int],
    predictions: Sequence[Prediction],
    utterances: Sequence[Utterance],
) -> Result:
    """The result of a classifier over its folds `done`, from rows of `predictions.tsv`.

    Raises SercliError if there is no test prediction.
    """
    test, dev = ([row for row in predictions if row["part"] == part] for part in ("test", "dev"))
    if not test:
        raise SercliError(
            "`sercli featurize` skipped every test utterance", place=system.classifier, fix="see its table of rejects"
        )
    per_fold = tuple(_score_fold(folds, number, test, dev) for number in done)
    by_id = {utterance.utt_id: utterance for utterance in utterances}
    per = {column: _score_subsets(column, test, folds.classes, by_id) for column in SUBSET_COLUMNS}
    unit, counts = confusions_by_cluster(test, folds.classes, by_id)
    return Result(
        system=system,
        marks=marks,
        folds_expected=len(folds.folds),
        labels=tuple(folds.classes),
        test=Scores.from_predictions(test, folds.classes),
        intervals=intervals(list(counts.values())),
        fold_mean=_mean_of_folds([fold.test for fold in per_fold]),
        dev=_score_part(dev, folds.classes),
        per_fold=per_fold,
        per=per,
        posteriors=Calibration.of(test, dev, folds.classes),
        cluster=unit,
        per_cluster={name: matrix(cluster) for name, cluster in counts.items()},
    )


def confusions_by_cluster(
    rows: Sequence[Prediction], labels: Sequence[str], utterances: Mapping[str, Utterance]
) -> tuple[str, dict[str, Counts]]:
    """What a cluster is, and the confusion matrix of each; `utterances` by utt_id."""
    grouped = clusters(utterances[row["utt_id"]] for row in rows)
    by_name: dict[str, list[Prediction]] = {name: [] for name in grouped.names}
    for row in rows:
        by_name[grouped.of[row["utt_id"]]].append(row)
    return grouped.unit, {name: confusion_of(members, labels) for name, members in by_name.items()}


def _score_fold(folds: Folds, number: int, test: Sequence[Prediction], dev: Sequence[Prediction]) -> FoldResult:
    fold = folds.fold(number)
    test, dev = ([row for row in part if row["fold"] == str(number)] for part in (test, dev))
    return FoldResult(
        fold=number,
        left_out=fold.left_out,
        dev_group=fold.dev,
        n_classes=len({row["truth"] for row in test}),
        n_utterances=len(test),
        test=_score_part(test, folds.classes),
        dev=_score_part(dev, folds.classes),
    )


def _score_part(rows: Sequence[Prediction], labels: Sequence[str]) -> FourScores[float | None]:
    return Scores.from_predictions(rows, labels).four if rows else NO_SCORES


def _score_subsets(
    column: str, rows: Sequence[Prediction], labels: Sequence[str], utterances: Mapping[str, Utterance]
) -> dict[str, SubsetResult]:
    """Scores of the rows of each speaker, session, and so on, whichever `column` names; `utterances` by utt_id."""
    subsets: dict[str, list[Prediction]] = {}
    for row in rows:
        subsets.setdefault(utterances[row["utt_id"]].text_of(column), []).append(row)
    scores = {
        value: Scores.from_predictions(subsets[value], labels) for value in sorted(subsets.keys() - {""}, key=c_order)
    }
    return {value: SubsetResult(subset.four, subset.confusion) for value, subset in scores.items()}


def _mean_of_folds(folds: Sequence[FourScores[float | None]]) -> FourScores[float]:
    """The mean of each score over the folds that have test predictions."""

    def mean(name: str) -> float:
        values = (getattr(fold, name) for fold in folds)
        return float(np.mean([value for value in values if value is not None]))

    return FourScores.each(mean)
