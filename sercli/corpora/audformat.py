"""An audformat database: any corpus, described by a header (`db.yaml`) and its tables, CSV or Parquet.

Size: any
Speakers: any
Labels: any; joy and happy, sad and sadness, … become one name, and the name in the database is kept
Rate: any, also several
Licence: that of the database, given in its header
Source: https://audeering.github.io/datasets/ for some

These columns are read, by their own name or by that of their scheme: emotion (or else a column whose labels all are names of
emotions), valence, arousal, dominance, speaker, gender, session, style, transcription or text. Tables with labels are joined, and
their split is kept; if two of them disagree, the database is refused. The speaker may be given for the whole file, in another
table, and the gender in the scheme of speakers. Give the folder, or the header. Pickled tables are never read.
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
from ..errors import SercliError, listed
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
_FIX = "take the table or column that is not meant out of the header"
_WRITE_AGAIN = "write the header again"
_TIMES = (
    re.compile(r"(?:(?P<d>\d+) days?)? ?(?:(?P<h>\d+):(?P<m>\d+):(?P<s>\d+(?:\.\d*)?))?", re.ASCII),
    re.compile(r"P(?:(?P<d>\d+)D)?T?(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d*)?)S)?", re.ASCII),
    re.compile(r"(?P<s>\d+(?:\.\d*)?) ?s?(?P<d>)(?P<h>)(?P<m>)", re.ASCII),
)


class _LabelledSection(NamedTuple):
    """A section of a file; the whole file if it has no times."""

    file: str
    start: float | None = None  # s
    end: float | None = None  # s


class _Column(NamedTuple):
    """A column of a table, as the header describes it."""

    table: str
    name: str
    scheme: str
    labels: Any  # of the scheme: a list, a mapping to attributes, the name of a table of attributes, or None


class _Cell(NamedTuple):
    """A cell of a table, its column, and the attributes of each label in the scheme."""

    text: str
    column: _Column
    labels: Mapping[str, Any]


def recognises(folder: Path) -> bool:
    return len(_headers(folder)) == 1


def scan(folder: Path) -> Scan:
    """Every row with a label. Raises SercliError if tables or speakers are missing, or if two tables disagree."""
    headers = _headers(folder)
    if len(headers) != 1:
        raise SercliError(
            "not one header of an audformat database",
            place=folder,
            seen=listed(path.name for path in headers),
            expected="one file such as db.yaml",
            fix="give the header itself",
        )
    database = _Database(headers[0])
    columns = {"emotion": database.emotions()} | {name: database.called(name) for name in DIMENSIONS}
    labels = {name: database.cells(group) for name, group in columns.items()}
    sections = list(dict.fromkeys(section for cells in labels.values() for section in cells))
    if not sections:
        expected = "a table with rows that have an emotion, valence, arousal or dominance"
        raise SercliError("no labels", place=database.path, expected=expected, fix="add such a table")
    facts = _facts(database)
    tables = list(dict.fromkeys(column.table for group in columns.values() for column in group))
    splits = database.splits(tables)
    _check_overlap(database.path, sections, tables)
    utterances: list[Utterance] = []
    rejects = list(database.rejects)
    for section in sections:
        cells_of_section = {name: cells[section] for name, cells in labels.items() if section in cells}
        cells_of_section |= {name: cell for name, cells in facts.items() if (cell := _at(section, cells))}
        try:
            utterances.append(_utterance(section, cells_of_section, splits.get(section, "")))
        except ValueError as error:
            rejects.append(Reject(section.file, f"{_place(section)}: {error}"))
    scale, warnings = database.scale([column for name in DIMENSIONS for column in columns[name]])
    unlabelled = {section.file for cells in facts.values() for section in cells} - {s.file for s in sections}
    if unlabelled:
        warnings.append(f"{len(unlabelled)} files have no row in {listed(tables)}, {min(unlabelled)} first; left out")
    return Scan(utterances, rejects, warnings, scale=scale)


class _Database:
    """A header, and its tables, each of which is read when it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = read_yaml(path)
        self.rejects: list[Reject] = []
        self.schemes = self._mapping(self.header, "schemes")
        self.tables = self._mapping(self.header, "tables")
        self.columns = list(self._columns())
        self._rows: dict[str, dict[_LabelledSection, dict[str, str]]] = {}

    def _mapping(self, parent: Mapping[str, Any], key: str) -> dict[str, Any]:
        mapping = parent.get(key) or {}
        if not isinstance(mapping, dict):
            seen = f"{key} of type {type(mapping).__name__}"
            raise SercliError("damaged header", place=self.path, seen=seen, expected="a mapping", fix=_WRITE_AGAIN)
        return {str(name): value for name, value in mapping.items()}

    def _columns(self) -> Iterator[_Column]:
        for table in self.tables:
            columns = self._mapping(self._mapping(self.tables, table), "columns")
            for name in columns:
                scheme = str(self._mapping(columns, name).get("scheme_id", ""))
                yield _Column(table, name, scheme, self._mapping(self.schemes, scheme).get("labels"))

    def called(self, *names: str) -> list[_Column]:
        """All columns with the first of these names, or of a scheme with it; then the second, and so on."""
        choices = ([column for column in self.columns if name in (column.name, column.scheme)] for name in names)
        return next(filter(None, choices), [])

    def emotions(self) -> list[_Column]:
        """The columns of emotions, at most one per table. Raises SercliError if a table has several."""
        choices = (
            [column for column in self.columns if column.name == "emotion"],
            [column for column in self.columns if column.scheme == "emotion"],
            [column for column in self.columns if _all_emotions(column.labels)],
        )
        columns = next(filter(None, choices), [])
        for table in {column.table for column in columns}:
            names = [column.name for column in columns if column.table == table]
            if len(names) > 1:
                problem = f"several columns of emotions in table {table!r}"
                raise SercliError(problem, place=self.path, seen=listed(names), fix=_FIX)
        return columns

    def cells(self, columns: Sequence[_Column]) -> dict[_LabelledSection, _Cell]:
        """The cell of each section that has one. Raises SercliError if two tables disagree."""
        cells: dict[_LabelledSection, _Cell] = {}
        for column in columns:
            labels = self._labels(column)
            for section, row in self._table(column.table).items():
                text = row[column.name.lower()]
                first = cells.get(section)
                if first is None or not first.text:
                    cells[section] = _Cell(text, column, labels)
                elif text and text != first.text:
                    place = f"{self.path}: {column.name} of {_place(section)}"
                    seen = f"{first.text!r} in table {first.column.table!r}, {text!r} in {column.table!r}"
                    raise SercliError("two tables disagree", place=place, seen=seen, fix=_FIX)
        return cells

    def splits(self, tables: Sequence[str]) -> dict[_LabelledSection, str]:
        """The split of each section, by the table that lists it."""
        split_of = {table: str(self._mapping(self.tables, table).get("split_id") or "") for table in tables}
        return {section: split for table, split in split_of.items() if split for section in self._table(table)}

    def scale(self, columns: Sequence[_Column]) -> tuple[tuple[float, float], list[str]]:
        """The lowest and the highest value, and a warning if the schemes do not agree on them."""
        limits = {}
        for column in columns:
            scheme = self._mapping(self.schemes, column.scheme)
            low, high = scheme.get("minimum"), scheme.get("maximum")
            if isinstance(low, int | float) and isinstance(high, int | float) and -math.inf < low < high < math.inf:
                limits[float(low), float(high)] = column.name
        if len(limits) == 1:
            return next(iter(limits)), []
        scales = ", ".join(f"{name} {low:g} to {high:g}" for (low, high), name in limits.items())
        warning = f"the schemes have different scales, {scales}; values are kept unless --scale gives one scale"
        return SCALE, [warning] if limits else []

    def _labels(self, column: _Column) -> dict[str, Any]:
        """The attributes of each label of the scheme."""
        if isinstance(column.labels, dict):
            return {str(label): attributes for label, attributes in column.labels.items()}
        if isinstance(column.labels, list):
            return {str(label): label for label in column.labels}
        if column.labels is None:
            return {}
        table = self._mapping(self._mapping(self.header, "misc_tables"), str(column.labels))
        key = next(map(str, table.get("levels") or [column.labels]))
        rows = self._read(str(column.labels), [key, *self._mapping(table, "columns")])
        return {row.cells[key.lower()]: row.cells for row in rows if not row.problem}

    def _table(self, name: str) -> dict[_LabelledSection, dict[str, str]]:
        if name not in self._rows:
            self._rows[name] = self._sections(name)
        return self._rows[name]

    def _sections(self, name: str) -> dict[_LabelledSection, dict[str, str]]:
        table = self._mapping(self.tables, name)
        times = ("start", "end") if table.get("type") == "segmented" else ()
        sections: dict[_LabelledSection, dict[str, str]] = {}
        for line, cells, problem in self._read(name, ["file", *times, *self._mapping(table, "columns")]):
            try:
                section = _section(cells, times, problem)
                if section in sections:
                    raise ValueError("an earlier line has the same section; remove one of them")
                sections[section] = cells
            except ValueError as error:
                file = cells.get("file") or f"line {line}"
                self.rejects.append(Reject(file, f"line {line} of table {name!r}: {error}"))
        return sections

    def _read(self, name: str, columns: Sequence[str]) -> list[csv_files.Row]:
        """Rows of a table, CSV or else Parquet. A table's name cannot lead to another folder."""
        if Path(name).name != name:
            raise SercliError("not a name for a table", place=self.path, seen=name, fix="rename the table")
        paths = [self.path.with_name(f"{self.path.stem}.{name}{suffix}") for suffix in (".csv", ".parquet", ".pkl")]
        if paths[0].is_file():
            return csv_files.read_rows(paths[0], [column.lower() for column in columns])
        if paths[1].is_file():
            return _read_parquet(paths[1], columns)
        pickle = f"{paths[2].name}, a pickle, which may run anything and is never read" if paths[2].exists() else ""
        problem, fix = f"table {name!r} is missing", "copy it, or save the database again as csv or parquet"
        raise SercliError(problem, place=self.path, seen=pickle, expected=paths[0].name, fix=fix)


