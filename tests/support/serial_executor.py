"""An executor of another package: it runs each unit in the calling thread, as it is submitted."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from sercli.executors.base import Request
from sercli.machine.workers import Slot


class Serial(Executor):
    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def slots(request: Request) -> Iterator[list[Slot]]:
    yield [Slot(Serial, () if request.device is None else ("cpu",))]
