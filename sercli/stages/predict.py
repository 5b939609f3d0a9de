"""`sercli predict`: emotion and posteriors of recordings, in the order in which they are named, as soon as they are known."""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..bundles import bundle as bundles
from ..corpora.base import files_below
from ..data import audio
from ..errors import AudioError, SercliError, UsageError
from ..experiments.making import Run
from ..machine.devices import n_workers, resolve
from ..machine.progress import say
from ..text import printable

if TYPE_CHECKING:
    from ..bundles.labeller import Labeller, Posteriors

_AHEAD = 64  # utterances begun before the first of them is told
_SECONDS_AHEAD = 300  # the same, of windows, whose frames are held
_STDIN = "-"


@dataclass(frozen=True)
class Source:
    """A file as it was named, or what is wrong with that."""

    shown: str
    path: Path
    problem: str = ""


@dataclass(frozen=True)
class Item:
    """An utterance, or a window of a file from `start` to `end` (s), on its way; or what is wrong."""

    source: Source
    posteriors: Future[Posteriors] | None
    times: tuple[float, float] | None = None
    problem: str = ""


def run(
    path: Path,
    paths: Sequence[str],
    nul: bool,
    stdin_audio: bool,
    window: float | None,
    shift: float | None,
    as_json: bool,
    run: Run,
) -> None:
    """Print a row for each file, or each window of it. Raises SercliError, once all others are done, if some were bad."""
    _refuse_odd_windows(window, shift)
    bundle = bundles.read(path)
    from ..bundles.labeller import Labeller
    from ..learning.training import make_repeatable

    device = resolve(run.device)
    make_repeatable(device)
    labeller = Labeller(bundle, device)
    if window is not None:
        labeller.windows(window, shift or window)  # whole frames, or nothing is begun
    with ExitStack() as stack:
        if stdin_audio:
            sources: Iterator[Source] = iter([Source(_STDIN, stack.enter_context(_spooled(_standard_input())))])
        else:
            sources = _sources([*paths, *([_STDIN] if nul and _STDIN not in paths else [])], nul)
        pool = ThreadPoolExecutor(n_workers(run.jobs, _AHEAD))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        printer = _Printer(labeller.classes, window is not None, as_json)
        work = _Work(labeller, pool, sources, window, shift or window)
        for item, posteriors in work.labelled():
            printer.row(item, posteriors)
    if work.bad:
        others = "the others are" if printer.n_rows else "nothing is"
        raise SercliError(f"{work.bad} of {work.n} could not be labelled, see above; {others}")


def _refuse_odd_windows(window: float | None, shift: float | None) -> None:
    if window is None:
        return
    if not 0 < window <= 600:
        raise UsageError(f"--window {window:g}: wanted more than 0 and at most 600 seconds")
    if shift is not None and not 0 < shift <= window:
        raise UsageError(f"--shift {shift:g}: wanted more than 0 and at most the window's {window:g} seconds")


# --- what is to be labelled


def _sources(named: Sequence[str], nul: bool) -> Iterator[Source]:
    """Files in the order named; of a folder, all sound files below it, in C order; `-` is replaced by what stdin lists."""
    for name in named:
        if name == _STDIN:
            yield from (source for listed in _listed(nul) for source in _of_path(listed))
        else:
            yield from _of_path(name)


def _of_path(name: str) -> Iterator[Source]:
    path = Path(name)
    if not name or "\0" in name:
        yield Source(name or "''", path, "holds NUL: is -0 wanted?" if name else "an empty name; leave it out")
        return
    if not path.is_dir():
        yield Source(name, path)
        return
    found = False
    try:
        for file in files_below(path, audio.SUFFIXES):
            found = True
            yield Source(str(file), file)
    except OSError as error:
        yield Source(name, path, f"cannot be listed: {error.strerror or error}")
        return
    if not found:
        yield Source(name, path, f"no sound below this folder; looked for {' '.join(audio.SUFFIXES)}")


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("standard input is closed, and - or --stdin-audio reads it; give it a file or a pipe")
    return sys.stdin.buffer


def _listed(nul: bool) -> Iterator[str]:
    """Paths as they arrive, a line or a NUL after each."""
    descriptor = _standard_input().fileno()
    end, held = b"\0" if nul else b"\n", b""
    while block := os.read(descriptor, 2**16):  # what is there, without waiting for more; and no lock is held meanwhile
        *whole, held = (held + block).split(end)
        yield from (os.fsdecode(one if nul else one.removesuffix(b"\r")) for one in whole if one)
    if held:
        yield os.fsdecode(held)


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[Path]:
    """Standard input as a file on disk, so that its length is no matter. Raises SercliError if it does not fit there."""
    with tempfile.TemporaryDirectory(prefix="sercli-") as folder:
        path = Path(folder, "standard-input.sound")
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file, 2**20)
        except OSError as error:
            raise SercliError(
                f"standard input: cannot be kept in {folder}: {error.strerror}; free space there, or name another folder by TMPDIR"
            ) from None
        yield path


