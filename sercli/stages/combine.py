"""`sercli combine`: several stores become one, with common labels; features are copied, not computed again."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

from ..data.emotions import spelling_hint
from ..data.hashing import digest
from ..data.ratings import RATINGS, ratings_table
from ..data.utterances import Rating, SideTable, Utterance
from ..errors import SercliError, UsageError, listed
from ..experiments.corpus_files import CorpusContent, check_store_folder, print_summary, publish_corpus
from ..experiments.features import FrameArray, publish_frames, report_rejects
from ..experiments.making import Outcome, Settings
from ..experiments.shared_recordings import read_contours, shared_recording
from ..experiments.sources import Features, Sources
from ..machine.progress import bar, say
from ..store import keys, publishing
from ..store.locations import check_name
from ..store.publishing import Product
from ..store.ragged import Ragged, RowArray
from ..store.store import COMBINED, Store
from ..tasks.protocols import CORPUS
from ..tasks.task import Task
from ..text import c_order, printable

ClassOf = Mapping[str, str]  # label of a corpus -> class in the new store

_RENAME = "run `sercli ingest` on one of the corpora again, with another --name"


@dataclass(frozen=True, kw_only=True)
class CombineOptions:
    """Options of `sercli combine`."""

    name: str | None = None  # of the new corpus; by default the names of the stores, joined by +
    classes: Sequence[str] = ()  # as `A` or `B=C+D`; by default the labels that all stores have


def run(store_paths: Sequence[Path], new_path: Path, options: CombineOptions, settings: Settings) -> Outcome:
    """Make a store of several. Raises SercliError for stores that share no class, a name, a speaker or a recording."""
    stores = _open_stores(store_paths, new_path)
    class_of = _class_of(stores, options.classes)
    content = _content(stores, class_of, options.name)
    check_store_folder(new_path, content.facts, settings)
    _check_same_stores(new_path, content.facts, settings)
    shared = _shared_features(stores)
    if settings.dry_run:
        say(f"would combine {len(content.utterances)} utterances of {len(stores)} stores")
        return Outcome(content.facts["name"], str(new_path), made=[keys.CORPUS, *map(keys.features, shared)])
    with publishing.lock(new_path, keys.CORPUS):
        outcome = publish_corpus(new_path, content, settings)
    for name, label, new_class, n in content.tables["classes"].rows:
        say(f"{name}: {n} {printable(label)} -> {printable(new_class)}")
    print_summary(new_path, content)
    new = Store(new_path)
    for name in shared:
        _copy(stores, new, name, outcome, settings)
    sources = Sources(new)
    for name in set(sources.feature_names) - set(shared):
        publishing.require(new, sources.features(name).product)  # copied before, but not possible now
    return outcome


# --- stores


def _open_stores(store_paths: Sequence[Path], new_path: Path) -> list[Store]:
    """Raises SercliError for stores that cannot be combined, whatever their labels."""
    if len(store_paths) < 2:
        raise UsageError("too few stores", seen=len(store_paths), expected="two or more, and last the one to make")
    stores = [Store(path) for path in store_paths]
    for pair in combinations(stores, 2):
        _check_pair(*pair)
    if new_path.resolve() in [path.resolve() for path in store_paths]:
        raise UsageError("the new store is one of the stores to combine", place=new_path, fix="give another one, last")
    ids = Counter(_new_id(store, u.utt_id) for store in stores for u in store.utterances)
    if twice := [utt_id for utt_id, n in ids.items() if n > 1]:
        raise SercliError("two utterances would have one id", seen=twice[0], fix=_RENAME)
    return stores


def _check_pair(first: Store, second: Store) -> None:
    """Raises SercliError if the two stores have a name, a recording or a speaker in common."""
    place = f"{first.path} and {second.path}"
    if first.path.resolve() == second.path.resolve():
        raise SercliError("the same store twice", place=place, fix="name each store once")
    if first.name == second.name:
        raise SercliError("two corpora have one name", place=place, seen=first.name, fix=_RENAME)
    if shared := shared_recording(first, second):
        problem = "shared recordings: one could be in training and the other in test"
        seen = " and ".join(utterance.utt_id for utterance in shared)
        raise SercliError(problem, place=place, seen=seen, fix="leave them out of one store")
    if speakers := {u.speaker for u in first.utterances} & {u.speaker for u in second.utterances}:
        seen = min(speakers, key=c_order)
        raise SercliError("two speakers would have one name", place=place, seen=seen, fix=_RENAME)


def _check_same_stores(new_path: Path, facts: Mapping[str, Any], settings: Settings) -> None:
    """Raises SercliError if the new store was made of other stores or classes: products of it would lose their labels."""
    if settings.overwrite or not (new_path / keys.CORPUS / "corpus.yaml").is_file():
        return
    stored = Store(new_path)
    for key in ("stores", "classes"):
        if (names := stored.corpus_names(key)) != facts[key]:
            fix = "choose another folder, or replace this one with --overwrite"
            seen, expected = listed(names), listed(facts[key])
            raise SercliError(f"made of other {key}", place=new_path, seen=seen, expected=expected, fix=fix)


# --- labels and utterances


def _content(stores: Sequence[Store], class_of: ClassOf, name: str | None) -> CorpusContent:
    """The new corpus, but for its features."""
    root = Path(os.path.commonpath([store.sound_root.resolve() for store in stores]))
    utterances = [_moved(store, utterance, root, class_of) for store in stores for utterance in store.utterances]
    classes = list(dict.fromkeys(class_of.values()))
    facts: dict[str, Any] = {
        "name": check_name(name or "+".join(store.name for store in stores)),
        "corpus": COMBINED,
        "root": str(root),
        "stores": [store.name for store in stores],
        "classes": [_definition(new_class, class_of) for new_class in classes],
    }
    facts |= {"synthetic": True} if any(store.is_synthetic for store in stores) else {}
    task = {"target": "emotion", "classes": classes, "protocol": "leave-one-corpus-out"}
    table = SideTable(("corpus", "label", "class", "utterances"), list(_map_of_labels(stores, class_of)))
    utterances.sort(key=lambda utterance: c_order(utterance.utt_id))
    tables = {"classes": table}
    if ratings := [_moved_rating(store, rating, class_of) for store in stores for rating in store.ratings]:
        tables[RATINGS] = ratings_table(ratings, utterances)
    contours = {_new_id(x, utt_id): contour for x in stores for utt_id, contour in read_contours(x).items()}
    return CorpusContent(facts, task, utterances, tables=tables, contours=contours)


def _labels(store: Store) -> Counter[str]:
    return Counter(utterance.emotion for utterance in store.utterances if utterance.emotion)


def _class_of(stores: Sequence[Store], classes: Sequence[str]) -> ClassOf:
    """The class of each label: as requested, else the labels that all stores have.

    Raises SercliError for a label that no store has, and unless two classes occur in two stores each.
    """
    labels_of = {store.name: _labels(store) for store in stores}
    shared: set[str] = set.intersection(*map(set, labels_of.values()))
    merges = Task(classes=tuple(classes)).merges if classes else [(x, [x]) for x in sorted(shared, key=c_order)]
    class_of = {source: name for name, sources in merges for source in sources}
    ordered = {name: sorted(labels, key=c_order) for name, labels in labels_of.items()}
    seen = "; ".join(f"{name}: {listed(labels)}" for name, labels in ordered.items())
    for source in class_of:
        if not any(source in labels for labels in labels_of.values()):
            hint = spelling_hint(source, set().union(*labels_of.values()))
            raise SercliError(f"no store has the label {source!r}{hint}", place="--classes", seen=seen)
    holders = {name: [x for x, labels in labels_of.items() if set(labels) & set(sources)] for name, sources in merges}
    common = [name for name in holders if len(holders[name]) > 1]
    if len(common) < 2:
        problem, expected = f"classes that two stores share: {listed(common)}", "at least two such classes"
        raise SercliError(problem, seen=seen, expected=expected, fix="choose and merge labels with --classes A,B=C+D")
    for name in holders:
        if missing := [store for store in labels_of if store not in holders[name]]:
            say(f"warning: {printable(name)} does not occur in {listed(missing)}")
    return class_of


def _definition(new_class: str, class_of: ClassOf) -> str:
    """A class as --classes takes it."""
    sources = [source for source, name in class_of.items() if name == new_class]
    return new_class if sources == [new_class] else f"{new_class}={'+'.join(sources)}"


def _moved(store: Store, utterance: Utterance, root: Path, class_of: ClassOf) -> Utterance:
    """The utterance in the new store: its corpus's name is the prefix of its id, and its path starts at the common root."""
    name = store.name
    return replace(
        utterance,
        utt_id=_new_id(store, utterance.utt_id),
        path=(store.sound_root.resolve() / utterance.path).relative_to(root).as_posix(),
        session=f"{name}_{utterance.session}" if utterance.session else "",
        emotion=class_of.get(utterance.emotion, ""),
        extra={**utterance.extra, CORPUS: utterance.extra.get(CORPUS, name) if store.is_combined else name},
    )


