"""`sercli evaluate STORE --with OTHER:CLASSIFIER`: scores on this corpus of classifiers that were trained on another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.utterances import first_shared, read_table, write_table
from ..errors import Command, MissingInput, SercliError, UsageError
from ..evaluation.cross_corpus import CrossCorpusResult, ForeignClassifier, score_cross_corpus
from ..evaluation.scores import Prediction
from ..evaluation.stored import PREDICTIONS, SCORES, read_cross_corpus_result, write
from ..experiments.catalogue import Catalogue
from ..experiments.cross_testing import CrossCorpusTest
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make, report_fraction
from ..experiments.systems import Classifier
from ..machine.progress import say
from ..store import publishing
from ..store.store import Store

FOLDER = "cross-corpus"


@dataclass(frozen=True)
class CrossCorpusEvaluation:
    """Results, beside what was made to get them."""

    outcome: Outcome
    results: list[CrossCorpusResult]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"results": [result.to_json() for result in self.results]}


def run(store_path: Path, references: Sequence[str], settings: Settings) -> CrossCorpusEvaluation:
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
    outcome = Outcome(FOLDER, str(store_path / FOLDER))
    for job in (Job(FOLDER, predictions), Job(FOLDER, scores, "classifier")):
        outcome.add(make(catalogue.store, FOLDER, job, settings))
    results = [] if settings.dry_run else [read_cross_corpus_result(catalogue.store, key) for key in scored]
    return CrossCorpusEvaluation(outcome, results)


def _classifier(reference: str) -> Classifier:
    folder, colon, name = reference.rpartition(":")
    if not (folder and colon and name):
        example = "OTHER-STORE:CLASSIFIER, such as iemocap/:cvae-128.lstm"
        raise UsageError(
            "not the name of a classifier of another store", place="--with", seen=reference, expected=example
        )
    return Catalogue(Store(Path(folder))).classifier(name)


# --- what is refused


def _check_fits(test: CrossCorpusTest, reference: str) -> None:
    """Raises SercliError for a classifier that cannot be scored here, or that may have been trained on what it would be
    tested on."""
    config = test.classifier.config
    if config.condition == "oracle" or config.latents == "sample":
        problem = "reads the true emotion" if config.condition == "oracle" else "reads sampled latents"
        fix = "choose a classifier that does not need this"
        raise SercliError(f"{problem}, which does not exist for another corpus", place=reference, fix=fix)
    _check_nothing_shared(test, reference)
    if len(test.classes) < 2:
        labels = sorted({u.emotion for u in test.store.utterances} - {""})
        raise SercliError(
            "the corpora have too few classes in common",
            place=reference,
            seen=f"classes {', '.join(test.classifier.folds.classes)}, labels here {', '.join(labels) or 'none'}",
            expected="at least two classes that both have",
            fix="choose another classifier",
        )
    _check_same_features(test, reference)


def _check_nothing_shared(test: CrossCorpusTest, reference: str) -> None:
    store, origin = test.store, test.classifier.store
    pair = first_shared(store.utterances, origin.utterances)
    speakers = {u.speaker for u in store.utterances} & {u.speaker for u in origin.utterances}
    if pair or speakers:
        shared = f"{pair[0].utt_id} is its {pair[1].utt_id}" if pair else f"{min(speakers)} speaks in both"
        raise SercliError(
            "the two stores share speech, so the classifier may have been trained on what it would be tested on",
            place=reference,
            seen=shared,
            expected="no recording and no speaker in both stores",
            fix=Command("evaluate", origin.path, ("--classifier", test.classifier.name)),
        )


def _check_same_features(test: CrossCorpusTest, reference: str) -> None:
    name = test.classifier.config.frontend
    features, trained = test.catalogue.features(name), test.classifier.features
    publishing.require(test.store, features.product)
    widths = [f.open().width("frames") for f in (features, trained)] if features.imported else []
    if features.config != trained.config or len(set(widths)) > 1:
        raise SercliError(
            f"the features {name} of the two stores were made in different ways",
            place=test.store.path,
            seen=f"{widths[0]} values per frame" if widths else str(dict(features.config)),
            expected=f"{widths[1]} values per frame" if widths else str(dict(trained.config)),
            fix="run `sercli featurize` on one of them again with the same options, under another --name",
        )


def _fitted_folds(classifier: Classifier) -> list[int]:
    """Folds whose models are there and fresh. Raises MissingInput if there is none."""
    numbers: list[int] = []
    reasons: list[MissingInput] = []
    for number in classifier.fold_numbers:
        try:
            publishing.require(classifier.store, classifier.fold(number))
            if classifier.autoencoder is not None:
                publishing.require(classifier.store, classifier.autoencoder.fold(number))
            numbers.append(number)
        except MissingInput as error:
            reasons.append(error)
    if not numbers:
        raise reasons[0]
    if reasons:
        say(f"{classifier.name}: {len(numbers)} of {len(classifier.fold_numbers)} folds; {reasons[0]}")
    return numbers


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
        for utt_id, p in zip(block, shares, strict=True):
            rows.append([utt_id, test.classes[int(np.argmax(p))], *(f"{value:.9g}" for value in p)])
        report_fraction(built, len(rows) / len(test.labels))
    if not rows:
        raise SercliError(
            "`sercli featurize` skipped every utterance", place=store_path, fix="see its table of rejects"
        )
    write_table(built / PREDICTIONS, ["utt_id", "prediction", *(f"p_{label}" for label in test.classes)], rows)


def score(store_path: Path, origin_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Unit of work: `scores.json`."""
    test = CrossCorpusTest(Catalogue(Store(store_path)), Catalogue(Store(origin_path)).classifier(name))
    predictions = {
        number: [
            _with_truth(row, test.labels)
            for row in read_table(test.store.file(test.predictions(number).key, PREDICTIONS))
        ]
        for number in numbers
    }
    foreign = ForeignClassifier.of(test, numbers)
    result = score_cross_corpus(foreign, test.classes, test.labels, predictions, test.store.utterances)
    write(result, built / SCORES)


def _with_truth(row: Mapping[str, str], labels: Mapping[str, str]) -> Prediction:
    return {"utt_id": row["utt_id"], "prediction": row["prediction"], "truth": labels[row["utt_id"]]}
