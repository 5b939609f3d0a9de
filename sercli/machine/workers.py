"""Independent units of work on any `concurrent.futures.Executor`: threads, processes, or a cluster's own."""

import ctypes
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from typing import Any

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Unit:
    """A plain function of picklable arguments; `name` is for people. Begun once all that it `needs`, by name, is done."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    needs: tuple[str, ...] = ()


class Slot:
    """A place where one unit runs at a time, on an executor of its own or a shared one."""

    def __init__(self, start: Callable[[], Executor], arguments: tuple[Any, ...] = ()) -> None:
        """`arguments` come after those of every unit that runs here: its device."""
        self._start, self.arguments = start, arguments
        self.executor = start()

    def submit(self, unit: Unit) -> "Future[Any]":
        try:
            return self.executor.submit(unit.function, *unit.arguments, *self.arguments)
        except BrokenExecutor:  # its worker was killed; the unit that it had is told as failed
            self.executor = self._start()
            return self.executor.submit(unit.function, *unit.arguments, *self.arguments)


class NeedsFailed(Exception):
    """A unit was not begun, because one that it needs failed."""


def run(
    units: Sequence[Unit],
    slots: Sequence[Slot],
    finished: Callable[[Unit, Any], None],
    tick: Callable[[], None] = lambda: None,
    begin: Callable[[Unit], bool] = lambda unit: True,
) -> list[tuple[Unit, BaseException]]:
    """Run all units, the earlier first; `finished` is called here, in this thread, for each that ends well.

    `begin` is asked before a unit is: False means that it is done already; an error that it raises is the unit's own.
    Returns those that failed.
    """
    waiting, free = {unit.name: unit for unit in units}, list(slots)
    pending: dict[Future[Any], tuple[Unit, Slot]] = {}
    failed: list[tuple[Unit, BaseException]] = []
    lost: set[str] = set()

    def fail(unit: Unit, error: BaseException) -> None:
        failed.append((unit, error))
        lost.add(unit.name)

    def next_ready() -> Unit | None:
        """The first that waits for nothing."""
        running = {unit.name for unit, _ in pending.values()}
        for unit in list(waiting.values()):
            if lost.intersection(unit.needs):
                fail(waiting.pop(unit.name), NeedsFailed(", ".join(sorted(lost.intersection(unit.needs)))))
            elif not any(name in waiting or name in running for name in unit.needs):
                return waiting.pop(unit.name)
        return None

    while waiting or pending:
        while free and (unit := next_ready()) is not None:
            try:
                if begin(unit):
                    slot = free.pop(0)
                    with _uninterrupted():  # a worker that starts while its pool ends would complain
                        pending[slot.submit(unit)] = unit, slot
            except Exception as refusal:
                fail(unit, refusal)
        done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED) if pending else (set(), set())
        for future in done:
            unit, slot = pending.pop(future)
            free.append(slot)
            error = future.exception()
            if error is None:
                finished(unit, future.result())
            else:
                fail(unit, error)
        tick()
    return failed


def let_go_of_memory() -> None:
    """Give the system back what a unit has left in this process's heap: glibc keeps it, in pieces that the next cannot use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Threads(ThreadPoolExecutor):
    """Left by an error, Ctrl-C above all, it waits for nobody: the command ends, and the threads with it."""

    def __exit__(self, kind: object, *_: object) -> None:
        self.shutdown(wait=kind is None, cancel_futures=True)


class _Processes(ProcessPoolExecutor):
    """Left by an error, it ends its workers in the middle of their work."""

    def __exit__(self, kind: object, *_: object) -> None:
        for worker in multiprocessing.active_children() if kind is not None else ():
            worker.kill()
        self.shutdown(cancel_futures=True)


@contextmanager
def threads(arguments: Sequence[tuple[Any, ...]]) -> Iterator[list[Slot]]:
    """For work that spends its time outside the interpreter lock: a thread for each entry, which its units are given last."""
    with _opened([Slot(functools.partial(_Threads, 1), own) for own in arguments]) as slots:
        yield slots


@contextmanager
def processes(devices: Sequence[str], preload: Sequence[str] = ()) -> Iterator[list[Slot]]:
    """For work that does not: one process for each entry of `devices`, which is given to its units last; a single one is
    a thread of this process.

    Workers start from one server that has imported `preload`, and die with this process. Ctrl-C is this process's to
    handle: the server and all its workers inherit that it is held back.
    """
    if len(devices) == 1:
        start: Callable[[], Executor] = functools.partial(_Threads, 1)
    else:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(preload))
        resource_tracker.ensure_running()  # while it starts, it lets Ctrl-C through
        with _uninterrupted(), _without_folder():
            forkserver.ensure_running()
        start = functools.partial(_Processes, 1, mp_context=context, initializer=_die_with_parent)
    with _opened([Slot(start, (device,)) for device in devices]) as slots:
        yield slots


@contextmanager
def _opened(slots: list[Slot]) -> Iterator[list[Slot]]:
    """Executors may be started again meanwhile; those that are there at the end are left as their kind is."""
    with ExitStack() as stack:
        for slot in slots:
            stack.push(lambda *error, slot=slot: slot.executor.__exit__(*error))
        yield slots


@contextmanager
def _without_folder() -> Iterator[None]:
    """A Python that is started here does not look for modules in the working folder, which may hold one named like ours."""
    usual = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        os.environ.pop("PYTHONSAFEPATH") if usual is None else os.environ.update(PYTHONSAFEPATH=usual)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, whichever thread it reaches: zarr's own do not have it blocked."""
    usual, held = signal.getsignal(signal.SIGINT), list[int]()
    mine = callable(usual) and threading.current_thread() is threading.main_thread()
    if mine:
        signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGINT, usual)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if held:
            signal.raise_signal(signal.SIGINT)


def _die_with_parent() -> None:
    """A killed parent must not leave workers that write on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
