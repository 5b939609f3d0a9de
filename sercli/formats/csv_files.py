"""CSV and TSV files of other programs: commas, semicolons or tabs, quotes, a byte order mark, any line ends, names in any case."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import SercliError, listed

SUFFIXES = (".csv", ".tsv")


class Row(NamedTuple):
    """A row of a table: the line where it ends, its cells by column name in lower case, and a problem, or empty."""

    line: int
    cells: dict[str, str]
    problem: str


def header(path: Path) -> list[str]:
    """The names of a file's columns, in lower case; empty if it cannot be read as text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline()
    except (OSError, UnicodeDecodeError):
        return []
    return [name.strip().strip('"').lower() for name in line.rstrip("\r\n").split(_delimiter(line))] if line else []


def read_rows(path: Path, needed: Sequence[str]) -> list[Row]:
    """The rows of a file, as `parse_rows` gives them. Raises SercliError also for a file that is not UTF-8 text."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SercliError("cannot be read as a table", place=path, seen=error, expected="UTF-8 text") from None
    return parse_rows(text, path, needed)


def parse_rows(text: str, place: object, needed: Sequence[str]) -> list[Row]:
    """All rows that are not empty, without blanks around cells; `place` is named in errors.

    Raises SercliError unless the text is a table that has each needed column, and no column twice.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise SercliError("cannot be read as a table", place=place, seen=error, fix="save it as CSV or TSV") from None
    names = [name.lower() for name in rows[0][1]] if rows else []
    for name in needed:
        if name not in names:
            raise SercliError(f"no column {name!r}", place=place, seen=listed(names), expected=listed(needed))
    for name in names:
        if name and names.count(name) > 1:
            raise SercliError("two columns of one name", place=place, seen=name, fix="rename one of them")
    return [Row(line, dict(zip(names, row, strict=False)), _misfit(len(row) - len(names))) for line, row in rows[1:]]


def number(name: str, text: str) -> float | None:
    """The number in a cell, None for an empty one. Raises ValueError with the reason.

    >>> number("start", "1.5"), number("end", "")
    (1.5, None)
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text!r}, wanted a number")
    return value


def _misfit(surplus: int) -> str:
    return f"has {abs(surplus)} columns too {'many' if surplus > 0 else 'few'}" if surplus else ""


def _delimiter(line: str) -> str:
    return max("\t,;", key=line.count)
