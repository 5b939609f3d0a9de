"""Ragged utterances in batches, padded, and segments in batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .segments import Frames, Offsets, SegmentShape, pad_short, segment_counts, segment_starts, segment_view

_LENGTH_JITTER = 0.02  # more would pad more

UtteranceBatch = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Sequences:
    """Utterances as ragged rows: utterance u has the rows offsets[u] to offsets[u+1]."""

    rows: Tensor  # (N, D)
    offsets: Tensor  # (U+1,)
    labels: Tensor  # (U,), counted from 0; soft ones are the shares of the classes, (U, C)
    shift_ms: float = 0.0  # from one row to the next
    places: Tensor | None = None  # (U, 2): number of the utterance's dialogue, and its place there
    n_steps: int = 0  # batches are padded to at least so many rows per utterance
    order_by: Tensor | None = None  # (U,): what batches sort utterances by, in place of their lengths

    @property
    def lengths(self) -> Tensor:
        """Rows of each utterance, (U,)."""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[UtteranceBatch]:
        """Utterances of similar length together, padded on the right with zeros.

        Yields rows (B, T, D), lengths, labels and positions (B,) each (soft labels: (B, C)). With a generator, lengths are jittered before
        sorting and the batches come in random order.
        """
        keys = (self.lengths if self.order_by is None else self.order_by).double()
        if generator is not None:
            keys = keys * (1 + _LENGTH_JITTER * (2 * torch.rand(len(keys), generator=generator) - 1))
        batches = torch.split(torch.argsort(keys, stable=True), size)
        order = (
            torch.randperm(len(batches), generator=generator) if generator is not None else torch.arange(len(batches))
        )
        for batch in (batches[int(index)] for index in order):
            lengths = self.lengths[batch]
            steps = torch.arange(max(int(lengths.max()), self.n_steps))
            inside = steps < lengths[:, None]  # (B, T)
            rows = self.rows[(self.offsets[:-1][batch, None] + steps).clamp(max=len(self.rows) - 1)]
            yield rows * inside[:, :, None], lengths, self.labels[batch], batch


@dataclass(frozen=True)
class Speech:
    """Frames (N, F) of some utterances, offsets (U+1,) into them; utterances without frames are left out."""

    utt_ids: list[str]
    frames: Frames
    offsets: Offsets

    def segments(self, shape: SegmentShape) -> tuple[Tensor, Tensor, Offsets]:
        """A view of all runs of frames, the starts of the segments (M,) in it, and the segments of each utterance (U,)."""
        frames, offsets = pad_short(self.frames, self.offsets, shape.size)
        starts = segment_starts(offsets, shape.size, shape.shift)
        counts = segment_counts(np.diff(offsets), shape.size, shape.shift)
        return segment_view(torch.from_numpy(frames), shape.size), torch.from_numpy(starts), counts


class SegmentBatches:
    """Segments (B, S·F) and their categories (B,), -1 for utterances without one. Everything lies on the device."""

    def __init__(self, speech: Speech, shape: SegmentShape, labels: Mapping[str, int], size: int, device: str) -> None:
        view, starts, counts = speech.segments(shape)
        self.view, self.starts = view.to(device), starts.to(device)
        category = torch.tensor([labels.get(utt_id, -1) for utt_id in speech.utt_ids], dtype=torch.int64)
        self.labels = category.repeat_interleave(torch.from_numpy(counts)).to(device)
        self.size = size

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches in the order of the segments."""
        return self._take(torch.arange(len(self.starts)))

    def shuffled(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches in random order."""
        return self._take(torch.randperm(len(self.starts), generator=generator))

    def _take(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.split(order.to(self.starts.device), self.size):
            yield self.view[self.starts[chosen]], self.labels[chosen]
