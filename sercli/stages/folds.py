"""`sercli folds`: writes a task and lists its folds: who is tested and who is dev."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings
from ..experiments.resolve import TASK_OPTIONS, resolve_task
from ..experiments.task_files import write_task
from ..machine.progress import say
from ..store.store import Store
from ..tasks.folds import PARTS, Folds


def run(store_path: Path, requested: Mapping[str, Any], settings: Settings) -> tuple[Outcome, Folds]:
    """The task that the options name or define, and its folds. Raises UsageError for an option that is not about a task."""
    for option in requested:
        if option not in TASK_OPTIONS:
            raise UsageError("unknown option", place="folds", seen=option, expected=", ".join(sorted(TASK_OPTIONS)))
    task = resolve_task(Catalogue(Store(store_path)), requested)
    outcome = replace(write_task(task, settings), product=task.name)
    if task.definition.speaker_dependent:
        say(f"{task.name}: SPEAKER-DEPENDENT, speakers are shared between parts; every score made with it is marked")
    if not outcome.made:
        say(f"{task.name}: nothing to do, {len(task.folds.folds)} folds are up to date")
    return outcome, task.folds


def describe(folds: Folds) -> list[dict[str, Any]]:
    """One row per fold, for people and JSON."""
    counts = [{f"n_{part}": len(fold.part(part)) for part in PARTS} for fold in folds.folds]
    pairs = zip(folds.folds, counts, strict=True)
    return [{"fold": fold.number, "test": fold.left_out, "dev": fold.dev, **n} for fold, n in pairs]
