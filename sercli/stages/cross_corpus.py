"""`sercli evaluate STORE --with OTHER:CLASSIFIER`: scores on this corpus of classifiers that were trained on another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data.utterances import write_table
from ..errors import Command, SercliError, UsageError, listed
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.stored import PREDICTIONS, SCORES, prediction, prediction_columns, read_cross_corpus_result, write
from ..evaluation.table_records import record_rows
from ..evaluation.table_rows import CrossCorpusRow, score_foreign
from ..experiments.catalogue import Catalogue
from ..experiments.cross_testing import CrossCorpusTest
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make, report_fraction
from ..experiments.shared_recordings import shared_recording
from ..experiments.systems import Classifier
from ..store import keys, publishing
from ..store.store import Store


def run(store_path: Path, references: Sequence[str], settings: Settings) -> tuple[Outcome, Sequence[CrossCorpusResult]]:
    """Score classifiers that are named as OTHER-STORE:CLASSIFIER.

    Raises SercliError where a score would not be across corpora, or would be of one class.
    """
    catalogue = Catalogue(Store(store_path))
    predictions: list[Work] = []
    scores: list[Work] = []
    scored: list[str] = []
    for reference in references:
        test = CrossCorpusTest(catalogue, _classifier(reference))
        _check_fits(test, reference)
        numbers = _fitted_folds(test.classifier)
        arguments = (store_path, test.classifier.store.path, test.classifier.name)
        predictions += [Work(test.predictions(number), predict_fold, (*arguments, number)) for number in numbers]
        scores.append(Work(test.result(numbers), score, (*arguments, tuple(numbers))))
        scored.append(test.key)
    outcome = Outcome(keys.CROSS_CORPUS, str(store_path / keys.CROSS_CORPUS))
    for job in (Job(keys.CROSS_CORPUS, predictions), Job(keys.CROSS_CORPUS, scores, "classifier")):
        outcome.add(make(catalogue.store, keys.CROSS_CORPUS, job, settings))
    return outcome, [] if settings.dry_run else [read_cross_corpus_result(catalogue.store, key) for key in scored]


def record(store_path: Path, results: Sequence[CrossCorpusResult]) -> str:
    """Record a printed table in the store, for `sercli verify`; returns its digest."""
    catalogue = Catalogue(Store(store_path))
    tests = [CrossCorpusTest(catalogue, _classifier(f"{r.store}:{r.system.classifier}")) for r in results]
    return record_rows(catalogue.store, [(test.key.rpartition("/")[2], CrossCorpusRow(test)) for test in tests])


def _classifier(reference: str) -> Classifier:
    folder, colon, name = reference.rpartition(":")
    if not (folder and colon and name):
        problem, example = "not a classifier of another store", "OTHER-STORE:CLASSIFIER, such as iemocap/:cvae-128.lstm"
        raise UsageError(problem, place="--with", seen=reference, expected=example)
    return Catalogue(Store(Path(folder))).classifier(name)


# --- what is refused


def _check_fits(test: CrossCorpusTest, reference: str) -> None:
    """Raises SercliError for a classifier that cannot be scored here, or that may have been trained on what it would be
    tested on."""
    config = test.classifier.config
    fix = "choose a classifier that does not need this"
    if config.condition == "oracle":
        raise SercliError("reads the true emotion, which another corpus does not give", place=reference, fix=fix)
    if config.latents == "sample":
        raise SercliError("reads sampled latents, which another corpus does not have", place=reference, fix=fix)
    _check_nothing_shared(test, reference)
    if len(test.classes) < 2:
        labels = sorted({u.emotion for u in test.store.utterances} - {""})
        seen = f"classes {listed(test.classifier.folds.classes)}, labels here {listed(labels)}"
        problem, expected = "the corpora have too few classes in common", "at least two classes that both have"
        raise SercliError(problem, place=reference, seen=seen, expected=expected, fix="choose another classifier")
    _check_same_features(test)


def _check_nothing_shared(test: CrossCorpusTest, reference: str) -> None:
    here, origin = test.store.utterances, test.classifier.store
    pair = shared_recording(test.store, origin)
    speakers = {u.speaker for u in here} & {u.speaker for u in origin.utterances}
    if pair or speakers:
        raise SercliError(
            "the two stores share speech, so the classifier may have been trained on what it would be tested on",
            place=reference,
            seen=f"{pair[0].utt_id} is its {pair[1].utt_id}" if pair else f"{min(speakers)} speaks in both",
            expected="no recording and no speaker in both stores",
            fix=Command("evaluate", origin.path, ("--classifier", test.classifier.name)),
        )


def _check_same_features(test: CrossCorpusTest) -> None:
    features, trained = test.catalogue.features(test.classifier.config.frontend), test.classifier.features
    publishing.require(test.store, features.product)
    both = (features, trained)
    seen, expected = (str(dict(sorted(f.config.items()))) for f in both)
    if features.config == trained.config and features.imported:  # made elsewhere: the width may differ all the same
        seen, expected = (f"{f.open().width('frames')} values per frame" for f in both)
    if seen != expected:
        problem = f"the features {features.name} of the two stores were made in different ways"
        fix = "run `sercli featurize` on one of them again with the same options, under another --name"
        raise SercliError(problem, place=test.store.path, seen=seen, expected=expected, fix=fix)


def _fitted_folds(classifier: Classifier) -> list[int]:
    """Folds whose models are there and fresh. Raises MissingInput if there is none."""

    def require(number: int) -> None:
        publishing.require(classifier.store, classifier.fold(number))
        if classifier.autoencoder is not None:
            publishing.require(classifier.store, classifier.autoencoder.fold(number))

    return classifier.complete_folds(require)


# --- predicting and scoring


def predict_fold(store_path: Path, origin_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: rows (utt_id, prediction, posteriors…) of all utterances by one fold's models, over the common classes."""
    from ..experiments.reading import ClassifierInput
    from ..learning.training import repeatable

    catalogue = Catalogue(Store(store_path))
    classifier = Catalogue(Store(origin_path)).classifier(name)
    test = CrossCorpusTest(catalogue, classifier)
    model, trained, _, classes = read_classifier(classifier.weights(number), device)
    ae = classifier.autoencoder
    autoencoder = None if ae is None else read_autoencoder(ae.weights(number), "cpu")
    source = ClassifierInput(classifier, number, trained, autoencoder, catalogue)
    columns = [list(classes).index(label) for label in test.classes]
    rows: list[list[str]] = []
    for block in source.blocks(sorted(test.labels)):
        with repeatable(device):
            posteriors = model.posteriors(source.read(block, dict.fromkeys(block, 0)), device).numpy()[:, columns]
        shares = posteriors / posteriors.sum(axis=1, keepdims=True)
        predicted = zip(block, shares, strict=True)
        rows += [[u, *prediction(test.classes, p, f"{name}, fold {number}: {u}")] for u, p in predicted]
        report_fraction(built, len(rows) / len(test.labels))
    if not rows:
        problem, fix = "`sercli featurize` skipped every utterance", "see its table of rejects"
        raise SercliError(problem, place=store_path, fix=fix)
    write_table(built / PREDICTIONS, ["utt_id", *prediction_columns(test.classes)], rows)


def score(store_path: Path, origin_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Unit of work: `scores.json`."""
    test = CrossCorpusTest(Catalogue(Store(store_path)), Catalogue(Store(origin_path)).classifier(name))
    write(score_foreign(test, numbers), built / SCORES)
