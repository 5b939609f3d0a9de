"""LogMel: natural logarithm of the power in mel bands (Latif et al. 2018, section 4.2; mel scale of the HTK book).

Symmetric Hamming window, real FFT, triangular filters of peak 1, equally spaced and linear on the mel scale. No dither,
no pre-emphasis, no padding of the signal: a frame is a frame of the recording.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..config import check_range
from ..errors import SercliError
from .base import check_length

_SLICE = {"cpu": 256, "cuda": 4096}  # frames at a time: they fit a core's cache, or keep a GPU busy


@dataclass(frozen=True)
class Config:
    """Options of LogMel. Raises SercliError for options that make no filter bank."""

    sample_rate: int = 16000  # Hz
    frame_length_ms: float = 25.0
    frame_shift_ms: float = 10.0
    n_fft: int = 1024  # points; frames are padded with zeros to it (with 512 the 80 filters have rank 79)
    n_mels: int = 80
    f_min: float = 20.0  # Hz, where the first filter begins
    f_max: float = 8000.0  # Hz, where the last filter ends
    log_floor: float = 1e-10  # the smallest power, as a share of full scale; smaller values are raised to it

    def __post_init__(self) -> None:
        check_range(self, "sample_rate", "n_mels", at_least=1)
        check_range(self, "frame_length_ms", "frame_shift_ms", above=0, below=math.inf)
        check_range(self, "f_max", above=0, at_most=self.sample_rate / 2)
        check_range(self, "f_min", at_least=0, below=self.f_max)
        check_range(self, "log_floor", at_least=float(np.finfo(np.float32).tiny), below=math.inf)
        for name, samples in (("frame_length_ms", self.frame_length), ("frame_shift_ms", self.frame_shift)):
            if samples < 1:
                raise SercliError("less than one sample", place=name, seen=getattr(self, name), fix="make it longer")
        check_range(self, "n_fft", at_least=self.frame_length)
        empty = np.flatnonzero(~mel_filters(self).any(axis=0))
        if len(empty):
            seen = f"filter {empty[0] + 1} of {self.n_mels}, n_fft {self.n_fft}"
            raise SercliError("a filter holds no bin", place="n_mels", seen=seen, fix="raise n_fft or lower n_mels")

    @property
    def frame_length(self) -> int:
        """In samples: 25 ms at 16 kHz are 400."""
        return round(self.frame_length_ms * self.sample_rate / 1000)

    @property
    def frame_shift(self) -> int:
        """In samples: 10 ms at 16 kHz are 160."""
        return round(self.frame_shift_ms * self.sample_rate / 1000)


def mel(frequency: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Hertz to mel, any shape: 1127 ln(1 + f / 700), the mel scale of the HTK book.

    >>> mel(1000.0).round(2).item()
    999.99
    """
    return np.asarray(1127 * np.log1p(np.asarray(frequency, np.float64) / 700))


def mel_filters(config: Config) -> npt.NDArray[np.float64]:
    """The weight of each bin of the power spectrum in each filter, (n_fft // 2 + 1, F)."""
    bins = mel(np.arange(config.n_fft // 2 + 1) * config.sample_rate / config.n_fft)[:, None]
    edges = np.linspace(mel(config.f_min), mel(config.f_max), config.n_mels + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))


class Extractor:
    """LogMel of one utterance at a time."""

    is_local = True

    def __init__(self, config: Config, device: str | torch.device = "cpu") -> None:
        self.config = config
        self.device = torch.device(device)
        self.sample_rate, self.n_features, self.min_samples = config.sample_rate, config.n_mels, config.frame_length
        self.frame_shift_ms = 1000 * config.frame_shift / config.sample_rate  # in whole samples, as it is applied
        window = torch.hamming_window(config.frame_length, periodic=False, dtype=torch.float64)
        self._window = window.to(self.device, torch.float32)
        filters = torch.from_numpy(mel_filters(config).T).to(self.device, torch.float32).contiguous()
        # Sparse on the CPU: a fortieth of the work, and a frame's sums do not depend on how many frames or threads
        # there are (a dense product's do). On a GPU the dense product is the fast and repeatable one.
        self._filters = filters.to_sparse() if self.device.type == "cpu" else filters  # (F, bins)

    def n_frames(self, n_samples: int) -> int:
        """Whole frames in so many samples."""
        return max(0, 1 + (n_samples - self.config.frame_length) // self.config.frame_shift)

    @torch.inference_mode()
    def __call__(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises AudioError if they are shorter than a frame."""
        check_length(len(samples), self)
        n_frames = self.n_frames(len(samples))
        signal = torch.from_numpy(np.require(samples, np.float32, ["C", "W"]))  # PyTorch warns of read-only memory
        length, shift = self.config.frame_length, self.config.frame_shift
        step = _SLICE.get(self.device.type, _SLICE["cuda"])
        logmel = torch.empty(n_frames, self.config.n_mels)
        for first in range(0, n_frames, step):
            part = signal[first * shift : (first + step - 1) * shift + length].to(self.device)
            frames = part.unfold(0, length, shift) * self._window
            squares = torch.view_as_real(torch.fft.rfft(frames, n=self.config.n_fft)).square_()
            real, imaginary = squares.permute(2, 1, 0)  # (bins, n) each
            # Without `out` the sum would keep the order of `frames` in memory, which the product would have to undo.
            power = torch.add(real, imaginary, out=torch.empty(real.shape, device=self.device))
            logmel[first : first + step] = (self._filters @ power).clamp_(min=self.config.log_floor).log_().T
        return logmel.numpy()
