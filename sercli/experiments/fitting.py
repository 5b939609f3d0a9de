"""Fitting one fold of an autoencoder or a classifier. Torch is imported by the functions that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import build
from ..errors import SercliError, UsageError
from ..learning.options import TrainingConfig
from ..learning.segments import SEGMENT_MS
from ..machine.progress import say
from ..machine.usage import Meter
from ..machine.workers import release_memory
from ..store.store import Store
from ..tasks.folds import Fold
from .catalogue import Catalogue
from .dialogues import places_in_dialogues
from .fit_records import FitRecord
from .fitted import FittedAutoencoder, FittedClassifier, create_autoencoder, create_classifier, save
from .making import report_fraction
from .systems import DEV_WEIGHTS, HISTORY, REFIT_HISTORY, WEIGHTS, Autoencoder, Classifier

if TYPE_CHECKING:
    from ..learning.batches import Sequences
    from ..learning.training import Losses, TrainingRun

History = list["Losses"]  # one row per epoch


def fit_autoencoder_fold(store_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: weights and history of one fold."""
    autoencoder = Catalogue(Store(store_path)).autoencoder(name)
    fit_autoencoder(autoencoder, autoencoder.folds.fold(number), built, device)


def fit_autoencoder(autoencoder: Autoencoder, fold: Fold, built: Path, device: str) -> None:
    """Fit on the training part of a fold and write weights and history. A fold that leaves nobody out runs all epochs.

    After a refit, what is encoded of dev was trained on: a classifier on these latents has dev scores that are too good.
    """
    fit = partial(_fitted_autoencoder, autoencoder, built, Meter(device))
    _fit_and_save(fit, autoencoder, fold, "train-ae", built, device)


def _fitted_autoencoder(
    autoencoder: Autoencoder, built: Path, meter: Meter, fold: Fold, run: TrainingRun
) -> tuple[FittedAutoencoder, History]:
    from ..learning.batches import SegmentBatches
    from ..learning.training import fit, repeatable
    from .reading import Normaliser, segment_shape

    config, device, batch_size = autoencoder.config, run.device, run.config.batch_size
    source = autoencoder.features.open()
    shape = segment_shape(source, config.segment_shift_ms)
    normaliser = Normaliser(autoencoder, source)
    train = normaliser.read([*fold.part("train"), *autoencoder.further_training(fold)])
    dev = normaliser.read(fold.part("dev")) if fold.has_dev else None
    release_memory()  # of reading
    check_not_empty(fold.number, {"train": train.utt_ids, **({"dev": dev.utt_ids} if dev else {})})
    categories, category = autoencoder.task.categories if config.sees_labels else ([], {})
    seen = [*train.utt_ids, *(dev.utt_ids if dev else [])]
    labels = {utt_id: categories.index(category[utt_id]) for utt_id in seen if utt_id in category}
    with repeatable(device, run.seed):
        model = create_autoencoder(config, shape.size * train.frames.shape[1], len(categories)).to(device)
        train_batches = SegmentBatches(train, shape, labels, batch_size, device)
        dev_batches = SegmentBatches(dev, shape, labels, batch_size, device) if dev else None
        model.see_training_labels(train_batches.labels)
        threshold = config.reconstruction_threshold

        def is_good_enough(losses: Losses) -> bool:
            return threshold is not None and losses["squared_error"] / model.n_inputs < threshold

        run = replace(run, good_enough=is_good_enough)
        history = fit(model, train_batches.shuffled, dev_batches.in_order if dev_batches else None, run)
        FitRecord.of(meter, model, run, history).write(built)
    assert normaliser.trained is not None
    return FittedAutoencoder(model, normaliser.trained, config, categories), history


