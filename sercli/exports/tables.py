"""What other programs read: ragged arrays and tables as CSV, npz and Parquet, under ids that begin with the speaker.

One row a frame (or segment) in the tables, all in the order of the ids; float32 comes back bit for bit from each format.
"""

import csv
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ..data.utterances import COLUMNS, Utterance
from ..errors import SercliError
from ..store.ragged import Ragged, Rows
from ..text import c_order

_ROW_GROUP = 100_000  # rows of a Parquet file that are written, and read, together
_UNFIT = re.compile(r"[^\w.]")
_PREFIXES = {"frames": "f", "mean": "mean_", "std": "std_"}  # of the columns of an array

Tick = Callable[[], object]  # called once an utterance


class Spoken(NamedTuple):
    """An utterance, under its id and speaker outside: `emodb_03-03a01Wa`, `emodb_03`."""

    id: str
    speaker: str
    utterance: Utterance


def spoken(utterances: Sequence[Utterance]) -> list[Spoken]:
    """In C order of the ids, which is that of the speakers too: what stands for a speaker holds no sign below the `-` behind it."""
    found = [(_UNFIT.sub("_", utterance.speaker), utterance) for utterance in utterances]
    named = (Spoken(f"{speaker}-{utterance.utt_id}", speaker, utterance) for speaker, utterance in found)
    return sorted(named, key=lambda one: c_order(one.id))


# --- what is written


class Batch(NamedTuple):
    """Some rows: columns (n,) of what names them, and numbers (n, D), float32."""

    labels: Sequence[Sequence[Any]]
    numbers: Rows


@dataclass(frozen=True)
class Matrices:
    """Arrays of a ragged group, float32, of utterances that have rows in it. `stem` is what a file of them is called."""

    stem: str
    row: str  # what a row is: a frame, a segment
    shift_ms: float  # from one row to the next
    arrays: Sequence[str]
    spoken: Sequence[Spoken]
    source: Ragged
    tick: Tick

    @property
    def labels(self) -> list[str]:
        return ["id", "utt_id", "speaker", "emotion", self.row]

    @property
    def numbers(self) -> list[str]:
        return [f"{_PREFIXES[name]}{i}" for name in self.arrays for i in range(self.source.width(name))]

    @property
    def lengths(self) -> list[int]:
        return [int(self.source.lengths[self.source.index[utt_id]]) for utt_id in self.utt_ids]

    @property
    def utt_ids(self) -> Sequence[str]:
        return [one.utterance.utt_id for one in self.spoken]

    def each(self, arrays: Sequence[str]) -> Iterator[tuple[Spoken, Rows]]:
        """The rows of each utterance, those of the arrays side by side; memory holds a few chunks."""
        for one, rows in zip(self.spoken, self.source.each(arrays, self.utt_ids), strict=True):
            yield one, rows
            if arrays[0] == self.arrays[0]:
                self.tick()

    def batches(self) -> Iterator[Batch]:
        for one, rows in self.each(self.arrays):
            of = one.utterance
            named = [[text] * len(rows) for text in (one.id, of.utt_id, of.speaker, of.emotion)]
            yield Batch([*named, range(len(rows))], rows)


@dataclass(frozen=True)
class Table:
    """A small table: columns (R,), and posteriors (R, C) of classes where there are some."""

    stem: str
    columns: Mapping[str, Sequence[Any]]
    classes: Sequence[str] = ()
    posteriors: Rows = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @property
    def labels(self) -> list[str]:
        return list(self.columns)

    @property
    def numbers(self) -> list[str]:
        return [f"p_{label}" for label in self.classes]

    @property
    def utt_ids(self) -> Sequence[str]:
        return self.columns["utt_id"]

    def batches(self) -> Iterator[Batch]:
        yield Batch(list(self.columns.values()), self.posteriors if self.classes else np.empty((self._n(), 0)))

    def _n(self) -> int:
        return len(next(iter(self.columns.values())))


