"""Ragged utterances, and batches of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_LENGTH_JITTER = 0.02  # more would pad more


@dataclass(frozen=True)
class Sequences:
    """Utterances as ragged rows: rows (N, D), offsets (U+1,), labels (U,) counted from 0."""

    rows: Tensor
    offsets: Tensor
    labels: Tensor

    @property
    def lengths(self) -> Tensor:
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.labels)

    def batches(
        self, size: int, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Utterances of like length together, padded on the right: latents (B, T, D), lengths, labels, positions (B,).

        With a generator, lengths are jittered before sorting and the batches come in random order.
        """
        keys = self.lengths.double()
        if generator is not None:
            keys = keys * (1 + _LENGTH_JITTER * (2 * torch.rand(len(keys), generator=generator) - 1))
        batches = torch.split(torch.argsort(keys, stable=True), size)
        order = (
            torch.randperm(len(batches), generator=generator) if generator is not None else torch.arange(len(batches))
        )
        for batch in (batches[int(index)] for index in order):
            lengths = self.lengths[batch]
            steps = torch.arange(int(lengths.max()))
            inside = steps < lengths[:, None]  # (B, T)
            rows = self.rows[(self.offsets[:-1][batch, None] + steps).clamp(max=len(self.rows) - 1)]
            yield rows * inside[:, :, None], lengths, self.labels[batch], batch
