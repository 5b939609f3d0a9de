"""The corpus of a store on disk: the product that `sercli ingest` and `sercli combine` publish."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import write_yaml
from ..corpora.base import nothing_usable
from ..data.contours import Contour
from ..data.hashing import file_digest
from ..data.utterances import Reject, SideTable, Utterance, write_table, write_utterances
from ..errors import Command, SercliError
from ..machine.progress import say
from ..store import keys, publishing
from ..store.locations import STORE_FORMAT, Locations
from ..store.publishing import Product
from ..tasks.summary import summarise
from ..text import printable
from .making import Outcome, Settings
from .rejects import print_rejects
from .shared_recordings import write_contours

UTTERANCES, REJECTS, CORPUS_YAML = "utterances.tsv", "rejects.tsv", "corpus.yaml"


@dataclass(frozen=True)
class CorpusContent:
    """Everything that a corpus is in a store. `facts` are the keys of corpus.yaml: name, corpus (the reader), root and more."""

    facts: Mapping[str, Any]
    task: Mapping[str, Any]  # the default task
    utterances: Sequence[Utterance]
    rejects: Sequence[Reject] = ()
    tables: Mapping[str, SideTable] = field(default_factory=dict)  # name -> further table
    contours: Mapping[str, Contour] = field(default_factory=dict)  # of each utterance, by its id


def check_store_folder(store_path: Path, facts: Mapping[str, Any], settings: Settings) -> None:
    """Raises SercliError for a folder with other things in it, or (without --overwrite) for the store of another corpus."""
    locations = Locations(store_path)
    if not settings.overwrite and (provenance := locations.provenance(keys.CORPUS)):
        stored, requested = provenance["config"], _config(facts)
        if stored != requested:
            seen, expected = (f"{config['name']} ({config['corpus']})" for config in (stored, requested))
            fix = "choose another folder for the store, or replace this one with --overwrite"
            raise SercliError("the store of another corpus", place=store_path, seen=seen, expected=expected, fix=fix)
    if (store_path / keys.CORPUS / CORPUS_YAML).exists() or not store_path.exists():
        return
    allowed = {".cache", publishing.STAGING, publishing.LOCKS}
    if not store_path.is_dir() or {path.name for path in store_path.iterdir()} - allowed:
        fix = "choose another folder for the store"
        raise SercliError("exists and is not a sercli store", place=store_path, fix=fix)


def publish_corpus(store_path: Path, content: CorpusContent, settings: Settings) -> Outcome:
    """Publish the tables and corpus.yaml as one product. Hold its lock.

    Raises SercliError for a corpus without utterances, and (without --overwrite) where the table was edited by hand.
    """
    if not content.utterances:
        raise nothing_usable(content.facts["root"], content.rejects)
    locations = Locations(store_path)
    draft = publishing.emptied(store_path / publishing.STAGING / "corpus-draft")
    _write(draft, content)
    inputs = {path.name: file_digest(path) for path in sorted(draft.iterdir())}
    command = Command("ingest", words=(str(content.facts["root"]), str(store_path)))
    product = Product(keys.CORPUS, _config(content.facts), inputs, command)
    outcome = Outcome(str(content.facts["name"]), str(store_path))
    stored = locations.provenance(keys.CORPUS)
    if not settings.overwrite:
        _refuse_edited(locations, inputs[UTTERANCES])
        if stored is not None and publishing.is_fresh(locations, product):
            shutil.rmtree(draft)
            outcome.reused.append(product.key)
            say(f"{outcome.product}: nothing to do, {store_path} is up to date")
            return outcome
    built = publishing.stage(locations, product) / "product"
    shutil.rmtree(built, ignore_errors=True)
    draft.rename(built)
    publishing.publish(locations, product, built)
    outcome.made.append(product.key)
    outcome.stale += [product.key] if stored is not None else []
    return outcome


def _config(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a store the store of this corpus. Its sound files may move, and its table may change."""
    return {key: facts[key] for key in ("name", "corpus")}


def _write(folder: Path, content: CorpusContent) -> None:
    write_utterances(folder / UTTERANCES, content.utterances)
    rows = [[printable(reject.path), reject.reason] for reject in content.rejects]
    write_table(folder / REJECTS, ["path", "reason"], rows)
    for name, table in content.tables.items():
        write_table(folder / f"{name}.tsv", table.header, table.rows)
    write_contours(folder, content.contours, [u.utt_id for u in content.utterances])
    counts = {"utterances": len(content.utterances), "rejects": len(content.rejects)}
    write_yaml(folder / CORPUS_YAML, {"format": STORE_FORMAT, **content.facts, "task": dict(content.task), **counts})


def _refuse_edited(locations: Locations, digest: str) -> None:
    """Raises SercliError for a table that was edited by hand."""
    path = locations.location(keys.CORPUS) / UTTERANCES
    published = (locations.provenance(keys.CORPUS) or {"files": {}})["files"].get(UTTERANCES)
    if path.is_file() and file_digest(path) not in (digest, published):
        raise SercliError("the table was edited by hand", place=path, fix="keep it, or replace it with --overwrite")


def print_summary(store_path: Path, content: CorpusContent) -> None:
    """Print sizes and labels, a warning if labels and speakers are entangled, and the first rejects."""
    summary = summarise(content.utterances)
    say(f"{store_path}: {summary.utterances} utterances of {summary.speakers} speakers, {summary.hours:.2f} h")
    say(f"{store_path}: {', '.join(f'{printable(label)} {n}' for label, n in summary.labels.items())}")
    if (guess := summary.by_speaker).is_entangled:
        say(
            f"{store_path}: ENTANGLED: the speaker alone tells the emotion of {100 * guess.accuracy:.0f} % of the labelled utterances "
            f"(chance {100 * guess.chance:.0f} %); speaker-independent scores of this corpus say little about emotion, and are marked"
        )
    print_rejects(content.rejects, store_path / keys.CORPUS / REJECTS)
