"""Fitting one fold of an autoencoder or a classifier. Torch is imported by the functions that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING

from .. import plugins
from ..config import build, plain
from ..data.utterances import write_table
from ..errors import SercliError
from ..learning.options import TrainingConfig
from ..learning.segments import SEGMENT_MS
from ..machine.progress import say
from ..machine.workers import release_memory
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold
from .catalogue import Catalogue
from .fitted import create_autoencoder, create_classifier
from .making import report_fraction
from .systems import HISTORY, WEIGHTS, Autoencoder, Classifier

if TYPE_CHECKING:
    from ..learning.training import Row
    from .inputs import ClassifierInput


def fit_autoencoder_fold(store_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: weights and history of one fold."""
    autoencoder = Catalogue(Store(store_path)).autoencoder(name)
    fit_autoencoder(autoencoder, autoencoder.folds.fold(number), built, device)


def fit_autoencoder(autoencoder: Autoencoder, fold: Fold, built: Path, device: str) -> None:
    """Fit on the training part of a fold and write weights and history. A fold that leaves nobody out runs all epochs."""
    import torch

    from ..learning import checkpoints
    from ..learning.batches import SegmentBatches
    from ..learning.training import fit, make_repeatable, seed_for
    from .inputs import Normaliser, segment_shape

    make_repeatable(device)
    config = autoencoder.config
    source = autoencoder.features.open()
    shape = segment_shape(source, config.segment_shift_ms)
    normaliser = Normaliser(autoencoder, source)
    train = normaliser.read([*fold.part("train"), *autoencoder.further_training(fold)])
    dev = normaliser.read(fold.part("dev")) if fold.number != NOBODY else None
    release_memory()  # of reading
    check_not_empty(fold.number, {"train": train.utt_ids, **({"dev": dev.utt_ids} if dev else {})})
    training = build(TrainingConfig, config.training, "training")
    seed = seed_for(config.seed, fold.number, "train-ae")
    torch.manual_seed(seed)
    categories, category = autoencoder.task.categories if config.sees_labels else ([], {})
    model = create_autoencoder(config, shape.size * train.frames.shape[1], categories).to(device)
    seen = [*train.utt_ids, *(dev.utt_ids if dev else [])]
    labels = {utt_id: categories.index(category[utt_id]) for utt_id in seen if utt_id in category}
    train_batches = SegmentBatches(train, shape, labels, training.batch_size, device)
    dev_batches = SegmentBatches(dev, shape, labels, training.batch_size, device) if dev else None
    model.see_training_labels(train_batches.labels)
    threshold = config.reconstruction_threshold

    def is_good_enough(losses: Row) -> bool:
        return threshold is not None and losses["squared_error"] / model.n_inputs < threshold

    history = fit(
        model,
        train_batches.shuffled,
        dev_batches.in_order if dev_batches else None,
        training,
        seed,
        device,
        lambda epoch: report_fraction(built, epoch / training.epochs),
        is_good_enough,
    )
    assert normaliser.trained is not None
    state = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    state["normalisation.mean"] = torch.from_numpy(normaliser.trained.mean)
    state["normalisation.std"] = torch.from_numpy(normaliser.trained.std)
    metadata = {
        **plain(config),
        "fold": fold.number,
        "categories": categories,
        "folds": autoencoder.folds.digest,
        "n_inputs": model.n_inputs,
        "frames_per_segment": shape.size,
        "segment_ms": shape.size_ms,
    }
    checkpoints.write(built / WEIGHTS, state, metadata)
    write_history(built / HISTORY, history)


def fit_classifier_fold(store_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Unit of work: weights and history of one fold. Test utterances are not read."""
    from .inputs import ClassifierInput

    classifier = Catalogue(Store(store_path)).classifier(name)
    fit_classifier(classifier, ClassifierInput(classifier, number), classifier.folds.fold(number), built, device)


def fit_classifier(classifier: Classifier, source: ClassifierInput, fold: Fold, built: Path, device: str) -> None:
    """Fit on the training part of a fold and write weights and history. A fold that leaves nobody out runs all epochs."""
    import torch

    from ..learning import checkpoints
    from ..learning.training import make_repeatable, seed_for

    make_repeatable(device)
    config, folds = classifier.config, classifier.folds
    index = {label: number for number, label in enumerate(folds.classes)}
    labels = {
        utt_id: index[label] for utt_id, label in folds.labels.items() if fold.parts.get(utt_id) in ("train", "dev")
    }
    train = source.read(fold.part("train"), labels)
    dev = source.read(fold.part("dev"), labels) if fold.number != NOBODY else None
    release_memory()  # of reading
    check_not_empty(fold.number, {"train": train, **({} if dev is None else {"dev": dev})})
    seed = seed_for(config.seed, fold.number, f"train-classifier {config.classifier}")
    torch.manual_seed(seed)
    model = create_classifier(config, train.rows.shape[1], len(folds.classes))
    model.see_training_rows(train.rows)
    train = model.standardise(train, in_place=True)
    dev = None if dev is None else model.standardise(dev, in_place=True)
    training = build(TrainingConfig, config.training, "training")
    model.to(device)
    history = plugins.load("classifiers", config.classifier).fit(
        model.network, train, dev, training, seed, device, lambda epoch: report_fraction(built, epoch / training.epochs)
    )
    state = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    if classifier.autoencoder is None and source.normaliser.trained is not None:
        state["normalisation.mean"] = torch.from_numpy(source.normaliser.trained.mean)
        state["normalisation.std"] = torch.from_numpy(source.normaliser.trained.std)
    metadata = {
        **plain(config),
        "fold": fold.number,
        "classes": folds.classes,
        "folds": folds.digest,
        "n_features": train.rows.shape[1],
    }
    checkpoints.write(built / WEIGHTS, state, metadata)
    write_history(built / HISTORY, history)


def check_not_empty(number: int, parts: Mapping[str, Sized]) -> None:
    """Raises SercliError for a part without a usable utterance."""
    for part, utterances in parts.items():
        if not len(utterances):
            raise SercliError(
                f"no usable {part} utterance: `sercli featurize` skipped all of them",
                place=f"fold {number}",
                fix="see its table of rejects and repair the recordings, or name other folds with --fold",
            )


def check_segments(system: Autoencoder | Classifier) -> None:
    """Raises UsageError unless the shift is a whole number of frames; reports a segment that is not of 100 ms."""
    from .inputs import segment_shape

    shape = segment_shape(system.features.open(), system.config.segment_shift_ms)
    if abs(shape.size_ms - SEGMENT_MS) > 1e-6:
        frames = f"{shape.size} frame{'s' * (shape.size > 1)} of {shape.frame_shift_ms:g} ms"
        say(f"a segment is {shape.size_ms:g} ms, {frames}: as near to {SEGMENT_MS:g} ms as whole frames come")


def write_history(path: Path, history: Sequence[Row]) -> None:
    """One row per epoch, all numbers in full."""
    header = list(history[0])
    write_table(path, header, [[f"{row[name]:.9g}" for name in header] for row in history])
