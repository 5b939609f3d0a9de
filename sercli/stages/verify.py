"""`sercli verify`: whether a store still holds what a printed table shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import Command, SercliError
from ..evaluation.table_records import (
    SHOWN,
    ClassifierRecord,
    TableChange,
    TableRecord,
    find_table,
    table_changes,
    versions_now,
)
from ..experiments.fit_records import UNRECORDED
from ..report.formats import percent, plural
from ..store.store import Store
from ..text import printable


@dataclass(frozen=True)
class Verification:
    """A recorded table, and what has changed since it was printed."""

    store_path: Path
    record: TableRecord
    changes: Sequence[TableChange]
    n_unrecorded: int  # fits whose versions are not recorded

    def as_json(self) -> dict[str, Any]:
        """The values of `sercli verify --json`."""
        changes = [asdict(change) for change in self.changes]
        facts = {"digest": self.record.digest, "same": not changes, "changes": changes}
        return {**facts, "fits_without_versions": self.n_unrecorded, **asdict(self.record)}

    def text(self) -> str:
        """What the table shows, then what changed."""
        lines = [f"Results {self.record.digest[:SHOWN]}", *map(_row, self.record.classifiers)]
        if self.n_unrecorded:
            lines.append(f"Not checked: the versions of {self.n_unrecorded} fits, which are not recorded.")
        changes = [f"Changed: {change}." for change in self.changes]
        return "\n".join(
            map(printable, [*lines, *(changes or ["OK: folds, labels, predictions and scores are the same."])])
        )

    def require_same(self) -> None:
        """Raises SercliError, with the first change, unless the store holds what the table shows."""
        if self.changes:
            first, more = self.changes[0], len(self.changes) - 1
            seen = f"{first.place}: {first.problem}" + (f", and {more} further changes" if more else "")
            problem, expected = (
                "the store no longer holds what the table shows",
                f"results {self.record.digest[:SHOWN]}",
            )
            fix = Command("evaluate", self.store_path)
            raise SercliError(problem, place=self.store_path, seen=seen, expected=expected, fix=fix)


def _row(row: ClassifierRecord) -> str:
    names = row.name if row.name == row.system else f"{row.system}: {row.name}"
    marks = f" ({' '.join(row.marks)})" if row.marks else ""
    return f"{names}: UA {percent(row.scores['uar'])} %, {plural(len(row.predictions), 'fold')}{marks}"


def run(store_path: Path, digest: str) -> Verification:
    """Raises SercliError for a digest that no table of this store has, UsageError for what is no digest."""
    store = Store(store_path)
    record = find_table(store, digest)
    n_unrecorded = int(versions_now(store, record).get(UNRECORDED, "0"))
    return Verification(store_path, record, list(table_changes(store, record)), n_unrecorded)
