"""Records of printed tables: one digest for all that the scores of a table follow from.

The digest is SHA-256 of the names and marks of the systems and their classifiers, the digests of their folds and labels, the SHA-256
of the predictions of every fold, and the versions that the fits were made with (from `fit.json`). Times, devices and paths are left
out: where predictions have the same bytes, another machine gives the same digest. Scores are recorded beside, to be compared.
Records lie in `tables/<digest>.json` of the store; `sercli verify` reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property

from ..config import build
from ..data.hashing import digest, file_digest
from ..errors import Command, SercliError, UsageError, listed
from ..experiments.catalogue import Catalogue
from ..experiments.fit_records import UNRECORDED, versions_in
from ..experiments.systems import Autoencoder, Classifier
from ..machine.progress import say
from ..store import keys, publishing
from ..store.store import Store
from .stored import PREDICTIONS
from .table_rows import OwnRow, TableRow, row_of

SHOWN = 12  # characters of a digest under a table
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_TOLERANCE = 1e-9  # of scores: another build of NumPy may add up in another order


@dataclass(frozen=True)
class ClassifierRecord:
    """One classifier of a table. `predictions` are SHA-256 of its files by the number of the fold."""

    system: str  # the row that it is in
    name: str
    key: str  # where its predictions lie
    folds: str
    labels: str
    predictions: dict[str, str]
    scores: dict[str, float]
    marks: tuple[str, ...]

    @property
    def fold_numbers(self) -> list[int]:
        return list(map(int, self.predictions))


@dataclass(frozen=True)
class TableRecord:
    """What `tables/<digest>.json` holds."""

    versions: dict[str, str]
    classifiers: tuple[ClassifierRecord, ...]

    @cached_property
    def digest(self) -> str:
        """It stands for the table."""
        covered = ("system", "name", "key", "marks", "folds", "labels", "predictions")
        rows = [{name: getattr(classifier, name) for name in covered} for classifier in self.classifiers]
        return digest([self.versions, sorted(rows, key=lambda row: str(row["name"]))])


# --- making


def record_table(catalogue: Catalogue, systems: Mapping[str, Sequence[str]]) -> str:
    """Record the table whose rows are these systems, each with its scored classifiers; returns the digest. Raises DamagedProduct."""
    names = [(system, name) for system, several in systems.items() for name in several]
    return record_rows(catalogue.store, [(system, OwnRow(catalogue.classifier(name))) for system, name in names])


def record_rows(store: Store, rows: Sequence[tuple[str, TableRow]]) -> str:
    """Record a table by its rows, each with the name of its system; returns the digest. Raises DamagedProduct."""
    classifiers = tuple(_record(system, row) for system, row in rows)
    fits = zip((row.classifier for _, row in rows), (record.fold_numbers for record in classifiers), strict=True)
    record = TableRecord(versions_of_fits(fits), classifiers)
    path = store.location(keys.table(record.digest))
    text = json.dumps(asdict(record), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        try:
            path.parent.mkdir(exist_ok=True)
            publishing.replace_file(path, text)
        except OSError as error:
            say(f"tables: {error.strerror}: `sercli verify` will not know {record.digest[:SHOWN]}")
    return record.digest


def _record(system: str, row: TableRow) -> ClassifierRecord:
    numbers, (scores, marks) = row.printed()
    files = {k: (row.store.provenance(keys.fold(row.key, k)) or {"files": {}})["files"] for k in numbers}
    predictions = {str(k): files[k].get(PREDICTIONS, "") for k in numbers}
    folds = row.classifier.folds.digest
    return ClassifierRecord(
        system, row.classifier.name, row.key, folds, row.labels, predictions, dict(scores), tuple(marks)
    )


def versions_of_fits(fits: Iterable[tuple[Autoencoder | Classifier, Sequence[int]]]) -> dict[str, str]:
    """Versions by library, of the fits of systems in these folds, with the autoencoders of classifiers; several if they differ."""
    folders = set()
    for system, numbers in fits:
        for fitted in (system, system.autoencoder if isinstance(system, Classifier) else None):
            folders |= {system.store.location(keys.fold(fitted.key, k)) for k in numbers} if fitted else set()
    return versions_in(folders)


# --- checking


@dataclass(frozen=True)
class TableChange:
    """Something that a table stands for, and that the store no longer holds as it was."""

    place: str
    problem: str
    seen: str = ""
    expected: str = ""

    def __str__(self) -> str:
        values = (
            f": {self.seen}, in the table {self.expected}" if self.expected else f": {self.seen}" if self.seen else ""
        )
        return f"{self.place}: {self.problem}{values}"


def find_table(store: Store, prefix: str) -> TableRecord:
    """The record whose digest begins so. Raises UsageError for what is no digest, SercliError for one that the store does not know."""
    if not _DIGEST.fullmatch(prefix):
        raise UsageError("not a digest", place="DIGEST", seen=prefix, expected="8 to 64 hexadecimal digits")
    stored = sorted(path.stem for path in store.location(keys.TABLES).glob("*.json"))
    names = [name for name in stored if name.startswith(prefix)]
    if len(names) != 1:
        problem = "several tables have this digest" if names else "no table of this store has this digest"
        expected = listed(name[:SHOWN] for name in names or stored)
        fix = "give more digits" if names else Command("evaluate", store.path)
        raise SercliError(problem, place=store.path, seen=prefix, expected=expected, fix=fix)
    path = store.location(keys.table(names[0]))
    with suppress(UsageError, ValueError):
        record = build(TableRecord, json.loads(path.read_text(encoding="utf-8")), str(path))
        if record.digest == names[0]:
            return record
    raise SercliError(
        "the record of the table was changed", place=path, fix=f"delete it, and run `sercli evaluate {store.path}`"
    )


def table_changes(store: Store, record: TableRecord) -> Iterator[TableChange]:
    """What differs between a table and the store now. Files are read and classifiers scored again."""
    catalogue = Catalogue(store)
    for row in record.classifiers:
        try:
            yield from _row_changes(row_of(catalogue, row.key, row.name), row)
        except SercliError as error:
            yield TableChange(error.place or row.name, error.problem, error.seen)
    now = versions_now(store, record)
    for name in sorted(now.keys() & record.versions.keys() - {UNRECORDED}):
        if now[name] != record.versions[name]:
            yield TableChange("versions", f"{name} changed", now[name], record.versions[name])


def versions_now(store: Store, record: TableRecord) -> dict[str, str]:
    """Versions of the fits of a table as the store records them now; none where a classifier is gone."""
    catalogue = Catalogue(store)
    with suppress(SercliError):
        rows = [row_of(catalogue, row.key, row.name) for row in record.classifiers]
        fits = zip((row.classifier for row in rows), (row.fold_numbers for row in record.classifiers), strict=True)
        return versions_of_fits(fits)
    return {}


def _row_changes(row: TableRow, record: ClassifierRecord) -> Iterator[TableChange]:
    place, folds = row.classifier.key, row.classifier.folds.digest
    if folds != record.folds:
        yield TableChange(place, "the folds changed", folds[:SHOWN], record.folds[:SHOWN])
        return
    is_same = row.labels == record.labels
    if not is_same:
        yield TableChange(place, "the labels, or who speaks, changed")
    for number, expected in record.predictions.items():
        path = row.store.location(keys.fold(row.key, int(number))) / PREDICTIONS
        seen = file_digest(path) if path.is_file() else "no file"
        if seen != expected:
            is_same = False
            shown = str(path.relative_to(row.store.path))
            yield TableChange(shown, "the predictions changed", seen[:SHOWN], expected[:SHOWN])
    if is_same:
        scores, marks = row.scored_again(record.fold_numbers)
        for name, score in scores.items():
            if abs(score - record.scores.get(name, -1.0)) > _TOLERANCE:
                yield TableChange(place, f"{name} changed", str(score), str(record.scores.get(name)))
        if tuple(marks) != record.marks:
            yield TableChange(place, "the marks changed", listed(marks), listed(record.marks))
