"""What stands behind a row of a table of scores: predictions, labels and scores of one classifier, of this store or of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..data.hashing import digest
from ..data.utterances import read_table
from ..experiments.catalogue import Catalogue
from ..experiments.cross_testing import CrossCorpusTest
from ..experiments.sources import truth_inputs
from ..experiments.systems import Classifier
from ..store import keys, publishing
from ..store.store import Store
from .classifier_scores import score_folds
from .cross_corpus import CrossCorpusResult, ForeignClassifier, score_cross_corpus
from .results import Result
from .scores import Prediction
from .stored import PREDICTIONS, read_cross_corpus_result, read_result

Outcome = tuple[Mapping[str, float], Sequence[str]]  # scores by name, and marks


class TableRow(Protocol):
    """One classifier of a table."""

    classifier: Classifier
    store: Store  # that holds the predictions

    @property
    def key(self) -> str:
        """Where the predictions of the folds lie."""

    @property
    def labels(self) -> str:
        """Digest of the truth, and of the columns by which it is grouped."""

    def printed(self) -> tuple[Sequence[int], Outcome]:
        """The folds and the outcome as they are published. Raises DamagedProduct."""

    def scored_again(self, numbers: Sequence[int]) -> Outcome:
        """The outcome from the predictions and labels of now. Raises SercliError where something is stale or damaged."""


class OwnRow:
    """A classifier that was trained in the store."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier, self.store = classifier, classifier.store

    @property
    def key(self) -> str:
        return keys.predictions(self.classifier.name)

    @property
    def labels(self) -> str:
        return digest(self.classifier.task.truth_inputs)

    def printed(self) -> tuple[Sequence[int], Outcome]:
        result = read_result(self.store, self.classifier.name)
        return result.folds, _outcome(result)

    def scored_again(self, numbers: Sequence[int]) -> Outcome:
        self.classifier.published_result()
        return _outcome(score_folds(self.classifier, numbers)[1])


class CrossCorpusRow:
    """A classifier of another store."""

    def __init__(self, test: CrossCorpusTest) -> None:
        self.test, self.classifier, self.store, self.key = test, test.classifier, test.store, test.key

    @property
    def labels(self) -> str:
        return digest([truth_inputs(self.store, self.test.labels), self.test.classes])

    def printed(self) -> tuple[Sequence[int], Outcome]:
        result = read_cross_corpus_result(self.store, self.key)
        return list(result.per_fold), _outcome_elsewhere(result)

    def scored_again(self, numbers: Sequence[int]) -> Outcome:
        publishing.require(self.store, self.test.result(numbers))
        return _outcome_elsewhere(score_foreign(self.test, numbers))


def row_of(catalogue: Catalogue, key: str, name: str) -> TableRow:
    """The row whose predictions lie at `key`, of the classifier of this name. Raises SercliError where it is gone."""
    if key == keys.predictions(name):
        return OwnRow(catalogue.classifier(name))
    origin = Catalogue(Store(Path(read_cross_corpus_result(catalogue.store, key).store)))
    return CrossCorpusRow(CrossCorpusTest(catalogue, origin.classifier(name)))


def score_foreign(test: CrossCorpusTest, numbers: Sequence[int]) -> CrossCorpusResult:
    """The result from the stored predictions by the models of these folds. Raises DamagedProduct."""
    predictions: dict[int, list[Prediction]] = {number: [] for number in numbers}
    for number, rows in predictions.items():
        for row in read_table(test.store.file(keys.fold(test.key, number), PREDICTIONS)):
            utt_id = row["utt_id"]
            rows.append({"utt_id": utt_id, "prediction": row["prediction"], "truth": test.labels[utt_id]})
    foreign = ForeignClassifier.of(test, numbers)
    return score_cross_corpus(foreign, test.classes, test.labels, predictions, test.store.utterances)


def _outcome(result: Result) -> Outcome:
    return result.test.four.to_json(), list(map(str, result.marks))


def _outcome_elsewhere(result: CrossCorpusResult) -> Outcome:
    names = result.per_fold[next(iter(result.per_fold))].to_json()
    return {name: getattr(result.test, name).mean for name in names}, list(map(str, result.marks))
