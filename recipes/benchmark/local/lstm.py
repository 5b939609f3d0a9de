"""Rate of LSTM training on utterances of like length, beside the same kernel in random order and the usual way, packed
sequences in random order; one core, latents of the lengths of a corpus.

usage: lstm.py FOLDER_OF_WAVS
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import soundfile
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from sercli.classifiers import lstm
from sercli.learning.batches import Sequences
from sercli.learning.options import TrainingConfig
from sercli.learning.training import TrainingRun, fit

EPOCHS, LATENTS, BATCH = 4, 256, 32
UTTERANCES = 1000  # of a larger corpus, spread over its files
CONFIG = TrainingConfig(epochs=EPOCHS, batch_size=BATCH, patience=EPOCHS)


class Packed(nn.Module):
    """The same two layers with cuDNN's calling convention."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(LATENTS, 128, num_layers=2, batch_first=True)
        self.dense = nn.Linear(128, 4)

    def forward(self, sequences: list[Tensor]) -> Tensor:
        lengths = torch.tensor(list(map(len, sequences)))
        packed = pack_padded_sequence(
            pad_sequence(sequences, batch_first=True), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.layers(packed)
        logits: Tensor = self.dense(hidden[-1])
        return logits


def packed(sequences: list[Tensor], labels: Tensor) -> float:
    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(sequences)), BATCH):
            loss = functional.cross_entropy(model([sequences[int(i)] for i in batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return EPOCHS * len(sequences) / (time.perf_counter() - start)


def like_length(sequences: list[Tensor], labels: Tensor) -> float:
    """The product's own loop."""
    train, dev = _ragged(sequences, labels), _ragged(sequences[:1], labels[:1])
    start = time.perf_counter()
    lstm.Model(LATENTS, 4, lstm.Config()).fit(train, dev, TrainingRun(CONFIG))
    return EPOCHS * len(sequences) / (time.perf_counter() - start)


def random_order(sequences: list[Tensor], labels: Tensor) -> float:
    """The same, but for who shares a batch."""

    def batches(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for batch in torch.split(torch.randperm(len(sequences), generator=generator), BATCH):
            chosen = [sequences[int(i)] for i in batch]
            lengths = torch.tensor(list(map(len, chosen)))
            yield pad_sequence(chosen, batch_first=True), lengths, labels[batch]

    dev = _ragged(sequences[:1], labels[:1])
    start = time.perf_counter()
    model = lstm.Model(LATENTS, 4, lstm.Config())
    fit(model, batches, lambda: (batch[:3] for batch in dev.batches(BATCH)), TrainingRun(CONFIG))
    return EPOCHS * len(sequences) / (time.perf_counter() - start)


def _ragged(sequences: list[Tensor], labels: Tensor) -> Sequences:
    return Sequences(torch.cat(sequences), torch.tensor([0, *map(len, sequences)]).cumsum(0), labels)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    paths = sorted(Path(sys.argv[1]).rglob("[!.]*.wav"))
    paths = paths[:: max(1, len(paths) // UTTERANCES)]
    sequences = [torch.randn(max(1, int(soundfile.info(path).duration * 10)), LATENTS) for path in paths]
    labels = torch.randint(0, 4, (len(sequences),))
    for function in (like_length, random_order, packed):
        function(sequences[:64], labels[:64])
    own, same_kernel, reference = (function(sequences, labels) for function in (like_length, random_order, packed))
    print(
        f"train-lstm {own:.0f} utterances/s; the same kernel in random order {same_kernel:.0f}: {own / same_kernel:.1f} times; "
        f"packed sequences in random order {reference:.0f}: {own / reference:.1f} times"
    )


if __name__ == "__main__":
    main()
