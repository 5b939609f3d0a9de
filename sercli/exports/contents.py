"""What is exported: matrices of utterances, or a table, under ids that begin with the speaker and in the order of these ids."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..data.utterances import COLUMNS, Utterance
from ..store.ragged import Ragged, RowArray
from ..text import c_order

_UNFIT = re.compile(r"[^\w.]")
_PREFIXES = {"frames": "f", "mean": "mean_", "std": "std_"}  # array -> of its column names


class ExportedUtterance(NamedTuple):
    """An utterance with its id and speaker in the export: `emodb_03-03a01Wa`, `emodb_03`."""

    id: str
    speaker: str
    utterance: Utterance


def with_ids(utterances: Sequence[Utterance]) -> list[ExportedUtterance]:
    """In C order of the ids, which is that of the speakers as well: no exported speaker holds a sign below the `-` after it.

    >>> [u.id for u in with_ids([Utterance("03a01", "", speaker="b+c"), Utterance("08b02", "", speaker="b")])]
    ['b-08b02', 'b_c-03a01']
    """
    speakers = [(_UNFIT.sub("_", utterance.speaker), utterance) for utterance in utterances]
    exported = (ExportedUtterance(f"{speaker}-{u.utt_id}", speaker, u) for speaker, u in speakers)
    return sorted(exported, key=lambda u: c_order(u.id))


class RowBlock(NamedTuple):
    """Some rows: text columns, each (n,), and numbers (n, D), float32."""

    texts: Sequence[Sequence[Any]]
    numbers: RowArray


@dataclass(frozen=True)
class Matrices:
    """Arrays of a ragged group, float32: a matrix per utterance. `stem` is the name of the exported file."""

    stem: str
    row: str  # what a row is: a frame, a segment
    shift_ms: float  # from one row to the next
    arrays: Sequence[str]  # whose columns lie side by side
    utterances: Sequence[ExportedUtterance]  # all have rows
    source: Ragged
    tick: Callable[[], object]  # called once per utterance

    @property
    def text_columns(self) -> list[str]:
        return ["id", "utt_id", "speaker", "emotion", self.row]

    @property
    def number_columns(self) -> list[str]:
        return [f"{_PREFIXES[name]}{i}" for name in self.arrays for i in range(self.source.width(name))]

    @property
    def lengths(self) -> list[int]:
        """Rows of each utterance."""
        return [int(self.source.lengths[self.source.index[utt_id]]) for utt_id in self.utt_ids]

    @property
    def utt_ids(self) -> Sequence[str]:
        return [u.utterance.utt_id for u in self.utterances]

    def each(self) -> Iterator[tuple[ExportedUtterance, RowArray]]:
        """The rows (n, D) of each utterance; memory holds a few chunks."""
        for u, rows in zip(self.utterances, self.source.each(self.arrays, self.utt_ids), strict=True):
            yield u, rows
            self.tick()

    def blocks(self) -> Iterator[RowBlock]:
        for u, rows in self.each():
            texts = (u.id, u.utterance.utt_id, u.utterance.speaker, u.utterance.emotion)
            yield RowBlock([*([text] * len(rows) for text in texts), range(len(rows))], rows)


@dataclass(frozen=True)
class ExportTable:
    """A small table: columns (R,), and posteriors (R, C) if it has classes."""

    stem: str
    columns: Mapping[str, Sequence[Any]]
    classes: Sequence[str] = ()
    posteriors: RowArray = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @property
    def text_columns(self) -> list[str]:
        return list(self.columns)

    @property
    def number_columns(self) -> list[str]:
        return [f"p_{label}" for label in self.classes]

    @property
    def utt_ids(self) -> Sequence[str]:
        return self.columns["utt_id"]

    def blocks(self) -> Iterator[RowBlock]:
        texts = list(self.columns.values())
        yield RowBlock(texts, self.posteriors if self.classes else np.empty((len(texts[0]), 0), np.float32))


def metadata_table(utterances: Sequence[Utterance]) -> ExportTable:
    """All columns that the store has of utterances; a column of the corpus named like one of ours becomes `corpus_<name>`."""
    exported = with_ids(utterances)
    columns: dict[str, Sequence[Any]] = {"id": [u.id for u in exported]}
    columns |= {name: [getattr(u.utterance, name) for u in exported] for name in COLUMNS}
    for key in sorted({key for u in exported for key in u.utterance.extra}):
        columns[f"corpus_{key}" if key in COLUMNS or key == "id" else key] = [
            u.utterance.extra.get(key, "") for u in exported
        ]
    return ExportTable("utterances", columns)
