"""An audformat database: any corpus, told by a header (`db.yaml`) and its tables, CSV or Parquet.

Size: any
Speakers: any
Labels: any; joy and happy, sad and sadness, … are brought to one name, and the database's own is kept
Rate: any, also several
Licence: that of the database, which its header tells
Source: https://audeering.github.io/datasets/ for some

Columns are known by their name or that of their scheme: emotion (else a column named so, else one whose labels all are names of
emotions), valence, arousal, dominance, speaker, gender, session, style, transcription or text. Tables with labels are put
together, their split kept beside; where two of them disagree none is believed. A speaker may also be told of the whole file,
in another table, and a gender by the speaker's scheme. Give the folder, or the header. Pickled tables are never read.
Wagner et al.: audformat, https://audeering.github.io/audformat/.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..config import read_yaml
from ..data.emotions import canonical, is_known, look_up
from ..data.utterances import DIMENSIONS, SCALE, Reject, Scan, Utterance
from ..errors import SercliError
from ..formats import csv_files
from .base import id_of

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "db.yaml": """name: mine
source: here
usage: research
languages: [deu]
schemes:
  emotion: {dtype: str, labels: [happy, sad]}
  speaker: {dtype: int, labels: {3: {gender: female}, 8: {gender: male}}}
splits:
  train: {type: train}
tables:
  files: {type: filewise, columns: {speaker: {scheme_id: speaker}}}
  emotion.train:
    type: segmented
    split_id: train
    columns: {emotion: {scheme_id: emotion}}
