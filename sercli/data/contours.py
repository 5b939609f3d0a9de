"""Contours: how loud a recording is in twenty bands, every 32 ms. Near copies are known by them (`near_copies`).

The bands lie in that of a telephone, so a copy at 8 kHz has the contour of its original; so has one that a lossy codec has coded.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

N_BANDS = 20
SHIFT = 0.032  # s from frame to frame; a window is twice as long
_LOWEST, _HIGHEST = 250.0, 3500.0  # Hz
_FAINTEST = -120.0  # dB below full scale
_STEPS = 2  # per dB

Contour = npt.NDArray[np.uint8]  # (T, N_BANDS), in half decibels above _FAINTEST
Floats = npt.NDArray[np.float32]


class ContourMaker:
    """Makes the contour of a recording, block by block. Full scale is 2**15."""

    def __init__(self, sample_rate: int) -> None:
        self._shift = frame_shift(sample_rate)
        self._window, self._weights = _analysis(sample_rate)
        self._left = np.empty(0, np.float32)  # samples of the next frame
        self._frames: list[Contour] = []

    def add(self, samples: Floats) -> None:
        """Take the next mono samples (N,)."""
        samples = np.concatenate([self._left, samples]) if len(self._left) else samples
        n_frames = max(0, len(samples) // self._shift - 1)
        self._left = samples[n_frames * self._shift :].copy()
        if n_frames:
            frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * self._shift)[:: self._shift][:n_frames]
            spectrum = np.fft.rfft(frames * self._window, _fft_length(self._shift))[:, : len(self._weights)]
            energy = (spectrum.real**2 + spectrum.imag**2) @ self._weights
            level = 10 * np.log10(energy + 10 ** (_FAINTEST / 10))
            self._frames.append(np.clip(np.rint(_STEPS * (level - _FAINTEST)), 0, 255).astype(np.uint8))

    def contour(self) -> bytes:
        """The contour of all samples so far, as the index of sound files keeps it."""
        return b"".join(frames.tobytes() for frames in self._frames)


def frame_shift(sample_rate: int) -> int:
    """Samples from frame to frame.

    >>> frame_shift(16000)
    512
    """
    return max(1, round(SHIFT * sample_rate))


def section(contour: bytes, sample_rate: int, start: float | None, end: float | None) -> Contour:
    """The frames of a section (s) of a recording; without times, those of the whole."""
    frames = np.frombuffer(contour, np.uint8).reshape(-1, N_BANDS)
    per_second = sample_rate / frame_shift(sample_rate)
    first = round((start or 0.0) * per_second)
    last = len(frames) if end is None else max(first, int(end * per_second) - 1)  # a window takes two steps
    return frames[first:last]


def decibels(contour: Contour) -> Floats:
    """Levels (T, N_BANDS) above the faintest, in dB."""
    return contour.astype(np.float32) / np.float32(_STEPS)


def _fft_length(shift: int) -> int:
    """The power of two that holds a window."""
    return 1 << (2 * shift - 1).bit_length()


@lru_cache(maxsize=16)
def _analysis(sample_rate: int) -> tuple[Floats, Floats]:
    """A window (N,), and triangular mel bands over the lowest bins of its spectrum (K, N_BANDS).

    A sine at full scale has about 0 dB.
    """
    n = 2 * frame_shift(sample_rate)
    bins = np.fft.rfftfreq(_fft_length(n // 2), 1 / sample_rate)
    lowest, highest = 2595 * np.log10(1 + np.array([_LOWEST, _HIGHEST]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, N_BANDS + 2) / 2595) - 1)
    bands = [np.interp(bins, edges[k : k + 3], [0, 1, 0], left=0, right=0) for k in range(N_BANDS)]
    weights = np.stack(bands, axis=1)[bins < _HIGHEST] * (4 / n / 2**15) ** 2
    return np.hanning(n).astype(np.float32), weights.astype(np.float32)
