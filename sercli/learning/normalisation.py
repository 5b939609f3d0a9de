"""Mean and standard deviation of each feature, over the training part, each speaker, or each utterance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .segments import Frames, Offsets

_MAX_ROWS, _MAX_CELLS = 2**14, 2**22  # of a block
_MIN_STD = 1e-5  # relative to the mean: a feature that never moves (a band above the file's highest) becomes zero


class Statistics(NamedTuple):
    """Mean (F,) and standard deviation (F,) of each feature."""

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]


def moments(rows: Frames) -> Statistics:
    """Mean and standard deviation of each column of rows (N, D), in float64, computed block by block."""
    step = min(_MAX_ROWS, _MAX_CELLS // rows.shape[1] + 1)
    blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
    mean = sum((block.sum(axis=0, dtype=np.float64) for block in blocks), np.zeros(rows.shape[1])) / len(rows)
    squares = sum((np.square(block - mean).sum(axis=0) for block in blocks), np.zeros(rows.shape[1]))
    return Statistics(mean, np.sqrt(squares / len(rows)))


def statistics(frames: Frames) -> Statistics:
    """Statistics of frames (N, F), in float64; the std of a feature that never moves is 1."""
    mean, std = moments(frames)
    return Statistics(mean, np.where(std <= _MIN_STD * np.abs(mean), 1.0, std))


def normalise(frames: Frames, offsets: Offsets, by: Sequence[Statistics]) -> None:
    """In place: frames (N, F) of utterance u, the rows offsets[u] to offsets[u+1], by the statistics by[u]."""
    for start, end, (mean, std) in zip(offsets, offsets[1:], by, strict=False):
        frames[start:end] -= mean.astype(np.float32)
        frames[start:end] /= std.astype(np.float32)
