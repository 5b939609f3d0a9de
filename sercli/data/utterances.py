"""Utterances, and the tables of a store: one row per utterance, tabs, a header, no quoting, rows in C order."""

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

DIMENSIONS = ("valence", "arousal", "dominance")
SUBSET_COLUMNS = ("speaker", "session", "gender", "style", "corpus")  # scores are also given for each value of these
SCALE = (1.0, 5.0)  # of the dimensions in a store: the scale of IEMOCAP, and of the paper's bins

_FIX = "correct it, or run the command that made it again with --overwrite"
_BLANKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Utterance:
    """One utterance: what the corpus says about it, and (from `duration` to `digest`) what its sound file says.

    `start` and `end` (s) are those of a section of a longer file. A reader may give `emotion` and the dimensions in the corpus's own
    terms; `ingest` converts them to canonical names and to SCALE.
    """

    utt_id: str
    path: str  # relative to the corpus root, forward slashes
    start: float | None = None
    end: float | None = None
    duration: float = 0.0  # s
    sample_rate: int = 0  # Hz
    channels: int = 0
    digest: str = ""  # of the file's decoded samples
    speaker: str = ""
    session: str = ""
    gender: str = ""
    style: str = ""
    emotion: str = ""  # canonical name
    emotion_code: str = ""  # the corpus's own
    valence: float | None = None
    arousal: float | None = None
    dominance: float | None = None
    text: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)  # further columns of the corpus

    def text_of(self, column: str) -> str:
        """A text column, a regular or a further one; empty if there is none of this name."""
        return str(getattr(self, column, None) or self.extra.get(column, ""))


def first_shared(some: Iterable[Utterance], others: Iterable[Utterance]) -> tuple[Utterance, Utterance] | None:
    """The first two utterances, one of each group, that share sound: overlapping sections of files with the same samples."""
    by_digest: dict[str, list[Utterance]] = {}
    for utterance in some:
        by_digest.setdefault(utterance.digest, []).append(utterance)
    for other in others:
        for candidate in by_digest.get(other.digest, ()):
            ends = (math.inf if end is None else end for end in (candidate.end, other.end))
            if max(candidate.start or 0.0, other.start or 0.0) < min(ends):
                return candidate, other
    return None


@dataclass(frozen=True)
class Reject:
    """A file or row that cannot be used, and the reason. Nothing is lost by a `copy` of an utterance that is kept."""

    path: str
    reason: str
    copy: bool = False


@dataclass(frozen=True)
class Rating:
    """The vote of one rater on one utterance. A reader may give emotions and dimensions in the corpus's own terms, as in Utterance."""

    utt_id: str
    rater: str  # the same name is the same person throughout the corpus
    emotions: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)  # dimension -> value, where the rater gave one
    is_own: bool = False  # of the speaker: it counts for nothing
    extra: Mapping[str, str] = field(default_factory=dict)  # further columns of the corpus


@dataclass(frozen=True)
class SideTable:
    """A further table of a corpus, such as the votes of each rater."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Scan:
    """What a corpus reader returns, before any sound file is opened."""

    utterances: list[Utterance]
    rejects: list[Reject]
    warnings: Sequence[str] = ()  # one line each
    durations: Mapping[str, float] = field(default_factory=dict)  # utt_id -> seconds that the corpus promises
    ratings: Sequence[Rating] = ()  # of single raters, where the corpus has them
    synthetic: bool = False  # not spoken by people: every score gets a mark
    scale: tuple[float, float] = SCALE  # of valence, arousal and dominance in the corpus
    sound_root: Path | None = None  # where the paths start, if not in the corpus folder


@dataclass(frozen=True)
class Count:
    """One cell of the counts that the makers of a corpus publish: utterances here, and in the complete release."""

    part: str  # of the corpus, such as a session, that a partial copy may lack; empty: the whole corpus
    cell: str
    present: int
    expected: int

    @property
    def name(self) -> str:
        """Part and cell.

        >>> Count("session 1", "anger", 229, 229).name
        'session 1, anger'
        """
        return f"{self.part}, {self.cell}" if self.part else self.cell


COLUMNS = [column.name for column in fields(Utterance) if column.name != "extra"]
_NUMBERS = {"start", "end", *DIMENSIONS}


def write_utterances(path: Path, utterances: Sequence[Utterance]) -> None:
    """Write the table of utterances, with a column for each key of `extra`."""
    extra = sorted({key for utterance in utterances for key in utterance.extra})
    rows = (
        [*(getattr(utterance, name) for name in COLUMNS), *(utterance.extra.get(key) for key in extra)]
        for utterance in sorted(utterances, key=lambda utterance: c_order(utterance.utt_id))
    )
    write_table(path, [*COLUMNS, *extra], rows)


def read_utterances(path: Path) -> list[Utterance]:
    """Read the table of utterances. Raises DamagedProduct for a table that `ingest` cannot have written."""
    utterances = []
    for number, row in enumerate(read_table(path), start=2):
        try:
            values: dict[str, Any] = {name: row.pop(name) for name in COLUMNS}
            values |= {name: number_in(values[name]) for name in _NUMBERS}
            values |= {"duration": float(values["duration"]), "sample_rate": int(values["sample_rate"])}
            values["channels"] = int(values["channels"])
            if (sound := PurePosixPath(values["path"])).is_absolute() or ".." in sound.parts:
                raise ValueError(f"the path {values['path']!r} leaves the corpus")
        except KeyError as error:
            raise DamagedProduct("a column is missing", place=path, expected=error, fix=_FIX) from None
        except ValueError as error:
            raise DamagedProduct(str(error), place=f"{path}: line {number}", fix=_FIX) from None
        utterances.append(Utterance(**values, extra=row))
    if not utterances:
        raise DamagedProduct("the table has no utterance", place=path, fix=_FIX)
    return utterances


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `table_lines` to a file."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        stream.writelines(table_lines(header, rows))


def table_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """One line per row. Blanks replace the tabs and line ends in a cell, and None is an empty cell.

    >>> list(table_lines(["utt_id", "text"], [["a", None]]))
    ['utt_id\\ttext\\n', 'a\\t\\n']
    """
    return ("\t".join(map(_text, row)) + "\n" for row in itertools.chain([header], rows))


def read_table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a table of a store as dictionaries. Raises DamagedProduct for a row with too many or too few columns."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
        header = next(rows, [])
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                seen, expected = f"{len(row)} columns", f"{len(header)} columns"
                raise DamagedProduct(
                    "damaged row", place=f"{path}: line {number}", seen=seen, expected=expected, fix=_FIX
                )
            yield dict(zip(header, row, strict=True))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return _BLANKS.sub(" ", str(value))  # blanks at either end are kept: a path may have them


def number_in(text: str) -> float | None:
    """The number in a cell, None for an empty one. Raises ValueError."""
    number = float(text) if text else None
    if number is not None and not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number
