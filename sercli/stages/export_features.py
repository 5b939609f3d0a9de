"""`sercli export-features`: features, latents, posteriors or folds for other programs, in a folder outside the store."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.hashing import digest
from ..data.utterances import Utterance
from ..errors import MissingInput, SercliError, UsageError
from ..evaluation.scores import marks_of
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings
from ..machine.progress import bar, say
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.store import Store
from ..tasks.folds import Folds
from ..text import c_order
from .evaluate import read_predictions

TOLD = "provenance.json"
_FORM = 1  # of what is written; another makes what is there stale


@dataclass(frozen=True)
class Selection:
    """What is exported: features, unless one of the other three is named."""

    frontend: str | None = None
    autoencoder: str | None = None
    condition: str | None = None  # of an autoencoder's latents
    classifier: str | None = None
    task: str | None = None
    folds: Sequence[int] = ()  # all if empty

    def __post_init__(self) -> None:
        flags = {
            "--frontend": self.frontend,
            "--ae": self.autoencoder,
            "--classifier": self.classifier,
            "--task": self.task,
        }
        named = [flag for flag, name in flags.items() if name is not None]
        if len(named) > 1:
            raise UsageError(f"{' and '.join(named)}: one thing is exported at a time; leave out all but one")
        if self.condition is not None and self.autoencoder is None:
            raise UsageError(f"--condition {self.condition}: only latents have one; name an autoencoder with --ae")
        if self.folds and (not named or self.frontend is not None):
            raise UsageError(
                "--fold: features are the same in all folds; leave it out, or name --ae, --classifier or --task"
            )


@dataclass(frozen=True)
class _Content:
    """What was asked, before any array is read: its name, the products it is made from, and how to open it."""

    name: str  # latents/vae-128/unconditional
    products: Sequence[Product]
    folds: Sequence[int]
    marks: Sequence[str]
    utterances: Sequence[Utterance]
    open: Callable[
        [Callable[[], object]], Iterator[tuple[str, Any]]
    ]  # with a tick: a folder, and the matrices or table in it


def run(path: Path, out: Path, selection: Selection, file_format: str, root: Path | None, run: Settings) -> Outcome:
    """`root` is where the sound files lie, if not where the store says.

    Raises MissingInput for a product that is missing, stale or pruned, SercliError for a folder that holds something else.
    """
    store = Store(path)
    target = out.resolve()  # where a link leads
    if target.is_relative_to(path.resolve()):
        raise SercliError(f"{out}: lies inside the store, which holds its own products alone; choose a folder outside")
    content = _content(Catalogue(store), selection)
    sound = root or store.sound_root
    wanted = _provenance(store, content, file_format, target, sound)
    there = _provenance_there(target)
    _refuse_another(out, there, wanted, run)
    keys = [product.key for product in content.products]
    is_fresh = bool(there) and _is_whole(target, there, wanted)
    if is_fresh and not run.overwrite:
        say(f"{out}: nothing to do, is up to date")
        return Outcome(str(out), str(out), reused=keys)
    if run.dry_run:
        say(f"would make {out}: {content.name} as {file_format}")
    else:
        with _draft(target) as draft:
            _write(draft, target, content, file_format, sound)
            _refuse_changed(store, content.products)
            files = {name: (draft / name).stat().st_size for name in _files(draft)}
            text = json.dumps({**wanted, "files": files}, indent=1, sort_keys=True, ensure_ascii=False)
            (draft / TOLD).write_text(text + "\n", encoding="utf-8")
    return Outcome(str(out), str(out), made=keys, stale=keys if there and not is_fresh else [])


def _write(draft: Path, target: Path, content: _Content, file_format: str, root: Path) -> None:
    from ..exports import kaldi_directories as datadir
    from ..exports import tables as interchange

    written: set[str] = set()
    with bar("export-features", "utterances", len(content.utterances) * max(1, len(content.folds))) as shown:
        for inside, what in content.open(shown.advance):
            folder = draft / inside
            folder.mkdir(exist_ok=True)
            if file_format == "kaldi":
                datadir.write(folder, target / inside, what, root)
            else:
                interchange.WRITERS[file_format](folder, what)
            written.update(what.utt_ids)
    if file_format in ("csv", "parquet"):
        chosen = [utterance for utterance in content.utterances if utterance.utt_id in written]
        interchange.WRITERS[file_format](draft, interchange.about(interchange.spoken(chosen)))


def _refuse_changed(store: Store, products: Sequence[Product]) -> None:
    """Raises SercliError for what was made again, or pruned, while it was read: chunks that are gone read as NaN."""
    for product in products:
        if not publishing.is_fresh(store, product) or (store.provenance(product.key) or {})["digest"] != product.digest:
            raise SercliError(
                f"{store.location(product.key)}: changed while it was exported; run the same command again"
            )


# --- what


def _content(catalogue: Catalogue, asked: Selection) -> _Content:
    if asked.autoencoder is not None:
        return _latents(catalogue, asked.autoencoder, asked.condition, asked.folds)
    if asked.classifier is not None:
        return _posteriors(catalogue, asked.classifier, asked.folds)
    if asked.task is not None:
        return _task(catalogue, asked.task, asked.folds)
    return _features(catalogue, asked.frontend or "logmel")


def _features(catalogue: Catalogue, name: str) -> _Content:
    store = catalogue.store
    product = catalogue.features(name).product
    publishing.require(store, product)
    utt_ids = {utterance.utt_id for utterance in store.utterances}

    def opened(tick: Callable[[], object]) -> Iterator[tuple[str, Any]]:
        yield "", _matrices(store, product, "frames", utt_ids, tick)

    marks = ["SYNTHETIC"] if store.corpus.get("synthetic") else []
    return _Content(f"features/{name}", [product], [], marks, store.utterances, opened)


def _latents(catalogue: Catalogue, name: str, condition: str | None, numbers: Sequence[int]) -> _Content:
    store, autoencoder = catalogue.store, catalogue.autoencoder(name)
    condition = autoencoder.config.condition(condition)
    autoencoder.task.require()
    folds = autoencoder.folds
    products = [autoencoder.latents(number, condition) for number in folds.numbers(numbers)]
    for product in products:
        publishing.require(store, product)

    def opened(tick: Callable[[], object]) -> Iterator[tuple[str, Any]]:
        for product in products:
            number = product.config["fold"]
            yield f"fold-{number}", _matrices(store, product, "latents", set(folds.fold(number).parts), tick)

    chosen = [product.config["fold"] for product in products]
    marks = [*(["ORACLE"] if condition == "oracle" else []), *marks_of(autoencoder)]
    whom = _of_folds(store, folds, chosen)
    return _Content(f"latents/{name}/{condition}", products, chosen, marks, whom, opened)


def _matrices(store: Store, product: Product, stem: str, utt_ids: set[str], tick: Callable[[], object]) -> Any:
    """What of a ragged array belongs to some utterances; those without a row were set aside by `featurize`, and are named."""
    from ..exports.tables import Matrices, spoken

    source = store.ragged(product.key)
    asked = [utterance for utterance in store.utterances if utterance.utt_id in utt_ids]
    usable = [utterance for utterance in asked if source.lengths[source.index[utterance.utt_id]] > 0]
    if len(usable) < len(asked):
        aside = sorted({one.utt_id for one in asked} - {one.utt_id for one in usable}, key=c_order)
        say(f"{product.key}: {len(aside)} utterances have no frames and are left out, {aside[0]} first")
    if not usable:
        raise SercliError(f"{store.location(product.key)}: no utterance has frames; run `{product.command}` again")
    row, arrays = (
        ("frame", ["frames"]) if stem == "frames" else ("segment", [n for n in ("mean", "std") if n in source])
    )
    shift_ms = float(source.attributes["frame_shift_ms" if stem == "frames" else "segment_shift_ms"])
    return Matrices(stem, row, shift_ms, arrays, spoken(usable), source, tick)


def _posteriors(catalogue: Catalogue, name: str, numbers: Sequence[int]) -> _Content:
    store, classifier = catalogue.store, catalogue.classifier(name)
    product, folds = classifier.published_result(), classifier.folds
    chosen = folds.numbers(numbers)
    done = [number for number in chosen if keys.predictions_fold(name, number) in product.inputs]
    if numbers and done != chosen:
        lacking = next(number for number in chosen if number not in done)
        raise MissingInput(f"{name}: fold {lacking} is not scored; fit it, then run `{product.command}` first")

    def opened(tick: Callable[[], object]) -> Iterator[tuple[str, Any]]:
        from ..exports.tables import Table

        rows = [row for row in read_predictions(store, product.key) if int(row["fold"]) in done]
        columns = _named(store, [(int(row["fold"]), row["utt_id"], row) for row in rows])
        taken = columns.pop("")
        columns |= {key: [row[key] for row in taken] for key in ("part", "truth", "prediction")}
        values = np.array([[float(row[f"p_{label}"]) for label in folds.classes] for row in taken], np.float32)
        yield "", Table("posteriors", columns, folds.classes, values)

    marks = marks_of(classifier, len(done) < len(folds.folds))
    return _Content(f"results/{name}", [product], done, marks, _of_folds(store, folds, done), opened)


def _task(catalogue: Catalogue, name: str, numbers: Sequence[int]) -> _Content:
    store, corpus_task = catalogue.store, catalogue.task(name)
    corpus_task.require()
    task, folds = corpus_task.definition, corpus_task.folds
    chosen = folds.numbers(numbers)

    def opened(tick: Callable[[], object]) -> Iterator[tuple[str, Any]]:
        from ..exports.tables import Table

        rows = [(number, utt_id, part) for number in chosen for utt_id, part in folds.fold(number).parts.items()]
        columns = _named(store, rows)
        columns["part"] = columns.pop("")
        columns["label"] = [folds.labels[utt_id] for utt_id in columns["utt_id"]]
        yield "", Table("folds", columns)

    marks = [*(["SYNTHETIC"] if store.corpus.get("synthetic") else [])]
    marks += ["SPEAKER-DEPENDENT"] if task.speaker_dependent else []
    product = corpus_task.product
    return _Content(f"tasks/{name}", [product], chosen, marks, _of_folds(store, folds, chosen), opened)


def _named(store: Store, rows: Sequence[tuple[int, str, Any]]) -> dict[str, list[Any]]:
    """Columns id, utt_id, speaker and fold of rows (fold, utt_id, rest), by fold and in the order of ids; the rest as ``."""
    from ..exports.tables import spoken

    by_id = {one.utterance.utt_id: one for one in spoken(store.utterances)}
    ordered = sorted(rows, key=lambda row: (row[0], c_order(by_id[row[1]].id)))
    return {
        "id": [by_id[utt_id].id for _, utt_id, _ in ordered],
        "utt_id": [utt_id for _, utt_id, _ in ordered],
        "speaker": [by_id[utt_id].utterance.speaker for _, utt_id, _ in ordered],
        "fold": [number for number, _, _ in ordered],
        "": [rest for _, _, rest in ordered],
    }


def _of_folds(store: Store, folds: Folds, numbers: Sequence[int]) -> list[Utterance]:
    inside = {utt_id for number in numbers for utt_id in folds.fold(number).parts}
    return [utterance for utterance in store.utterances if utterance.utt_id in inside]


# --- what is there, and what is refused


def _provenance(store: Store, content: _Content, file_format: str, target: Path, root: Path) -> dict[str, Any]:
    """What an export is, and what it is made from; Kaldi's files also tell paths."""
    about = digest([[vars(utterance) for utterance in content.utterances]])
    made_from = {product.key: product.digest for product in content.products} | {"utterances": about}
    if file_format == "kaldi":
        made_from["paths"] = digest([str(target), str(root.absolute())])
    return {
        "export_features": _FORM,
        "corpus": {key: store.corpus.get(key, "") for key in ("name", "corpus")},
        "product": content.name,
        "folds": list(content.folds),
        "format": file_format,
        "marks": list(content.marks),
        "made_from": made_from,
    }