""",
    "db.files.csv": "file,speaker\nwav/3.wav,3\nwav/8.wav,8\n",
    "db.emotion.train.csv": "file,start,end,emotion\nwav/3.wav,0 days 00:00:00.1,0 days 00:00:00.4,sad\nwav/8.wav,0 days,,happy\n",
    "wav/3.wav": "3 sadness",
    "wav/8.wav": "8 happiness",
}
GENDERS = {"f": "female", "m": "male"}
_TEXTS = ("transcription", "text", "transcript")
_CURE = "take the table or column that is not meant out of the header"
_TIMES = (
    re.compile(r"(?:(?P<d>\d+) days?)? ?(?:(?P<h>\d+):(?P<m>\d+):(?P<s>\d+(?:\.\d*)?))?", re.ASCII),
    re.compile(r"P(?:(?P<d>\d+)D)?T?(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d*)?)S)?", re.ASCII),
    re.compile(r"(?P<s>\d+(?:\.\d*)?) ?s?(?P<d>)(?P<h>)(?P<m>)", re.ASCII),
)


class _Section(NamedTuple):
    """Of a file; the whole of it without times (s)."""

    file: str
    start: float | None = None
    end: float | None = None


class _Column(NamedTuple):
    table: str
    name: str
    scheme: str
    labels: (
        Any  # that the scheme allows: a list, a mapping with what each is, the name of a table with that, or nothing
    )


class _Cell(NamedTuple):
    """What a row says, and what the scheme says of each label."""

    text: str
    column: _Column
    labels: Mapping[str, Any]


def recognises(folder: Path) -> bool:
    return len(_headers(folder)) == 1


def scan(folder: Path) -> Scan:
    """Every row with a label. Raises SercliError for a database that lacks a table or speakers, or contradicts itself."""
    headers = _headers(folder)
    if len(headers) != 1:
        found = f"{', '.join(path.name for path in headers)}; name the one that is meant" if headers else "none"
        raise SercliError(f"{folder}: wanted one header of an audformat database, such as db.yaml, found {found}")
    database = _Database(headers[0])
    columns = {"emotion": database.emotions()} | {name: database.called(name) for name in DIMENSIONS}
    labels = {name: database.cells(found) for name, found in columns.items()}
    sections = list(dict.fromkeys(section for cells in labels.values() for section in cells))
    if not sections:
        raise SercliError(f"{database.path}: no table has rows with an emotion, valence, arousal or dominance; add one")
    if not (speakers := database.called("speaker")):
        raise SercliError(f"{database.path}: no table has a column 'speaker'; add it, such as to a table `files`")
    facts = {name: database.cells(database.called(name)) for name in ("gender", "session", "style")}
    facts |= {"speaker": database.cells(speakers), "text": database.cells(database.called(*_TEXTS))}
    tables = list(dict.fromkeys(column.table for found in columns.values() for column in found))
    splits = database.splits(tables)
    _refuse_overlap(database.path, sections, tables)
    utterances: list[Utterance] = []
    rejects = list(database.rejects)
    for section in sections:
        said = {name: cells[section] for name, cells in labels.items() if section in cells}
        said |= {name: cell for name, cells in facts.items() if (cell := _at(section, cells))}
        try:
            utterances.append(_utterance(section, said, splits.get(section, "")))
        except ValueError as error:
            rejects.append(Reject(section.file, f"{_told(section)}: {error}"))
    scale, odd = database.scale([column for name in DIMENSIONS for column in columns[name]])
    unlabelled = {section.file for cells in facts.values() for section in cells} - {s.file for s in sections}
    if unlabelled:
        odd.append(f"{len(unlabelled)} files have no row in {', '.join(tables)}, {min(unlabelled)} first; left out")
    return Scan(utterances, rejects, odd, scale=scale)


class _Database:
    """A header, and its tables as they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = read_yaml(path)
        self.rejects: list[Reject] = []
        self.schemes = self._mapping(self.header, "schemes")
        self.tables = self._mapping(self.header, "tables")
        self.columns = list(self._columns())
        self._rows: dict[str, dict[_Section, dict[str, str]]] = {}

    def _mapping(self, parent: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = parent.get(key) or {}
        if not isinstance(found, dict):
            raise SercliError(f"{self.path}: {key} is {type(found).__name__}, wanted a mapping; write the header again")
        return {str(name): value for name, value in found.items()}

    def _columns(self) -> Iterator[_Column]:
        for table in self.tables:
            columns = self._mapping(self._mapping(self.tables, table), "columns")
            for name in columns:
                scheme = str(self._mapping(columns, name).get("scheme_id", ""))
                yield _Column(table, name, scheme, self._mapping(self.schemes, scheme).get("labels"))

    def called(self, *names: str) -> list[_Column]:
        """The columns of the first of these names, their own or that of their scheme, that some have."""
        choices = ([column for column in self.columns if name in (column.name, column.scheme)] for name in names)
        return next(filter(None, choices), [])

    def emotions(self) -> list[_Column]:
        """At most one a table. Raises SercliError where more could be meant."""
        choices = (
            [column for column in self.columns if column.name == "emotion"],
            [column for column in self.columns if column.scheme == "emotion"],
            [column for column in self.columns if _all_emotions(column.labels)],
        )
        found = next(filter(None, choices), [])
        for table in {column.table for column in found}:
            names = [column.name for column in found if column.table == table]
            if len(names) > 1:
                raise SercliError(
                    f"{self.path}: table {table!r} has several columns of emotions, {', '.join(names)}; {_CURE}"
                )
        return found

    def cells(self, columns: Sequence[_Column]) -> dict[_Section, _Cell]:
        """Of every row. Raises SercliError where two tables disagree."""
        found: dict[_Section, _Cell] = {}
        for column in columns:
            labels = self._labels(column)
            for section, row in self._table(column.table).items():
                text = row[column.name.lower()]
                there = found.get(section)
                if there is None or not there.text:
                    found[section] = _Cell(text, column, labels)
                elif text and text != there.text:
                    raise SercliError(
                        f"{self.path}: the {column.name} of {_told(section)} is {there.text!r} in table {there.column.table!r} "
                        f"and {text!r} in {column.table!r}; {_CURE}"
                    )
        return found

    def splits(self, tables: Sequence[str]) -> dict[_Section, str]:
        of_tables = {table: str(self._mapping(self.tables, table).get("split_id") or "") for table in tables}
        return {section: split for table, split in of_tables.items() if split for section in self._table(table)}

    def scale(self, columns: Sequence[_Column]) -> tuple[tuple[float, float], list[str]]:
        """The lowest and the highest value, and what to say where the schemes do not agree on them."""
        limits = {}
        for column in columns:
            scheme = self._mapping(self.schemes, column.scheme)
            low, high = scheme.get("minimum"), scheme.get("maximum")
            if isinstance(low, int | float) and isinstance(high, int | float) and -math.inf < low < high < math.inf:
                limits[float(low), float(high)] = column.name
        if len(limits) == 1:
            return next(iter(limits)), []
        scales = ", ".join(f"{name} {low:g} to {high:g}" for (low, high), name in limits.items())
        odd = f"the schemes have different scales, {scales}; taken as they are, unless one is said with --scale"
        return SCALE, [odd] if limits else []

    def _labels(self, column: _Column) -> dict[str, Any]:
        """Each label, with what the scheme says of it."""
        if isinstance(column.labels, dict):
            return {str(label): said for label, said in column.labels.items()}
        if isinstance(column.labels, list):
            return {str(label): label for label in column.labels}
        if column.labels is None:
            return {}
        table = self._mapping(self._mapping(self.header, "misc_tables"), str(column.labels))
        key = next(map(str, table.get("levels") or [column.labels]))
        rows = self._read(str(column.labels), [key, *self._mapping(table, "columns")])
        return {row.cells[key.lower()]: row.cells for row in rows if not row.problem}

    def _table(self, name: str) -> dict[_Section, dict[str, str]]:
        if name not in self._rows:
            self._rows[name] = self._sections(name)
        return self._rows[name]

    def _sections(self, name: str) -> dict[_Section, dict[str, str]]:
        table = self._mapping(self.tables, name)
        times = ("start", "end") if table.get("type") == "segmented" else ()
        found: dict[_Section, dict[str, str]] = {}
        for line, cells, problem in self._read(name, ["file", *times, *self._mapping(table, "columns")]):
            try:
                section = _section(cells, times, problem)
                if section in found:
                    raise ValueError("an earlier line is of the same; remove one of them")
                found[section] = cells
            except ValueError as error:
                file = cells.get("file") or f"line {line}"
                self.rejects.append(Reject(file, f"line {line} of table {name!r}: {error}"))
        return found

    def _read(self, name: str, columns: Sequence[str]) -> list[csv_files.Row]:
        """Rows of a table, CSV or else Parquet. A name leads to no other folder."""
        if Path(name).name != name:
            raise SercliError(f"{self.path}: {name!r} is no name of a table; rename it")
        paths = [self.path.with_name(f"{self.path.stem}.{name}{suffix}") for suffix in (".csv", ".parquet", ".pkl")]
        if paths[0].is_file():
            return csv_files.read_rows(paths[0], [column.lower() for column in columns])
        if paths[1].is_file():
            return _read_parquet(paths[1], columns)
        pickled = f" ({paths[2].name} is a pickle, which may run anything when read, and never is)" * paths[2].exists()
        raise SercliError(
            f"{paths[0]}: table {name!r} of {self.path.name} is missing{pickled}; copy it, or save the database again as csv or parquet"
        )


def _headers(folder: Path) -> list[Path]:
    """Every audformat header has the lines `usage: …` and `tables:`."""
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder] if folder.suffix == ".yaml" else []
    return [path for path in paths if path.name[0] != "." and path.is_file() and _is_header(path)]


