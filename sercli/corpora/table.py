"""Any corpus, described by a table: a CSV or TSV file with at least the columns path, speaker and emotion.

Size: any
Speakers: any
Labels: any; joy and happy, sad and sadness, … become one name, and the name in the table is kept
Rate: any, also several
Licence: that of the recordings
Source: you

`path` is relative to the table's folder. Further columns are read where they have these names: utt_id (else made from the
path), start and end (seconds inside a longer file), session, gender, style, valence, arousal, dominance, text; all others
are kept. Give the table, or a folder that holds one table. An empty emotion means that there is no label.

Votes of single raters are read from `ratings.csv` or `ratings.tsv` beside the table: utt_id, rater, and at least one of emotion
(several joined by +), valence, arousal, dominance.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

from ..data.utterances import DIMENSIONS, Rating, Reject, Scan, Utterance
from ..errors import SercliError, listed
from ..formats import csv_files
from .base import id_of, nothing_usable

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "labels.csv": "path,speaker,emotion\ns01/angry_1.wav,s01,angry\ns02/calm_1.wav,s02,neutral\n",
    "s01/angry_1.wav": "s01 anger",
    "s02/calm_1.wav": "s02 neutral",
}
NEEDED = ("path", "speaker", "emotion")
VOTES = ("ratings.csv", "ratings.tsv")
_MEASURED = ("duration", "sample_rate", "channels", "digest")  # by `ingest`, from the sound itself
_NUMBERS = ("start", "end", "valence", "arousal", "dominance")
_COLUMNS = {column.name for column in fields(Utterance)} - {"extra", *_MEASURED}


def recognises(folder: Path) -> bool:
    return len(_tables(folder)) == 1


def scan(folder: Path) -> Scan:
    """One utterance per row. Raises SercliError for a file that is not such a table."""
    tables = [folder] if folder.is_file() else _tables(folder)
    if len(tables) != 1:
        expected = f"one CSV or TSV file with the columns {listed(NEEDED)}"
        seen = listed(path.name for path in tables)
        raise SercliError("not one table", place=folder, seen=seen, expected=expected, fix="give the file itself")
    utterances: list[Utterance] = []
    rejects: list[Reject] = []
    for row in csv_files.read_rows(tables[0], NEEDED):
        try:
            utterances.append(_utterance(row))
        except ValueError as error:
            rejects.append(
                Reject(row.cells.get("path") or f"line {row.line}", f"line {row.line} of {tables[0].name}: {error}")
            )
    if not utterances:
        raise nothing_usable(tables[0], rejects)
    ratings, problems = _ratings(tables[0].parent, {utterance.utt_id for utterance in utterances})
    return Scan(utterances, [*rejects, *problems], ratings=ratings)


def nearly(folder: Path) -> str:
    """The columns that the first table lacks, or the names of the tables if several have all columns."""
    fitting = [path.name for path in _tables(folder)]
    if len(fitting) > 1:
        return f"{listed(fitting)} all have the columns {listed(NEEDED)}: give the file that is meant"
    for path in _candidates(folder):
        missing = [name for name in NEEDED if name not in (header := csv_files.header(path))]
        if header and missing:
            return f"{path.name} has the columns {listed(header)}, but not {missing[0]!r}"
    return ""


def _tables(folder: Path) -> list[Path]:
    return [path for path in _candidates(folder) if set(NEEDED) <= set(csv_files.header(path))]


def _candidates(folder: Path) -> list[Path]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    return [
        path for path in paths if path.suffix.lower() in csv_files.SUFFIXES and path.name[0] != "." and path.is_file()
    ]


def _utterance(row: csv_files.Row) -> Utterance:
    """Raises ValueError with the reason."""
    if row.problem:
        raise ValueError(row.problem)
    cells = row.cells
    path = cells["path"].replace("\\", "/")
    if not path:
        raise ValueError("no path")
    values: dict[str, Any] = {key: value for key, value in cells.items() if key in _COLUMNS and key not in _NUMBERS}
    values |= {key: csv_files.number(key, cells[key]) for key in _NUMBERS if key in cells}
    values["path"] = str(PurePosixPath(path))
    values["utt_id"] = values.get("utt_id") or id_of(path, values.get("start"))
    extra: Mapping[str, str] = {
        key: value for key, value in cells.items() if key not in _COLUMNS and key not in _MEASURED
    }
    return Utterance(**values, extra=extra)


def _ratings(folder: Path, utt_ids: Collection[str]) -> tuple[list[Rating], list[Reject]]:
    """The votes in the table of votes, if there is one, and a reject for each row that cannot be used."""
    ratings: list[Rating] = []
    rejects: list[Reject] = []
    for table in (path for name in VOTES if (path := folder / name).is_file()):
        for row in csv_files.read_rows(table, ("utt_id", "rater")):
            try:
                ratings.append(_rating(row, utt_ids))
            except ValueError as error:
                rejects.append(Reject(table.name, f"line {row.line}: {error}"))
    return ratings, rejects


def _rating(row: csv_files.Row, utt_ids: Collection[str]) -> Rating:
    """Raises ValueError with the reason."""
    cells = row.cells
    if row.problem:
        raise ValueError(row.problem)
    if cells["utt_id"] not in utt_ids:
        raise ValueError(f"no utterance {cells['utt_id']!r} in the table")
    if not cells["rater"]:
        raise ValueError("no rater")
    numbers = {name: csv_files.number(name, cells.get(name, "")) for name in DIMENSIONS}
    values = {name: value for name, value in numbers.items() if value is not None}
    emotions = tuple(filter(None, map(str.strip, cells.get("emotion", "").split("+"))))
    return Rating(cells["utt_id"], cells["rater"], emotions, values)
