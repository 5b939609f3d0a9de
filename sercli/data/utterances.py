"""The tables of a store: one utterance a row, tabs between columns, a header, no quoting, rows in C-locale order."""

import csv
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DamagedProduct
from ..text import c_order

_MEND = "mend it, or run the command that made it again with --overwrite"
_BLANKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Utterance:
    """One utterance: what the corpus says of it, and (from `duration` to `digest`) what its sound file says.

    `start` and `end` (s) cut it out of a longer file; `emotion` is the canonical name, `emotion_code` the corpus's own. Of a reader
    they may both be what the corpus says; `ingest` brings names, and dimensions to the scale from 1 to 5.
    """

    utt_id: str
    path: str  # relative to the corpus root, forward slashes
    start: float | None = None
    end: float | None = None
    duration: float = 0.0  # s
    sample_rate: int = 0  # Hz
    channels: int = 0
    digest: str = ""  # of the file's content
    speaker: str = ""
    session: str = ""
    gender: str = ""
    style: str = ""
    emotion: str = ""
    emotion_code: str = ""
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    text: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)  # further columns that a corpus brings

    def text_of(self, column: str) -> str:
        """A column that holds text, its own or a further one; empty where there is none."""
        return str(getattr(self, column, None) or self.extra.get(column, ""))


def first_shared(some: Iterable[Utterance], others: Iterable[Utterance]) -> tuple[Utterance, Utterance] | None:
    """Two utterances, one of each, that have sound in common: of one file's content, in sections that overlap."""
    by_digest: dict[str, list[Utterance]] = {}
    for utterance in some:
        by_digest.setdefault(utterance.digest, []).append(utterance)
    for other in others:
        for one in by_digest.get(other.digest, ()):
            ends = (math.inf if end is None else end for end in (one.end, other.end))
            if max(one.start or 0.0, other.start or 0.0) < min(ends):
                return one, other
    return None


@dataclass(frozen=True)
class Reject:
    """A file or row that was set aside, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Table:
    """What a corpus says beside its utterances, such as each rater's votes. The first column is `utt_id`."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


SUBSET_COLUMNS = ("speaker", "session", "gender", "style", "corpus")  # scores are also given for each value of these
DIMENSIONS = ("valence", "arousal", "dominance")
SCALE = (1.0, 5.0)  # on which valence, arousal and dominance are kept: that of IEMOCAP, and of the paper's bins


@dataclass(frozen=True)
class Scan:
    """What a corpus reader found, before any sound file was opened."""

    utterances: list[Utterance]
    rejects: list[Reject]
    warnings: Sequence[str] = ()  # odd but kept; one line each
    durations: Mapping[str, float] = field(default_factory=dict)  # utt_id -> seconds of sound that the corpus promises
    tables: Mapping[str, Table] = field(default_factory=dict)  # name -> further table: `ratings` for `ratings.tsv`
    synthetic: bool = False  # spoken by nobody: every score is marked
    scale: tuple[float, float] = SCALE  # of valence, arousal and dominance
    root: Path | None = None  # where the paths start, if not in the corpus folder


@dataclass(frozen=True)
class Count:
    """One cell of the makers' own table of a corpus: how many utterances were found, how many the release has."""

    part: str  # of the corpus, such as a session, that a partial copy may lack; empty: of the whole
    cell: str
    found: int
    expected: int

    @property
    def name(self) -> str:
        return f"{self.part}, {self.cell}" if self.part else self.cell


COLUMNS = [column.name for column in fields(Utterance) if column.name != "extra"]
_NUMBERS = {"start", "end", "valence", "arousal", "dominance"}


def write_utterances(path: Path, utterances: Sequence[Utterance]) -> None:
    extra = sorted({key for utterance in utterances for key in utterance.extra})
    rows = (
        [*(getattr(utterance, name) for name in COLUMNS), *(utterance.extra.get(key) for key in extra)]
        for utterance in sorted(utterances, key=lambda utterance: c_order(utterance.utt_id))
    )
    write_table(path, [*COLUMNS, *extra], rows)


def read_utterances(path: Path) -> list[Utterance]:
    """Raises DamagedProduct for a table that `ingest` cannot have written."""
    utterances = []
    for number, row in enumerate(read_table(path), start=2):
        try:
            known: dict[str, Any] = {name: row.pop(name) for name in COLUMNS}
            for name in _NUMBERS:
                known[name] = _number(known[name])
            known |= {"duration": float(known["duration"]), "sample_rate": int(known["sample_rate"])}
            known["channels"] = int(known["channels"])
            if (place := PurePosixPath(known["path"])).is_absolute() or ".." in place.parts:
                raise ValueError(f"the path {known['path']!r} leaves the corpus")
        except (KeyError, ValueError) as error:
            raise DamagedProduct(f"{path}: line {number}: {error}; {_MEND}") from None
        utterances.append(Utterance(**known, extra=row))
    if not utterances:
        raise DamagedProduct(f"{path}: holds no utterance; {_MEND}")
    return utterances


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """One row a line; blanks replace the tabs and line ends that a cell holds, and None is an empty cell."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        stream.writelines("\t".join(map(_text, row)) + "\n" for row in itertools.chain([header], rows))


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of one of our tables as dictionaries. Raises DamagedProduct for a row of the wrong width."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
        header = next(rows, [])
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise DamagedProduct(f"{path}: line {number} has {len(row)} columns, wanted {len(header)}; {_MEND}")
            yield dict(zip(header, row, strict=True))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return _BLANKS.sub(" ", str(value))  # blanks at either end may be those of a path


def _number(text: str) -> float | None:
    number = float(text) if text else None
    if number is not None and not math.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number
