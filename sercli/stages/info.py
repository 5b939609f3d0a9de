"""`sercli info`: what is in a store, how big it is, what is stale or missing, and the next command to type.

It follows from tables and provenance: no array is opened, and no model is loaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..bundles.bundle import check_exportable
from ..data.utterances import read_table
from ..errors import Command, SercliError
from ..evaluation.agreement import summarise_ratings
from ..evaluation.endings import LimitedFits, limited_fits
from ..evaluation.marks import Mark
from ..evaluation.stored import read_result
from ..experiments.catalogue import Catalogue
from ..experiments.kinds import Entry, entries
from ..report.overviews import CorpusOverview, EntryOverview, StoreOverview
from ..store import keys
from ..store.store import Store
from ..tasks.summary import summarise

_SCORES = ("task", "uar", "uar_ci95", "dev_uar", "marks", "folds_done")  # of a result, for the table


def run(store_path: Path) -> StoreOverview:
    """Raises SercliError for a folder that is not a store."""
    catalogue = Catalogue(Store(store_path))
    command = next_command(catalogue)
    return StoreOverview(
        store=str(store_path),
        corpus=_corpus(catalogue.store),
        items=[_overview_of(entry) for entry in entries(catalogue)],
        bytes=_bytes(store_path),
        bytes_free=shutil.disk_usage(store_path).free,
        next="" if command is None else str(command),
    )


def _overview_of(entry: Entry) -> EntryOverview:
    judgement = entry.judgement
    return EntryOverview(
        kind=entry.kind.name,
        name=entry.name,
        folder=entry.key,
        states=dict(judgement.states),
        why=list(judgement.changed),
        problem="" if judgement.problem is None else str(judgement.problem),
        command="" if judgement.command is None else str(judgement.command),
        bytes=_bytes(entry.catalogue.store.path / entry.key),
        about=_facts(entry),
        wanting=judgement.is_wanting,
    )


def _facts(entry: Entry) -> dict[str, Any]:
    """What the table shows of an entry beside its state."""
    store = entry.catalogue.store
    if entry.kind.name == "features":
        return {"rejects": _n_rows(store.path / f"rejects-{entry.name}.tsv")}
    if entry.kind.name == "result" and entry.judgement.is_fresh:
        scores = read_result(store, entry.name).to_json()
        return {key: scores[key] for key in _SCORES}
    if entry.kind.name in ("autoencoder", "classifier"):
        return {"epoch_limit": _limited_fits(entry)._asdict()}
    if entry.kind.name == "sweep":
        inputs = (store.provenance(entry.key) or {"inputs": {}})["inputs"]
        return {"points": sum(key.startswith(keys.result("")) for key in inputs)}
    return {}


def _limited_fits(entry: Entry) -> LimitedFits:
    """Of the folds that are fresh; of none where these are unknown or damaged."""
    catalogue, name = entry.catalogue, entry.name
    with suppress(SercliError):
        system = catalogue.autoencoder(name) if entry.kind.name == "autoencoder" else catalogue.classifier(name)
        return limited_fits(system, system.fresh_folds)
    return LimitedFits(0, 0)


def _corpus(store: Store) -> CorpusOverview:
    return CorpusOverview(
        name=store.name,
        corpus=str(store.corpus_fact("corpus")),
        synthetic=store.is_synthetic,
        root=str(store.sound_root),
        root_is_there=store.sound_root.is_dir(),
        rejects=_n_rows(store.corpus_folder / "rejects.tsv"),
        summary=summarise(store.utterances),
        raters=summarise_ratings(store.ratings),
    )


def _n_rows(table: Path) -> int:
    return sum(1 for _ in read_table(table)) if table.is_file() else 0


# --- the next command


def next_command(catalogue: Catalogue) -> Command | None:
    """The first command that is wanting in the order of the pipeline (None if no command repairs it); where nothing is
    wanting, the next step."""
    store = catalogue.store
    by_kind: dict[str, list[Entry]] = {}
    for entry in entries(catalogue):
        by_kind.setdefault(entry.kind.name, []).append(entry)
        if entry.judgement.is_wanting and "features" in by_kind:
            return _whole(entry)
    if "features" not in by_kind:
        return Command("featurize", store.path)
    if "autoencoder" not in by_kind and "classifier" not in by_kind:
        task = by_kind.get("task", [])[:1]
        return Command("train-ae", store.path, ("--model", "cvae", *(w for t in task for w in ("--task", t.name))))
    encoded = {entry.name.partition(" ")[0] for entry in by_kind.get("latents", [])}
    used = {catalogue.classifier(name).config.autoencoder for name in catalogue.classifier_names}
    for entry in by_kind.get("autoencoder", []):
        if entry.name not in used:
            return Command("train-lstm" if entry.name in encoded else "encode", store.path, ("--ae", entry.name))
    if "report" not in by_kind:
        return Command("report", store.path)
    return _use_of_best(catalogue, by_kind.get("result", []), "bundle" in by_kind)


def _whole(entry: Entry) -> Command | None:
    """One command scores all classifiers."""
    command = entry.judgement.command
    return Command("evaluate", command.store) if command and entry.kind.name == "result" else command


def _use_of_best(catalogue: Catalogue, results: Sequence[Entry], has_bundle: bool) -> Command:
    """Export the classifier that is best on dev: nothing is chosen by test. Once there is a bundle, predict with it."""
    exportable = [entry for entry in results if _can_be_exported(catalogue, entry)]
    if not exportable:
        return Command("report", catalogue.store.path)
    if has_bundle:
        return Command("predict", "BUNDLE", ("FILE",))
    best = max(exportable, key=lambda entry: read_result(catalogue.store, entry.name).dev.uar or 0.0)
    return Command("export", catalogue.store.path, ("--classifier", best.name, "BUNDLE"))


def _can_be_exported(catalogue: Catalogue, result: Entry) -> bool:
    classifier = catalogue.classifier(result.name)
    try:
        check_exportable(result.name, classifier.config, classifier.features.frontend)
    except SercliError:
        return False
    return Mark.PARTIAL not in read_result(catalogue.store, result.name).marks


def _bytes(path: Path) -> int:
    """Size on disk of all files below a folder; files that vanish meanwhile count nothing."""
    total = path.stat().st_size if path.is_file() else 0
    for parent, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total
