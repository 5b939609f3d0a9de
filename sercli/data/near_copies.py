"""Near copies: recordings that were resampled, made louder, coded with losses or trimmed, found by their contours.

Candidates are pairs of about the same duration whose outlines, two seconds around the middle of their speech, are alike: one
matrix product per block of recordings. Each recording is then compared, frame by frame, with the few that are most alike. Two
takes of a sentence by one actor are not copies: `recipes/benchmark` measures how far apart they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .contours import N_BANDS, Contour, Floats, decibels
from .utterances import Utterance

SAME = 0.967  # correlation of the contours of near copies, at least
LONGEST = 250  # frames (8 s) that are compared, from the beginning
_SHORTEST = 10  # frames; less says too little
_MOST_TRIMMED = 0.26  # s by which the durations of copies may differ
_LARGEST_LAG = 5  # frames by which their beginnings may differ
_RANGE = 45.0  # dB below the loudest band; what is fainter may be the noise of a codec
_LOUDNESS = 0.3  # of a frame that is kept; takes of a sentence are alike in it, and differ in their spectra
_PHASES = tuple(k / 8 for k in range(1, 8))  # of a frame; copies may begin between two frames
_BETWEEN_FRAMES = 0.2  # of correlation that copies lose, at most, if they begin between two frames
_FLATTEST = 1.0  # dB, standard deviation in time; the contour of a steady tone says nothing
_ALIKE, _MOST_CANDIDATES = 0.65, 8  # correlation of outlines at least, and how many of the most similar are compared
_CELLS, _CELL, _POOLED = 16, 4, 4  # of an outline: cells in time, frames per cell, bands per cell
_BLOCK = 512  # recordings whose outlines are compared at once

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class NearCopies:
    """Two utterances that are one recording, and the correlation of their contours."""

    first: Utterance
    second: Utterance
    correlation: float

    @property
    def agree(self) -> bool:
        """Whether both have the same speaker and label."""
        return (self.first.speaker, self.first.emotion) == (self.second.speaker, self.second.emotion)


def near_copies(
    utterances: Sequence[Utterance], contours: Sequence[Contour], sides: Indices | None = None
) -> Iterator[NearCopies]:
    """Pairs of near copies; with `sides`, one number per utterance, only those with an utterance on either side.

    Of more copies of one recording than `_MOST_CANDIDATES` these are enough pairs to connect them, not all.
    """
    groups = np.arange(len(utterances)) if sides is None else sides
    for i, j in _candidates(np.array([u.duration for u in utterances]), contours, groups):
        similarity = correlation(contours[i], contours[j])
        if similarity >= SAME:
            yield NearCopies(utterances[i], utterances[j], similarity)


def correlation(first: Contour, second: Contour) -> float:
    """The largest correlation of two contours over all lags, and, if they are alike, over quarters of frames among them.

    It is -1 if one of them is too short.
    """
    short, long = sorted((_levels(first), _levels(second)), key=len)
    if len(short) < _SHORTEST:
        return -1.0
    lag = min(_LARGEST_LAG, len(short) // 6)
    core = short[lag : len(short) - lag]
    best = _best_fit(core, long)
    if best < SAME - _BETWEEN_FRAMES:
        return best
    return max(best, *(_best_fit(*_shifted(core, long, phase / 2)) for phase in _PHASES))


def _shifted(core: Floats, frames: Floats, half: float) -> tuple[Floats, Floats]:
    """Both between two frames, `half` a shift in opposite directions, so that the interpolation smooths both alike."""
    return (1 - half) * core[1:] + half * core[:-1], (1 - half) * frames[:-1] + half * frames[1:]


def _best_fit(core: Floats, frames: Floats) -> float:
    """The largest correlation of (T, N_BANDS) with any T frames in a row; the mean of each band is removed."""
    n = len(core)
    core = core - core.mean(axis=0)
    frames = frames - frames.mean(axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(frames, n, axis=0).transpose(0, 2, 1)
    products = windows.reshape(len(windows), -1) @ core.ravel()
    sums, squares = (np.cumsum(values, axis=0) for values in (frames, (frames**2).sum(axis=1)))
    sums, squares = (np.concatenate([np.zeros_like(x[:1]), x]) for x in (sums, squares))
    variation = squares[n:] - squares[:-n] - ((sums[n:] - sums[:-n]) ** 2).sum(axis=1) / n
    return float((products / np.sqrt(np.maximum(variation * (core**2).sum(), 1e-6))).max())


def _candidates(durations: Floats, contours: Sequence[Contour], groups: Indices) -> Iterator[tuple[int, int]]:
    """Pairs, from different groups, of about the same duration and a similar outline."""
    order = np.argsort(durations, kind="stable")
    durations, groups = durations[order], groups[order]
    outlines = np.array([_outline(contours[i]) for i in order])
    for start in range(0, len(order), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(order)))
        columns = np.arange(start, np.searchsorted(durations, durations[rows[-1]] + _MOST_TRIMMED, side="right"))
        similarity = outlines[rows] @ outlines[columns].T
        similarity[columns <= rows[:, None]] = -1
        similarity[groups[columns] == groups[rows, None]] = -1
        similarity[durations[columns] > durations[rows, None] + _MOST_TRIMMED] = -1
        for row in np.flatnonzero((similarity > _ALIKE).any(axis=1)):
            best = np.argsort(-similarity[row], kind="stable")[:_MOST_CANDIDATES]
            for column in best[similarity[row, best] > _ALIKE]:
                i, j = sorted((int(order[rows[row]]), int(order[columns[column]])))
                yield i, j


def _levels(contour: Contour) -> Floats:
    """Levels (T-2, N_BANDS) in dB, smoothed over three frames, without what is too faint and with less of the loudness."""
    levels = decibels(contour[:LONGEST])
    levels = np.maximum(levels, levels.max(initial=0) - _RANGE)
    smooth: Floats = (levels[:-2] + 2 * levels[1:-1] + levels[2:]) / 4
    smooth -= (1 - _LOUDNESS) * smooth.mean(axis=1, keepdims=True)
    return smooth


def _outline(contour: Contour) -> Floats:
    """Means of cells of the contour around the middle of the speech, as a unit vector; zeros for one that says too little.

    The middle is the centre of gravity of the loudness, which hardly moves when the ends are trimmed.
    """
    levels = _levels(contour)
    n = len(levels)
    nothing = np.zeros(_CELLS * N_BANDS // _POOLED, np.float32)
    if n < _SHORTEST:
        return nothing
    deviations = levels - levels.mean(axis=0)
    if deviations.std() < _FLATTEST:
        return nothing
    loudness = levels.sum(axis=1)
    loudness -= loudness.min()
    middle = np.arange(n) @ loudness / loudness.sum() + 0.5
    edges = np.clip(middle + (np.arange(_CELLS + 1) - _CELLS / 2) * _CELL, 0, n)
    sums = np.zeros((n + 2, N_BANDS // _POOLED), np.float32)
    np.cumsum(deviations.reshape(n, -1, _POOLED).mean(axis=2), axis=0, out=sums[1:-1])
    whole = edges.astype(int)
    share = (edges - whole)[:, None]
    cells: Floats = np.diff(sums[whole] * (1 - share) + sums[whole + 1] * share, axis=0).ravel().astype(np.float32)
    cells /= np.linalg.norm(cells)
    return cells