def fit_classifier_fold(store_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: weights and history of one fold. Test utterances are not read."""
    classifier = Catalogue(Store(store_path)).classifier(name)
    fit_classifier(classifier, classifier.folds.fold(number), built, device)


def fit_classifier(
    classifier: Classifier, fold: Fold, built: Path, device: str, autoencoder: FittedAutoencoder | None = None
) -> None:
    """Fit on the training part of a fold and write weights and history. A fold that leaves nobody out runs all epochs.

    Latents are those of the store, unless a fitted `autoencoder` is given to make them.
    """
    fit = partial(_fitted_classifier, classifier, autoencoder, built, Meter(device))
    _fit_and_save(fit, classifier, fold, f"train-classifier {classifier.config.classifier}", built, device)


def _fitted_classifier(
    classifier: Classifier,
    autoencoder: FittedAutoencoder | None,
    built: Path,
    meter: Meter,
    fold: Fold,
    run: TrainingRun,
) -> tuple[FittedClassifier, History]:
    from ..learning.training import repeatable
    from .reading import ClassifierInput

    config, folds = classifier.config, classifier.folds
    source = ClassifierInput(classifier, fold.number, autoencoder=autoencoder)
    index = {label: number for number, label in enumerate(folds.classes)}
    labels = {
        utt_id: index[label] for utt_id, label in folds.labels.items() if fold.parts.get(utt_id) in ("train", "dev")
    }
    train = source.read(fold.part("train"), labels)
    if config.soft_labels:
        train = _with_soft_labels(train, classifier, source.usable(fold.part("train")))
    dev = source.read(fold.part("dev"), labels) if fold.has_dev else None
    release_memory()  # of reading
    check_not_empty(fold.number, {"train": train, **({} if dev is None else {"dev": dev})})
    with repeatable(run.device, run.seed):
        model = create_classifier(config, train.rows.shape[1], len(folds.classes))
        history = model.fit(train, dev, run)
        FitRecord.of(meter, model.network, run, history).write(built)
    return FittedClassifier(model, source.trained, config, folds.classes), history


def _with_soft_labels(train: Sequences, classifier: Classifier, utt_ids: Sequence[str]) -> Sequences:
    """The training part with shares of classes for labels; the dev part keeps one label each, so that dev losses of systems
    with and without soft labels are the same quantity."""
    import torch

    shares = classifier.task.soft_labels(utt_ids)
    return replace(train, labels=torch.tensor([shares[utt_id] for utt_id in utt_ids], dtype=torch.float32))


def _fit_and_save(
    fit: Callable[[Fold, TrainingRun], tuple[FittedAutoencoder | FittedClassifier, History]],
    system: Autoencoder | Classifier,
    fold: Fold,
    stage: str,
    built: Path,
    device: str,
) -> None:
    """Fit; with `refit`, once more on train and dev, from the same seed, for the number of epochs that dev has chosen."""
    from ..learning.training import TrainingRun, seed_for

    training = build(TrainingConfig, system.config.training, "training")
    is_refitted = system.is_refitted and fold.has_dev
    report = _reporter(built, training.epochs, 0, 1 + is_refitted)
    run = TrainingRun(training, seed_for(system.config.seed, fold.number, stage), device, report)
    about = _about(system, fold)
    fitted, history = fit(fold, run)
    if not is_refitted:
        save(built, fitted, history, about)
        return
    save(built, fitted, history, about, (DEV_WEIGHTS, HISTORY))
    epochs = next(int(row["epoch"]) for row in history if row["best"])
    run = replace(run, config=replace(training, epochs=epochs), on_epoch=_reporter(built, epochs, 1, 2))
    save(built, *fit(fold.without_dev(), run), about, (WEIGHTS, REFIT_HISTORY))


def _reporter(built: Path, epochs: int, n_done: int, n_fits: int) -> Callable[[int], None]:
    """Reports the share of the epochs of all fits that are done."""
    return lambda epoch: report_fraction(built, (n_done + epoch / epochs) / n_fits)


def _about(system: Autoencoder | Classifier, fold: Fold) -> dict[str, Any]:
    from .reading import segment_shape

    about = {"fold": fold.number, "folds": system.folds.digest}
    if isinstance(system, Classifier):
        return about
    shape = segment_shape(system.features.open(), system.config.segment_shift_ms)
    return {**about, "frames_per_segment": shape.size, "segment_ms": shape.size_ms}


def check_not_empty(number: int, parts: Mapping[str, Sized]) -> None:
    """Raises SercliError for a part without a usable utterance."""
    for part, utterances in parts.items():
        if not len(utterances):
            problem = f"no usable {part} utterance: `sercli featurize` skipped all of them"
            fix = "see its table of rejects and repair the recordings, or name other folds with --fold"
            raise SercliError(problem, place=f"fold {number}", fix=fix)


def check_input(classifier: Classifier) -> None:
    """Raises SercliError where the classifier or the corpus lacks what the classifier's input needs."""
    source = classifier.config.input
    if source.joins_features and classifier.autoencoder is None:
        fix = "name an autoencoder with --ae"
        raise UsageError("the input needs an autoencoder", place=classifier.config.classifier, fix=fix)
    if source.needs_dialogues:
        places_in_dialogues(classifier.store.utterances)


def check_segments(system: Autoencoder | Classifier) -> None:
    """Raises UsageError unless the shift is a whole number of frames; reports a segment that is not of 100 ms."""
    from .reading import segment_shape

    shape = segment_shape(system.features.open(), system.config.segment_shift_ms)
    if abs(shape.size_ms - SEGMENT_MS) > 1e-6:
        frames = f"{shape.size} frame{'s' * (shape.size > 1)} of {shape.frame_shift_ms:g} ms"
        say(f"a segment is {shape.size_ms:g} ms, {frames}: as near to {SEGMENT_MS:g} ms as whole frames come")
