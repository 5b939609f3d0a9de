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
from pathlib import Path

from ..config import build
from ..data.hashing import digest, file_digest
from ..errors import Command, SercliError, UsageError, listed
from ..experiments.catalogue import Catalogue
from ..experiments.fit_records import UNRECORDED, versions_in
from ..experiments.systems import Autoencoder, Classifier
from ..machine.progress import say
from ..store import keys, publishing
from ..store.store import Store
from .classifier_scores import score_folds
from .stored import PREDICTIONS, read_result

SHOWN = 12  # characters of a digest under a table
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_TOLERANCE = 1e-9  # of scores: another build of NumPy may add up in another order


@dataclass(frozen=True)
class ClassifierRecord:
    """One classifier of a table. `predictions` are SHA-256 of its files by the number of the fold."""

    system: str  # the row that it is in
    name: str
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
        covered = ("system", "name", "marks", "folds", "labels", "predictions")
        rows = [{name: getattr(classifier, name) for name in covered} for classifier in self.classifiers]
        return digest([self.versions, sorted(rows, key=lambda row: str(row["name"]))])


# --- making


def record_table(catalogue: Catalogue, systems: Mapping[str, Sequence[str]]) -> str:
    """Record the table whose rows are these systems, each with its scored classifiers; returns the digest. Raises DamagedProduct."""
    rows = [_record(catalogue, system, name) for system, names in systems.items() for name in names]
    record = TableRecord(
        versions_of_fits((catalogue.classifier(row.name), row.fold_numbers) for row in rows), tuple(rows)
    )
    path = catalogue.store.location(keys.table(record.digest))
    text = json.dumps(asdict(record), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        try:
            path.parent.mkdir(exist_ok=True)
            publishing.replace_file(path, text)
        except OSError as error:
            say(f"tables: {error.strerror}: `sercli verify` will not know {record.digest[:SHOWN]}")
    return record.digest


def _record(catalogue: Catalogue, system: str, name: str) -> ClassifierRecord:
    store, classifier, result = catalogue.store, catalogue.classifier(name), read_result(catalogue.store, name)
    files = {k: (store.provenance(keys.predictions_fold(name, k)) or {"files": {}})["files"] for k in result.folds}
    predictions = {str(k): files[k].get(PREDICTIONS, "") for k in result.folds}
    scores, marks = result.test.four.to_json(), tuple(map(str, result.marks))
    return ClassifierRecord(system, name, classifier.folds.digest, _labels(classifier), predictions, scores, marks)


def _labels(classifier: Classifier) -> str:
    return digest(classifier.task.truth_inputs)


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
            yield from _classifier_changes(catalogue.classifier(row.name), row)
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
        return versions_of_fits((catalogue.classifier(row.name), row.fold_numbers) for row in record.classifiers)
    return {}


def _classifier_changes(classifier: Classifier, row: ClassifierRecord) -> Iterator[TableChange]:
    before = f"{classifier.key}"
    if classifier.folds.digest != row.folds:
        yield TableChange(before, "the folds changed", classifier.folds.digest[:SHOWN], row.folds[:SHOWN])
        return
    is_same = _labels(classifier) == row.labels
    if not is_same:
        yield TableChange(before, f"labels or speakers of {classifier.task.name} changed")
    for number, expected in row.predictions.items():
        path = classifier.store.location(keys.predictions_fold(row.name, int(number))) / PREDICTIONS
        seen = file_digest(path) if path.is_file() else "no file"
        if seen != expected:
            is_same = False
            yield TableChange(
                _inside(classifier.store, path), "the predictions changed", seen[:SHOWN], expected[:SHOWN]
            )
    if is_same:
        classifier.published_result()
        yield from _score_changes(classifier, row)


def _score_changes(classifier: Classifier, row: ClassifierRecord) -> Iterator[TableChange]:
    result = score_folds(classifier, row.fold_numbers)[1]
    for name, score in result.test.four.to_json().items():
        if abs(score - row.scores.get(name, -1.0)) > _TOLERANCE:
            yield TableChange(classifier.key, f"{name} changed", str(score), str(row.scores.get(name)))
    if tuple(map(str, result.marks)) != row.marks:
        yield TableChange(classifier.key, "the marks changed", listed(result.marks), listed(row.marks))


def _inside(store: Store, path: Path) -> str:
    return str(path.relative_to(store.path))