def _facts(database: _Database) -> dict[str, dict[_LabelledSection, _Cell]]:
    """The cells of speaker, gender, session, style and text. Raises SercliError if there is no column of speakers."""
    names = {name: (name,) for name in ("gender", "session", "style", "speaker")} | {"text": _TEXTS}
    columns = {name: database.called(*choices) for name, choices in names.items()}
    if not columns["speaker"]:
        fix = "add a column `speaker`, such as to a table `files`"
        raise SercliError("no column of speakers", place=database.path, fix=fix)
    return {name: database.cells(group) for name, group in columns.items()}


def _headers(folder: Path) -> list[Path]:
    """Every audformat header has the lines `usage: …` and `tables:`."""
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder] if folder.suffix == ".yaml" else []
    return [path for path in paths if path.name[0] != "." and path.is_file() and _is_header(path)]


def _is_header(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return all(re.search(rf"^{key}:", text, re.MULTILINE) for key in ("name", "usage", "tables"))


def _read_parquet(path: Path, columns: Sequence[str]) -> list[csv_files.Row]:
    """Rows as those of a CSV file; times in seconds."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        fix = "pip install 'sercli[parquet]'"
        raise SercliError("reading Parquet needs pyarrow", place=path, fix=fix) from None
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
        raise SercliError("cannot be read as Parquet", place=path, seen=reason, fix="copy it again") from None
    if missing := [name for name in columns if name.lower() not in cells]:
        problem = f"no column {missing[0]!r}"
        raise SercliError(problem, place=path, seen=listed(cells), fix="save the database again")
    rows = zip(*cells.values(), strict=True)
    return [csv_files.Row(number, dict(zip(cells, row, strict=True)), "") for number, row in enumerate(rows, start=1)]


def _texts(column: Any, unit: str = "") -> list[str]:
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit)
    values = column.to_pylist()
    return ["" if value is None else f"{value / ticks:.9f}" if ticks else str(value) for value in values]


def _section(cells: Mapping[str, str], times: Sequence[str], problem: str) -> _LabelledSection:
    """The section of a row. One from the beginning to the end is the whole file. Raises ValueError."""
    if problem or not cells["file"]:
        raise ValueError(problem or "no file")
    start, end = (_seconds(name, cells[name]) for name in times) if times else (None, None)
    return _LabelledSection(cells["file"], start if start or end is not None else None, end)


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
    return isinstance(labels, list | dict) and len(labels) > 1 and all(is_known(canonical(str(x))) for x in labels)


def _check_overlap(path: Path, sections: Sequence[_LabelledSection], tables: Sequence[str]) -> None:
    """Raises SercliError if a file is an utterance as a whole, and also holds others."""
    whole = {section.file for section in sections if section == _LabelledSection(section.file)}
    both = next(
        (section for section in sections if section.file in whole and section != _LabelledSection(section.file)), None
    )
    if both:
        problem = "labels of a whole file and of a part of it"
        raise SercliError(problem, place=path, seen=f"{both.file} in tables {listed(tables)}", fix=_FIX)


def _at(section: _LabelledSection, cells: Mapping[_LabelledSection, _Cell]) -> _Cell | None:
    """The cell of a section, or else of its file."""
    candidates = (cells.get(place) for place in (section, _LabelledSection(section.file)))
    return next((cell for cell in candidates if cell and cell.text), None)


def _place(section: _LabelledSection) -> str:
    return section.file if section.start is None else f"{section.file} from {section.start:g} s"


def _utterance(section: _LabelledSection, cells: Mapping[str, _Cell], split: str) -> Utterance:
    """Raises ValueError for a label that the scheme does not have, or a dimension that is not a number."""
    texts = {name: cell.text for name, cell in cells.items()}
    code = texts.get("emotion", "")
    if code and (labels := cells["emotion"].labels):
        look_up(code, {label: label for label in labels}, "emotion label")
    valence, arousal, dominance = (csv_files.number(name, texts.get(name, "")) for name in DIMENSIONS)
    return Utterance(
        utt_id=id_of(section.file, section.start),
        path=section.file,
        start=section.start,
        end=section.end,
        speaker=texts.get("speaker", ""),
        session=texts.get("session", ""),
        gender=_gender(cells),
        style=texts.get("style", ""),
        emotion=code if is_known(canonical(code)) else _meaning(cells["emotion"]),
        emotion_code=code,
        valence=valence,
        arousal=arousal,
        dominance=dominance,
        text=_meaning(cells["text"]) if "text" in cells else "",
        extra={"split": split} if split else {},
    )


def _meaning(cell: _Cell) -> str:
    """The text that the scheme gives for a label, or else the label itself."""
    meaning = cell.labels.get(cell.text)
    return meaning if isinstance(meaning, str) else cell.text


def _gender(cells: Mapping[str, _Cell]) -> str:
    """The gender in its column, or else in the scheme of speakers."""
    speaker = cells.get("speaker")
    of_speaker = speaker.labels.get(speaker.text) if speaker else None
    text = (
        cells["gender"].text if "gender" in cells else of_speaker.get("gender") if isinstance(of_speaker, dict) else ""
    )
    return GENDERS.get(str(text or "").lower(), str(text or "").lower())
