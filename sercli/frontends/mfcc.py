"""MFCC with deltas: the cosine transform of LogMel (DCT-II, orthonormal), beside it its slope and the slope of that.

A delta is the slope of the line through the frames up to `delta_window` before and after (the regression formula of the
HTK book). It is taken only where all of these are there, no edge is repeated: with the defaults a frame is of 105 ms of
the recording, its own 25 ms in the middle, and an utterance has 8 frames fewer than LogMel.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import scipy.fft
import torch

from ..errors import SercliError
from ..learning.segments import Frames
from . import logmel

_SLICE = 4096  # frames transformed at a time


@dataclass(frozen=True)
class Config:
    """Options of MFCC: those of LogMel first; raises SercliError for a set that cannot work."""

    sample_rate: int = 16000  # Hz
    frame_length_ms: float = 25.0
    frame_shift_ms: float = 10.0
    n_fft: int = 1024  # points; frames are padded with zeros to it
    n_mels: int = 40
    f_min: float = 20.0  # Hz, where the first filter begins
    f_max: float = 8000.0  # Hz, where the last filter ends
    log_floor: float = 1e-10  # power, full scale being 1; less is raised to it
    n_mfcc: int = 13  # coefficients kept, the 0th (loudness) among them
    delta_window: int = 2  # frames before and after
    delta_order: int = 2  # 0: MFCC alone, 1: with deltas, 2: with deltas of deltas as well

    def __post_init__(self) -> None:
        try:
            _ = self.logmel
        except SercliError as error:
            raise SercliError(str(error).replace("logmel:", "mfcc:", 1)) from None
        for name, holds, wanted in (
            ("n_mfcc", 1 <= self.n_mfcc <= self.n_mels, f"1 to n_mels ({self.n_mels})"),
            ("delta_window", self.delta_window >= 1, "1 or more"),
            ("delta_order", 0 <= self.delta_order <= 2, "0, 1 or 2"),
        ):
            if not holds:
                raise SercliError(f"mfcc: {name} is {getattr(self, name)}, want {wanted}")

    @property
    def logmel(self) -> logmel.Config:
        """What the cosine transform is of."""
        return logmel.Config(**{option.name: getattr(self, option.name) for option in fields(logmel.Config)})

    @property
    def context(self) -> int:
        """Frames of LogMel, before and after together, that a frame needs beside its own."""
        return 2 * self.delta_window * self.delta_order


def delta(frames: Frames, window: int) -> Frames:
    """Slope of each column at all frames but the first and last `window`: (N, F) -> (N - 2 window, F)."""
    n = len(frames) - 2 * window
    slope = np.zeros((n, frames.shape[1]), frames.dtype)
    for step in range(1, window + 1):
        slope += step * (frames[window + step :][:n] - frames[window - step :][:n])
    slope /= 2 * sum(step**2 for step in range(1, window + 1))
    return slope


class Extractor:
    """MFCC of one utterance at a time; the contract is in `sercli.frontends`."""

    is_local = True

    def __init__(self, config: Config, device: str | torch.device = "cpu") -> None:
        self.config = config
        self._logmel = logmel.Extractor(config.logmel, device)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.config.sample_rate

    @property
    def frame_shift_ms(self) -> float:
        """As done: a whole number of samples."""
        return self._logmel.frame_shift_ms

    @property
    def n_features(self) -> int:
        """F: coefficients, their deltas, and the deltas of these."""
        return self.config.n_mfcc * (1 + self.config.delta_order)

    @property
    def min_samples(self) -> int:
        """One frame of LogMel and its context."""
        return self._logmel.min_samples + self.config.context * self.config.logmel.frame_shift

    def n_frames(self, n_samples: int) -> int:
        """Frames of LogMel that have their whole context."""
        return max(0, self._logmel.n_frames(n_samples) - self.config.context)

    def __call__(self, samples: npt.NDArray[np.float32]) -> Frames:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises SercliError if they are shorter than a frame."""
        n_frames, window = self.n_frames(len(samples)), self.config.delta_window
        if not n_frames:
            raise SercliError(f"too short: {len(samples)} samples, want {self.min_samples} or more")
        parts = [self._cepstrum(self._logmel(samples))]
        for _ in range(self.config.delta_order):
            parts.append(delta(parts[-1], window))
        whole = [part[(len(part) - n_frames) // 2 :][:n_frames] for part in parts]
        return np.concatenate(whole, axis=1)

    def _cepstrum(self, frames: Frames) -> Frames:
        """Each row by itself, (N, n_mels) -> (N, n_mfcc)."""
        found = np.empty((len(frames), self.config.n_mfcc), np.float32)
        for first in range(0, len(frames), _SLICE):
            transformed = scipy.fft.dct(frames[first : first + _SLICE], type=2, norm="ortho", axis=1)
            found[first : first + _SLICE] = transformed[:, : self.config.n_mfcc]
        return found
