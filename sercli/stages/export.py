"""`sercli export`: a bundle of a classifier, with all that labels new audio and a card with its cross-validated scores."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .. import __version__
from ..bundles import bundle as bundles
from ..config import plain
from ..data.utterances import read_table
from ..errors import MissingInput, SercliError
from ..evaluation.calibration import COVERAGES, arrays, calibrated, fit_temperature
from ..evaluation.marks import Mark
from ..evaluation.model_facts import model_facts
from ..evaluation.results import Result, chance_to_json
from ..evaluation.stored import read_predictions, read_result
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.fitting import fit_autoencoder, fit_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.systems import WEIGHTS, Autoencoder, Classifier
from ..learning.segments import shape_of
from ..machine.progress import say
from ..report.card import card
from ..store import publishing
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold, leave_nobody_out

_STEPS = 1e6  # to 1, of a confidence


def run(store_path: Path, name: str, bundle: Path, number: int | None, settings: Settings) -> Outcome:
    """Export the models of a fold, or (`number` is None) new models that are fitted on all speakers.

    Raises SercliError for a system that cannot label a file by itself, or a target that holds something else, and
    MissingInput unless all folds are scored.
    """
    store = Store(store_path)
    classifier = Catalogue(store).classifier(name)
    bundles.check_exportable(name, classifier.config, classifier.features.frontend)
    classifier.task.require()
    product = classifier.bundle(None if number is None else classifier.folds.fold(number).number)
    _check_all_folds_are_scored(classifier)
    if number is None and classifier.task.definition.has_reduced_training:
        problem = "its scores are of smaller training parts, and say little about models fitted on all speakers"
        fix = "export the models of a fold with --fold, or another classifier"
        raise SercliError(problem, place=name, seen=f"task {classifier.task.name}", fix=fix)
    title = name if number is None else f"{name}.fold-{number}"
    target = bundle.resolve()  # a link is followed
    _check_replaceable(target, title, store.identity, settings)
    job = Job(title, [Work(product, build_bundle, (store_path, name, title, number))], "bundle")
    outcome = make(store, product.key, job, settings)
    if not settings.dry_run:
        with publishing.lock(store_path, product.key, wait=True):
            _copy_into_place(store.location(product.key), target)
    return replace(outcome, product=str(bundle), path=str(bundle))


def _check_all_folds_are_scored(classifier: Classifier) -> None:
    result = read_result(classifier.store, classifier.name)
    if len(result.per_fold) < result.folds_expected:
        problem = "a bundle quotes the scores over all folds, and some are not scored"
        seen, expected = f"{len(result.per_fold)} folds", f"{result.folds_expected} folds"
        fix = (classifier.fold(1).command.for_all_folds(), classifier.result([]).command)
        raise MissingInput(problem, place=classifier.name, seen=seen, expected=expected, fix=fix)


def _check_replaceable(target: Path, title: str, corpus: Mapping[str, Any], settings: Settings) -> None:
    if publishing.is_vacant(target):
        return
    info = bundles.replaceable_info(target)
    if not info:
        raise SercliError("exists and is not a bundle", place=target, fix="choose another folder")
    if not settings.overwrite:
        stored, requested = _description(info.get("name"), info.get("corpus")), _description(title, corpus)
        publishing.check_same_content(target, {"bundle": stored}, {"bundle": requested})


def _description(title: object, corpus: object) -> str:
    return f"{title} ({corpus.get('name')}) of {corpus.get('corpus')}" if isinstance(corpus, Mapping) else str(title)


def _copy_into_place(built: Path, target: Path) -> None:
    if bundles.is_copy(target, built):
        say(f"{target}: nothing to do, is up to date")
        return
    with publishing.new_folder(target) as folder:
        bundles.copy(built, folder)


def build_bundle(store_path: Path, name: str, title: str, number: int | None, built: Path, device: str) -> None:
    """Unit of work: a bundle. Models for all speakers are fitted beside it first, and survive a kill there."""
    catalogue = Catalogue(Store(store_path))
    classifier = catalogue.classifier(name)
    if number is None:
        epochs = _fit_on_all(classifier, built, device)
        fold = leave_nobody_out(classifier.folds.labels)
    else:
        epochs = {}
        fold = classifier.folds.fold(number)
        shutil.copyfile(classifier.weights(number), built / bundles.CLASSIFIER)
        if classifier.autoencoder is not None:
            shutil.copyfile(classifier.autoencoder.weights(number), built / bundles.AUTOENCODER)
    facts = model_facts(catalogue, read_result(catalogue.store, name), _fits(classifier, number, built))
    info = replace(_info(classifier, title, fold, epochs, built), facts=facts)
    bundles.write(built, info, card(info))


def _fits(classifier: Classifier, number: int | None, built: Path) -> list[Path]:
    """The folders of the fits that the weights are from."""
    systems: list[Autoencoder | Classifier] = [classifier, *filter(None, [classifier.autoencoder])]
    if number is not None:
        return [classifier.store.location(system.fold(number).key) for system in systems]
    return [built.with_name(kind) for kind in ("classifier", "autoencoder")[: len(systems)]]


def _fit_on_all(classifier: Classifier, built: Path, device: str) -> dict[str, int]:
    """Fit both models on all speakers, each for the median of the folds' best epochs. Returns these."""
    fold = leave_nobody_out(classifier.folds.labels)
    epochs: dict[str, int] = {}
    fitted = None
    if classifier.autoencoder is not None:
        epochs["autoencoder"] = _median_epochs(classifier.autoencoder)
        weights = _fit_autoencoder(classifier.autoencoder, epochs["autoencoder"], built, device)
        shutil.copyfile(weights, built / bundles.AUTOENCODER)
        fitted = read_autoencoder(weights, "cpu")
    epochs["classifier"] = _median_epochs(classifier)
    config = replace(classifier.config, training={**classifier.config.training, "epochs": epochs["classifier"]})
    retrained = Classifier(classifier.sources, classifier.name, config, classifier.task, classifier.autoencoder)
    folder = built.with_name("classifier")
    folder.mkdir(exist_ok=True)
    fit_classifier(retrained, fold, folder, device, fitted)
    shutil.copyfile(folder / WEIGHTS, built / bundles.CLASSIFIER)
    return epochs


