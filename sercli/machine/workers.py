"""Units of work and the scheduler that runs them in slots."""

import ctypes
import heapq
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Unit:
    """A plain function with picklable arguments; `name` is for people. It starts once all units that it `needs` are done."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    needs: tuple[str, ...] = ()  # names of units; others count as done


class Slot:
    """A place where one unit runs at a time, on an executor of its own or a shared one."""

    def __init__(self, start: Callable[[], futures.Executor], arguments: tuple[Any, ...] = ()) -> None:
        """`arguments` are added to those of every unit that runs here: its device."""
        self._start, self.arguments = start, arguments
        self.executor = start()

    def submit(self, unit: Unit) -> "futures.Future[Any]":
        """Start a unit; a slot whose worker was killed restarts it (the unit that was lost has failed)."""
        try:
            return self.executor.submit(unit.function, *unit.arguments, *self.arguments)
        except futures.BrokenExecutor:
            self.executor = self._start()
            return self.executor.submit(unit.function, *unit.arguments, *self.arguments)


class NeedsFailed(Exception):
    """A unit did not start, because a unit that it needs failed; the arguments are the names of those."""


def run(
    units: Sequence[Unit],
    slots: Sequence[Slot],
    finished: Callable[[Unit, Any], None],
    tick: Callable[[], None] = lambda: None,
    begin: Callable[[Unit], bool] = lambda unit: True,
) -> list[tuple[Unit, BaseException]]:
    """Run all units, the earlier first, and return those that failed: first those that ran, then those that they block.

    `begin(unit)` is called before a unit starts: False means that it is done already; an exception is its failure.
    `finished(unit, result)` is called for each unit that succeeds, `tick()` several times a second; all in this thread.
    """
    names = {unit.name for unit in units}
    graph = TopologicalSorter({unit.name: names.intersection(unit.needs) for unit in units})
    graph.prepare()
    rank = {unit.name: i for i, unit in enumerate(units)}
    ready = sorted(rank[name] for name in graph.get_ready())  # a heap of ranks
    free, pending = list(slots), dict[futures.Future[Any], tuple[Unit, Slot]]()
    done, failed = set[str](), list[tuple[Unit, BaseException]]()

    def succeed(unit: Unit) -> None:
        done.add(unit.name)
        graph.done(unit.name)  # a failed unit is never done, so that units which need it never become ready
        for name in graph.get_ready():
            heapq.heappush(ready, rank[name])

    while ready or pending:
        while ready and free:
            unit = units[heapq.heappop(ready)]
            try:
                if begin(unit):
                    with uninterrupted():  # a worker that starts while its pool ends would complain
                        pending[free[0].submit(unit)] = unit, free[0]
                        free.pop(0)
                else:
                    succeed(unit)
            except Exception as error:
                failed.append((unit, error))
        for future in futures.wait(pending, _POLL_SECONDS, futures.FIRST_COMPLETED).done if pending else ():
            unit, slot = pending.pop(future)
            free.append(slot)
            if (failure := future.exception()) is None:
                finished(unit, future.result())
                succeed(unit)
            else:
                failed.append((unit, failure))
        tick()
    started = done.union(unit.name for unit, _ in failed)
    blocked = [unit for unit in units if unit.name not in started]
    return failed + [(unit, NeedsFailed(*sorted(names.intersection(unit.needs) - done))) for unit in blocked]


def release_memory() -> None:
    """Return freed memory of this process to the system: glibc keeps it, in pieces that the next unit cannot use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, whichever thread receives it: zarr's threads do not have it blocked."""
    handler, held = signal.getsignal(signal.SIGINT), list[int]()
    replaceable = callable(handler) and threading.current_thread() is threading.main_thread()
    if replaceable:
        signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if replaceable:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if held:
            signal.raise_signal(signal.SIGINT)
