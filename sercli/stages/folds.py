"""`sercli folds`: the task's folds, who is left out and who is dev; writes the task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import plain, write_yaml
from ..data.utterances import write_table
from ..errors import UsageError
from ..experiments.making import Outcome, Run, survey
from ..experiments.resolve import cut, take_task
from ..experiments.systems import task_product
from ..machine.progress import say
from ..store.store import FOLDS_FILE, Product, Store
from ..tasks.folds import Fold, Folds
from ..tasks.folds_file import unknown_ids
from ..tasks.protocols import FROM_FILE
from ..tasks.task import Task
from ..text import c_order


def run(path: Path, given: Mapping[str, Any], run: Run) -> tuple[Outcome, Folds]:
    """The task that the options name or define, and its folds."""
    store = Store(path)
    rest = dict(given)
    name, task = take_task(store, rest)
    if rest:
        raise UsageError(f"folds: unknown option {next(iter(rest))!r}")
    outcome, folds = write_task(store, name, task, run)
    if task.speaker_dependent:
        say(f"{name}: SPEAKER-DEPENDENT, speakers are shared between parts; every score made with it is marked")
    if not outcome.made:
        say(f"{name}: nothing to do, {len(folds.folds)} folds are up to date")
    return outcome, folds


def write_task(store: Store, name: str, task: Task, run: Run) -> tuple[Outcome, Folds]:
    """Write the task if it is absent or stale; what another command has written meanwhile is taken as it is."""
    folds = cut(store, task)
    product = task_product(store, name, task)
    if store.state(product).name == "fresh" and not run.overwrite:
        return Outcome(name, str(store.path / product.key), reused=[product.key]), folds
    with store.lock([product.key], wait=not run.dry_run):
        outcome, todo = survey(store, name, product.key, [product], run)
        if todo and not run.dry_run:
            _build(store, product, task, folds)
            _report_unknown_ids(store, task)
            say(
                f"{product.key}: {len(folds.labels)} utterances, {len(folds.classes)} classes, {len(folds.folds)} folds"
            )
    return outcome, folds


def _build(store: Store, product: Product, task: Task, folds: Folds) -> None:
    built = store.staged(product) / "product"
    built.mkdir(exist_ok=True)
    write_yaml(built / "task.yaml", plain(task))
    header = ["utt_id", "label", *(f"fold-{fold.number}" for fold in folds.folds)]
    rows = (
        [utt_id, folds.labels[utt_id], *(fold.parts.get(utt_id, "-") for fold in folds.folds)]
        for utt_id in sorted(folds.labels, key=c_order)
    )
    write_table(built / "folds.tsv", header, rows)
    if task.protocol in FROM_FILE:
        (built / FOLDS_FILE).write_text(store.folds_file(task.folds).text, encoding="utf-8")
    store.publish(product, built)


def _report_unknown_ids(store: Store, task: Task) -> None:
    if task.protocol in FROM_FILE:
        file = store.folds_file(task.folds)
        unknown = unknown_ids(file, store.utterances)
        if unknown:
            say(
                f"{file.place}: {len(unknown)} of its utterances are not in this store, {unknown[0]} first; passed over"
            )


def describe(folds: Folds) -> list[dict[str, Any]]:
    """One row a fold, for people and JSON."""
    return [_row(fold) for fold in folds.folds]


def _row(fold: Fold) -> dict[str, Any]:
    sizes = {part: len(fold.part(part)) for part in ("train", "dev", "test")}
    return {
        "fold": fold.number,
        "test": fold.left_out,
        "dev": fold.dev,
        **{f"n_{part}": n for part, n in sizes.items()},
    }
