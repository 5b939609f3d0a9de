"""Any corpus, told by a table: a CSV or TSV file with at least the columns path, speaker and emotion.

`path` is relative to the table's folder. Further columns are read where they have these names: utt_id (else made from the
path), start and end (seconds inside a longer file), session, gender, style, valence, arousal, dominance, text; all others
are carried along. Give the table, or a folder that holds one table. An empty emotion means: not labelled.
"""

import csv
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import SercliError
from ..manifest import Reject, Scan, Utterance

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
NEEDED = ("path", "speaker", "emotion")
_MEASURED = ("duration", "sample_rate", "channels", "digest")  # by `ingest`, from the sound itself
_NUMBERS = ("start", "end", "valence", "arousal", "dominance")
_KNOWN = {column.name for column in fields(Utterance)} - {"extra", *_MEASURED}


def recognises(folder: Path) -> bool:
    return len(_tables(folder)) == 1


def scan(folder: Path) -> Scan:
    """One utterance a row. Raises SercliError for a file that is no such table."""
    tables = [folder] if folder.is_file() else _tables(folder)
    if len(tables) != 1:
        found = f"{len(tables)} tables with them" if tables else "none"
        raise SercliError(
            f"{folder}: wanted one CSV or TSV file with the columns {', '.join(NEEDED)}, found {found}; name the file itself"
        )
    utterances: list[Utterance] = []
    rejects: list[Reject] = []
    for number, row in enumerate(_rows(tables[0]), start=2):
        try:
            utterances.append(_utterance(row))
        except ValueError as error:
            rejects.append(Reject(row.get("path") or f"line {number}", f"line {number} of {tables[0].name}: {error}"))
    if not utterances:
        raise SercliError(f"{tables[0]}: no usable row" + (f"; {rejects[0].reason}" if rejects else ""))
    return Scan(utterances, rejects)


def _tables(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder] if folder.suffix.lower() in (".csv", ".tsv") and _has_needed_columns(folder) else []
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".csv", ".tsv") and path.is_file()]
    return [path for path in found if not path.name.startswith(".") and _has_needed_columns(path)]


def _has_needed_columns(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
    except (OSError, UnicodeDecodeError):
        return False
    return set(NEEDED) <= {name.strip().strip('"').lower() for name in header.rstrip("\r\n").split(_delimiter(header))}


def _delimiter(header: str) -> str:
    return max("\t,;", key=header.count)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(stream.readline())
            stream.seek(0)
            rows = list(csv.reader(stream, delimiter=delimiter, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SercliError(f"{path}: cannot be read as a table: {error}") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise SercliError(
            f"{path}: has no column {missing[0]!r}; it has {', '.join(header) or 'none'}; wanted at least {', '.join(NEEDED)}"
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise SercliError(f"{path}: has the column {twice[0]!r} twice; rename one")
    return [dict(zip(header, row, strict=False)) | {"": str(len(row) - len(header))} for row in rows[1:] if any(row)]


def _utterance(row: dict[str, str]) -> Utterance:
    """Raises ValueError with the reason."""
    surplus = int(row.pop(""))
    if surplus:
        raise ValueError(f"has {abs(surplus)} columns too {'many' if surplus > 0 else 'few'}")
    path = row["path"].strip().replace("\\", "/")
    if not path:
        raise ValueError("no path")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("the path leaves the folder of the table; use a path relative to it")
    if not row["speaker"].strip():
        raise ValueError("no speaker")
    values: dict[str, Any] = {key: value.strip() for key, value in row.items() if key in _KNOWN and key not in _NUMBERS}
    values |= {key: _number(key, row[key]) for key in _NUMBERS if key in row}
    values["path"] = str(PurePosixPath(path))
    values["utt_id"] = values.get("utt_id") or _id_of(path, values)
    values["emotion_code"] = values.get("emotion_code") or values["emotion"]
    extra: Mapping[str, str] = {key: value for key, value in row.items() if key not in _KNOWN and key not in _MEASURED}
    return Utterance(**values, extra=extra)


def _id_of(path: str, values: Mapping[str, Any]) -> str:
    """The path without its ending; with the section, where the row is one."""
    name = str(PurePosixPath(path).with_suffix("")).replace("/", "_").replace(" ", "_")
    return name if values.get("start") is None else f"{name}_{round(1000 * values['start']):07d}"


def _number(key: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number or abs(number) == float("inf"):
        raise ValueError(f"{key} is {text!r}, wanted a number")
    return number
