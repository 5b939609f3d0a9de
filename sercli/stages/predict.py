"""`sercli predict`: emotion and posteriors of recordings, in the order in which they are named, each as soon as it is known."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..bundles import bundle as bundles
from ..bundles.bundle import BundleInfo
from ..bundles.recordings import STDIN, Recording, named, piped
from ..errors import AudioError, SercliError, UsageError, listed
from ..evaluation.calibration import Posteriors, calibrated, check_finite
from ..experiments.making import Settings
from ..machine.devices import n_workers, resolve
from ..machine.progress import say
from ..text import printable

if TYPE_CHECKING:
    from ..bundles.labeller import Labeller

_AHEAD = 64
_SECONDS_AHEAD = 300  # of windows, whose frames are held in memory


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What is labelled and how it is printed. Raises UsageError for options that exclude each other."""

    paths: Sequence[str] = ()  # files, folders, or `-`: paths from standard input
    nul: bool = False  # paths from standard input end with NUL
    stdin_audio: bool = False  # standard input is one sound file
    window: float | None = None  # s; None: one row per file
    shift: float | None = None  # s from one window to the next; None: a whole window
    as_json: bool = False
    reject: float | None = None  # share of dev answers that are less certain than any answer given

    def __post_init__(self) -> None:
        if self.stdin_audio and (self.paths or self.nul):
            raise UsageError("standard input is sound, not paths", place="--stdin-audio", fix="leave one out")
        if not (self.paths or self.nul or self.stdin_audio):
            raise UsageError("nothing to label", place="predict", expected="FILE, FOLDER, or - for paths from stdin")
        if self.reject is not None and not 0 < self.reject < 1:
            expected = "a share above 0 and below 1, such as 0.1"
            raise UsageError("out of range", place="--reject", seen=f"{self.reject:g}", expected=expected)
        if self.shift is not None and self.window is None:
            raise UsageError("only windows have a shift", place="--shift", seen=self.shift, fix="add --window")
        for option, seconds, limit in (("--window", self.window, 600), ("--shift", self.shift, self.window)):
            if seconds is not None and limit is not None and not 0 < seconds <= limit:
                expected = f"more than 0 and at most {limit:g} s"
                raise UsageError("out of range", place=option, seen=f"{seconds:g}", expected=expected)

    @property
    def ahead(self) -> int:
        """How many utterances or windows are begun before the first of them is printed."""
        return max(2, min(_AHEAD, int(_SECONDS_AHEAD / self.window))) if self.window else _AHEAD


class Pending(NamedTuple):
    """An utterance, or a window with its start and end (s), that is being labelled."""

    recording: Recording
    n_recordings: int  # up to this one
    posteriors: Future[Posteriors]
    times: Mapping[str, float] = {}


@dataclass(frozen=True)
class RowFormat:
    """How a row is printed. An answer whose confidence lies below the threshold is withheld: its prediction is empty, or null in JSON."""

    bundle: BundleInfo
    threshold: float
    has_times: bool
    as_json: bool

    @classmethod
    def of(cls, bundle: BundleInfo, options: PredictOptions) -> RowFormat:
        """Raises SercliError if answers are to be rejected by a bundle that has no dev answers."""
        threshold = 0.0
        if options.reject is not None:
            if not bundle.certainty.confidences:
                problem, fix = "cannot reject answers", "export a classifier of a speaker-independent task"
                seen = f"{bundle.certainty.fitted_on}, {listed(bundle.marks)}"
                expected = "dev utterances by speakers who are not in training"
                raise SercliError(problem, place=f"--reject: {bundle.name}", seen=seen, expected=expected, fix=fix)
            threshold = bundle.certainty.threshold(options.reject)
        return cls(bundle, threshold, options.window is not None, options.as_json)

    @property
    def header(self) -> str:
        """The first line of a table."""
        times = ["start", "end"] if self.has_times else []
        return "\t".join(["path", *times, "prediction", *(printable(f"p_{label}") for label in self.bundle.classes)])

    def answer(self, row: Pending) -> tuple[str | None, Posteriors]:
        """The class, None if it is withheld, and calibrated posteriors. Waits for them; raises SercliError."""
        raw = row.posteriors.result()
        check_finite(raw, self.bundle.name)
        posteriors = calibrated(raw, self.bundle.certainty.temperature)
        return None if posteriors.max() < self.threshold else self.bundle.classes[int(raw.argmax())], posteriors

    def line(self, row: Pending, prediction: str | None, posteriors: Posteriors) -> str:
        """A line of TSV, or a JSON object in one line."""
        if not self.as_json:
            cells = [
                printable(row.recording.name),
                *(f"{t:.2f}" for t in row.times.values()),
                printable(prediction or ""),
            ]
            return "\t".join([*cells, *(f"{p:.9g}" for p in posteriors)])
        times = {key: round(t, 3) for key, t in row.times.items()}
        by_class = dict(zip(self.bundle.classes, posteriors.tolist(), strict=True))
        values = {"path": row.recording.name, **times, "prediction": prediction, "posteriors": by_class}
        return (
            json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        )  # paths may not be UTF-8