class _Arriving:
    """What an iterator yields, taken from it in a thread of its own: asked without waiting, it says whether there is more by now."""

    def __init__(self, sources: Iterator[Source]) -> None:
        self._queue: queue.Queue[Source | BaseException | None] = queue.Queue(_AHEAD)
        threading.Thread(target=self._fill, args=(sources,), daemon=True).start()
        self.ended = False

    def _fill(self, sources: Iterator[Source]) -> None:
        try:
            for source in sources:
                self._queue.put(source)
        except BaseException as error:
            self._queue.put(error)
        self._queue.put(None)

    def take(self, wait: bool) -> Source | None:
        """None where there is none by now, or (`ended`) none any more."""
        if self.ended:
            return None
        try:
            found = self._queue.get(wait)
        except queue.Empty:
            return None
        self.ended = found is None
        if isinstance(found, BaseException):
            raise found
        return found


# --- labelling it


class _Work:
    """Files read, and their utterances labelled, in the threads of a pool: each by itself, so that its posteriors depend on no
    other, nor on what else is ready by then."""

    def __init__(
        self,
        labeller: Labeller,
        pool: ThreadPoolExecutor,
        sources: Iterator[Source],
        window: float | None,
        shift: float | None,
    ) -> None:
        self.labeller, self.pool, self.window, self.shift = labeller, pool, window, shift
        self.sources = _Arriving(sources)
        self.ahead = _AHEAD if window is None else max(2, min(_AHEAD, int(_SECONDS_AHEAD / window)))
        self.items: Iterator[Item] = iter(())  # of the present file
        self.n = self.bad = 0

    def labelled(self) -> Iterator[tuple[Item, Posteriors]]:
        """In order, and as soon as they can be. What is bad is told and counted."""
        pending: deque[Item] = deque()
        while True:
            self._read_ahead(pending)
            if not pending:
                return
            item = pending.popleft()
            try:
                if item.posteriors is None:
                    raise AudioError(item.problem)
                yield item, item.posteriors.result()
            except AudioError as error:
                self.bad += 1
                say(f"sercli: {item.source.shown}: {error}")

    def _read_ahead(self, pending: deque[Item]) -> None:
        while len(pending) < self.ahead:
            item = next(self.items, None)
            if item is None:
                source = self.sources.take(wait=not pending)
                if source is None:
                    return
                self.n += 1
                self.items = self._items(source)
            else:
                pending.append(item)

    def _items(self, source: Source) -> Iterator[Item]:
        if source.problem:
            yield Item(source, None, problem=source.problem)
        elif self.window is None or self.shift is None:
            yield Item(source, self.pool.submit(self._utterance, source))
        else:
            try:
                with _Growth(source):
                    for section in self.labeller.sections(source.path, self.window, self.shift):
                        posteriors = self.pool.submit(self.labeller.posteriors, section.frames)
                        yield Item(source, posteriors, (section.start, section.end))
            except AudioError as error:
                yield Item(source, None, problem=str(error))

    def _utterance(self, source: Source) -> Posteriors:
        with _Growth(source):
            frames = self.labeller.utterance(source.path)
        return self.labeller.posteriors(frames)


class _Growth:
    """Tells if a file has grown while it was read: what was appended is not labelled."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None:
        self.before = self._size()

    def __exit__(self, *_: object) -> None:
        if self._size() > self.before:
            say(f"{self.source.shown}: has grown while it was read; what was appended is not labelled, run it again")

    def _size(self) -> int:
        try:
            return self.source.path.stat().st_size
        except OSError:
            return 0


class _Printer:
    """TSV with a header, or a JSON object a line."""

    def __init__(self, classes: Sequence[str], has_times: bool, as_json: bool) -> None:
        self.classes, self.as_json, self.n_rows = classes, as_json, 0
        if not as_json:
            times = ["start", "end"] if has_times else []
            self._line("\t".join(["path", *times, "prediction", *(printable(f"p_{label}") for label in classes)]))

    def row(self, item: Item, found: Posteriors) -> None:
        self.n_rows += 1
        posteriors = found.tolist()
        best = self.classes[max(range(len(posteriors)), key=posteriors.__getitem__)]
        if self.as_json:
            times = (
                {}
                if item.times is None
                else dict(zip(("start", "end"), (round(t, 3) for t in item.times), strict=True))
            )
            by_class = dict(zip(self.classes, posteriors, strict=True))
            row: dict[str, Any] = {"path": item.source.shown, **times, "prediction": best, "posteriors": by_class}
            self._line(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())
        else:
            cells = [f"{t:.2f}" for t in item.times or ()]
            self._line(
                "\t".join([printable(item.source.shown), *cells, printable(best), *(f"{p:.9g}" for p in posteriors)])
            )

    def _line(self, text: str) -> None:
        print(text, flush=True)
