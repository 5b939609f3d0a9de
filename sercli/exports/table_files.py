"""CSV and Parquet: one row per frame or segment, or per row of a table; float32 is restored bit by bit from both."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SercliError
from .contents import ExportTable, Matrices, RowBlock

_ROW_GROUP = 100_000  # rows of a Parquet file that are written, and read, together


def write_csv(folder: Path, content: Matrices | ExportTable) -> None:
    """A header and one line per row; nine digits tell any two float32 apart."""
    path = folder / f"{content.stem}.csv"
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*content.text_columns, *content.number_columns])
        for block in content.blocks():
            numbers = (map("{:.9g}".format, row) for row in block.numbers.tolist())
            writer.writerows([*texts, *row] for texts, row in zip(zip(*block.texts, strict=True), numbers, strict=True))


def write_parquet(folder: Path, content: Matrices | ExportTable) -> None:
    """Strings and float32 columns in groups of about 100 000 rows. Raises SercliError where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        fix = "run `pip install 'sercli[parquet]'`"
        raise SercliError("Parquet needs pyarrow, which is not installed", place="--format", fix=fix) from None

    def column(values: Any) -> Any:
        array = pyarrow.array(values)
        return array.cast(pyarrow.float64()) if pyarrow.types.is_null(array.type) else array  # all None: a number

    def table(blocks: Sequence[RowBlock]) -> Any:
        texts = [[value for block in blocks for value in block.texts[i]] for i in range(len(content.text_columns))]
        numbers = np.concatenate([block.numbers for block in blocks]).T.copy()
        names = [*content.text_columns, *content.number_columns]
        return pyarrow.table([*map(column, texts), *map(column, numbers)], names=names)

    path, writer = folder / f"{content.stem}.parquet", None
    try:
        for blocks in _row_groups(content.blocks()):
            rows = table(blocks)
            writer = writer or pyarrow.parquet.ParquetWriter(path, rows.schema, use_dictionary=content.text_columns)
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()


def _row_groups(blocks: Iterator[RowBlock]) -> Iterator[list[RowBlock]]:
    group: list[RowBlock] = []
    for block in blocks:
        group.append(block)
        if sum(len(b.numbers) for b in group) >= _ROW_GROUP:
            yield group
            group = []
    if group:
        yield group


WRITERS: Mapping[str, Callable[[Path, Matrices | ExportTable], None]] = {"csv": write_csv, "parquet": write_parquet}
