"""`sercli combine`: several stores into one, with labels that all share; features are copied, not computed again."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from ..data.emotions import known_as
from ..data.hashing import digest
from ..data.utterances import Table, Utterance, first_shared
from ..errors import SercliError, UsageError
from ..experiments.corpus_files import CorpusContent, check_store_folder, publish_corpus
from ..experiments.features import FrameArray, publish_frames, report_rejects
from ..experiments.making import Outcome, Settings
from ..experiments.sources import Features, Sources
from ..machine.progress import bar, say
from ..store import keys, publishing
from ..store.locations import check_name
from ..store.publishing import Product
from ..store.ragged import Ragged, Rows
from ..store.store import COMBINED, Store
from ..tasks.protocols import CORPUS
from ..tasks.task import Task
from ..text import c_order, printable
from .ingest import tell

Classes = Mapping[str, str]  # label of a corpus -> the class that it stands for


def run(paths: Sequence[Path], path: Path, name: str | None, classes: Sequence[str], run: Settings) -> Outcome:
    """Raises SercliError for stores that share no class, for one that is named twice, and for recordings that lie in two."""
    if len(paths) < 2:
        raise UsageError("combine: wanted two stores or more, and the one to make")
    stores = [Store(one) for one in paths]
    _refuse_twice(paths, stores)
    if path.resolve() in [one.resolve() for one in paths]:
        raise UsageError(f"{path}: is one of the stores to combine; name another, last, for what comes of them")
    class_of = _class_of(stores, classes)
    root = Path(os.path.commonpath([store.sound_root.resolve() for store in stores]))
    utterances = sorted(
        (_moved(store, one, root, class_of) for store in stores for one in store.utterances),
        key=lambda one: c_order(one.utt_id),
    )
    _refuse_same_names(utterances)
    name = check_name(name or "+".join(str(store.name) for store in stores))
    outcome = Outcome(name, str(path))
    about: dict[str, Any] = {"name": name, "corpus": COMBINED, "root": str(root)}
    about["stores"] = [str(store.name) for store in stores]
    about["classes"] = [_typed(name, class_of) for name in dict.fromkeys(class_of.values())]
    about |= {"synthetic": True} if any(store.is_synthetic for store in stores) else {}
    check_store_folder(path, about, run)
    _refuse_other_stores(path, about, run)
    table = Table(("corpus", "label", "class", "utterances"), list(_told(stores, class_of)))
    if run.dry_run:
        say(f"would combine {len(utterances)} utterances of {len(stores)} stores")
        outcome.made = [keys.CORPUS, *(keys.features(one) for one in _shared_features(stores))]
        return outcome
    task = {
        "target": "emotion",
        "classes": list(dict.fromkeys(class_of.values())),
        "protocol": "leave-one-corpus-out",
    }
    with publishing.lock(path, keys.CORPUS):
        outcome = publish_corpus(path, CorpusContent(about, task, utterances, [], {"classes": table}), run)
    for row in table.rows:
        say(f"{row[0]}: {row[3]} {printable(row[1])} -> {printable(row[2])}")
    tell(path, utterances, [])
    made, shared = Store(path), _shared_features(stores)
    for one in shared:
        _copy(stores, made, one, outcome, run)
    for one in set(made.names(f"{keys.features('*')}/zarr.json")) - set(shared):
        publishing.require(made, Sources(made).features(one).product)  # what was copied before, and cannot be any more
    return outcome


# --- what is refused


def _refuse_twice(paths: Sequence[Path], stores: Sequence[Store]) -> None:
    seen: dict[str, Path] = {}
    before: list[tuple[Path, Store]] = []
    for path, store in zip(paths, stores, strict=True):
        name = str(store.name)
        if name in seen:
            same = seen[name].resolve() == path.resolve()
            why = (
                "the same store twice"
                if same
                else f"both are of a corpus named {name!r}, so their speakers would be one"
            )
            raise SercliError(
                f"{seen[name]} and {path}: {why}; name each once, or `sercli ingest` one anew under another --name"
            )
        seen[name] = path
        for where, other in before:
            if shared := first_shared(other.utterances, store.utterances):
                raise SercliError(
                    f"{where} and {path} share recordings: {shared[0].utt_id} is {shared[1].utt_id}, and one would be trained "
                    "on where the other is tested; leave them out of one store"
                )
            if both := {u.speaker for u in other.utterances} & {u.speaker for u in store.utterances}:
                raise SercliError(
                    f"{where} and {path} both have a speaker {min(both, key=c_order)}, who would be one in the new store; "
                    "`sercli ingest` one anew under another --name"
                )
        before.append((path, store))


def _refuse_other_stores(path: Path, about: Mapping[str, Any], run: Settings) -> None:
    """Other classes would leave what was made of the store without its labels."""
    if run.overwrite or not (path / keys.CORPUS / "corpus.yaml").is_file():
        return
    there = Store(path)
    for what in ("stores", "classes"):
        seen, asked = there.corpus_names(what), about[what]
        if seen != asked:
            raise SercliError(
                f"{path}: was made of other {what}: {', '.join(seen)} there, {', '.join(asked)} asked; choose another folder, "
                "or replace this one's with --overwrite"
            )


def _refuse_same_names(utterances: Sequence[Utterance]) -> None:
    twice = [utt_id for utt_id, n in Counter(one.utt_id for one in utterances).items() if n > 1]
    if twice:
        raise SercliError(
            f"utterance {twice[0]} would be in it twice; `sercli ingest` one store anew under another --name"
        )


# --- labels and names


def _labels(store: Store) -> Counter[str]:
    return Counter(utterance.emotion for utterance in store.utterances if utterance.emotion)


def _class_of(stores: Sequence[Store], classes: Sequence[str]) -> Classes:
    """By what was asked, else the labels that all stores have. Raises SercliError unless two classes are in two stores each."""
    of_each = {str(store.name): _labels(store) for store in stores}
    shared = set.intersection(*map(set, of_each.values()))
    merges = Task(classes=tuple(classes)).merges if classes else [(one, [one]) for one in sorted(shared, key=c_order)]
    class_of = {source: name for name, sources in merges for source in sources}
    there = "; ".join(f"{name}: {', '.join(sorted(labels, key=c_order))}" for name, labels in of_each.items())
    for source in class_of:
        if not any(source in labels for labels in of_each.values()):
            hint = known_as(source, set().union(*of_each.values()))
            raise SercliError(f"--classes: no store labels anything {source!r}{hint}; labels are {there}")
    held = {name: [one for one, labels in of_each.items() if set(labels) & set(sources)] for name, sources in merges}
    common = [name for name, holders in held.items() if len(holders) > 1]
    if len(common) < 2:
        said = f"{', '.join(common)} alone" if common else "no class"
        raise SercliError(
            f"the stores have {said} in common, wanted at least two; labels are {there}; say with --classes A,B=C+D which are the same"
        )
    for name, holders in held.items():
        missing = [one for one in of_each if one not in holders]
        if missing:
            say(f"odd: {printable(name)} does not occur in {', '.join(missing)}")
    return class_of


def _typed(name: str, class_of: Classes) -> str:
    """A class as --classes takes it."""
    sources = [source for source, one in class_of.items() if one == name]
    return name if sources == [name] else f"{name}={'+'.join(sources)}"


def _moved(store: Store, utterance: Utterance, root: Path, class_of: Classes) -> Utterance:
    """The utterance as it stands in the new store: its names begin with its corpus's, its path with the common root."""
    name = str(store.name)
    return replace(
        utterance,
        utt_id=_new_id(store, utterance.utt_id),
        path=(store.sound_root.resolve() / utterance.path).relative_to(root).as_posix(),
        session=f"{name}_{utterance.session}" if utterance.session else "",
        emotion=class_of.get(utterance.emotion, ""),
        extra={**utterance.extra, CORPUS: utterance.extra.get(CORPUS, name) if store.is_combined else name},
    )


