"""The two kinds of front ends: an extractor makes frames of sound, a source reads frames that were made elsewhere."""

from collections.abc import Collection
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from ..learning.segments import Frames


class Extractor(Protocol):
    """Turns the samples of one utterance into N frames of F features. Its methods may run in several threads at once."""

    sample_rate: int  # Hz, that samples must have
    frame_shift_ms: float  # from the start of one frame to the start of the next
    n_features: int  # F
    min_samples: int  # of the shortest utterance that has a frame; if `is_local`, it has exactly one
    is_local: bool  # whether a frame depends on the `min_samples` samples from its start only

    def n_frames(self, n_samples: int) -> int:
        """N for so many samples; 0 below `min_samples`."""
        ...

    def __call__(self, samples: npt.NDArray[np.float32]) -> Frames:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises AudioError below `min_samples`."""
        ...


class Source(Protocol):
    """Frames of many utterances, made elsewhere. Its constructor raises SercliError if there are none at the path."""

    frame_shift_ms: float  # from the start of one frame to the start of the next

    @property
    def utt_ids(self) -> Collection[str]:
        """The utterances that have frames, each once."""
        ...

    def read(self, utt_id: str) -> Frames:
        """Frames (N, F), N may be 0. Raises SercliError for a file that cannot be read; it is the reason of the reject."""
        ...


def check_length(n_samples: int, extractor: Extractor) -> None:
    """Raises AudioError for samples that are shorter than one frame."""
    if n_samples < extractor.min_samples:
        seen = f"{n_samples} samples at {extractor.sample_rate} Hz"
        raise AudioError("shorter than one frame", seen=seen, expected=f"{extractor.min_samples} or more")


def check_finite(frames: Frames) -> None:
    """Raises AudioError for frames (N, F) with nan or infinite values."""
    n_bad = frames.size - np.count_nonzero(np.isfinite(frames))
    if n_bad:
        raise AudioError("frames are nan or infinite", seen=f"{n_bad} of {frames.size} values", expected="none")


def frames_of(samples: npt.NDArray[np.float32], extractor: Extractor) -> Frames:
    """The frames (N, F) of an utterance. Raises AudioError if it has none, or some that are not finite."""
    check_length(len(samples), extractor)
    frames = extractor(samples)
    check_finite(frames)
    return frames