def about(utterances: Sequence[Spoken]) -> Table:
    """All that the store knows of utterances."""
    rows = [one.utterance for one in utterances]
    extra = sorted({key for row in rows for key in row.extra})
    columns: dict[str, Sequence[Any]] = {"id": [one.id for one in utterances]}
    columns |= {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    further: dict[str, Sequence[Any]] = {  # under another name where ours is the same
        f"corpus_{key}" if key in columns else key: [row.extra.get(key, "") for row in rows] for key in extra
    }
    return Table("utterances", columns | further)


# --- how


def write_csv(folder: Path, what: Matrices | Table) -> None:
    """A header, one row a line; numbers with the nine digits that tell any two float32 apart."""
    with (folder / f"{what.stem}.csv").open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*what.labels, *what.numbers])
        for labels, numbers in what.batches():
            texts = (map("{:.9g}".format, row) for row in numbers.tolist())
            writer.writerows([*row, *text] for row, text in zip(zip(*labels, strict=True), texts, strict=True))


def write_parquet(folder: Path, what: Matrices | Table) -> None:
    """Strings and float32 columns, about 100 000 rows a row group. Raises SercliError where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise SercliError(
            "Parquet needs pyarrow, which is not installed; run `pip install 'sercli[parquet]'`"
        ) from None

    def column(values: Any) -> Any:
        made = pyarrow.array(values)
        return made.cast(pyarrow.float64()) if pyarrow.types.is_null(made.type) else made  # a number nobody knows

    def group(batches: Sequence[Batch]) -> Any:
        labels = [[value for batch in batches for value in batch.labels[i]] for i in range(len(what.labels))]
        numbers = np.concatenate([batch.numbers for batch in batches]).T.copy()
        return pyarrow.table([*map(column, labels), *map(column, numbers)], names=[*what.labels, *what.numbers])

    path, writer = folder / f"{what.stem}.parquet", None
    held: list[Batch] = []
    try:
        for batch, is_last in _and_last(what.batches()):
            held.append(batch)
            if is_last or sum(len(one.numbers) for one in held) >= _ROW_GROUP:
                table = group(held)
                writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, use_dictionary=what.labels)
                writer.write_table(table)
                held = []
    finally:
        if writer is not None:
            writer.close()


def _and_last(batches: Iterator[Batch]) -> Iterator[tuple[Batch, bool]]:
    batch = next(batches)
    for following in batches:
        yield batch, False
        batch = following
    yield batch, True


def write_npz(folder: Path, what: Matrices | Table) -> None:
    """One file that `np.load(allow_pickle=False)` reads: of matrices all rows one after the other, and where each begins."""
    with zipfile.ZipFile(folder / f"{what.stem}.npz", "w") as archive:
        if isinstance(what, Table):
            for name, values in what.columns.items():
                _member(archive, name, np.array(values))
            if what.classes:
                _member(archive, "posteriors", what.posteriors)
                _member(archive, "classes", np.array(what.classes))
            return
        lengths = what.lengths
        for name in what.arrays:
            with _begun(archive, name, (sum(lengths), what.source.width(name)), np.dtype(np.float32)) as stream:
                for _, rows in what.each([name]):
                    stream.write(np.ascontiguousarray(rows).tobytes())
        _member(archive, "offsets", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        _member(archive, "ids", np.array([one.id for one in what.spoken]))
        for plural, name in {"utt_ids": "utt_id", "speakers": "speaker", "emotions": "emotion"}.items():
            _member(archive, plural, np.array([getattr(one.utterance, name) for one in what.spoken]))


def _member(archive: zipfile.ZipFile, name: str, array: Rows) -> None:
    with _begun(archive, name, array.shape, array.dtype) as stream:
        stream.write(array.tobytes())


def _begun(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: Any) -> IO[bytes]:
    """A member of which the header is written; its time is the same whenever it is made."""
    stream = archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(stream, header)
    return stream


WRITERS: Mapping[str, Callable[[Path, Matrices | Table], None]] = {
    "csv": write_csv,
    "npz": write_npz,
    "parquet": write_parquet,
}
