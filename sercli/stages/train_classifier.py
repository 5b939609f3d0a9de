"""`sercli train-classifier` and `sercli train-lstm`: one classifier a fold, on latents or straight on features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..config import build, plain
from ..experiments.fitted import classifier_options, create_classifier
from ..experiments.making import Outcome, Run, Work, make, report_fraction
from ..experiments.resolve import NO_AUTOENCODER, ClassifierConfig, reads_segments, resolve_classifier
from ..experiments.systems import classifier_fold, features, latents_of
from ..learning.options import TrainingConfig
from ..machine.devices import resolve_all
from ..machine.workers import release_memory
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold, Folds
from .folds import write_task
from .train_ae import PRELOAD, refuse_empty, refuse_impossible_segments, write_history

if TYPE_CHECKING:
    from ..experiments.inputs import ClassifierInput


def run(path: Path, given: Mapping[str, Any], numbers: Sequence[int], run: Run) -> Outcome:
    """`given` are the options by name; `numbers` the folds, all if empty. Raises SercliError, UsageError."""
    store = Store(path)
    name, config, task = resolve_classifier(store, given)
    store.require(features(store, config.frontend))
    _, folds = write_task(store, config.task, task, run)
    key = f"classifiers/{name}"
    is_new = store.shared_config(key) is None
    store.announce(key, plain(config))
    products = [classifier_fold(store, name, config, folds, number) for number in folds.numbers(numbers)]
    if config.autoencoder != NO_AUTOENCODER:
        for product in products:
            if run.overwrite or store.state(product).name != "fresh":  # of what is fitted, latents may be pruned
                store.require(latents_of(store, config, product.config["fold"]))
    if is_new:  # what cannot work takes no name, and a dry run refuses it too
        classifier_options(config)
        if config.autoencoder == NO_AUTOENCODER and reads_segments(config):
            refuse_impossible_segments(store, config)
        resolve_all(run.device)
    if not run.dry_run:
        store.claim(key, plain(config))

    works = [Work(product, fit_fold, (path, config, folds, product.config["fold"])) for product in products]
    return make(store, name, key, works, run, PRELOAD)


def fit_fold(path: Path, config: ClassifierConfig, folds: Folds, number: int, built: Path, device: str) -> None:
    """Fit one fold and write `model.safetensors` and `history.tsv` into `built`. Test utterances are not read."""
    from ..experiments.inputs import ClassifierInput

    store = Store(path)
    fit(ClassifierInput(store, config, number), config, folds, folds.fold(number), built, device)


def fit(source: ClassifierInput, config: ClassifierConfig, folds: Folds, fold: Fold, built: Path, device: str) -> None:
    """The same from any source of inputs; a fold that leaves nobody out has no dev, and runs all epochs."""
    import torch

    from ..learning import checkpoints
    from ..learning.training import make_repeatable, seed_for

    make_repeatable(device)
    classes = {label: index for index, label in enumerate(folds.classes)}
    labels = {
        utt_id: classes[label] for utt_id, label in folds.labels.items() if fold.parts.get(utt_id) in ("train", "dev")
    }
    train = source.read(fold.part("train"), labels)
    dev = source.read(fold.part("dev"), labels) if fold.number != NOBODY else None
    release_memory()  # of reading
    refuse_empty(fold.number, {"train": train, **({} if dev is None else {"dev": dev})})
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
    built.mkdir(exist_ok=True)
    state = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    if config.autoencoder == NO_AUTOENCODER and source.normaliser.trained is not None:
        state["normalisation.mean"] = torch.from_numpy(source.normaliser.trained.mean)
        state["normalisation.std"] = torch.from_numpy(source.normaliser.trained.std)
    metadata = {
        **plain(config),
        "fold": fold.number,
        "classes": folds.classes,
        "folds": folds.digest,
        "n_features": train.rows.shape[1],
    }
    checkpoints.write(built / "model.safetensors", state, metadata)
    write_history(built / "history.tsv", history)