def run(bundle_path: Path, options: PredictOptions, settings: Settings) -> None:
    """Print one row per file, or per window of a file. Raises SercliError at the end if some could not be labelled."""
    bundle = bundles.read(bundle_path)
    row_format = RowFormat.of(bundle.info, options)
    from ..bundles.labeller import Labeller
    from ..learning.training import repeatable

    device = resolve(settings.device)
    labeller = Labeller(bundle, device)
    if options.window is not None:
        labeller.files.windows(options.window, options.shift or options.window)  # refuses parts of a frame
    with ExitStack() as stack:
        stack.enter_context(repeatable(device))
        names = [*options.paths, *([STDIN] if options.nul and STDIN not in options.paths else [])]
        recordings = iter([stack.enter_context(piped())]) if options.stdin_audio else named(names, options.nul)
        pool = ThreadPoolExecutor(n_workers(settings.jobs, _AHEAD))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        pending = _taken_ahead(_submitted(labeller, pool, recordings, options), options.ahead)
        _print_rows(pending, row_format)


def _print_rows(rows: Iterator[Pending], row_format: RowFormat) -> None:
    if not row_format.as_json:
        print(row_format.header, flush=True)
    n_files = n_rows = n_bad = n_rejected = 0
    for row in rows:
        n_files = row.n_recordings
        try:
            prediction, posteriors = row_format.answer(row)
        except SercliError as error:
            n_bad += 1
            say(f"sercli: {error.at(row.recording.name)}")
        else:
            n_rows += 1
            n_rejected += prediction is None
            print(row_format.line(row, prediction, posteriors), flush=True)
    if row_format.threshold:
        say(f"no answer for {n_rejected} of {n_rows}: confidence below {row_format.threshold:.3f}")
    if n_bad:
        fix = f"see above; {'the other files are' if n_rows else 'nothing is'} labelled"
        raise SercliError("files could not be labelled", seen=f"{n_bad} of {n_files}", fix=fix)


def _submitted(
    labeller: Labeller, pool: ThreadPoolExecutor, recordings: Iterator[Recording], options: PredictOptions
) -> Iterator[Pending]:
    """Each utterance or window is labelled by itself, so that its posteriors do not depend on the others."""

    def label(path: Path) -> Posteriors:
        return labeller.posteriors(labeller.files.utterance(path))

    for n, recording in enumerate(recordings, 1):
        try:
            if recording.error is not None:
                raise recording.error
            if options.window is None:
                yield Pending(recording, n, pool.submit(label, recording.path))
                continue
            for section in labeller.files.sections(recording.path, options.window, options.shift or options.window):
                posteriors = pool.submit(labeller.posteriors, section.frames)
                yield Pending(recording, n, posteriors, {"start": section.start, "end": section.end})
        except AudioError as error:
            failed: Future[Posteriors] = Future()
            failed.set_exception(error)
            yield Pending(recording, n, failed)


def _taken_ahead(rows: Iterator[Pending], n: int) -> Iterator[Pending]:
    """The same rows, taken by a thread, at most `n` ahead: a row is printed although the next path has not arrived."""
    waiting: queue.Queue[Pending | BaseException | None] = queue.Queue(n)

    def take() -> None:
        try:
            for row in rows:
                waiting.put(row)
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=take, daemon=True).start()
    while (item := waiting.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