def _moved_rating(store: Store, rating: Rating, class_of: ClassOf) -> Rating:
    """The vote in the new store, whose labels it uses; a label that the store leaves out stays."""
    emotions = tuple(dict.fromkeys(class_of.get(name, name) for name in rating.emotions))
    return replace(rating, utt_id=_new_id(store, rating.utt_id), rater=_new_id(store, rating.rater), emotions=emotions)


def _new_id(store: Store, name: str) -> str:
    return name if store.is_combined else f"{store.name}_{name}"


def _map_of_labels(stores: Sequence[Store], class_of: ClassOf) -> Iterator[tuple[str, str, str, str]]:
    """Rows (corpus, label, class, utterances), also of labels that are left out."""
    for store in stores:
        counts = _labels(store)
        for label in sorted(counts, key=c_order):
            yield store.name, label, class_of.get(label, "(left out)"), str(counts[label])


# --- features


def _shared_features(stores: Sequence[Store]) -> list[str]:
    """Features that every store has, fresh and with the same options; prints why others are not copied."""
    shared = []
    names = {name for store in stores for name in Sources(store).feature_names}
    for name in sorted(names, key=c_order):
        try:
            parts = _features(stores, name)
            for features in parts:
                publishing.require(features.store, features.product)
        except SercliError as error:
            say(f"{name}: not copied: {error}")
            continue
        if all(features.config == parts[0].config for features in parts):
            shared.append(name)
        else:
            say(f"{name}: not copied: the stores made it with different options")
    return shared


