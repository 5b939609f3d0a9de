"""Bringing products up to date: which are missing or stale, units of work for them, publishing of each as it is done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import plugins
from ..errors import SercliError
from ..executors.base import Request, open_slots
from ..machine import devices, workers
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.store import Store

FITTING = ("torch", "zarr", "sercli.experiments.reading", "sercli.learning.training")  # modules that workers load first
_WORKER_ENDED = "a worker process was killed, or ran out of memory"
_MOST_CHANGES = 3  # named in a line

Failures = list[tuple[Unit, BaseException]]


@dataclass(frozen=True)
class Settings:
    """How a command runs. Nothing here changes what it makes."""

    jobs: int | None = None  # parallel workers; None: one per core or GPU
    device: str = "auto"
    executor: str = "local"
    overwrite: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        devices.check(self.device)
        plugins.check_exists("executors", self.executor)


@dataclass
class Outcome:
    """What a command did, or would do: keys of products. Stale products are listed among the made ones too."""

    product: str
    path: str
    made: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take over what another step did."""
        self.made += other.made
        self.reused += other.reused
        self.stale += other.stale

    def say_if_nothing_to_do(self) -> None:
        """Report that everything was up to date."""
        if not self.made:
            say(f"{self.product}: nothing to do, {len(self.reused)} of {len(self.reused)} up to date")

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Work:
    """How one product is made: `function(*arguments, folder, device)` fills the folder, once what it needs is published."""

    product: Product
    function: Callable[..., None]
    arguments: tuple[Any, ...]  # plain values only: they travel to other processes and machines
    needs: tuple[str, ...] = ()  # keys of products


@dataclass(frozen=True)
class Job:
    """Products to bring up to date under one heading."""

    title: str
    works: Sequence[Work]
    noun: str = "fold"  # of one unit of work, for the progress bar
    preload: Sequence[str] = FITTING


def plan(store: Store, outcome: Outcome, products: Sequence[Product], settings: Settings) -> list[Product]:
    """The products that must be made; adds all of them to the outcome, and reports on stderr."""
    todo: list[Product] = []
    for product in products:
        state = publishing.state(store, product)
        if state.name == "fresh" and not settings.overwrite:
            outcome.reused.append(product.key)
            if not settings.dry_run:
                publishing.tidy(store, product)
            continue
        if state.name == "stale":
            outcome.stale.append(product.key)
            more = f" and {len(state.changed) - _MOST_CHANGES} more" if len(state.changed) > _MOST_CHANGES else ""
            say(f"{product.key} is stale: {', '.join(state.changed[:_MOST_CHANGES])}{more} changed")
        outcome.made.append(product.key)
        todo.append(product)
    outcome.say_if_nothing_to_do()
    for product in todo if settings.dry_run else ():
        say(f"would make {product.key}")
    return todo


def make(store: Store, folder: str, job: Job, settings: Settings) -> Outcome:
    """Make what is missing or stale, publishing each product as it is done. Raises SercliError if some failed."""
    outcome = Outcome(job.title, str(store.path / folder))
    todo = {product.key for product in plan(store, outcome, [work.product for work in job.works], settings)}
    if settings.dry_run or not todo:
        return outcome
    with publishing.locks(store, todo):
        works = [work for work in job.works if work.product.key in todo]
        failures, finished = build(store, replace(job, works=works), settings)
    raise_first(failures, len(finished))
    return outcome


def make_here(store: Store, product: Product, settings: Settings, fill: Callable[[Path], None]) -> Outcome:
    """Make one small product in this process: `fill(folder)` writes its files. Waits for another command that makes it."""
    outcome = Outcome(product.key, str(store.path / product.key))
    if not settings.overwrite and publishing.is_fresh(store, product):  # without waiting for a lock
        outcome.reused.append(product.key)
        return outcome
    if settings.dry_run:
        plan(store, outcome, [product], settings)
        return outcome
    with publishing.lock(store.path, product.key, wait=True):
        if plan(store, outcome, [product], settings):
            built = publishing.emptied(publishing.stage(store, product) / "product")
            fill(built)
            publishing.publish(store, product, built)
    return outcome