def _new_id(store: Store, utt_id: str) -> str:
    return utt_id if store.is_combined else f"{store.name}_{utt_id}"


def _told(stores: Sequence[Store], class_of: Classes) -> Iterator[tuple[str, str, str, str]]:
    """Rows (corpus, label, class, utterances): the whole map, with what is left out."""
    for store in stores:
        counts = _labels(store)
        for label in sorted(counts, key=c_order):
            yield str(store.name), label, class_of.get(label, "(left out)"), str(counts[label])


# --- features


def _shared_features(stores: Sequence[Store]) -> list[str]:
    """Those that every store has, fresh and made in the same way; what keeps others from it is said."""
    shared = []
    for name in sorted(
        {name for store in stores for name in store.names(f"{keys.features('*')}/zarr.json")}, key=c_order
    ):
        try:
            products = [Sources(store).features(name).product for store in stores]
            for store, product in zip(stores, products, strict=True):
                publishing.require(store, product)
        except SercliError as error:
            say(f"{name}: not copied: {error}")
            continue
        if all(product.config == products[0].config for product in products):
            shared.append(name)
        else:
            say(f"{name}: not copied: the stores made it with different options")
    return shared


def _copy(stores: Sequence[Store], made: Store, name: str, outcome: Outcome, run: Settings) -> None:
    products = [Sources(store).features(name).product for store in stores]
    imported = (
        digest([product.inputs["imported"] for product in products]) if "imported" in products[0].inputs else None
    )
    product = Features(Sources(made), name, products[0].config, imported).product
    if not run.overwrite and publishing.is_fresh(made, product):
        outcome.reused.append(product.key)
        return
    with publishing.lock(made.path, product.key):
        if run.overwrite or not publishing.finish_publishing(made, product):
            _build(stores, made, product, name)
    report_rejects(made, name, math.inf)
    outcome.made.append(product.key)


