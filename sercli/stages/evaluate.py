"""`sercli evaluate`: posteriors of the dev and test utterances, and their scores, of the classifiers of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.utterances import read_table, write_table
from ..errors import MissingInput, SercliError
from ..evaluation.groups import Group, group_by_system
from ..evaluation.marks import marks_of
from ..evaluation.results import Result, SystemFacts, score_classifier
from ..evaluation.stored import PREDICTIONS, SCORES, read_result, write
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import read_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.systems import Classifier
from ..machine.progress import say
from ..store import keys, publishing
from ..store.store import Store


@dataclass(frozen=True)
class Evaluation:
    """Results, and each system over its seeds, beside what was made to get them."""

    outcome: Outcome
    results: list[Result]
    groups: list[Group]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        results, groups = ([value.to_json() for value in values] for values in (self.results, self.groups))
        return {"results": results, "groups": groups}


def run(store_path: Path, names: Sequence[str], settings: Settings) -> Evaluation:
    """Score the named classifiers, or all if none is named. Raises MissingInput if there is nothing to score."""
    store = Store(store_path)
    catalogue = Catalogue(store)
    predictions: list[Work] = []
    scores: list[Work] = []
    scored: list[str] = []
    problems: dict[str, SercliError] = {}
    for name in names or catalogue.classifier_names:
        try:
            classifier = catalogue.classifier(name)
            fitted, unpredicted = scorable_folds(classifier, settings)
        except SercliError as error:
            if names:
                raise
            problems[name] = error
            continue
        predictions += [prediction_work(classifier, number) for number in unpredicted]
        scores.append(score_work(classifier, fitted))
        scored.append(name)
    if not scores:
        raise next(iter(problems.values()), _nothing_to_score(store))
    for name, problem in problems.items():
        say(f"{name}: skipped: {problem}")
    if predictions:
        make(store, "predictions", Job("predictions", predictions), settings)
    outcome = make(store, "results", Job("evaluate", scores, "classifier"), settings)
    if settings.dry_run:
        return Evaluation(outcome, [], [])
    results = [read_result(store, name) for name in scored]
    return Evaluation(outcome, results, group_by_system(results, lambda name: catalogue.classifier(name).seedless_key))


def _nothing_to_score(store: Store) -> SercliError:
    from ..errors import Command

    return MissingInput("the store has no classifier", place=store.path, fix=Command("train-lstm", store.path))


def scorable_folds(classifier: Classifier, settings: Settings) -> tuple[list[int], list[int]]:
    """Folds that can be scored, and those of them whose predictions must be made; reports what the others need.

    Raises MissingInput if no fold can be scored.
    """
    store = classifier.store
    classifier.task.require()
    fitted: list[int] = []
    unpredicted: list[int] = []
    reasons: list[MissingInput] = []
    for number in classifier.fold_numbers:
        try:
            publishing.require(store, classifier.fold(number))
            if settings.overwrite or not publishing.is_fresh(store, classifier.predictions(number)):
                if latents := classifier.latents(number):
                    publishing.require(store, latents)
                unpredicted.append(number)
            fitted.append(number)
        except MissingInput as error:
            reasons.append(error)
    if not fitted:
        raise reasons[0]
    if reasons:
        say(f"{classifier.name}: {len(fitted)} of {len(classifier.fold_numbers)} folds; {reasons[0]}")
    return fitted, unpredicted


def prediction_work(classifier: Classifier, number: int) -> Work:
    """The posteriors of one fold, to be made."""
    return Work(classifier.predictions(number), predict_fold, (classifier.store.path, classifier.name, number))


def score_work(classifier: Classifier, numbers: Sequence[int]) -> Work:
    """The scores over these folds, to be made."""
    return Work(classifier.result(numbers), score, (classifier.store.path, classifier.name, tuple(numbers)))


def predict_fold(store_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: rows (utt_id, part, prediction, posteriors…) of the dev and test parts of one fold."""
    from ..experiments.reading import ClassifierInput
    from ..learning.training import repeatable

    classifier = Catalogue(Store(store_path)).classifier(name)
    model, trained, _, classes = read_classifier(classifier.weights(number), device)
    source = ClassifierInput(classifier, number, trained)
    rows = []
    for part in ("dev", "test"):
        utt_ids = source.usable(classifier.folds.fold(number).part(part))
        if not utt_ids:
            continue
        unlabelled = dict.fromkeys(utt_ids, 0)  # nothing here may know a label
        with repeatable(device):
            posteriors = model.posteriors(source.read(utt_ids, unlabelled), device).numpy()
        for utt_id, p in zip(utt_ids, posteriors, strict=True):
            rows.append([utt_id, part, classes[int(np.argmax(p))], *(f"{value:.9g}" for value in p)])
    write_table(built / PREDICTIONS, ["utt_id", "part", "prediction", *(f"p_{label}" for label in classes)], rows)


def score(store_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Unit of work: `predictions.tsv` of all folds with the truth, and `scores.json`."""
    store = Store(store_path)
    classifier = Catalogue(store).classifier(name)
    speakers = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    predictions = [
        {
            "utt_id": (utt_id := row.pop("utt_id")),
            "speaker": speakers[utt_id],
            "fold": str(number),
            "part": row.pop("part"),
            "truth": classifier.folds.labels[utt_id],
            **row,
        }
        for number in numbers
        for row in read_table(store.file(keys.predictions_fold(name, number), PREDICTIONS))
    ]
    marks = marks_of(classifier, partial=len(numbers) < len(classifier.fold_numbers))
    facts, folds = SystemFacts.of(classifier), classifier.folds
    result = score_classifier(facts, marks, folds, numbers, predictions, store.utterances)
    write_table(built / PREDICTIONS, list(predictions[0]), [list(row.values()) for row in predictions])
    write(result, built / SCORES)
