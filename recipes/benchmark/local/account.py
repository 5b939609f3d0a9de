"""What a sweep's training would cost if only its matrix products took time, from the epochs that it ran; and, from that,
what other sweeps will cost.

usage: account.py STORE SWEEP PRECISION SECONDS
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from autoencoder import products_alone

from sercli.experiments.catalogue import Catalogue
from sercli.store.store import Store

LATENTS, HIDDEN, BATCH, STEPS = 256, 128, 32, 45  # an utterance of 4.5 s
SEGMENT_SECONDS = 0.1


def epochs(folder: Path) -> int:
    with (folder / "history.tsv").open(encoding="utf-8") as stream:
        return len(list(csv.DictReader(stream, delimiter="\t")))


def lstm_products_alone(dtype: torch.dtype, seconds: float = 2.0) -> float:
    """Steps a second, forward and backward, of two layers' products: the inputs of all steps at once, the state step by step."""
    from time import perf_counter

    layers = []
    for n_in in (LATENTS, HIDDEN):
        x, gates = torch.randn(STEPS * BATCH, n_in, dtype=dtype), torch.randn(STEPS * BATCH, 4 * HIDDEN, dtype=dtype)
        own, state = torch.randn(n_in, 4 * HIDDEN, dtype=dtype), torch.randn(HIDDEN, 4 * HIDDEN, dtype=dtype)
        layers.append((x, gates, own, state, torch.randn(BATCH, HIDDEN, dtype=dtype)))
    start, done = perf_counter(), 0
    while perf_counter() - start < seconds:
        for index, (x, gates, own, state, hidden) in enumerate(layers):
            x @ own
            x.T @ gates
            if index > 0:
                gates @ own.T
            for step in torch.split(gates, BATCH):
                hidden @ state
                step @ state.T
            gates[:, :HIDDEN].T @ gates  # of the state's weights, all steps at once
        done += STEPS * BATCH
    return done / (perf_counter() - start)


def passes(store: Store, sweep: str) -> Iterator[tuple[str, str, float]]:
    """Kind, name, and seconds of speech that training went over; a third for dev, which has no backward pass."""
    seconds = {utterance.utt_id: utterance.duration for utterance in store.utterances}
    with (store.path / "sweeps" / sweep / "results.tsv").open(encoding="utf-8") as stream:
        names = [row["classifier"] for row in csv.DictReader(stream, delimiter="\t") if row["row"] == "point"]
    folders, catalogue = {}, Catalogue(store)
    for name in names:
        classifier = catalogue.classifier(name)
        folders[classifier.key] = classifier.task
        if classifier.autoencoder is not None:
            folders[classifier.autoencoder.key] = classifier.autoencoder.task
    for key, task in folders.items():
        for folder in sorted((store.path / key).glob("fold-*")):
            fold = task.folds.fold(int(folder.name.rpartition("-")[2]))
            train, dev = (sum(seconds[utt_id] for utt_id in fold.part(part)) for part in ("train", "dev"))
            yield key.split("/")[0], folder.name, epochs(folder) * (train + dev / 3)


def main() -> None:
    path, sweep, precision, wall = sys.argv[1:]
    torch.set_num_threads(1)
    store, dtype = Store(Path(path)), getattr(torch, precision)
    total = {"autoencoders": 0.0, "classifiers": 0.0}
    fits = {"autoencoders": 0, "classifiers": 0}
    for kind, _, seconds in passes(store, sweep):
        total[kind] += seconds / SEGMENT_SECONDS
        fits[kind] += 1
    products_alone(dtype)
    alone = {"autoencoders": products_alone(dtype), "classifiers": lstm_products_alone(dtype)}
    print(f"{sweep}, {precision}: {float(wall) / 60:.1f} min of wall time on two cores")
    for kind, segments in total.items():
        minutes = segments / alone[kind] / 60
        print(
            f"  {fits[kind]} {kind}: {segments / 1e6:.1f} million segments; their products alone {alone[kind]:.0f} a second, "
            f"{minutes:.1f} min of one core"
        )
    ideal = sum(segments / alone[kind] for kind, segments in total.items()) / 2
    print(
        f"  if only the products took time: {ideal / 60:.1f} min on two cores, {ideal / float(wall):.2f} of what it took"
    )


if __name__ == "__main__":
    main()
