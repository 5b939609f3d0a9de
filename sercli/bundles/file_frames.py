"""Frames of sound files outside any store: of a whole file, or of windows that slide over it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data import audio
from ..errors import AudioError, UsageError
from ..frontends.base import Extractor, check_length, frames_of
from ..learning.segments import Frames, frames_per

LONGEST = 600.0  # s of a file that is labelled as one utterance; its frames are held in memory
_ROUNDING = 1e-9  # of a division of seconds


class Windows(NamedTuple):
    """Windows over one file, in frame shifts."""

    apart: int  # from one start to the next
    size: int  # of a whole window
    total: int  # number of windows


@dataclass(frozen=True)
class FileSection:
    """Frames (N, F) of a file from `start` to `end` (s)."""

    start: float
    end: float
    frames: Frames


class FileFrames:
    """Reads files and gives their frames by one front end. Its methods may run in many threads."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.shift = round(extractor.frame_shift_ms * extractor.sample_rate / 1000)  # from frame to frame (samples)

    def utterance(self, path: Path) -> Frames:
        """Frames (N, F) of a whole file. Raises AudioError."""
        duration = audio.read_header(path).duration
        if duration > LONGEST:
            expected, fix = f"at most {LONGEST:.0f} s", "follow emotion through it with --window 5"
            raise AudioError("too long for one utterance", seen=f"{duration:.0f} s", expected=expected, fix=fix)
        return frames_of(audio.read(path, self.extractor.sample_rate), self.extractor)

    def sections(self, path: Path, window: float, shift: float) -> Iterator[FileSection]:
        """Windows of `window` seconds, each `shift` after the one before. Raises AudioError, UsageError.

        The last is the first that reaches the end of the file; it is cut there, and left out if the rest holds no frame.
        Each section has the frames that it would have as a file by itself. Memory does not grow with the file.
        """
        duration = audio.read_header(path).duration
        for number, frames in enumerate(self._frames_per_window(path, self.windows(window, shift, duration))):
            if len(frames):
                yield FileSection(number * shift, min(number * shift + window, duration), frames)
            elif not number:
                check_length(int(duration * self.extractor.sample_rate), self.extractor)

    def windows(self, window: float, shift: float, duration: float = 0.0) -> Windows:
        """The windows over a file of `duration` (all in s). Raises UsageError unless both are whole numbers of frames."""
        shift_ms = self.extractor.frame_shift_ms
        size = frames_per(1000 * window, shift_ms, "--window")
        if not self.extractor.n_frames(size * self.shift):
            raise UsageError("shorter than a frame", place="--window", seen=f"{window:g} s", fix="make it longer")
        total = 1 + max(0, ceil((duration - window) / shift - _ROUNDING))
        return Windows(frames_per(1000 * shift, shift_ms, "--shift"), size, total)

    def _frames_per_window(self, path: Path, windows: Windows) -> Iterator[Frames]:
        """If the front end is local, frames that windows share are computed once, else each window by itself."""
        extractor = self.extractor
        if extractor.is_local:
            size = extractor.n_frames(windows.size * self.shift)
            yield from sliding(self._frames(path), windows._replace(size=size))
            return
        in_samples = Windows(windows.apart * self.shift, windows.size * self.shift, windows.total)
        for samples in sliding(audio.stream(path, extractor.sample_rate), in_samples):
            has_frames = extractor.n_frames(len(samples)) > 0
            yield frames_of(samples, extractor) if has_frames else np.empty((0, extractor.n_features), np.float32)

    def _frames(self, path: Path) -> Iterator[Frames]:
        """All frames of a file, block by block; blocks overlap by what one frame spans beyond its shift."""
        yield np.empty((0, self.extractor.n_features), np.float32)  # there may be none
        samples = np.empty(0, np.float32)
        skip = 0  # samples between one frame and the next that belong to neither
        for block in audio.stream(path, self.extractor.sample_rate):
            samples, skip = np.concatenate([samples, block[skip:]]), max(0, skip - len(block))
            n = self.extractor.n_frames(len(samples))
            if n:
                yield self.extractor(samples)
                skip = max(0, n * self.shift - len(samples))
                samples = samples[n * self.shift :]


def sliding(blocks: Iterator[Frames], windows: Windows) -> Iterator[Frames]:
    """Windows over rows (N, …) that come in blocks; the last may be shorter, or empty. Memory holds a window and a block.

    >>> [rows.tolist() for rows in sliding(iter([np.arange(3), np.arange(3, 5)]), Windows(apart=2, size=3, total=2))]
    [[0, 1, 2], [2, 3, 4]]
    """
    rows, first = next(blocks), 0  # `first`: number of the first row that is in memory
    for start in range(0, windows.total * windows.apart, windows.apart):
        while first + len(rows) < start + windows.size and (block := next(blocks, None)) is not None:
            rows = np.concatenate([rows, block])
        yield rows[start - first : start - first + windows.size].copy()
        past = min(start + windows.apart - first, len(rows))
        rows, first = rows[past:], first + past
