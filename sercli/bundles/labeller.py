"""From sound to posteriors, as a bundle says: what `evaluate` does of a test utterance, for recordings outside any store."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from .. import plugins
from ..config import build, plain
from ..data import audio
from ..errors import AudioError, DamagedProduct, SercliError, UsageError
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.inputs import encoded, latents_read
from ..frontends.base import Extractor, check_length, frames_of
from ..learning.batches import Sequences, Speech
from ..learning.normalisation import Statistics, normalise, statistics
from ..learning.segments import Frames, frames_per, shape_of
from .bundle import Bundle, check_exportable

LONGEST = 600.0  # s of a file that is labelled as one utterance; its frames are held in memory
_ROUNDING = 1e-9  # of a division of seconds

Posteriors = npt.NDArray[np.float64]


class Windows(NamedTuple):
    """In frame shifts: how far apart they begin, how long a whole one is; and how many there are in a file."""

    apart: int
    size: int
    total: int


@dataclass(frozen=True)
class Section:
    """Frames (N, F) of a file from `start` to `end` (s)."""

    start: float
    end: float
    frames: Frames


def sliding(blocks: Iterator[Frames], apart: int, size: int, total: int) -> Iterator[Frames]:
    """`total` windows of `size` rows, each `apart` after the one before, of rows (N, …) that come in blocks; the last may be
    shorter, or empty. Memory holds a window and a block.
    """
    held, first = next(blocks), 0  # `first`: number of the first row held
    for start in range(0, total * apart, apart):
        while first + len(held) < start + size and (more := next(blocks, None)) is not None:
            held = np.concatenate([held, more])
        yield held[start - first : start - first + size].copy()
        past = min(start + apart - first, len(held))
        held, first = held[past:], first + past


class Labeller:
    """Front end, normalisation, autoencoder and classifier of a bundle, loaded once. Its methods may run in many threads."""

    def __init__(self, bundle: Bundle, device: str) -> None:
        """Raises SercliError for a plug-in that is not installed or a system that one file is not enough for, DamagedProduct for
        parts that do not fit together."""
        info, self.device = bundle.info, device
        try:
            self.autoencoder = read_autoencoder(bundle.autoencoder, device) if bundle.autoencoder else None
            self.classifier = read_classifier(bundle.classifier, device)
            self.config, self.classes = self.classifier.config, self.classifier.classes
            front = plugins.load("frontends", info.frontend.name)
            check_exportable(info.name, self.config, info.frontend.name)
            options = build(front.Config, info.frontend.config, info.frontend.name)
            self.extractor: Extractor = front.Extractor(options, "cpu")
            self.shape = shape_of(self.extractor.frame_shift_ms, self.config.segment_shift_ms)
        except (UsageError, MemoryError, ArithmeticError) as error:
            fix = "use the version of sercli, and the plug-ins, that made the bundle"
            raise SercliError("cannot be used", place=bundle.path, seen=error, fix=fix) from None
        self._check_fit(bundle)

    def _check_fit(self, bundle: Bundle) -> None:
        info, ae = bundle.info, self.autoencoder
        n_segment = self.shape.size * self.extractor.n_features
        if ae is not None:
            width = ae.config.latent_dim * len(latents_read(self.config))
        else:
            width = n_segment if self.config.reads_segments else self.extractor.n_features
        trained = self._trained()
        fits = (
            (self.extractor.sample_rate, self.extractor.frame_shift_ms, self.shape.size_ms)
            == (info.frontend.sample_rate, info.frontend.frame_shift_ms, info.segment_ms)
            and plain(self.config) == info.classifier
            and (plain(ae.config) if ae else {}) == info.autoencoder
            and list(self.classes) == list(info.classes)
            and (ae is None or ae.model.n_inputs == n_segment)
            and len(self.classifier.model.mean) == width
            and trained is not None
            and len(trained.mean) == self.extractor.n_features
        )
        if not fits:
            fix = "export the bundle again"
            raise DamagedProduct("bundle.yaml does not describe the models", place=bundle.path, fix=fix)

    # --- frames of files

    def utterance(self, path: Path) -> Frames:
        """Frames (N, F) of a whole file. Raises AudioError."""
        duration = audio.read_header(path).duration
        if duration > LONGEST:
            raise AudioError(
                "too long for one utterance",
                seen=f"{duration:.0f} s",
                expected=f"at most {LONGEST:.0f} s",
                fix="follow emotion through it with --window 5",
            )
        samples = audio.read(path, self.extractor.sample_rate)
        return frames_of(samples, self.extractor)

    def sections(self, path: Path, window: float, shift: float) -> Iterator[Section]:
        """Windows of `window` seconds, each `shift` after the one before; the last is the first that reaches the end of the
        file, and is cut there (left out if no frame fits into what is left). Memory does not grow with the file.

        Each has the frames that it would have as a file of its own. Raises AudioError, UsageError.
        """
        duration = audio.read_header(path).duration
        windows = self.windows(window, shift, duration)
        for number, frames in enumerate(self._frames_of_each(path, windows)):
            if len(frames):
                yield Section(number * shift, min(number * shift + window, duration), frames)
            elif not number:
                check_length(int(duration * self.extractor.sample_rate), self.extractor)

    def _frames_of_each(self, path: Path, windows: Windows) -> Iterator[Frames]:
        """What overlapping windows share is computed once if the front end is local, else of each window anew."""
        extractor, step = self.extractor, self._frame_shift
        if extractor.is_local:
            yield from sliding(
                self._frames(path), windows.apart, extractor.n_frames(windows.size * step), windows.total
            )
            return
        blocks = audio.stream(path, extractor.sample_rate)
        for samples in sliding(blocks, windows.apart * step, windows.size * step, windows.total):
            has_some = extractor.n_frames(len(samples)) > 0
            yield frames_of(samples, extractor) if has_some else np.empty((0, extractor.n_features), np.float32)

    def windows(self, window: float, shift: float, duration: float = 0.0) -> Windows:
        """Raises UsageError unless both are whole numbers of frames."""
        step_ms = self.extractor.frame_shift_ms
        size = frames_per(1000 * window, step_ms, "--window")
        if not self.extractor.n_frames(size * self._frame_shift):
            raise UsageError("shorter than a frame", place="--window", seen=f"{window:g}", fix="make it longer")
        total = 1 + max(0, ceil((duration - window) / shift - _ROUNDING))
        return Windows(frames_per(1000 * shift, step_ms, "--shift"), size, total)

    @property
    def _frame_shift(self) -> int:
        """In samples."""
        return round(self.extractor.frame_shift_ms * self.extractor.sample_rate / 1000)

    def _frames(self, path: Path) -> Iterator[Frames]:
        """All frames of a file: each is of its own samples alone, so that blocks need only overlap by what a frame spans."""
        yield np.empty((0, self.extractor.n_features), np.float32)  # there may be none
        held = np.empty(0, np.float32)
        skip = 0  # samples between one frame and the next that belong to neither
        for block in audio.stream(path, self.extractor.sample_rate):
            held, skip = np.concatenate([held, block[skip:]]), max(0, skip - len(block))
            n = self.extractor.n_frames(len(held))
            if n:
                yield self.extractor(held)
                skip = max(0, n * self._frame_shift - len(held))
                held = held[n * self._frame_shift :]

    # --- frames to posteriors

    def posteriors(self, frames: Frames) -> Posteriors:
        """Class probabilities (C,) of an utterance by itself. Its frames (N, F) are normalised in place."""
        rows = self._rows(frames)
        alone = Sequences(rows, torch.tensor([0, len(rows)]), torch.zeros(1, dtype=torch.int64))
        found: Posteriors = self.classifier.model.posteriors(alone, self.device)[0].numpy()
        return found

    def _rows(self, frames: Frames) -> torch.Tensor:
        """What the classifier reads, (T, D)."""
        speech = Speech([""], frames, np.array([0, len(frames)]))
        normalise(frames, speech.offsets, [self._statistics(frames)])
        if self.autoencoder is not None:
            pieces = encoded(self.autoencoder.model, speech, self.shape, self.config.condition, {}, self.device)
            names = latents_read(self.config)
            return torch.from_numpy(np.concatenate([np.concatenate([one[k] for k in names], axis=1) for one in pieces]))
        if self.config.reads_segments:
            return speech.segment_rows(self.shape)[0]
        return torch.from_numpy(frames)

    def _statistics(self, frames: Frames) -> Statistics:
        trained = self._trained()
        return statistics(frames) if self.config.normalise == "utterance" or trained is None else trained

    def _trained(self) -> Statistics | None:
        """Of the training part, fitted with whichever model reads the frames."""
        return self.classifier.trained if self.autoencoder is None else self.autoencoder.trained
