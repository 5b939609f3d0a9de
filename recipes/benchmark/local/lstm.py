"""Rate of LSTM training beside the usual way, packed sequences in random order; one core, latents of EMO-DB's lengths."""

import sys
import time
from pathlib import Path

import soundfile
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from sercli.classifiers import Sequences, lstm
from sercli.config import TrainingConfig

EPOCHS, LATENTS, BATCH = 4, 256, 32


class Packed(nn.Module):
    """The same two layers with cuDNN's calling convention."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(LATENTS, 128, num_layers=2, batch_first=True)
        self.dense = nn.Linear(128, 4)

    def forward(self, sequences: list[torch.Tensor]) -> torch.Tensor:
        lengths = torch.tensor([len(one) for one in sequences])
        packed = pack_padded_sequence(
            pad_sequence(sequences, batch_first=True), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.layers(packed)
        logits: torch.Tensor = self.dense(hidden[-1])
        return logits


def usual_way(sequences: list[torch.Tensor], labels: torch.Tensor) -> float:
    model = Packed()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(sequences)), BATCH):
            loss = functional.cross_entropy(model([sequences[int(i)] for i in batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return EPOCHS * len(sequences) / (time.perf_counter() - start)


def ours(sequences: list[torch.Tensor], labels: torch.Tensor) -> float:
    offsets = torch.tensor([0, *(len(one) for one in sequences)]).cumsum(0)
    train = Sequences(torch.cat(sequences), offsets, labels)
    dev = Sequences(sequences[0], offsets[:2], labels[:1])
    model = lstm.Model(LATENTS, 4, lstm.Config())
    config = TrainingConfig(epochs=EPOCHS, batch_size=BATCH, patience=EPOCHS)
    start = time.perf_counter()
    lstm.fit(model, train, dev, config, 0, "cpu", lambda epoch: None)
    return EPOCHS * len(sequences) / (time.perf_counter() - start)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    paths = sorted(Path(sys.argv[1]).rglob("*.wav"))
    sequences = [torch.randn(int(soundfile.info(path).duration * 10), LATENTS) for path in paths]
    labels = torch.randint(0, 4, (len(sequences),))
    for function in (ours, usual_way):
        function(sequences[:64], labels[:64])
    fast, usual = ours(sequences, labels), usual_way(sequences, labels)
    print(f"train-lstm {fast:.0f} utterances/s, packed in random order {usual:.0f}: {fast / usual:.1f} times")


if __name__ == "__main__":
    main()
