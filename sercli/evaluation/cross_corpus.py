"""What a classifier that was trained on another corpus scores on this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data.utterances import Utterance
from ..experiments.cross_testing import CrossCorpusTest
from ..text import c_order
from .marks import Mark, marks, marks_of_options
from .metrics import Interval
from .results import SystemFacts, chance_to_json, confusions_by_cluster
from .scores import FourScores, Matrix, MeanScores, Prediction, Scores, chance, intervals, matrix, mean_over


@dataclass(frozen=True)
class CrossCorpusResult:
    """The mean over the models of a classifier, one model per fold of its own store, each of which labelled every utterance here."""

    system: SystemFacts
    corpus: str  # that it was trained on
    store: str  # path of the store that holds it
    marks: tuple[Mark, ...]
    folds_expected: int
    labels: tuple[str, ...]  # classes that both corpora have
    classes_without_utterances: tuple[str, ...]  # classes of the classifier that no utterance here has
    labels_without_class: Mapping[str, int]  # labels here that the classifier lacks -> utterances left out
    test: MeanScores
    intervals: FourScores[Interval]  # 95 %, over the clusters here
    per_fold: Mapping[int, FourScores[float]]
    cluster: str  # what a cluster is: "session" or "speaker"
    per_cluster: Mapping[str, Matrix]  # confusion, summed over models

    @property
    def n_utterances(self) -> int:
        return int(np.sum(self.test.confusion)) // len(self.per_fold)

    @property
    def chance(self) -> FourScores[float]:
        return chance(self.test.confusion)

    def to_json(self) -> dict[str, Any]:
        """The content of `scores.json`."""
        return {
            **asdict(self.system),
            "corpus": self.corpus,
            "store": self.store,
            "marks": list(self.marks),
            "n_utterances": self.n_utterances,
            "cluster": self.cluster,
            "n_clusters": len(self.per_cluster),
            "folds_done": len(self.per_fold),
            "folds_expected": self.folds_expected,
            "labels": self.labels,
            "classes_without_utterances": self.classes_without_utterances,
            "labels_without_class": dict(self.labels_without_class),
            **self.test.to_json(),
            **self.intervals.to_json(after="_ci95"),
            "chance": chance_to_json(self.chance),
            "per_fold": [{"fold": number, **scores.to_json()} for number, scores in self.per_fold.items()],
            "per_cluster": {
                name: {"n_utterances": int(np.sum(counts)) // len(self.per_fold), "confusion": counts}
                for name, counts in self.per_cluster.items()
            },
            **self.test.classes_to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CrossCorpusResult:
        """The inverse of `to_json`."""
        return cls(
            system=SystemFacts.from_json(values),
            corpus=values["corpus"],
            store=values["store"],
            marks=tuple(map(Mark, values["marks"])),
            folds_expected=values["folds_expected"],
            labels=tuple(values["labels"]),
            classes_without_utterances=tuple(values["classes_without_utterances"]),
            labels_without_class=values["labels_without_class"],
            test=MeanScores(**vars(FourScores.from_json(values)), **MeanScores.classes_from_json(values)),
            intervals=FourScores.from_json(values, after="_ci95"),
            per_fold={fold["fold"]: FourScores.from_json(fold) for fold in values["per_fold"]},
            cluster=values["cluster"],
            per_cluster={name: matrix(subset["confusion"]) for name, subset in values["per_cluster"].items()},
        )


@dataclass(frozen=True)
class ForeignClassifier:
    """A classifier of another store: which system it is, and where it comes from."""

    system: SystemFacts
    marks: tuple[Mark, ...]
    corpus: str
    store: str
    classes: Sequence[str]
    n_folds: int

    @classmethod
    def of(cls, test: CrossCorpusTest, numbers: Sequence[int]) -> ForeignClassifier:
        """The classifier of a test, by the models of these folds. None of them was trained on a speaker of this corpus."""
        classifier = test.classifier
        words = marks(
            {
                **marks_of_options(classifier.config),
                Mark.SYNTHETIC: test.store.is_synthetic or classifier.store.is_synthetic,
                Mark.TEXT_SHARED: test.shares_text,
                Mark.PARTIAL: len(numbers) < len(classifier.fold_numbers),
            }
        )
        corpus, store = classifier.store.name, str(classifier.store.path.resolve())
        return cls(
            SystemFacts.of(classifier), words, corpus, store, classifier.folds.classes, len(classifier.fold_numbers)
        )


def score_cross_corpus(
    classifier: ForeignClassifier,
    classes: Sequence[str],
    labels: Mapping[str, str],
    predictions: Mapping[int, Sequence[Prediction]],
    utterances: Sequence[Utterance],
) -> CrossCorpusResult:
    """The result over the `classes` that both corpora have.

    `labels` has the class of each utterance by utt_id; `predictions` has rows with `utt_id`, `truth` and `prediction` of every one
    of them, by the number of the fold whose model made them.
    """
    by_id = {utterance.utt_id: utterance for utterance in utterances}
    of_models = {number: Scores.from_predictions(rows, classes) for number, rows in predictions.items()}
    by_model = [confusions_by_cluster(rows, classes, by_id) for rows in predictions.values()]
    (unit, first), *_ = by_model
    counts = {name: np.array([of_model[name] for _, of_model in by_model]) for name in first}
    left_out = Counter(u.emotion for u in utterances if u.emotion and u.utt_id not in labels)
    return CrossCorpusResult(
        system=classifier.system,
        corpus=classifier.corpus,
        store=classifier.store,
        marks=classifier.marks,
        folds_expected=classifier.n_folds,
        labels=tuple(classes),
        classes_without_utterances=tuple(label for label in classifier.classes if label not in classes),
        labels_without_class={label: left_out[label] for label in sorted(left_out, key=c_order)},
        test=mean_over(list(of_models.values())),
        intervals=intervals(list(counts.values())),
        per_fold={number: scores.four for number, scores in of_models.items()},
        cluster=unit,
        per_cluster={name: matrix(models.sum(axis=0)) for name, models in counts.items()},
    )
