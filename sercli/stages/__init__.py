"""One module a command: `run` reads, has the science compute, and publishes. Here is what they share: bringing a
set of products up to date."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import devices, workers
from ..errors import SercliError
from ..progress import bar, say
from ..store import BUILT, Product, Store
from ..workers import Unit


@dataclass(frozen=True)
class Run:
    """How a command runs; nothing here changes what it makes."""

    jobs: int | None = None
    device: str = "auto"
    overwrite: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        devices.check(self.device)


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


BuildUnit = Callable[[Product, Path], Unit]  # product and the folder to build it in -> the work


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
            say(f"{product.key} is stale: {', '.join(state.changed)} changed")
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
    products: Sequence[Product],
    build: BuildUnit,
    executor: Callable[[int], Executor],
    run: Run,
    noun: str = "fold",
) -> Outcome:
    """Make what is missing or stale, publishing each product as it is done. Raises SercliError if some failed."""
    outcome, todo = survey(store, name, folder, products, run)
    if run.dry_run or not todo:
        return outcome
    with store.lock(product.key for product in todo):
        todo = [product for product in todo if run.overwrite or not store.finish_publishing(product)]
        folders = {product.key: store.staged(product) for product in todo}
        units = []
        for product in todo:
            unit = build(product, folders[product.key] / "product")
            units.append(Unit(unit.name, do_and_mark, (unit, folders[product.key] / BUILT)))
        by_unit = dict(zip(map(id, units), todo, strict=True))
        with bar(name, f"{noun}s" if len(units) > 1 else noun, len(units)) as shown, executor(len(units)) as pool:
            finished: list[str] = []

            def publish(unit: Unit, result: Any) -> None:
                product = by_unit[id(unit)]
                store.publish(product, folders[product.key] / "product")
                finished.append(product.key)

            def tick() -> None:
                running = (_fraction(path) for key, path in folders.items() if key not in finished)
                shown.update(len(finished) + sum(running))

            failed = workers.run(units, pool, publish, tick)
            shown.update(len(finished))
    raise_first(failed, len(finished))
    return outcome


def do_and_mark(unit: Unit, mark: Path) -> None:
    """A unit's work, and then the mark that it is done: a parent killed before it publishes leaves nothing to redo."""
    unit.function(*unit.arguments)
    mark.touch()


def raise_first(failed: Sequence[tuple[Unit, BaseException]], n_finished: int) -> None:
    """One error for all that failed. What finished is published by now."""
    if not failed:
        return
    unit, error = failed[0]
    kept = f" ({len(failed)} failed, {n_finished} finished and kept)" if len(failed) + n_finished > 1 else ""
    if isinstance(error, BrokenProcessPool):
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


def n_jobs(run: Run, n_units: int) -> int:
    """Workers for so many units: what was asked for, else one a core."""
    return max(1, min(run.jobs or workers.cores(), n_units))


def processes(run: Run, preload: Sequence[str]) -> Callable[[int], Executor]:
    """Processes for so many units; where a GPU does the work, one by default, since each would take memory there."""

    def executor(n_units: int) -> Executor:
        alone = run.jobs is None and devices.resolve(run.device) != "cpu"
        return workers.processes(1 if alone else n_jobs(run, n_units), preload)

    return executor
