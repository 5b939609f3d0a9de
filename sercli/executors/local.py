"""Processes of this machine, or threads for units that hold the interpreter lock rarely.

A single worker is a thread of this process. Worker processes start from one server that has imported the modules to preload,
and end with this process, however it ends.
"""

import functools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from multiprocessing import forkserver, resource_tracker

from ..machine.devices import devices_of_workers, n_workers, resolve_all
from ..machine.workers import Slot, uninterrupted
from .base import Request


@contextmanager
def slots(request: Request) -> Iterator[list[Slot]]:
    """One slot per worker: `--jobs`, else one per core, or one per GPU for processes on GPUs."""
    arguments = _arguments(request)
    start = _thread if request.in_threads or len(arguments) == 1 else _processes(request.preload)
    opened = [Slot(start, words) for words in arguments]
    with ExitStack() as stack:
        for slot in opened:
            stack.push(lambda *error, slot=slot: slot.executor.__exit__(*error))  # a slot may restart its executor
        yield opened


def _arguments(request: Request) -> list[tuple[str, ...]]:
    """The last arguments of the units of each worker: its device."""
    if request.device is None:
        return [()] * n_workers(request.jobs, request.n_units)
    if not request.in_threads:
        return [(device,) for device in devices_of_workers(request.device, request.jobs, request.n_units)]
    devices = resolve_all(request.device)
    return [(devices[i % len(devices)],) for i in range(n_workers(request.jobs, request.n_units))]


class _Threads(futures.ThreadPoolExecutor):
    """Does not wait for its thread when an error or Ctrl-C ends the block."""

    def __exit__(self, kind: object, *_: object) -> None:
        self.shutdown(wait=kind is None, cancel_futures=True)


class _Processes(futures.ProcessPoolExecutor):
    """Kills its worker when an error or Ctrl-C ends the block."""

    def __exit__(self, kind: object, *_: object) -> None:
        for worker in multiprocessing.active_children() if kind is not None else ():
            worker.kill()
        self.shutdown(cancel_futures=True)


def _thread() -> futures.Executor:
    return _Threads(1)


def _processes(preload: tuple[str, ...]) -> Callable[[], futures.Executor]:
    """Start the server, which ignores Ctrl-C as its workers do: the parent handles it. Returns what starts a worker."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # while it starts, it lets Ctrl-C through
    with uninterrupted(), _without_working_folder():
        forkserver.ensure_running()
    return functools.partial(_Processes, 1, mp_context=context, initializer=_die_with_parent)


@contextmanager
def _without_working_folder() -> Iterator[None]:
    """A Python that starts here imports nothing from the working folder, which may hold a module named like ours."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        os.environ.pop("PYTHONSAFEPATH") if before is None else os.environ.update(PYTHONSAFEPATH=before)


def _die_with_parent() -> None:
    """A killed parent must not leave workers that write on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
