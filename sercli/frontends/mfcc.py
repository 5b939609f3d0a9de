"""MFCC with deltas: the cosine transform of LogMel (DCT-II, orthonormal), its slope over time, and the slope of the slope.

A delta is the slope of the line through the frames up to `delta_window` before and after (the regression formula of the
HTK book). It exists only where all of these frames exist (edges are not repeated): with the defaults a frame depends on 105 ms
of the recording, its own 25 ms in the middle, and an utterance has 8 frames fewer than LogMel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
import torch

from ..config import check_range
from ..learning.segments import Frames
from . import logmel
from .base import check_length

_SLICE = 4096  # frames transformed at a time


@dataclass(frozen=True)
class Config(logmel.Config):
    """Options of MFCC after those of LogMel. Raises SercliError for options that cannot work."""

    n_mels: int = 40
    n_mfcc: int = 13  # coefficients, with the 0th (loudness)
    delta_window: int = 2  # frames before and after
    delta_order: int = 2  # 0: MFCC alone, 1: with deltas, 2: with deltas of deltas as well

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "n_mfcc", at_least=1, at_most=self.n_mels)
        check_range(self, "delta_window", at_least=1)
        check_range(self, "delta_order", at_least=0, at_most=2)

    @property
    def context(self) -> int:
        """Frames of LogMel, before and after together, that a frame needs besides its own."""
        return 2 * self.delta_window * self.delta_order


def delta(frames: Frames, window: int) -> Frames:
    """Slope of each column at all frames but the first and last `window`: (N, F) -> (N - 2 window, F).

    >>> delta(np.arange(5.0, dtype=np.float32)[:, None] ** 2, 1).T
    array([[2., 4., 6.]], dtype=float32)
    """
    n = len(frames) - 2 * window
    slope = np.zeros((n, frames.shape[1]), frames.dtype)
    for step in range(1, window + 1):
        slope += step * (frames[window + step :][:n] - frames[window - step :][:n])
    slope /= 2 * sum(step**2 for step in range(1, window + 1))
    return slope


class Extractor:
    """MFCC of one utterance at a time."""

    is_local = True

    def __init__(self, config: Config, device: str | torch.device = "cpu") -> None:
        self.config = config
        self._logmel = logmel.Extractor(config, device)
        self.sample_rate, self.frame_shift_ms = config.sample_rate, self._logmel.frame_shift_ms
        self.n_features = config.n_mfcc * (1 + config.delta_order)
        self.min_samples = self._logmel.min_samples + config.context * config.frame_shift

    def n_frames(self, n_samples: int) -> int:
        """Frames of LogMel that have their whole context."""
        return max(0, self._logmel.n_frames(n_samples) - self.config.context)

    def __call__(self, samples: npt.NDArray[np.float32]) -> Frames:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises AudioError if they are shorter than a frame."""
        check_length(len(samples), self)
        n_frames, window = self.n_frames(len(samples)), self.config.delta_window
        parts = [self._cepstrum(self._logmel(samples))]
        for _ in range(self.config.delta_order):
            parts.append(delta(parts[-1], window))
        whole = [part[(len(part) - n_frames) // 2 :][:n_frames] for part in parts]
        return np.concatenate(whole, axis=1)

    def _cepstrum(self, frames: Frames) -> Frames:
        """(N, n_mels) -> (N, n_mfcc), slice by slice."""
        cepstrum = np.empty((len(frames), self.config.n_mfcc), np.float32)
        for first in range(0, len(frames), _SLICE):
            transformed = scipy.fft.dct(frames[first : first + _SLICE], type=2, norm="ortho", axis=1)
            cepstrum[first : first + _SLICE] = transformed[:, : self.config.n_mfcc]
        return cepstrum
