"""`sercli export-features`: features, latents, posteriors or folds for other programs, in a folder outside the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.hashing import digest
from ..data.utterances import Utterance
from ..errors import MissingInput, SercliError, UsageError
from ..evaluation.marks import Mark, marks, marks_of_autoencoder, marks_of_classifier, marks_of_task
from ..evaluation.stored import read_predictions
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings
from ..exports import kaldi_directories, table_files
from ..exports.contents import ExportTable, Matrices, metadata_table, with_ids
from ..machine.progress import bar, say
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.store import Store
from ..tasks.folds import Folds
from ..text import c_order

PROVENANCE = "provenance.json"
_FORMAT = 1  # of the exported files; an export of another format is stale

Tick = Callable[[], object]  # called once per utterance


@dataclass(frozen=True, kw_only=True)
class ExportFeaturesOptions:
    """What is exported and how: features, unless an autoencoder, a classifier or a task is named."""

    file_format: str  # kaldi, csv, parquet
    frontend: str | None = None
    autoencoder: str | None = None
    condition: str | None = None  # of the latents
    classifier: str | None = None
    task: str | None = None
    folds: Sequence[int] = ()  # empty: all
    root: Path | None = None  # of the sound files; None: where the store says

    def __post_init__(self) -> None:
        flags = {"--frontend": self.frontend, "--ae": self.autoencoder}
        flags |= {"--classifier": self.classifier, "--task": self.task}
        named = [flag for flag, name in flags.items() if name is not None]
        if len(named) > 1:
            raise UsageError("one kind of product is exported at a time", place=" and ".join(named), fix="keep one")
        if self.condition is not None and self.autoencoder is None:
            raise UsageError("only latents have a condition", place="--condition", seen=self.condition, fix="add --ae")
        if self.folds and (not named or self.frontend is not None):
            fix = "leave it out, or add --ae, --classifier or --task"
            raise UsageError("features are the same in all folds", place="--fold", seen=self.folds[0], fix=fix)


@dataclass(frozen=True)
class _Selection:
    """What the options select, before any array is read."""

    key: str  # of what is exported, all folds together
    products: Sequence[Product]
    folds: Sequence[int]
    marks: Sequence[str]
    utterances: Sequence[Utterance]
    contents: Callable[[Tick], Iterator[tuple[str, Matrices | ExportTable]]]  # with the folder inside the export

    @property
    def name(self) -> str:
        """As the provenance states it: `latents/vae-128/unconditional`."""
        return self.key.removeprefix(f"{keys.ARRAYS}/")


def run(store_path: Path, out: Path, options: ExportFeaturesOptions, settings: Settings) -> Outcome:
    """Export into the folder `out`, whole or not at all.

    Raises MissingInput for a product that is missing, stale or pruned, SercliError for a folder that holds something else.
    """
    store = Store(store_path)
    target = out.resolve()  # a link is followed
    if target.is_relative_to(store_path.resolve()):
        raise SercliError("lies inside the store", place=out, expected="a folder outside the store")
    catalogue = Catalogue(store)
    if options.autoencoder is not None:
        selection = _latents(catalogue, options.autoencoder, options.condition, options.folds)
    elif options.classifier is not None:
        selection = _posteriors(catalogue, options.classifier, options.folds)
    elif options.task is not None:
        selection = _task(catalogue, options.task, options.folds)
    else:
        selection = _features(catalogue, options.frontend or "logmel")
    sound = options.root or store.sound_root
    provenance = _provenance(store, selection, options.file_format, target, sound)
    stored = _stored_provenance(target)
    if stored and not settings.overwrite:
        identity = {key: provenance[key] for key in ("corpus", "product", "folds", "format")}
        publishing.check_same_content(out, stored, identity)
    product_keys = [product.key for product in selection.products]
    is_fresh = bool(stored) and _is_whole(target, stored, provenance)
    if is_fresh and not settings.overwrite:
        say(f"{out}: nothing to do, is up to date")
        return Outcome(str(out), str(out), reused=product_keys)
    if settings.dry_run:
        say(f"would make {out}: {selection.name} as {options.file_format}")
    else:
        with publishing.new_folder(target) as draft:
            _write(draft, target, selection, options.file_format, sound)
            _check_unchanged(store, selection.products)
            files = {name: (draft / name).stat().st_size for name in _files(draft)}
            publishing.write_json(draft / PROVENANCE, {**provenance, "files": files})
    return Outcome(str(out), str(out), made=product_keys, stale=product_keys if stored and not is_fresh else [])


def _write(draft: Path, target: Path, selection: _Selection, file_format: str, root: Path) -> None:
    written: set[str] = set()
    n = len(selection.utterances) * max(1, len(selection.folds))
    with bar("export-features", "utterances", n) as progress:
        for inside, content in selection.contents(progress.advance):
            folder = draft / inside
            folder.mkdir(exist_ok=True)
            if file_format == "kaldi":
                kaldi_directories.write(folder, target / inside, content, root)
            else:
                table_files.WRITERS[file_format](folder, content)
            written.update(content.utt_ids)
    if file_format != "kaldi":
        utterances = [utterance for utterance in selection.utterances if utterance.utt_id in written]
        table_files.WRITERS[file_format](draft, metadata_table(utterances))


def _check_unchanged(store: Store, products: Sequence[Product]) -> None:
    """Raises SercliError for a product that was replaced or pruned while it was read: chunks that are gone read as NaN."""
    for product in products:
        if not publishing.is_fresh(store, product) or (store.provenance(product.key) or {})["digest"] != product.digest:
            fix = "run the same command again"
            raise SercliError("changed while it was exported", place=store.location(product.key), fix=fix)


def _features(catalogue: Catalogue, name: str) -> _Selection:
    store, product = catalogue.store, catalogue.features(name).product
    publishing.require(store, product)
    utt_ids = {utterance.utt_id for utterance in store.utterances}

    def contents(tick: Tick) -> Iterator[tuple[str, Matrices]]:
        yield "", _matrices(store, product, "frames", utt_ids, tick)

    selected_marks = marks({Mark.SYNTHETIC: store.is_synthetic})
    return _Selection(product.key, [product], [], selected_marks, store.utterances, contents)


def _latents(catalogue: Catalogue, name: str, condition: str | None, numbers: Sequence[int]) -> _Selection:
    store, autoencoder = catalogue.store, catalogue.autoencoder(name)
    condition = autoencoder.config.condition(condition)
    autoencoder.task.require()
    folds, chosen = autoencoder.folds, autoencoder.folds.numbers(numbers)
    products = [autoencoder.latents(number, condition) for number in chosen]
    for product in products:
        publishing.require(store, product)

    def contents(tick: Tick) -> Iterator[tuple[str, Matrices]]:
        for number, product in zip(chosen, products, strict=True):
            yield f"fold-{number}", _matrices(store, product, "latents", set(folds.fold(number).parts), tick)

    selected_marks = marks_of_autoencoder(autoencoder, condition)
    utterances = _utterances_of(store, folds, chosen)
    return _Selection(keys.latents(name, condition), products, chosen, selected_marks, utterances, contents)


def _matrices(store: Store, product: Product, stem: str, utt_ids: set[str], tick: Tick) -> Matrices:
    """The matrices of a ragged array; utterances without a row, which `featurize` has rejected, are reported."""
    source = store.ragged(product.key)
    requested = [utterance for utterance in store.utterances if utterance.utt_id in utt_ids]
    usable = [utterance for utterance in requested if source.lengths[source.index[utterance.utt_id]] > 0]
    rejected = sorted({u.utt_id for u in requested} - {u.utt_id for u in usable}, key=c_order)
    if rejected:
        say(f"{product.key}: {len(rejected)} utterances without frames are skipped, {rejected[0]} first")
    if not usable:
        raise SercliError("no utterance has frames", place=store.location(product.key), fix=product.command)
    is_latents = stem == "latents"
    row, arrays = ("segment", [n for n in ("mean", "std") if n in source]) if is_latents else ("frame", ["frames"])
    shift_ms = float(source.attributes[f"{row}_shift_ms"])
    return Matrices(stem, row, shift_ms, arrays, with_ids(usable), source, tick)


def _posteriors(catalogue: Catalogue, name: str, numbers: Sequence[int]) -> _Selection:
    store, classifier = catalogue.store, catalogue.classifier(name)
    product, folds = classifier.published_result(), classifier.folds
    chosen = folds.numbers(numbers)
    scored = [number for number in chosen if keys.predictions_fold(name, number) in product.inputs]
    if numbers and scored != chosen:
        missing = next(number for number in chosen if number not in scored)
        fix = (classifier.fold(missing).command, product.command)
        raise MissingInput("the fold is not scored", place=name, seen=f"fold {missing}", fix=fix)

    def contents(tick: Tick) -> Iterator[tuple[str, ExportTable]]:
        predictions = {(int(row["fold"]), row["utt_id"]): row for row in read_predictions(store, name)}
        in_order, columns = _in_order(store, (key for key in predictions if key[0] in scored))
        ordered = [predictions[key] for key in in_order]
        columns |= {key: [row[key] for row in ordered] for key in ("part", "truth", "prediction")}
        values = np.array([[float(row[f"p_{label}"]) for label in folds.classes] for row in ordered], np.float32)
        yield "", ExportTable("posteriors", columns, folds.classes, values)

    selected_marks = marks_of_classifier(classifier, scored)
    utterances = _utterances_of(store, folds, scored)
    return _Selection(product.key, [product], scored, selected_marks, utterances, contents)


def _task(catalogue: Catalogue, name: str, numbers: Sequence[int]) -> _Selection:
    store, task = catalogue.store, catalogue.task(name)
    task.require()
    folds, chosen = task.folds, task.folds.numbers(numbers)

    def contents(tick: Tick) -> Iterator[tuple[str, ExportTable]]:
        rows, columns = _in_order(store, ((number, u) for number in chosen for u in folds.fold(number).parts))
        columns["part"] = [folds.fold(number).parts[utt_id] for number, utt_id in rows]
        columns["label"] = [folds.labels[utt_id] for _, utt_id in rows]
        yield "", ExportTable("folds", columns)

    utterances = _utterances_of(store, folds, chosen)
    return _Selection(task.product.key, [task.product], chosen, marks_of_task(task), utterances, contents)


def _in_order(store: Store, rows: Iterable[tuple[int, str]]) -> tuple[list[tuple[int, str]], dict[str, Sequence[Any]]]:
    """Pairs of fold and utt_id, by fold and then in the order of the exported ids, and the columns that name them."""
    exported = {u.utterance.utt_id: u for u in with_ids(store.utterances)}
    ordered = sorted(rows, key=lambda row: (row[0], c_order(exported[row[1]].id)))
    utterances = [exported[utt_id] for _, utt_id in ordered]
    return ordered, {
        "id": [u.id for u in utterances],
        "utt_id": [utt_id for _, utt_id in ordered],
        "speaker": [u.utterance.speaker for u in utterances],
        "fold": [fold for fold, _ in ordered],
    }


def _utterances_of(store: Store, folds: Folds, numbers: Sequence[int]) -> list[Utterance]:
    utt_ids = {utt_id for number in numbers for utt_id in folds.fold(number).parts}
    return [utterance for utterance in store.utterances if utterance.utt_id in utt_ids]


def _provenance(store: Store, selection: _Selection, file_format: str, target: Path, root: Path) -> dict[str, Any]:
    """What an export is, and the digests of what it is made from; Kaldi's files also contain paths."""
    utterances = digest([[vars(utterance) for utterance in selection.utterances]])
    made_from = {product.key: product.digest for product in selection.products} | {"utterances": utterances}
    if file_format == "kaldi":
        made_from["paths"] = digest([str(target), str(root.absolute())])
    return {
        "export_features": _FORMAT,
        "corpus": store.identity,
        "product": selection.name,
        "folds": list(selection.folds),
        "format": file_format,
        "marks": list(selection.marks),
        "made_from": made_from,
    }


