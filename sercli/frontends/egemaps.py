"""eGeMAPS: the 25 low-level descriptors of the extended Geneva set, version 02 (Eyben et al. 2016), as openSMILE makes them.

Every 10 ms: loudness, spectral balance and flux, MFCC 1 to 4, pitch in semitones, jitter, shimmer, harmonics-to-noise
ratio, and the first three formants. Pitch is smoothed over later frames, so a piece of a recording has other frames
than the whole. Needs openSMILE (`pip install 'sercli[egemaps]'`), which is free for research, but not for products.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SercliError
from ..learning.segments import Frames
from .base import check_length

_FULL_SCALE = 1 - 2**-15  # the largest value of 16 bits: openSMILE would wrap larger ones to negative values


@dataclass(frozen=True)
class Config:
    """Options of eGeMAPS. Raises SercliError for a sample rate without whole frames."""

    sample_rate: int = 16000  # Hz

    def __post_init__(self) -> None:
        if not 8000 <= self.sample_rate <= 48000 or self.sample_rate % 100:
            expected = "8000 to 48000 Hz in steps of 100"
            raise SercliError("value out of range", place="sample_rate", seen=self.sample_rate, expected=expected)


class Extractor:
    """eGeMAPS of one utterance at a time, always on the CPU."""

    is_local = False
    frame_shift_ms = 10.0
    n_features = 25

    def __init__(self, config: Config, device: str = "cpu") -> None:
        """Raises SercliError if openSMILE is not installed."""
        try:
            import opensmile
        except ImportError:
            raise SercliError("openSMILE is not installed", fix="pip install 'sercli[egemaps]'") from None
        self.sample_rate = config.sample_rate
        self._shift = config.sample_rate // 100  # samples
        self.min_samples = 6 * self._shift  # 60 ms, the window of the pitch: two frames
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
        )

    def n_frames(self, n_samples: int) -> int:
        """One more than there are windows of 60 ms: the smoothing adds it."""
        return 2 + (n_samples - self.min_samples) // self._shift if n_samples >= self.min_samples else 0

    def __call__(self, samples: npt.NDArray[np.float32]) -> Frames:
        """Frames (N, 25) of samples (n_samples,) in [-1, 1]; raises AudioError if they are shorter than 60 ms."""
        check_length(len(samples), self)
        clipped = np.clip(samples, -1, _FULL_SCALE, dtype=np.float32)
        return np.ascontiguousarray(self._smile(clipped, self.sample_rate)[0].T, np.float32)
