"""`sercli encode`: the latents (mean, std) of every utterance of the task, a fold at a time; label-free unless oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..experiments.fitted import read_autoencoder
from ..experiments.making import Outcome, Run, Work, make, report_fraction
from ..experiments.resolve import Condition, autoencoder_config, categories, condition_of, task_of
from ..experiments.systems import autoencoder_fold, features, folds_of, latents_fold
from ..store.ragged import Rows, write_ragged
from ..store.store import ARRAYS, Store
from ..tasks.folds import Folds
from .train_ae import PRELOAD

PASSING = "passing"  # the attribute of latents that a sweep made for itself


def run(path: Path, name: str, condition: str | None, numbers: Sequence[int], run: Run) -> Outcome:
    """`numbers` are the folds, all if empty. Raises MissingInput for a fold whose autoencoder is missing or stale."""
    store = Store(path)
    config = autoencoder_config(store, name)
    asked = condition_of(config, condition)
    store.require(features(store, config.frontend))
    folds = folds_of(store, config.task)
    chosen = folds.numbers(numbers)
    for number in chosen:
        store.require(autoencoder_fold(store, name, config, folds, number))
    products = [latents_fold(store, name, asked, folds, number) for number in chosen]

    works = [
        Work(product, encode_fold, (path, name, asked, folds, product.config["fold"], True)) for product in products
    ]
    folder = f"{ARRAYS}/latents/{name}/{asked}"
    return make(store, name, folder, works, run, PRELOAD)


def encode_fold(
    path: Path, name: str, condition: Condition, folds: Folds, number: int, keep: bool, built: Path, device: str
) -> None:
    """Write the latents of one fold into `built`; without `keep` they say that they may go once they are read."""
    from ..experiments.inputs import Normaliser, blocks, encoded, open_features, segment_shape
    from ..learning.segments import segment_counts
    from ..learning.training import make_repeatable

    make_repeatable(device)
    store = Store(path)
    weights = store.file(f"autoencoders/{name}/fold-{number}", "model.safetensors")
    model, trained, config, _ = read_autoencoder(weights, device)
    source = open_features(store, config)
    shape = segment_shape(source, config.segment_shift_ms)
    normaliser = Normaliser(store, source, config, trained)
    parts = folds.fold(number).parts
    told, labels = categories(store, task_of(store, config.task), folds) if condition == "oracle" else ([], {})
    answers = {utt_id: told.index(label) for utt_id, label in labels.items()}
    in_task = {utt_id for utt_id in parts if utt_id in source.index}
    frames = [int(n) if utt_id in in_task else 0 for utt_id, n in zip(source.utt_ids, source.lengths, strict=True)]
    lengths = segment_counts(source.lengths * [n > 0 for n in frames], shape.size, shape.shift)
    total = int(lengths.sum())

    def latents() -> Iterator[dict[str, Rows]]:
        done = 0
        for block in blocks(source, sorted(in_task)):
            for some in encoded(model, normaliser.read(block), shape, condition, answers, device):
                yield some
                done += len(some["mean"])
            report_fraction(built, done / total)

    widths = dict.fromkeys(("mean", "std") if model.has_std else ("mean",), config.latent_dim)
    attributes = {
        "segment_shift_ms": shape.shift_ms,
        "frames_per_segment": shape.size,
        "condition": condition.upper() if condition == "oracle" else condition,
        "folds": folds.digest,
        **({} if keep else {PASSING: True}),
    }
    write_ragged(built, latents(), lengths.tolist(), source.utt_ids, widths, ("segment", "latent"), attributes)