def _fit_autoencoder(autoencoder: Autoencoder, epochs: int, built: Path, device: str) -> Path:
    folder = built.with_name("autoencoder")
    folder.mkdir(exist_ok=True)
    finished = folder / "finished"
    if not finished.exists():
        training = {**autoencoder.config.training, "epochs": epochs}
        config = replace(autoencoder.config, training=training, reconstruction_threshold=None)
        retrained = Autoencoder(autoencoder.sources, autoencoder.name, config, autoencoder.task)
        fit_autoencoder(retrained, leave_nobody_out(retrained.folds.labels), folder, device)
        finished.touch()
    return folder / WEIGHTS


def _median_epochs(system: Autoencoder | Classifier) -> int:
    """The median over folds of the epoch whose weights were kept."""
    rows = (row for number in system.fold_numbers for row in read_table(system.history(number)))
    return max(1, round(median([float(row["epoch"]) for row in rows if float(row["best"])])))


def _info(classifier: Classifier, title: str, fold: Fold, epochs: Mapping[str, int], built: Path) -> bundles.BundleInfo:
    store, features, product = classifier.store, classifier.features, classifier.published_result()
    result = read_result(store, classifier.name)
    attributes = store.attributes(features.key)
    shift_ms = attributes["frame_shift_ms"]
    autoencoder = read_autoencoder(built / bundles.AUTOENCODER, "cpu") if classifier.autoencoder is not None else None
    return bundles.BundleInfo(
        format=bundles.BUNDLE_FORMAT,
        name=title,
        target=result.system.target,
        classes=tuple(classifier.folds.classes),
        frontend=bundles.FrontEnd(features.frontend, features.options, attributes["sample_rate"], shift_ms),
        segment_ms=shape_of(shift_ms, classifier.config.segment_shift_ms).size_ms,
        marks=tuple(map(str, result.marks)),
        corpus=store.identity,
        fitted_on=_fitted_on(classifier, fold, epochs),
        scores=_expected_scores(result, fold.number),
        classifier=plain(read_classifier(built / bundles.CLASSIFIER, "cpu").config),
        certainty=_certainty(classifier, result, fold.number),
        autoencoder=plain(autoencoder.config) if autoencoder is not None else {},
        made_from={product.key: product.digest, "folds": classifier.folds.digest, "sercli": __version__},
    )


def _certainty(classifier: Classifier, result: Result, number: int) -> bundles.Certainty:
    """From the dev part of a fold; for models that were fitted on all speakers, from the dev parts of all folds."""
    rows = [row for row in read_predictions(classifier.store, classifier.name) if row["part"] == "dev"]
    if number == NOBODY:
        place = f"{len(classifier.fold_numbers)} folds"
    else:
        rows, place = [row for row in rows if row["fold"] == str(number)], f"fold {number}"
    posteriors, truth = arrays(rows, classifier.folds.classes)
    temperature = fit_temperature(posteriors, truth)
    confidences: tuple[float, ...] = ()
    if rows and Mark.SPEAKER_DEPENDENT not in result.marks:
        confidence = calibrated(posteriors, temperature.value).max(axis=1)
        quantiles = np.percentile(confidence, range(101))
        confidences = tuple(
            map(float, np.floor(quantiles * _STEPS) / _STEPS)
        )  # equal ones are not rejected by rounding
    before = ", before the refit" if classifier.is_refitted else ""
    fitted_on = f"the {len(rows)} dev utterances of {place}{before}"
    return bundles.Certainty(fitted_on, temperature.value, temperature.note, confidences)


def _fitted_on(classifier: Classifier, fold: Fold, epochs: Mapping[str, int]) -> dict[str, Any]:
    training = set((fold.without_dev() if classifier.is_refitted else fold).part("train"))
    return {
        "utterances": len(training),
        "speakers": len({u.speaker for u in classifier.store.utterances if u.utt_id in training}),
        "left_out": fold.left_out or "nobody",
        **({"epochs": dict(epochs)} if epochs else {"fold": fold.number}),
    }


def _expected_scores(result: Result, number: int) -> dict[str, Any]:
    """The scores over all folds; for the models of one fold also the scores of that fold."""
    scores = {
        "of": f"{result.folds_expected} folds, {result.system.protocol}",
        **result.test.four.to_json(),
        **result.intervals.to_json(after="_ci95"),
        "chance": chance_to_json(result.chance),
        "n_utterances": result.test.n_utterances,
        "cluster": result.cluster,
        "n_clusters": len(result.per_cluster),
        "recall": dict(result.test.recall),
        "posteriors": {
            state: {name: getattr(quality, name) for name in ("ece", "brier", "log_loss")}
            for state, quality in (("raw", result.posteriors.raw), ("calibrated", result.posteriors.calibrated))
        },
        "risk": dict(zip(map(str, COVERAGES), result.posteriors.calibrated.risk, strict=True)),
    }
    for fold in result.per_fold:
        if fold.fold == number:
            scores["this_fold"] = {**fold.test.to_json(), "n_utterances": fold.n_utterances}
    return scores
