"""One module a command: `run` reads, has the science compute, and publishes. Here is what they share: bringing a
set of products up to date."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import plugins
from ..errors import SercliError
from ..executors.base import Request, open_slots
from ..machine import devices, workers
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store.store import ARRAYS, BUILT, Product, Store


@dataclass(frozen=True)
class Run:
    """How a command runs; nothing here changes what it makes."""

    jobs: int | None = None
    device: str = "auto"
    overwrite: bool = False
    dry_run: bool = False
    executor: str = "local"

    def __post_init__(self) -> None:
        devices.check(self.device)
        plugins.check_exists("executors", self.executor)


@dataclass
class Outcome:
    """What a command did (or, dry, would do): keys of products made and reused, and of the made those that were stale."""

    product: str
    path: str
    made: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Work:
    """How one product is made: `function(*arguments, folder to build it in, device)`, once what it needs is published."""

    product: Product
    function: Callable[..., None]
    arguments: tuple[Any, ...]
    needs: tuple[str, ...] = ()  # keys of products


def survey(
    store: Store, name: str, folder: str, products: Sequence[Product], run: Run
) -> tuple[Outcome, list[Product]]:
    """Which products are fresh, and which are to be made; says so on stderr."""
    outcome = Outcome(name, str(store.path / folder))
    todo: list[Product] = []
    for product in products:
        state = store.state(product)
        if state.name == "fresh" and not run.overwrite:
            outcome.reused.append(product.key)
            if not run.dry_run:
                store.tidy(product)
            continue
        if state.name == "stale":
            outcome.stale.append(product.key)
            more = f" and {len(state.changed) - _MOST_CHANGES} more" if len(state.changed) > _MOST_CHANGES else ""
            say(f"{product.key} is stale: {', '.join(state.changed[:_MOST_CHANGES])}{more} changed")
        outcome.made.append(product.key)
        todo.append(product)
    if not todo:
        say(f"{name}: nothing to do, {len(products)} of {len(products)} up to date")
    elif run.dry_run:
        for product in todo:
            say(f"would make {product.key}")
    return outcome, todo


def make(
    store: Store,
    name: str,
    folder: str,
    works: Sequence[Work],
    run: Run,
    preload: Sequence[str],
    noun: str = "fold",
) -> Outcome:
    """Make what is missing or stale, publishing each product as it is done. Raises SercliError if some failed."""
    outcome, todo = survey(store, name, folder, [work.product for work in works], run)
    if run.dry_run or not todo:
        return outcome
    wanted = {product.key for product in todo}
    with store.lock(product.key for product in todo):
        chosen = [work for work in works if work.product.key in wanted]
        failed, finished = build(store, name, chosen, run, preload, noun)
    raise_first(failed, len(finished))
    return outcome


_MOST_CHANGES = 3  # named

Failed = list[tuple[Unit, BaseException]]


def build(
    store: Store,
    name: str,
    works: Sequence[Work],
    run: Run,
    preload: Sequence[str],
    noun: str,
    published: Callable[[Work], None] = lambda work: None,
    lock: bool = False,
) -> tuple[Failed, list[str]]:
    """Make products, each as soon as what it needs is there. Returns what failed, and the keys of what was made.

    With `lock` each is locked while it is made, else the caller holds the locks of all.
    """
    making = _Making(store, {work.product.key: work for work in works}, run.overwrite, published, lock)
    units = [
        Unit(key, do_and_mark, (work.function, work.arguments, store.staging(work.product)), work.needs)
        for key, work in making.works.items()
    ]
    with bar(name, f"{noun}s" if len(units) > 1 else noun, len(units)) as shown, making:

        def tick() -> None:
            shown.update(len(making.finished) + sum(map(_fraction, making.folders.values())))

        request = Request(len(units), run.jobs, run.device, tuple(preload))
        with open_slots(run.executor, request) as slots:
            failed = workers.run(units, slots, making.publish, tick, making.begin)
        shown.update(len(making.finished))
    if len(making.spent) > 1:
        spent = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in making.spent.items())
        say(f"{name}: time of the workers: {spent}")
    return failed, making.finished


class _Making:
    """Products while they are made; left, it lets go of all that it has locked."""

    def __init__(
        self, store: Store, works: Mapping[str, Work], again: bool, published: Callable[[Work], None], lock: bool
    ) -> None:
        self.store, self.works, self.again, self.published, self.lock = store, works, again, published, lock
        self.folders: dict[str, Path] = {}  # where they are built
        self.finished: list[str] = []
        self.held: dict[str, ExitStack] = {}
        self.begun: dict[str, float] = {}
        self.spent: dict[str, float] = defaultdict(float)  # s of workers, by kind of product

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for held in self.held.values():
            held.close()

    def begin(self, unit: Unit) -> bool:
        """False if there is nothing left to do. Raises SercliError if another command makes it right now."""
        product = self.works[unit.name].product
        if self.lock:
            held = ExitStack()
            held.enter_context(self.store.lock([unit.name]))
            self.held[unit.name] = held
        if not self.again:
            self.store.finish_publishing(product)
            if self.store.state(product).name == "fresh":  # now, or made meanwhile
                self._finish(unit.name)
                return False
        self.folders[unit.name] = self.store.staged(product)
        self.begun[unit.name] = time.monotonic()
        return True

    def publish(self, unit: Unit, _: Any) -> None:
        kind = unit.name.removeprefix(f"{ARRAYS}/").split("/")[0]
        self.spent[kind] += time.monotonic() - self.begun[unit.name]
        self.store.publish(self.works[unit.name].product, self.folders[unit.name] / "product")
        self._finish(unit.name)

    def _finish(self, key: str) -> None:
        self.finished.append(key)
        self.folders.pop(key, None)
        if key in self.held:
            self.held.pop(key).close()
        self.published(self.works[key])


def do_and_mark(function: Callable[..., None], arguments: tuple[Any, ...], staged: Path, device: str) -> None:
    """A unit's work, and then the mark that it is done: a parent killed before it publishes leaves nothing to redo."""
    function(*arguments, staged / "product", device)
    (staged / BUILT).touch()
    workers.release_memory()


def raise_first(failed: Sequence[tuple[Unit, BaseException]], n_finished: int) -> None:
    """One error for all that failed. What finished is published by now."""
    if not failed:
        return
    unit, error = failed[0]
    kept = f" ({len(failed)} failed, {n_finished} finished and kept)" if len(failed) + n_finished > 1 else ""
    if isinstance(error, BrokenExecutor):
        raise SercliError(
            f"{unit.name}: a worker process was killed, or ran out of memory{kept}; run the same command again, with fewer --jobs"
        ) from None
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        raise SercliError(
            f"{unit.name}: does not fit into memory{kept}; choose a smaller --batch-size or model, or fewer --jobs"
        ) from None
    if isinstance(error, SercliError):
        raise type(error)(f"{unit.name}: {error}{kept}") from None
    raise error


def report_fraction(product_folder: Path, fraction: float) -> None:
    """Tell the parent how far a unit is; a file, so that it works across any executor that shares the disk."""
    product_folder.with_name("fraction").write_text(f"{fraction:.4f}")


def _fraction(folder: Path) -> float:
    try:
        return float((folder / "fraction").read_text())
    except (FileNotFoundError, ValueError):
        return 0.0
