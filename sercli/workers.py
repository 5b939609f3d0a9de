"""Independent units of work on any `concurrent.futures.Executor`: threads, processes, or a cluster's own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
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


def threads(jobs: int) -> Executor:
    """For work that spends its time outside the interpreter lock."""
    return ThreadPoolExecutor(jobs)


def processes(jobs: int, preload: Sequence[str] = ()) -> Executor:
    """For work that does not. Workers start from one server that has imported `preload`, and die with this process."""
    if jobs == 1:
        return ThreadPoolExecutor(1)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_die_with_parent)


def _die_with_parent() -> None:
    """Ctrl-C is the parent's to handle; and a killed parent must not leave workers that write on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
