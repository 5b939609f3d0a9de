"""CSV and TSV files from outside: commas, semicolons or tabs, quotes, a byte order mark, any line ends, names in any case."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import SercliError, listed

SUFFIXES = (".csv", ".tsv")


class Row(NamedTuple):
    """Where a row ends in its file, its cells by the columns' names in lower case, and what is wrong with it, if anything."""

    line: int
    cells: dict[str, str]
    problem: str


def header(path: Path) -> list[str]:
    """The names of a file's columns, in lower case; none of what is no text."""
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
    """All rows but the empty ones, without the blanks around a cell; `place` is named in errors.

    Raises SercliError unless it is a table that has each of the `needed` columns, and no column twice.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise SercliError("cannot be read as a table", place=place, seen=error) from None
    names = [name.lower() for name in rows[0][1]] if rows else []
    for name in needed:
        if name not in names:
            raise SercliError(f"has no column {name!r}", place=place, seen=listed(names), expected=listed(needed))
    for name in names:
        if name and names.count(name) > 1:
            raise SercliError(f"has the column {name!r} twice", place=place, fix="rename one of them")
    return [Row(line, dict(zip(names, row, strict=False)), _misfit(len(row) - len(names))) for line, row in rows[1:]]


def number(name: str, text: str) -> float | None:
    """A cell as a number, None for an empty one. Raises ValueError with the reason."""
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} is {text!r}, wanted a number")
    return found


def _misfit(surplus: int) -> str:
    return f"has {abs(surplus)} columns too {'many' if surplus > 0 else 'few'}" if surplus else ""


def _delimiter(line: str) -> str:
    return max("\t,;", key=line.count)
