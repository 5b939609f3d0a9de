"""Ragged utterances, and batches of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .segments import (
    Frames,
    Offsets,
    SegmentShape,
    move_together,
    pad_short,
    segment_counts,
    segment_starts,
    segment_view,
)

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


@dataclass(frozen=True)
class Speech:
    """Frames (N, F) of some utterances, offsets (U+1,) into them; utterances without frames are left out."""

    utt_ids: list[str]
    frames: Frames
    offsets: Offsets

    def segments(self, shape: SegmentShape) -> tuple[torch.Tensor, torch.Tensor, Offsets]:
        """A view of all runs of frames, the starts of the segments (M,) in it, and the segments of each utterance (U,)."""
        frames, offsets = pad_short(self.frames, self.offsets, shape.size)
        starts = segment_starts(offsets, shape.size, shape.shift)
        counts = segment_counts(np.diff(offsets), shape.size, shape.shift)
        return segment_view(torch.from_numpy(frames), shape.size), torch.from_numpy(starts), counts

    def segment_rows(self, shape: SegmentShape) -> tuple[torch.Tensor, Offsets]:
        """Segments (M, S·F) and those of each utterance (U,); of these frames nothing is left where they do not overlap."""
        if shape.shift != shape.size:
            view, starts, counts = self.segments(shape)
            return view[starts], counts
        frames, offsets = pad_short(self.frames, self.offsets, shape.size)
        counts = segment_counts(np.diff(offsets), shape.size, shape.shift)
        return torch.from_numpy(move_together(frames, offsets, shape.size)), counts


class SegmentBatches:
    """Segments (B, S·F) and their categories (B,), -1 for utterances without one. Everything lies on the device."""

    def __init__(self, speech: Speech, shape: SegmentShape, labels: Mapping[str, int], size: int, device: str) -> None:
        view, starts, counts = speech.segments(shape)
        self.view, self.starts = view.to(device), starts.to(device)
        category = torch.tensor([labels.get(utt_id, -1) for utt_id in speech.utt_ids], dtype=torch.int64)
        self.labels = category.repeat_interleave(torch.from_numpy(counts)).to(device)
        self.size = size

    def __len__(self) -> int:
        return len(self.starts)

    def in_order(self) -> Iterator[list[Tensor]]:
        """Batches in the order of the segments."""
        yield from self._take(torch.arange(len(self)))

    def shuffled(self, generator: torch.Generator) -> Iterator[list[Tensor]]:
        """Batches in random order."""
        yield from self._take(torch.randperm(len(self), generator=generator))

    def _take(self, order: Tensor) -> Iterator[list[Tensor]]:
        order = order.to(self.starts.device)
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            yield [self.view[self.starts[chosen]], self.labels[chosen]]
