"""`sercli train-ae`: one autoencoder a fold, fitted on that fold's training part only.

Torch is imported by the functions that fit, so that finding nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import build, plain
from ..data.utterances import write_table
from ..errors import SercliError
from ..experiments.fitted import autoencoder_options, create_autoencoder
from ..experiments.making import Outcome, Run, Work, make, report_fraction
from ..experiments.resolve import (
    AutoencoderConfig,
    ClassifierConfig,
    categories,
    resolve_autoencoder,
    sees_labels,
    task_of,
)
from ..experiments.systems import autoencoder_fold, features, further_training
from ..learning.options import TrainingConfig
from ..learning.segments import SEGMENT_MS
from ..machine.devices import resolve_all
from ..machine.progress import say
from ..machine.workers import release_memory
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold, Folds
from .folds import write_task

if TYPE_CHECKING:
    import torch

    from ..experiments.inputs import Speech
    from ..learning.segments import SegmentShape
    from ..learning.training import Row

PRELOAD = ["torch", "zarr", "sercli.experiments.inputs", "sercli.learning.training"]


def run(path: Path, given: Mapping[str, Any], numbers: Sequence[int], run: Run) -> Outcome:
    """`given` are the options by name; `numbers` the folds, all if empty. Raises SercliError, UsageError."""
    store = Store(path)
    name, config, task = resolve_autoencoder(store, given)
    store.require(features(store, config.frontend))
    _, folds = write_task(store, config.task, task, run)
    chosen = folds.numbers(numbers)
    key = f"autoencoders/{name}"
    is_new = store.shared_config(key) is None
    store.announce(key, plain(config))
    products = [autoencoder_fold(store, name, config, folds, number) for number in chosen]
    if is_new:  # what cannot work takes no name, and a dry run refuses it too
        autoencoder_options(config)
        refuse_impossible_segments(store, config)
        resolve_all(run.device)
    if not run.dry_run:
        store.claim(key, plain(config))

    works = [Work(product, fit_fold, (path, config, folds, product.config["fold"])) for product in products]
    return make(store, name, key, works, run, PRELOAD)


def fit_fold(path: Path, config: AutoencoderConfig, folds: Folds, number: int, built: Path, device: str) -> None:
    """Fit one fold and write `model.safetensors` and `history.tsv` into `built`."""
    fit(Store(path), config, folds, folds.fold(number), built, device)


def fit(store: Store, config: AutoencoderConfig, folds: Folds, fold: Fold, built: Path, device: str) -> None:
    """The same for any fold of the task's utterances; one that leaves nobody out has no dev, and runs all epochs."""
    import torch

    from ..experiments.inputs import Normaliser, open_features, segment_shape
    from ..learning import checkpoints
    from ..learning.training import fit as descend
    from ..learning.training import make_repeatable, seed_for

    make_repeatable(device)
    source = open_features(store, config)
    shape = segment_shape(source, config.segment_shift_ms)
    normaliser = Normaliser(store, source, config)
    train = normaliser.read([*fold.part("train"), *further_training(store, config, folds, fold)])
    dev = normaliser.read(fold.part("dev")) if fold.number != NOBODY else None
    release_memory()  # of reading
    refuse_empty(fold.number, {"train": train.utt_ids, **({"dev": dev.utt_ids} if dev else {})})
    training = build(TrainingConfig, config.training, "training")
    seed = seed_for(config.seed, fold.number, "train-ae")
    torch.manual_seed(seed)
    n_features = train.frames.shape[1]
    told, known = categories(store, task_of(store, config.task), folds) if sees_labels(config) else ([], {})
    model = create_autoencoder(config, shape.size * n_features, told).to(device)
    seen = [*train.utt_ids, *(dev.utt_ids if dev else [])]
    labels = {utt_id: told.index(known[utt_id]) for utt_id in seen if utt_id in known}
    train_batches = _Batches(train, shape, labels, training, device)
    dev_batches = _Batches(dev, shape, labels, training, device) if dev else None
    model.see_training_labels(train_batches.labels)
    limit = config.reconstruction_threshold

    def good_enough(dev: Row) -> bool:
        return limit is not None and dev["squared_error"] / model.n_inputs < limit

    history = descend(
        model,
        train_batches.shuffled,
        dev_batches.in_order if dev_batches else None,
        training,
        seed,
        device,
        lambda epoch: report_fraction(built, epoch / training.epochs),
        good_enough,
    )
    built.mkdir(exist_ok=True)
    assert normaliser.trained is not None
    state = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    state["normalisation.mean"] = torch.from_numpy(normaliser.trained.mean)
    state["normalisation.std"] = torch.from_numpy(normaliser.trained.std)
    metadata = {
        **plain(config),
        "fold": fold.number,
        "categories": told,
        "folds": folds.digest,
        "n_inputs": model.n_inputs,
        "frames_per_segment": shape.size,
        "segment_ms": shape.size_ms,
    }
    checkpoints.write(built / "model.safetensors", state, metadata)
    write_history(built / "history.tsv", history)


def refuse_empty(number: int, parts: Mapping[str, Sized]) -> None:
    """Raises SercliError for a part of which nothing is usable."""
    for part, utterances in parts.items():
        if not len(utterances):
            raise SercliError(
                f"fold {number} has no usable {part} utterance: all were set aside by `sercli featurize`, see its rejects "
                "table; mend them, or name other folds with --fold"
            )


def refuse_impossible_segments(store: Store, config: AutoencoderConfig | ClassifierConfig) -> None:
    """Raises UsageError unless the shift is a whole number of the features' frames; tells if a segment is not of 100 ms."""
    from ..experiments.inputs import open_features, segment_shape

    shape = segment_shape(open_features(store, config), config.segment_shift_ms)
    if abs(shape.size_ms - SEGMENT_MS) > 1e-6:
        frames = f"{shape.size} frame{'s' * (shape.size > 1)} of {shape.frame_shift_ms:g} ms"
        say(f"a segment is {shape.size_ms:g} ms, {frames}: as near to {SEGMENT_MS:g} ms as whole frames come")


def write_history(path: Path, history: Sequence[Row]) -> None:
    """One row an epoch, all numbers in full."""
    header = list(history[0])
    write_table(path, header, [[f"{row[name]:.9g}" for name in header] for row in history])


class _Batches:
    """Segments (B, S·F) and their categories (B,), -1 for utterances without one. All lies on the device."""

    def __init__(
        self, speech: Speech, shape: SegmentShape, labels: Mapping[str, int], training: TrainingConfig, device: str
    ) -> None:
        import torch

        view, starts, counts = speech.segments(shape)
        self.view, self.starts = view.to(device), starts.to(device)
        of_each = torch.tensor([labels.get(utt_id, -1) for utt_id in speech.utt_ids], dtype=torch.int64)
        self.labels = of_each.repeat_interleave(torch.from_numpy(counts)).to(device)
        self.size = training.batch_size

    def __len__(self) -> int:
        return len(self.starts)

    def in_order(self) -> Iterator[list[torch.Tensor]]:
        import torch

        yield from self._take(torch.arange(len(self)))

    def shuffled(self, generator: torch.Generator) -> Iterator[list[torch.Tensor]]:
        import torch

        yield from self._take(torch.randperm(len(self), generator=generator))

    def _take(self, order: torch.Tensor) -> Iterator[list[torch.Tensor]]:
        order = order.to(self.starts.device)
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            yield [self.view[self.starts[chosen]], self.labels[chosen]]
