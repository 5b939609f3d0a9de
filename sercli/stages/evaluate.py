"""`sercli evaluate`: posteriors of the dev and test utterances, and their scores, of the classifiers of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..data.utterances import write_table
from ..errors import Command, MissingInput, SercliError
from ..evaluation.classifier_scores import score_folds
from ..evaluation.groups import Group, group_by_system
from ..evaluation.human_reference import HumanReference, human_references
from ..evaluation.references import beside_references
from ..evaluation.results import Result
from ..evaluation.stored import PREDICTIONS, SCORES, prediction, prediction_columns, read_result, write
from ..evaluation.table_records import record_table
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import read_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.systems import Classifier
from ..machine.progress import say
from ..store import keys, publishing
from ..store.store import Store


def run(
    store_path: Path, names: Sequence[str], settings: Settings, reference: str | None = None
) -> tuple[Outcome, Sequence[Result], Sequence[Group]]:
    """Score the named classifiers, or all if none is named. The groups are the systems, each over its seeds and beside its reference.

    Raises MissingInput if there is nothing to score, UsageError for a `reference` that is not among the systems.
    """
    store = Store(store_path)
    catalogue = Catalogue(store)
    predictions: list[Work] = []
    scores: dict[str, Work] = {}
    problems: dict[str, SercliError] = {}
    for name in names or catalogue.classifier_names:
        try:
            classifier = catalogue.classifier(name)
            fitted, unpredicted = _scorable_folds(classifier, settings)
        except SercliError as error:
            if names:
                raise
            problems[name] = error
            continue
        predictions += [prediction_work(classifier, number) for number in unpredicted]
        scores[name] = score_work(classifier, fitted)
    if not scores:
        fix = Command("train-lstm", store.path)
        raise next(iter(problems.values()), MissingInput("the store has no classifier", place=store.path, fix=fix))
    for name, problem in problems.items():
        say(f"{name}: skipped: {problem}")
    if predictions:
        make(store, keys.PREDICTIONS, Job(keys.PREDICTIONS, predictions), settings)
    outcome = make(store, keys.RESULTS, Job("evaluate", list(scores.values()), "classifier"), settings)
    results = [] if settings.dry_run else [read_result(store, name) for name in scores]
    groups = group_by_system(results, lambda name: catalogue.classifier(name).seedless_key)
    return outcome, results, beside_references(groups, None if settings.dry_run else reference)


def score_raters(store_path: Path, groups: Sequence[Group]) -> list[HumanReference]:
    """What a person reaches in the tasks of these systems. Raises DamagedProduct."""
    catalogue, tasks = Catalogue(Store(store_path)), dict.fromkeys(group.system.task for group in groups)
    return [reference for task in tasks for reference in human_references(catalogue.task(task))]


def recorder(store_path: Path) -> Callable[[Sequence[Group]], str]:
    """What records a printed table in the store, for `sercli verify`, and returns its digest."""
    catalogue = Catalogue(Store(store_path))
    return lambda rows: record_table(catalogue, {group.name: group.classifiers for group in rows})


def _scorable_folds(classifier: Classifier, settings: Settings) -> tuple[list[int], list[int]]:
    """Folds that can be scored, and those of them whose predictions must be made. Raises MissingInput if there are none."""
    store = classifier.store
    classifier.task.require()
    unpredicted: list[int] = []

    def require(number: int) -> None:
        publishing.require(store, classifier.fold(number))
        if settings.overwrite or not publishing.is_fresh(store, classifier.predictions(number)):
            if latents := classifier.latents(number):
                publishing.require(store, latents)
            unpredicted.append(number)

    return classifier.complete_folds(require), unpredicted


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
    rows: list[list[str]] = []
    for part, weights in (("dev", classifier.dev_weights(number)), ("test", classifier.weights(number))):
        model, trained, _, classes = read_classifier(weights, device)
        source = ClassifierInput(classifier, number, trained)
        utt_ids = source.usable(classifier.folds.fold(number).part(part))
        if not utt_ids:
            continue
        unlabelled = dict.fromkeys(utt_ids, 0)  # nothing here may know a label
        with repeatable(device):
            posteriors = model.posteriors(source.read(utt_ids, unlabelled), device).numpy()
        predicted = zip(utt_ids, posteriors, strict=True)
        rows += [[u, part, *prediction(classes, p, f"{name}, fold {number}: {u}")] for u, p in predicted]
    write_table(built / PREDICTIONS, ["utt_id", "part", *prediction_columns(classes)], rows)


def score(store_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Unit of work: `predictions.tsv` of all folds with the truth, and `scores.json`."""
    predictions, result = score_folds(Catalogue(Store(store_path)).classifier(name), numbers)
    write_table(built / PREDICTIONS, list(predictions[0]), [list(row.values()) for row in predictions])
    write(result, built / SCORES)