def _features(stores: Sequence[Store], name: str) -> list[Features]:
    return [Sources(store).features(name) for store in stores]


def _copy(stores: Sequence[Store], new: Store, name: str, outcome: Outcome, settings: Settings) -> None:
    parts = _features(stores, name)
    imported = digest([features.imported for features in parts]) if parts[0].imported else None
    product = Features(Sources(new), name, parts[0].config, imported).product
    if not settings.overwrite and publishing.is_fresh(new, product):
        outcome.reused.append(product.key)
        return
    with publishing.lock(new.path, product.key):
        if settings.overwrite or not publishing.finish_publishing(new, product):
            _build(stores, new, product, name)
    report_rejects(new, name, math.inf)
    outcome.made.append(product.key)


def _build(stores: Sequence[Store], new: Store, product: Product, name: str) -> None:
    sources = {store.name: store.ragged(keys.features(name)) for store in stores}
    widths = {corpus: ragged.width("frames") for corpus, ragged in sources.items()}
    if len(set(widths.values())) > 1:
        seen, fix = listed(f"{corpus} {n}" for corpus, n in widths.items()), "make them anew with one front end"
        raise SercliError("frames of different widths", place=name, seen=seen, fix=fix)
    origin = {_new_id(store, u.utt_id): (store.name, u.utt_id) for store in stores for u in store.utterances}
    order = [origin[utterance.utt_id] for utterance in new.utterances]
    lengths = [int(sources[corpus].lengths[sources[corpus].index[utt_id]]) for corpus, utt_id in order]
    problems = [sources[corpus].attributes["rejects"].get(utt_id, "") for corpus, utt_id in order]
    first = sources[stores[0].name].attributes
    attributes = {key: value for key, value in first.items() if key not in ("provenance", "rejects")}
    publishing.stage(new, product)
    with bar("combine", "utterances", len(order)) as shown:
        frames = _frames(sources, order, shown.advance)
        publish_frames(new, product, FrameArray(frames, lengths, problems, widths[min(widths)], attributes))


def _frames(
    sources: Mapping[str, Ragged], order: Sequence[tuple[str, str]], advance: Callable[[float], None]
) -> Iterator[RowArray]:
    """Frames (N, F) in the order of the new store, block by block; neighbours of one corpus are read together."""
    from ..experiments.reading import blocks

    for corpus, group in groupby(order, key=lambda pair: pair[0]):
        utt_ids = [utt_id for _, utt_id in group]
        for block in blocks(sources[corpus], utt_ids):
            yield sources[corpus].rows("frames", block)[0]
        advance(len(utt_ids))
