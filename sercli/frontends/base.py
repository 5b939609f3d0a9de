"""Front ends: an utterance's frames. Each module here is one, found by its file name, and holds two classes.

`Config`: a frozen dataclass of all options, with defaults; it is stored with the array and raises SercliError for
values that cannot work. Beside it is either `Extractor(config, device="cpu")`, which makes frames of sound, or
`Source(config, path)`, which reads frames that were made elsewhere; the protocols are below.

An utterance's frames depend on its samples and the configuration alone, never on other utterances, on earlier calls, on
other threads or on where the samples lie in memory; memory beyond samples and frames does not grow with the utterance.
Where a front end says that it `is_local`, a frame is of the `min_samples` samples where it begins, so that the frames of
a piece are a piece of the frames.
"""

from collections.abc import Collection
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, SercliError
from ..learning.segments import Frames


class Extractor(Protocol):
    """Turns the samples of one utterance into frames; N frames of F features. Its methods may run in many threads."""

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
        """The shortest utterance that has a frame (samples); it has one alone if the front end is local."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether a frame is of the `min_samples` samples where it begins, whatever comes before and after."""
        ...

    def n_frames(self, n_samples: int) -> int:
        """How many frames N so many samples give; 0 below `min_samples`."""
        ...

    def __call__(self, samples: npt.NDArray[np.float32]) -> Frames:
        """Frames (N, F) of samples (n_samples,) in [-1, 1]; raises SercliError below `min_samples`."""
        ...


class Source(Protocol):
    """Frames made elsewhere, of many utterances. Opening one raises SercliError for a path where there are none."""

    @property
    def frame_shift_ms(self) -> float:
        """From one frame's start to the next one's (ms)."""
        ...

    @property
    def utt_ids(self) -> Collection[str]:
        """Of whom there are frames: each once."""
        ...

    def read(self, utt_id: str) -> Frames:
        """Frames (N, F), N may be 0; raises SercliError, whose text is the reason alone, for what cannot be read."""
        ...


def refuse_short(n_samples: int, extractor: Extractor) -> None:
    """Raises AudioError for so many samples if they hold no frame."""
    if n_samples < extractor.min_samples:
        wanted = f"{n_samples} samples at {extractor.sample_rate} Hz, wanted {extractor.min_samples}"
        raise AudioError(f"shorter than one frame: {wanted}")


def refuse_no_numbers(frames: Frames) -> None:
    """Raises SercliError for frames (N, F) that are not finite."""
    if not np.isfinite(frames).all():
        n = np.count_nonzero(~np.isfinite(frames))
        raise SercliError(f"{n} of {frames.size} values of its frames are nan or infinite, wanted none")


def frames_of(samples: npt.NDArray[np.float32], extractor: Extractor) -> Frames:
    """The frames (N, F) of an utterance. Raises AudioError if it has none, or some that are not finite."""
    refuse_short(len(samples), extractor)
    frames = extractor(samples)
    try:
        refuse_no_numbers(frames)
    except SercliError as error:
        raise AudioError(str(error)) from None
    return frames
