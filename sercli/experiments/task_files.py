"""Tasks on disk: `task.yaml` and `folds.tsv`, and the file of folds that somebody else made."""

from __future__ import annotations

from pathlib import Path

from ..config import plain, write_yaml
from ..data.utterances import write_table
from ..machine.progress import say
from ..tasks.confounds import shared_value
from ..tasks.folds_file import unknown_ids
from ..tasks.protocols import PROTOCOLS
from ..text import c_order
from .making import Outcome, Settings, make_here
from .sources import FOLDS_FILE, CorpusTask


def write_task(task: CorpusTask, settings: Settings) -> Outcome:
    """Write a task if it is missing or stale. A task that another command writes meanwhile is taken as it is."""

    def fill(built: Path) -> None:
        _fill(task, built)
        folds = task.folds
        counts = f"{len(folds.labels)} utterances, {len(folds.classes)} classes, {len(folds.folds)} folds"
        say(f"{task.product.key}: {counts}")
        _report_unknown(task)

    return make_here(task.store, task.product, settings, fill)


def _report_unknown(task: CorpusTask) -> None:
    """Report how many utterances cannot be kept apart, since nothing is known of them."""
    labelled = [utterance for utterance in task.store.utterances if utterance.utt_id in task.folds.labels]
    for column in task.definition.apart:
        if n_unknown := sum(not shared_value(utterance, column) for utterance in labelled):
            rest = "they count as different from all others, and stay in training"
            say(f"warning: {n_unknown} of {len(labelled)} utterances have no {column}; {rest}")


def _fill(task: CorpusTask, built: Path) -> None:
    folds = task.folds
    write_yaml(built / "task.yaml", plain(task.definition))
    header = ["utt_id", "label", *(f"fold-{fold.number}" for fold in folds.folds)]
    rows = (
        [utt_id, folds.labels[utt_id], *(fold.parts.get(utt_id, "-") for fold in folds.folds)]
        for utt_id in sorted(folds.labels, key=c_order)
    )
    write_table(built / "folds.tsv", header, rows)
    if PROTOCOLS[task.definition.protocol].split is None:
        file = task.sources.folds_file(task.definition.folds)
        (built / FOLDS_FILE).write_text(file.text, encoding="utf-8")
        unknown = unknown_ids(file, task.store.utterances)
        if unknown:
            say(f"{file.place}: {len(unknown)} utterances are not in this store and are skipped, {unknown[0]} first")