def _provenance_there(target: Path) -> dict[str, Any]:
    """What a folder says that this command made: empty for one that is not there, or empty.

    Raises SercliError for one that was made by somebody else, or holds a file of somebody else's.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return {}
    try:
        found = json.loads((target / TOLD).read_text(encoding="utf-8"))
        files = {str(name): int(size) for name, size in found["files"].items()}
        if not isinstance(found["export_features"], int):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise SercliError(f"{target}: exists and is no export of features; choose another folder") from None
    for name in _files(target):
        if name not in (TOLD, *files):
            raise SercliError(
                f"{target / name}: is no part of the export and would be lost; move it, or choose another folder"
            )
    return {**found, "files": files}


def _files(folder: Path) -> list[str]:
    """All that lies in a folder, and is no folder itself."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )


def _refuse_another(out: Path, there: Mapping[str, Any], wanted: Mapping[str, Any], run: Settings) -> None:
    if not there or run.overwrite:
        return
    for key in ("corpus", "product", "folds", "format"):
        if there.get(key) != wanted[key]:
            raise SercliError(
                f"{out}: is another export: {key} is {there.get(key)!r} there, {wanted[key]!r} was asked; choose another "
                "folder, or replace it with --overwrite"
            )


def _is_whole(target: Path, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether what is there was made from the same, and nothing of it was lost since."""
    if {**wanted, "files": there["files"]} != there:
        return False
    return all((target / name).is_file() and (target / name).stat().st_size == n for name, n in there["files"].items())


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A folder beside the target, renamed to it once it is filled. Raises SercliError if another command fills it right now."""
    draft, old = (target.with_name(f".{target.name}-{what}") for what in ("new", "old"))
    draft.mkdir(parents=True, exist_ok=True)
    held = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise SercliError(f"{target} is being made by another command; wait for it to end") from None
    try:
        for left in (*draft.iterdir(), old):  # by a command that was killed
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink(missing_ok=True)
        yield draft
        if target.exists():
            target.rename(old)
        draft.rename(target)
    except OSError as error:
        error.filename = error.filename or str(target)  # not the store, which is only read
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(held)
    shutil.rmtree(old, ignore_errors=True)
