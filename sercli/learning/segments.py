"""Frames to segments and back: 100 ms, or the whole number of frames that comes nearest.

An utterance shorter than one segment is padded by its last frame to one; an incomplete tail is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import UsageError

if TYPE_CHECKING:
    import torch

SEGMENT_MS = 100.0  # paper, section 4.3; as near to it as frames allow

Frames = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]


def frames_per(milliseconds: float, frame_shift_ms: float, what: str) -> int:
    """A time as a whole number of frames. Raises UsageError, naming `what`, where it is none.

    >>> frames_per(100.0, 10.0, "a segment")
    10
    """
    count = milliseconds / frame_shift_ms
    if count < 1 or abs(count - round(count)) > 1e-6:
        seen, expected = f"{milliseconds:g} ms", f"a multiple of {frame_shift_ms:g} ms"
        raise UsageError("is not a whole number of frames", place=what, seen=seen, expected=expected)
    return round(count)


@dataclass(frozen=True)
class SegmentShape:
    """Frames per segment, and from one segment to the next; each `frame_shift_ms` long."""

    size: int
    shift: int
    frame_shift_ms: float

    @property
    def size_ms(self) -> float:
        """Length of a segment (ms)."""
        return self.size * self.frame_shift_ms

    @property
    def shift_ms(self) -> float:
        """Time from the start of one segment to the start of the next (ms)."""
        return self.shift * self.frame_shift_ms


def shape_of(frame_shift_ms: float, segment_shift_ms: float) -> SegmentShape:
    """100 ms, or the nearest whole number of frames. A shift of 100 ms means no overlap; raises UsageError for another one
    that is not a whole number of frames.
    """
    size = max(1, round(SEGMENT_MS / frame_shift_ms))
    if segment_shift_ms == SEGMENT_MS:
        return SegmentShape(size, size, frame_shift_ms)
    return SegmentShape(size, frames_per(segment_shift_ms, frame_shift_ms, "--segment-shift-ms"), frame_shift_ms)


def pad_short(frames: Frames, offsets: Offsets, size: int) -> tuple[Frames, Offsets]:
    """Repeat the last frame of each utterance that is shorter than a segment. frames (N, F), offsets (U+1,)."""
    lengths = np.diff(offsets)
    short = (lengths > 0) & (lengths < size)
    if not short.any():
        return frames, offsets
    repeats = np.ones(len(frames), dtype=np.int64)
    repeats[offsets[1:][short] - 1] += size - lengths[short]
    return np.repeat(frames, repeats, axis=0), np.concatenate([[0], np.cumsum(np.where(short, size, lengths))])


def segment_counts(lengths: Offsets, size: int, shift: int) -> Offsets:
    """Segments of each utterance, (U,), from its frames, (U,)."""
    counts: Offsets = np.where(lengths > 0, 1 + np.maximum(lengths - size, 0) // shift, 0)
    return counts


def segment_starts(offsets: Offsets, size: int, shift: int) -> Offsets:
    """First frame of every segment, (M,); the utterances went through `pad_short`."""
    counts = segment_counts(np.diff(offsets), size, shift)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    starts: Offsets = np.repeat(offsets[:-1], counts) + (np.arange(counts.sum()) - first) * shift
    return starts


def segment_view(frames: torch.Tensor, size: int) -> torch.Tensor:
    """All runs of `size` frames, without copying: frames (N, F) -> (N - size + 1, size * F). Index it by starts."""
    n_frames, n_features = frames.shape
    return frames.as_strided((max(n_frames - size + 1, 0), size * n_features), (n_features, 1))


def join_segments(segments: Frames, size: int) -> Frames:
    """Segments without overlap back to frames: (T, size * F) -> (T * size, F)."""
    return segments.reshape(len(segments) * size, segments.shape[1] // size)
