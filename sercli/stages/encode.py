"""`sercli encode`: the latents (mean, std) of every utterance of the task, fold by fold; without labels unless oracle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..experiments.catalogue import Catalogue
from ..experiments.fitted import read_autoencoder
from ..experiments.making import Job, Outcome, Settings, Work, make, report_fraction
from ..experiments.systems import Autoencoder
from ..store import keys, publishing
from ..store.ragged import RowArray, write_ragged
from ..store.store import Store

TEMPORARY = "passing"  # the attribute of latents that a sweep made for itself


def run(store_path: Path, name: str, condition: str | None, folds: Sequence[int], settings: Settings) -> Outcome:
    """Encode with these folds or (if empty) with all. Raises MissingInput for a fold whose autoencoder is missing or stale."""
    store = Store(store_path)
    autoencoder = Catalogue(store).autoencoder(name)
    condition = autoencoder.config.condition(condition)
    publishing.require(store, autoencoder.features.product)
    autoencoder.task.require()
    numbers = autoencoder.folds.numbers(folds)
    for number in numbers:
        publishing.require(store, autoencoder.fold(number))
    works = [Work(autoencoder.latents(k, condition), encode_fold, (store_path, name, condition, k)) for k in numbers]
    return make(store, keys.latents(name, condition), Job(name, works), settings)


def encode_fold(store_path: Path, name: str, condition: str, number: int, built: Path, device: str) -> None:
    """Unit of work: the latents of one fold."""
    _encode(Catalogue(Store(store_path)).autoencoder(name), condition, number, {}, built, device)


def encode_temporarily(store_path: Path, name: str, condition: str, number: int, built: Path, device: str) -> None:
    """The same latents with a mark: a sweep may delete them once they are read."""
    _encode(Catalogue(Store(store_path)).autoencoder(name), condition, number, {TEMPORARY: True}, built, device)


def _encode(
    autoencoder: Autoencoder, condition: str, number: int, marks: Mapping[str, Any], built: Path, device: str
) -> None:
    from ..experiments.reading import Normaliser, blocks, encoded, segment_shape
    from ..learning.segments import segment_counts
    from ..learning.training import repeatable

    model, trained, config, _ = read_autoencoder(autoencoder.weights(number), device)
    source = autoencoder.features.open()
    shape = segment_shape(source, config.segment_shift_ms)
    normaliser = Normaliser(autoencoder, source, trained)
    parts = autoencoder.folds.fold(number).parts
    categories, category = autoencoder.task.categories if condition == "oracle" else ([], {})
    labels = {utt_id: categories.index(label) for utt_id, label in category.items()}
    in_task = {utt_id for utt_id in parts if utt_id in source.index}
    frames = [int(n) if utt_id in in_task else 0 for utt_id, n in zip(source.utt_ids, source.lengths, strict=True)]
    lengths = segment_counts(source.lengths * [n > 0 for n in frames], shape.size, shape.shift)
    total = int(lengths.sum())

    def latents() -> Iterator[dict[str, RowArray]]:
        done = 0
        for block in blocks(source, sorted(in_task)):
            for rows in encoded(model, normaliser.read(block), shape, condition, labels, device):
                yield rows
                done += len(rows["mean"])
            report_fraction(built, done / total)

    widths = dict.fromkeys(("mean", "std") if model.has_std else ("mean",), config.latent_dim)
    attributes = {
        "segment_shift_ms": shape.shift_ms,
        "frames_per_segment": shape.size,
        "condition": condition.upper() if condition == "oracle" else condition,
        "folds": autoencoder.folds.digest,
        **marks,
    }
    with repeatable(device):
        rows_of = dict(zip(source.utt_ids, lengths.tolist(), strict=True))
        write_ragged(built, latents(), rows_of, widths, ("segment", "latent"), attributes)
