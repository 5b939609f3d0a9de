"""Independent units of work on any `concurrent.futures.Executor`: threads, processes, or a cluster's own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from typing import Any

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Unit:
    """A plain function of picklable arguments; `name` is for people."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def run(
    units: Sequence[Unit],
    executor: Executor,
    finished: Callable[[Unit, Any], None],
    tick: Callable[[], None] = lambda: None,
) -> list[tuple[Unit, BaseException]]:
    """Run all units; `finished` is called here, in this thread, for each that ends well. Returns those that failed."""
    failed: list[tuple[Unit, BaseException]] = []
    with _uninterrupted():  # a worker that starts while its pool ends would complain
        pending: dict[Future[Any], Unit] = {executor.submit(unit.function, *unit.arguments): unit for unit in units}
    while pending:
        done, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            unit = pending.pop(future)
            error = future.exception()
            if error is None:
                finished(unit, future.result())
            else:
                failed.append((unit, error))
        tick()
    return failed


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


def threads(jobs: int) -> Executor:
    """For work that spends its time outside the interpreter lock."""
    return _Threads(jobs)


def processes(jobs: int, preload: Sequence[str] = ()) -> Executor:
    """For work that does not. Workers start from one server that has imported `preload`, and die with this process.

    Ctrl-C is this process's to handle: the server and all its workers inherit that it is held back.
    """
    if jobs == 1:
        return _Threads(1)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # while it starts, it lets Ctrl-C through
    with _uninterrupted():
        forkserver.ensure_running()
    return _Processes(jobs, mp_context=context, initializer=_die_with_parent)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _die_with_parent() -> None:
    """A killed parent must not leave workers that write on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
