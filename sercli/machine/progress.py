"""Progress for people: rich bars with rate and time left on a terminal, plain lines where stderr is none."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from ..text import printable

_SECONDS_BETWEEN_LINES = 10.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def say(text: str) -> None:
    """One line of talk, whatever paths it names, on stderr: stdout is for what a command made."""
    print(printable(text), file=sys.stderr, flush=True)


def size_of(n_bytes: float) -> str:
    """A number of bytes for people: 1.5 GiB."""
    unit = 0
    while n_bytes >= 1024 and unit < len(_UNITS) - 1:
        n_bytes, unit = n_bytes / 1024, unit + 1
    return f"{n_bytes:.0f} {_UNITS[unit]}" if unit == 0 or n_bytes >= 10 else f"{n_bytes:.1f} {_UNITS[unit]}"


@dataclass
class Bar:
    """How much of something is done, in `unit`s. Call `update` with the total done so far."""

    total: float
    done: float = 0.0

    def update(self, done: float) -> None:
        self.done = done

    def advance(self, amount: float = 1.0) -> None:
        self.update(self.done + amount)


class _RichBar(Bar):
    def __init__(self, title: str, unit: str, total: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(total)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(title, total=total, rate="")
        self._started = time.monotonic()
        self._unit = unit

    def __enter__(self) -> "_RichBar":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, done: float) -> None:
        super().update(done)
        rate = done / max(time.monotonic() - self._started, 1e-9)
        self._progress.update(self._task, completed=done, rate=f"{rate:.3g} {self._unit}/s")


class _Lines(Bar):
    def __init__(self, title: str, unit: str, total: float) -> None:
        super().__init__(total)
        self._title, self._unit = title, unit
        self._started = self._said = time.monotonic()

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._said > self._started:  # who began to tell also tells the end
            seconds = time.monotonic() - self._started
            say(f"{self._title}: {self.done:.0f} of {self.total:.0f} {self._unit} in {seconds:.0f} s")

    def update(self, done: float) -> None:
        super().update(done)
        now = time.monotonic()
        if now - self._said < _SECONDS_BETWEEN_LINES or done <= 0:
            return
        self._said = now
        rate = done / (now - self._started)
        left = (self.total - done) / rate
        say(f"{self._title}: {done:.0f} of {self.total:.0f} {self._unit}, {rate:.3g} {self._unit}/s, {left:.0f} s left")


@contextmanager
def bar(title: str, unit: str, total: float) -> Iterator[Bar]:
    """A bar on a terminal; elsewhere a line every ten seconds."""
    with _RichBar(title, unit, total) if sys.stderr.isatty() else _Lines(title, unit, total) as shown:
        yield shown