def _stored_provenance(target: Path) -> dict[str, Any]:
    """The provenance of an earlier export; empty if the folder does not exist or is empty.

    Raises SercliError for a folder that is not an export, or that holds a file which the export would delete.
    """
    if publishing.is_vacant(target):
        return {}
    try:
        stored = json.loads((target / PROVENANCE).read_text(encoding="utf-8"))
        files = {str(name): int(size) for name, size in stored["files"].items()}
        if not isinstance(stored["export_features"], int):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        fix = "choose another folder"
        raise SercliError("exists and is not an export of features", place=target, fix=fix) from None
    for name in _files(target):
        if name not in (PROVENANCE, *files):
            fix = "move it, or choose another folder"
            raise SercliError("is not part of the export and would be lost", place=target / name, fix=fix)
    return {**stored, "files": files}


def _files(folder: Path) -> list[str]:
    """Relative paths of all files, and links, below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _is_whole(target: Path, stored: Mapping[str, Any], provenance: Mapping[str, Any]) -> bool:
    """Whether the stored export was made from the same inputs, and all its files have their sizes."""
    if {**provenance, "files": stored["files"]} != stored:
        return False
    sizes = stored["files"].items()
    return all((target / name).is_file() and (target / name).stat().st_size == n for name, n in sizes)
