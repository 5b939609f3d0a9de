"""Folds from a table that somebody else made: `utt_id fold`, or `utt_id [label] fold-1 … fold-K` as `sercli folds` writes it."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from ..data.utterances import Utterance
from ..errors import SercliError, listed
from ..formats.csv_files import Row, parse_rows
from ..text import c_order
from .folds import PARTS, Fold

_NO_PART = "-"
_FIX = "correct the file"
_OTHER_TASK = "give each a row, or choose classes and subset that the folds were made for"


class FoldsFile(NamedTuple):
    """A table of folds: its place, for messages, and its text."""

    place: str
    text: str


def folds_from_file(
    file: FoldsFile, utterances: Sequence[Utterance], labels: Mapping[str, str], speakers_may_be_shared: bool
) -> list[Fold]:
    """The folds of a task's utterances.

    A column `fold` names the fold in which an utterance is tested; dev is the next fold. If it holds train, dev and test
    only, it is one split. Columns `fold-K` hold the part of an utterance in each fold: train, dev, test, or - for none.

    Raises SercliError for a table of neither form, for an utterance that is absent, listed twice, tested twice or labelled
    otherwise, for an empty part, and for a speaker in two parts of a fold (unless `speakers_may_be_shared`).
    """
    rows = _rows_by_id(file)
    try:
        _check_utterances(rows, labels)
        columns = _fold_columns(rows)
        folds = _by_columns(rows, labels, columns) if columns else _by_fold(rows, labels)
        tested = Counter(utt_id for fold in folds for utt_id in fold.part("test"))
        for fold in folds:
            _check_parts(fold)
            if not speakers_may_be_shared:
                _check_speakers(fold, utterances, tested)
        for utt_id, times in tested.items():
            if times > 1:
                problem = "an utterance is tested in several folds"
                raise SercliError(problem, seen=f"{utt_id} in {times}", expected="one", fix=_FIX)
    except SercliError as error:
        raise error.at(file.place) from None
    return folds


def unknown_ids(file: FoldsFile, utterances: Sequence[Utterance]) -> list[str]:
    """The utterances of the table that the corpus does not have."""
    corpus_ids = {utterance.utt_id for utterance in utterances}
    return [utt_id for utt_id in _rows_by_id(file) if utt_id not in corpus_ids]


def _rows_by_id(file: FoldsFile) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for row in parse_rows(file.text, file.place, ["utt_id"]):
        place = f"{file.place}, line {row.line}"
        utt_id = row.cells.get("utt_id", "")
        if row.problem or not utt_id:
            raise SercliError(row.problem or "has no utt_id", place=place, fix=_FIX)
        if utt_id in rows:
            raise SercliError("an utterance is listed twice", place=place, seen=utt_id, fix=_FIX)
        rows[utt_id] = row
    return rows


def _check_utterances(rows: Mapping[str, Row], labels: Mapping[str, str]) -> None:
    absent = [utt_id for utt_id in labels if utt_id not in rows]
    if absent:
        seen = f"{len(absent)} of {len(labels)} absent, first {absent[0]}"
        raise SercliError("utterances of this task are not listed", seen=seen, fix=_OTHER_TASK)
    for utt_id, label in labels.items():
        seen = rows[utt_id].cells.get("label", label)
        if seen != label:
            fix = "choose the --classes that the folds were made for, or remove that column"
            raise SercliError("another label", place=utt_id, seen=seen, expected=label, fix=fix)


def _fold_columns(rows: Mapping[str, Row]) -> list[str]:
    """`fold-1` to `fold-K`; none if there is the column `fold` instead."""
    header = next(iter(rows.values())).cells
    columns = [f"fold-{number + 1}" for number in range(sum(name.startswith("fold-") for name in header))]
    if ("fold" in header) == bool(columns) or not set(columns) <= set(header):
        expected = "utt_id and fold, or utt_id and fold-1 to fold-K"
        raise SercliError("not the columns of folds", seen=listed(header), expected=expected)
    return columns


def _by_fold(rows: Mapping[str, Row], utt_ids: Iterable[str]) -> list[Fold]:
    names = {utt_id: row.cells["fold"] for utt_id, row in rows.items()}
    for utt_id, name in names.items():
        if not name:
            raise SercliError("the cell of fold is empty", place=f"line {rows[utt_id].line}", fix=_FIX)
    if set(names.values()) <= set(PARTS):  # one split, not three folds
        return [Fold(1, "fold-1", "dev of fold-1", {utt_id: names[utt_id] for utt_id in utt_ids})]
    groups = sorted({names[utt_id] for utt_id in utt_ids}, key=_natural_order)
    if len(groups) < len(PARTS):
        raise SercliError("too few folds", seen=listed(groups), expected="at least 3 (train, dev, test)")
    folds = []
    for number, (left_out, dev) in enumerate(zip(groups, [*groups[1:], groups[0]], strict=True), 1):
        part = {left_out: "test", dev: "dev"}
        folds.append(Fold(number, left_out, dev, {utt_id: part.get(names[utt_id], "train") for utt_id in utt_ids}))
    return folds


def _by_columns(rows: Mapping[str, Row], utt_ids: Iterable[str], columns: Sequence[str]) -> list[Fold]:
    for row in rows.values():
        for column in columns:
            if row.cells[column] not in (*PARTS, _NO_PART):
                place, expected = f"line {row.line}: {column}", f"{listed(PARTS)} or {_NO_PART}"
                raise SercliError("an unknown part", place=place, seen=repr(row.cells[column]), expected=expected)
    for utt_id in utt_ids:
        if all(rows[utt_id].cells[column] == _NO_PART for column in columns):
            raise SercliError("an utterance has no part in any fold", seen=utt_id, fix=_OTHER_TASK)
    folds = []
    for number, column in enumerate(columns, 1):
        parts = {utt_id: rows[utt_id].cells[column] for utt_id in utt_ids}
        parts = {utt_id: part for utt_id, part in parts.items() if part != _NO_PART}
        folds.append(Fold(number, column, f"dev of {column}", parts))
    return folds


def _natural_order(name: str) -> list[str | int]:
    """Sort key by which fold 10 comes after fold 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _check_parts(fold: Fold) -> None:
    for part in PARTS:
        if not fold.part(part):
            place = f"fold {fold.number} ({fold.left_out})"
            raise SercliError(f"no {part} utterance of this task", place=place, fix=_FIX)


def _check_speakers(fold: Fold, utterances: Sequence[Utterance], tested: Collection[str]) -> None:
    """A speaker of whom some utterances have no part counts as shared too: nobody may pick among a test speaker's.

    Utterances that another fold tests are not picked.
    """
    parts = (*PARTS, _NO_PART)
    part_of = {u.utt_id: fold.parts.get(u.utt_id, "" if u.utt_id in tested else _NO_PART) for u in utterances}
    speakers = {part: {u.speaker for u in utterances if part_of[u.utt_id] == part} for part in parts}
    for first, second in combinations(parts, 2):
        for shared in sorted(speakers[first] & speakers[second], key=c_order):
            raise SercliError(
                "a speaker is in two parts",
                place=f"fold {fold.number} ({fold.left_out})",
                seen=f"{shared} in {first} and {'no part' if second == _NO_PART else second}",
                fix="correct the file, or choose --protocol speaker-dependent-file, which marks every score",
            )
