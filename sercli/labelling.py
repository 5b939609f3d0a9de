"""From sound to posteriors, as a bundle says: what `evaluate` does of a test utterance, for recordings outside any store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from . import audio, plugins
from .bundles import Bundle
from .classifiers import Sequences
from .config import build
from .configurations import reads_segments
from .errors import AudioError, UsageError
from .models import read_autoencoder, read_classifier
from .normalisation import Statistics, normalise, statistics
from .segments import Frames, frames_per
from .sequences import Speech, encoded, latents_read, shape_of

LONGEST = 600.0  # s of a file that is labelled as one utterance; its frames are held in memory

Samples = npt.NDArray[np.float32]
Posteriors = npt.NDArray[np.float64]


class Windows(NamedTuple):
    """In frames: how far apart they begin, how many lie in a whole one; and how many there are in a file."""

    shift: int
    size: int
    total: int


@dataclass(frozen=True)
class Section:
    """Frames (N, F) of a file from `start` to `end` (s)."""

    start: float
    end: float
    frames: Frames


class Labeller:
    """Front end, normalisation, autoencoder and classifier of a bundle, loaded once. Its methods may run in many threads."""

    def __init__(self, bundle: Bundle, device: str) -> None:
        """Raises DamagedProduct, and UsageError for a plug-in that is not installed."""
        about, self.device = bundle.about, device
        front = plugins.load("frontends", about.frontend)
        self.extractor: Any = front.Extractor(build(front.Config, about.frontend_options, about.frontend), "cpu")
        self.classifier = read_classifier(bundle.classifier, device)
        self.autoencoder = read_autoencoder(bundle.autoencoder, device) if bundle.autoencoder else None
        self.config, self.classes = self.classifier.config, self.classifier.classes
        self.shape = shape_of(self.extractor.frame_shift_ms, self.config.segment_shift_ms)

    # --- frames of files

    def utterance(self, path: Path) -> Frames:
        """Frames (N, F) of a whole file. Raises AudioError."""
        duration = audio.read_header(path).duration
        if duration > LONGEST:
            raise AudioError(
                f"{duration:.0f} s long, an utterance is at most {LONGEST:.0f} s; follow emotion through it with --window 5"
            )
        frames: Frames = self.extractor(self._long_enough(audio.read(path, self.extractor.sample_rate)))
        return frames

    def sections(self, path: Path, window: float, shift: float) -> Iterator[Section]:
        """Windows of `window` seconds, each `shift` after the one before; the last is the first that reaches the end of the
        file, and is cut there. Memory does not grow with the file. Raises AudioError, UsageError."""
        duration = audio.read_header(path).duration
        shift_frames, size, total = self.windows(window, shift, duration)
        source, held, first, seen = self._frames(path), np.empty((0, self.extractor.n_features), np.float32), 0, 0
        for number in range(total):
            start = number * shift_frames
            held, first = held[start - first :], start
            while len(held) < size and (more := next(source, None)) is not None:
                held = np.concatenate([held, more])
            if len(held):
                seen += 1
                yield Section(number * shift, min(number * shift + window, duration), held[:size].copy())
        if not seen:
            self._long_enough(np.empty(0, np.float32))

    def windows(self, window: float, shift: float, duration: float = 0.0) -> Windows:
        """Raises UsageError unless both are whole numbers of frames."""
        step_ms = self.extractor.frame_shift_ms
        samples = frames_per(1000 * window, step_ms, "--window") * self._frame_shift
        if self.extractor.n_frames(samples) < 1:
            raise UsageError(f"--window {window:g}: holds no frame; make it longer")
        total = 1 + max(0, int(np.ceil((duration - window) / shift - 1e-9)))
        return Windows(frames_per(1000 * shift, step_ms, "--shift"), self.extractor.n_frames(samples), total)

    @property
    def _frame_shift(self) -> int:
        """In samples."""
        return round(float(self.extractor.frame_shift_ms) * int(self.extractor.sample_rate) / 1000)

    def _frames(self, path: Path) -> Iterator[Frames]:
        """All frames of a file: each is of its own samples alone, so that blocks need only overlap by what a frame spans."""
        held = np.empty(0, np.float32)
        for block in audio.stream(path, self.extractor.sample_rate):
            held = np.concatenate([held, block])
            n = self.extractor.n_frames(len(held))
            if n:
                yield self.extractor(held)
                held = held[n * self._frame_shift :]

    def _long_enough(self, samples: Samples) -> Samples:
        if len(samples) < self.extractor.min_samples:
            wanted = f"wanted {self.extractor.min_samples} samples at {self.extractor.sample_rate} Hz"
            raise AudioError(f"shorter than one frame: {wanted}")
        return samples

    # --- frames to posteriors

    def rows(self, frames: Frames) -> torch.Tensor:
        """What the classifier reads of an utterance, (T, D). The frames (N, F) are normalised in place."""
        speech = Speech([""], frames, np.array([0, len(frames)]))
        normalise(frames, speech.offsets, [self._statistics(frames)])
        if self.autoencoder is not None:
            pieces = encoded(self.autoencoder.model, speech, self.shape, self.config.condition, {}, self.device)
            names = latents_read(self.config)
            return torch.from_numpy(np.concatenate([np.concatenate([one[k] for k in names], axis=1) for one in pieces]))
        if reads_segments(self.config):
            return speech.segment_rows(self.shape)[0]
        return torch.from_numpy(frames)

    def _statistics(self, frames: Frames) -> Statistics:
        if self.config.normalise == "utterance":
            return statistics(frames)
        trained = self.classifier.trained if self.autoencoder is None else self.autoencoder.trained
        assert trained is not None
        return trained

    def posteriors(self, rows: Sequence[torch.Tensor]) -> Posteriors:
        """Class probabilities (U, C) of utterances, each (T, D)."""
        lengths = torch.tensor([0, *(len(one) for one in rows)])
        unlabelled = torch.zeros(len(rows), dtype=torch.int64)
        found: Posteriors = self.classifier.model.posteriors(
            Sequences(torch.cat(list(rows)), lengths.cumsum(0), unlabelled), self.device
        ).numpy()
        return found
