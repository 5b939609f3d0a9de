"""The contract of an executor, which runs units of work on this machine or on a cluster.

An executor is a module with one function, `slots(request)`, a context manager that gives a list of `Slot`s. At most one unit
runs in a slot at a time. Only functions of installed packages and plain (picklable) arguments are sent; workers read the
store and write below its `.staging` folder, so they must see the same disk; the parent process alone publishes products.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from .. import plugins
from ..machine.workers import Slot


@dataclass(frozen=True)
class Request:
    """What a command needs of its executor."""

    n_units: int
    jobs: int | None = None  # workers that the user asked for; None: the executor decides
    device: str | None = None  # of `--device`; each slot passes one to its units. None: the units take no device
    preload: tuple[str, ...] = ()  # modules that the units import
    in_threads: bool = False  # the units hold the interpreter lock so rarely that threads are enough


class Executor(Protocol):
    """A module of this kind."""

    def slots(self, request: Request) -> AbstractContextManager[list[Slot]]:
        """Start workers, and end them when the block ends: at once if it ends by an error or Ctrl-C."""


@contextmanager
def open_slots(name: str, request: Request) -> Iterator[list[Slot]]:
    """The slots of an executor by name. Raises UsageError for an unknown one, BrokenPlugin where a foreign one fails."""
    executor = cast(Executor, plugins.load("executors", name))
    with plugins.of_another_package("executors", name):
        opened = executor.slots(request)
    with opened as slots:
        yield slots