def _is_header(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return all(re.search(rf"^{key}:", text, re.MULTILINE) for key in ("name", "usage", "tables"))


def _read_parquet(path: Path, columns: Sequence[str]) -> list[csv_files.Row]:
    """As a CSV file would give them; times in seconds."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise SercliError(f"{path}: to read it, run: pip install 'sercli[parquet]'") from None
    try:
        table = parquet.read_table(path, columns=list(columns))
        cells = {
            name.lower(): _texts(column.cast("int64"), column.type.unit)
            if pyarrow.types.is_duration(column.type)
            else _texts(column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    except (OSError, ValueError, NotImplementedError) as error:
        reason = " ".join(str(error).split())
        raise SercliError(f"{path}: cannot be read as Parquet: {reason}; copy it again") from None
    if missing := [name for name in columns if name.lower() not in cells]:
        raise SercliError(f"{path}: has no column {missing[0]!r}; it has {', '.join(cells)}; save the database again")
    rows = zip(*cells.values(), strict=True)
    return [csv_files.Row(number, dict(zip(cells, row, strict=True)), "") for number, row in enumerate(rows, start=1)]


def _texts(column: Any, unit: str = "") -> list[str]:
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit)
    values = column.to_pylist()
    return ["" if value is None else f"{value / ticks:.9f}" if ticks else str(value) for value in values]


def _section(cells: Mapping[str, str], times: Sequence[str], problem: str) -> _Section:
    """Of a row. One from the beginning to the end is the whole file. Raises ValueError."""
    if problem or not cells["file"]:
        raise ValueError(problem or "no file")
    start, end = (_seconds(name, cells[name]) for name in times) if times else (None, None)
    return _Section(cells["file"], start if start or end is not None else None, end)


def _seconds(name: str, text: str) -> float | None:
    """`0 days 00:00:01.5`, `P0DT0H0M1.5S` or `1.5`; None for an empty cell. Raises ValueError."""
    if text in ("", "NaT"):
        return None
    match = next(filter(None, (form.fullmatch(text) for form in _TIMES)), None)
    if match is None:
        raise ValueError(f"{name} is {text!r}, wanted a time such as 0 days 00:00:01.5")
    days, hours, minutes, seconds = (float(match[part] or 0) for part in ("d", "h", "m", "s"))
    return round(86400 * days + 3600 * hours + 60 * minutes + seconds, 6)


def _all_emotions(labels: Any) -> bool:
    return isinstance(labels, list | dict) and len(labels) > 1 and all(is_known(canonical(str(one))) for one in labels)


def _refuse_overlap(path: Path, sections: Sequence[_Section], tables: Sequence[str]) -> None:
    """A file is one utterance, or holds some."""
    whole = {section.file for section in sections if section == _Section(section.file)}
    both = next((section for section in sections if section.file in whole and section != _Section(section.file)), None)
    if both:
        names = ", ".join(tables)
        raise SercliError(
            f"{path}: tables {names} have labels of the whole of {both.file} and of a part of it; {_CURE}"
        )


def _at(section: _Section, cells: Mapping[_Section, _Cell]) -> _Cell | None:
    """What is told of a section, or of its file."""
    found = (cells.get(one) for one in (section, _Section(section.file)))
    return next((cell for cell in found if cell and cell.text), None)


def _told(section: _Section) -> str:
    return section.file if section.start is None else f"{section.file} from {section.start:g} s"


def _utterance(section: _Section, said: Mapping[str, _Cell], split: str) -> Utterance:
    """Raises ValueError for a label that the scheme does not have, and a dimension that is no number."""
    texts = {name: cell.text for name, cell in said.items()}
    code = texts.get("emotion", "")
    if code and (labels := said["emotion"].labels):
        look_up(code, {label: label for label in labels}, "emotion label")
    valence, arousal, dominance = (csv_files.number(name, texts.get(name, "")) for name in DIMENSIONS)
    return Utterance(
        utt_id=id_of(section.file, section.start),
        path=section.file,
        start=section.start,
        end=section.end,
        speaker=texts.get("speaker", ""),
        session=texts.get("session", ""),
        gender=_gender(said),
        style=texts.get("style", ""),
        emotion=code if is_known(canonical(code)) else _meaning(said["emotion"]),
        emotion_code=code,
        valence=valence,
        arousal=arousal,
        dominance=dominance,
        text=_meaning(said["text"]) if "text" in said else "",
        extra={"split": split} if split else {},
    )


def _meaning(cell: _Cell) -> str:
    """The text that a scheme gives to a label; else the label itself."""
    meaning = cell.labels.get(cell.text)
    return meaning if isinstance(meaning, str) else cell.text


def _gender(said: Mapping[str, _Cell]) -> str:
    """Of a column, or else of the speaker's scheme."""
    speaker = said.get("speaker")
    of_speaker = speaker.labels.get(speaker.text) if speaker else None
    text = said["gender"].text if "gender" in said else of_speaker.get("gender") if isinstance(of_speaker, dict) else ""
    return GENDERS.get(str(text or "").lower(), str(text or "").lower())
