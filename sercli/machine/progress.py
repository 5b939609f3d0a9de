"""Progress on stderr: a bar with rate and time left on a terminal, a plain line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from ..text import printable

_SECONDS_BETWEEN_LINES = 10.0

Show = Callable[[float], None]  # shows how much is done


def say(text: str) -> None:
    """Print one line for people on stderr, with unprintable characters escaped; stdout is for the products of a command."""
    print(printable(text), file=sys.stderr, flush=True)


class Bar:
    """How much of `total` is done."""

    def __init__(self, show: Show) -> None:
        self._show, self.done = show, 0.0

    def update(self, done: float) -> None:
        """Show that so much is done in all."""
        self.done = done
        self._show(done)

    def advance(self, amount: float = 1.0) -> None:
        """Show that so much more is done."""
        self.update(self.done + amount)


@contextmanager
def bar(title: str, unit: str, total: float) -> Iterator[Bar]:
    """Show the progress of a block of work that has `total` units."""
    shown: AbstractContextManager[Show] = (_terminal if sys.stderr.isatty() else _lines)(title, unit, total)
    with shown as show:
        yield Bar(show)


@contextmanager
def _terminal(title: str, unit: str, total: float) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total, rate="")

        def show(done: float) -> None:
            rate = done / max(time.monotonic() - started, 1e-9)
            progress.update(task, completed=done, rate=f"{rate:.3g} {unit}/s")

        yield show


@contextmanager
def _lines(title: str, unit: str, total: float) -> Iterator[Show]:
    """Nothing is printed for work of less than ten seconds."""
    started = last = time.monotonic()
    latest = 0.0

    def show(done: float) -> None:
        nonlocal last, latest
        latest, now = done, time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES and done > 0:
            last, rate = now, done / (now - started)
            left = (total - done) / rate
            say(f"{title}: {done:.0f} of {total:.0f} {unit}, {rate:.3g} {unit}/s, {left:.0f} s left")

    yield show
    if last > started:
        say(f"{title}: {latest:.0f} of {total:.0f} {unit} in {time.monotonic() - started:.0f} s")