def build(
    store: Store,
    job: Job,
    settings: Settings,
    published: Callable[[Work], None] = lambda work: None,
    lock: bool = False,
) -> tuple[Failures, list[str]]:
    """Make products, each as soon as what it needs is there. Returns what failed, and the keys of what was made.

    With `lock` each product is locked while it is made; without, the caller holds the locks of all.
    """
    making = _Making(store, {work.product.key: work for work in job.works}, settings.overwrite, published, lock)
    units = [
        Unit(key, fill_and_seal, (work.function, work.arguments, work.product, publishing.staging(store, work.product)), work.needs)
        for key, work in making.works.items()
    ]  # fmt: skip
    with bar(job.title, f"{job.noun}s" if len(units) > 1 else job.noun, len(units)) as progress, making:

        def tick() -> None:
            progress.update(len(making.finished) + sum(map(_fraction, making.folders.values())))

        request = Request(len(units), settings.jobs, settings.device, tuple(job.preload))
        with open_slots(settings.executor, request) as slots:
            failures = workers.run(units, slots, making.publish, tick, making.begin)
        progress.update(len(making.finished))
    if len(making.seconds) > 1:
        times = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in making.seconds.items())
        say(f"{job.title}: time of the workers: {times}")
    return failures, making.finished


class _Making:
    """Products while they are made. Leaving the `with` block releases all locks."""

    def __init__(
        self, store: Store, works: Mapping[str, Work], again: bool, published: Callable[[Work], None], lock: bool
    ) -> None:
        self.store, self.works, self.again, self.published, self.lock = store, works, again, published, lock
        self.folders: dict[str, Path] = {}  # where they are built
        self.finished: list[str] = []
        self.locks: dict[str, ExitStack] = {}
        self.begun: dict[str, float] = {}
        self.seconds: dict[str, float] = defaultdict(float)  # of workers, by kind of product

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for stack in self.locks.values():
            stack.close()

    def begin(self, unit: Unit) -> bool:
        """False if there is nothing left to do. Raises SercliError if another command makes it now."""
        product = self.works[unit.name].product
        if self.lock:
            stack = ExitStack()
            stack.enter_context(publishing.lock(self.store.path, unit.name))
            self.locks[unit.name] = stack
        if not self.again:
            publishing.finish_publishing(self.store, product)
            if publishing.is_fresh(self.store, product):  # now, or another command made it meanwhile
                self._finish(unit.name)
                return False
        self.folders[unit.name] = publishing.stage(self.store, product)
        self.begun[unit.name] = time.monotonic()
        return True

    def publish(self, unit: Unit, _: Any) -> None:
        """Rename into place what a worker has built and sealed."""
        kind = unit.name.removeprefix(f"{keys.ARRAYS}/").split("/")[0]
        self.seconds[kind] += time.monotonic() - self.begun[unit.name]
        publishing.publish(self.store, self.works[unit.name].product, self.folders[unit.name] / "product")
        self._finish(unit.name)

    def _finish(self, key: str) -> None:
        self.finished.append(key)
        self.folders.pop(key, None)
        if key in self.locks:
            self.locks.pop(key).close()
        self.published(self.works[key])


def fill_and_seal(
    function: Callable[..., None], arguments: tuple[Any, ...], product: Product, staged: Path, device: str
) -> None:
    """The work of a unit, in a worker. What it sealed needs only a rename: a killed parent loses nothing."""
    built = publishing.emptied(staged / "product")
    function(*arguments, built, device)
    publishing.seal(product, built)
    workers.release_memory()


def raise_first(failures: Failures, n_finished: int) -> None:
    """One error for everything that failed. What finished is published by now."""
    if not failures:
        return
    unit, error = failures[0]
    some = f" ({len(failures)} failed, {n_finished} finished and kept)" if len(failures) + n_finished > 1 else ""
    if isinstance(error, BrokenExecutor):
        error = SercliError(_WORKER_ENDED, fix="run the same command again, with fewer --jobs")
    elif is_out_of_memory(error):
        error = SercliError("does not fit into memory", fix="choose a smaller --batch-size or model, or fewer --jobs")
    if isinstance(error, SercliError):
        raise error.at(f"{unit.name}{some}") from None
    raise error


def failure_reason(error: BaseException) -> str:
    """Why a unit failed, in one line."""
    if isinstance(error, BrokenExecutor):
        return _WORKER_ENDED
    return " ".join(str(error).split()) or type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy or PyTorch reports that memory is exhausted; the CPU allocator of PyTorch has no type
    of its own for that, only a text."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool({"MemoryError", "OutOfMemoryError"} & kinds) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def report_fraction(product_folder: Path, fraction: float) -> None:
    """Report to the parent how far a unit is, by a file: this works across any executor that shares the disk."""
    product_folder.with_name("fraction").write_text(f"{fraction:.4f}")


def _fraction(folder: Path) -> float:
    try:
        return float((folder / "fraction").read_text())
    except (FileNotFoundError, ValueError):
        return 0.0
