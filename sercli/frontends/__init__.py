"""Front ends: samples to frames. Each module here is one, found by its file name, and holds two classes.

`Config`: a frozen dataclass of all options, with defaults; it is stored with the array and raises SercliError for
values that cannot work. `Extractor(config, device="cpu")`: the protocol below.

An utterance's frames depend on its samples and the configuration alone, never on other utterances, on earlier calls
or on where the samples lie in memory; memory beyond samples and frames does not grow with the utterance. A frame is of
the `min_samples` samples where it begins, so that the frames of a piece are a piece of the frames.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import AudioError


class Extractor(Protocol):
    """Turns the samples of one utterance into frames; N frames of F features."""

    @property
    def sample_rate(self) -> int:
        """Rate that samples must have (Hz)."""
        ...

    @property
    def frame_shift_ms(self) -> float:
        """From one frame's start to the next one's (ms)."""
        ...

    @property
    def n_features(self) -> int:
        """F."""
        ...

    @property
    def min_samples(self) -> int:
        """The shortest utterance that has a frame (samples)."""
        ...

    def n_frames(self, n_samples: int) -> int:
        """How many frames N so many samples give; 0 below `min_samples`."""
        ...

    def __call__(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises SercliError below `min_samples`."""
        ...


def refuse_short(n_samples: int, extractor: Extractor) -> None:
    """Raises AudioError for so many samples if they hold no frame."""
    if n_samples < extractor.min_samples:
        wanted = f"{n_samples} samples at {extractor.sample_rate} Hz, wanted {extractor.min_samples}"
        raise AudioError(f"shorter than one frame: {wanted}")