def _build(stores: Sequence[Store], made: Store, product: Product, name: str) -> None:
    sources = {str(store.name): store.ragged(keys.features(name)) for store in stores}
    widths = {one: ragged.width("frames") for one, ragged in sources.items()}
    if len(set(widths.values())) > 1:
        raise SercliError(f"{name}: frames are of different widths: {', '.join(f'{k} {n}' for k, n in widths.items())}")
    origin = {_new_id(store, u.utt_id): (str(store.name), u.utt_id) for store in stores for u in store.utterances}
    utt_ids = [utterance.utt_id for utterance in made.utterances]
    lengths = [int(sources[one].lengths[sources[one].index[old]]) for one, old in map(origin.__getitem__, utt_ids)]
    problems = [sources[one].attributes["rejects"].get(old, "") for one, old in map(origin.__getitem__, utt_ids)]
    attributes = dict(next(iter(sources.values())).attributes)
    for own in ("provenance", "rejects"):
        del attributes[own]
    publishing.stage(made, product)
    with bar("combine", "utterances", len(utt_ids)) as shown:
        frames = _frames(sources, [origin[utt_id] for utt_id in utt_ids], shown.advance)
        publish_frames(made, product, FrameArray(frames, lengths, problems, widths[min(widths)], attributes))


def _frames(sources: Mapping[str, Ragged], order: Sequence[tuple[str, str]], advance: Any) -> Iterator[Rows]:
    """In the order of the new store, block by block; runs of one corpus lie there as they lay in its own."""
    from ..experiments.inputs import blocks

    for one, run_of in groupby(order, key=lambda pair: pair[0]):
        utt_ids = [utt_id for _, utt_id in run_of]
        for block in blocks(sources[one], utt_ids):
            yield sources[one].rows("frames", block)[0]
        advance(len(utt_ids))
