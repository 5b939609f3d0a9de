"""The scores of a classifier of a store, from its stored predictions and the labels of the corpus as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..data.utterances import read_table
from ..experiments.systems import Classifier
from ..store import keys
from .endings import endings_of
from .marks import marks_of_classifier
from .results import Result, SystemFacts, score_classifier
from .scores import Prediction
from .stored import PREDICTIONS


def score_folds(classifier: Classifier, numbers: Sequence[int]) -> tuple[list[Prediction], Result]:
    """Rows of dev and test of these folds with the truth, and the scores. Raises DamagedProduct."""
    store, folds = classifier.store, classifier.folds
    speakers = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    predictions: list[Prediction] = []
    for number in numbers:
        for row in read_table(store.file(keys.predictions_fold(classifier.name, number), PREDICTIONS)):
            utt_id, part = row["utt_id"], row["part"]
            facts = {"utt_id": utt_id, "speaker": speakers[utt_id], "fold": str(number), "part": part}
            predictions.append({**facts, "truth": folds.labels[utt_id], **row})
    marks = marks_of_classifier(classifier, numbers)
    result = score_classifier(SystemFacts.of(classifier), marks, folds, numbers, predictions, store.utterances)
    return predictions, replace(result, endings=endings_of(classifier, numbers))
