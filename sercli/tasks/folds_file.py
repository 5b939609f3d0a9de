"""Folds that somebody else made, read from a table."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from ..data.utterances import Utterance
from ..errors import SercliError
from ..text import c_order
from .folds import PARTS, Fold


class FoldsFile(NamedTuple):
    """Somebody else's folds: the path, for people, and the text."""

    place: str
    text: str


def folds_from_file(
    file: FoldsFile, utterances: Sequence[Utterance], labels: Mapping[str, str], speakers_may_be_shared: bool
) -> list[Fold]:
    """Folds out of a table: `utt_id fold` (each fold's dev is the next one), or our own `utt_id [label] fold-1 … fold-K`."""
    where = file.place
    rows = _read_folds_file(file)
    for utterance in utterances:
        if utterance.utt_id not in rows:
            left_out = [u.utt_id for u in utterances if u.utt_id not in rows]
            raise SercliError(
                f"{where} leaves out {len(left_out)} of the {len(utterances)} utterances of this task, {left_out[0]} first; "
                "give each a row, or choose classes and subset that the folds were made for"
            )
        told = rows[utterance.utt_id].pop("label", labels[utterance.utt_id])
        if told != labels[utterance.utt_id]:
            raise SercliError(
                f"{where} labels {utterance.utt_id} {told!r}, this task {labels[utterance.utt_id]!r}; choose the --classes "
                "that the folds were made for, or remove that column"
            )
    nowhere = [u.utt_id for u in utterances if set(rows[u.utt_id].values()) == {"-"}]
    if nowhere:
        raise SercliError(
            f"{where} leaves out {nowhere[0]}, which has no part in any fold ({len(nowhere)} like it); give it one, or choose "
            "classes and subset that the folds were made for"
        )
    cut = _next_is_dev if "fold" in rows[utterances[0].utt_id] else _as_listed
    folds = cut({utterance.utt_id: rows[utterance.utt_id] for utterance in utterances}, where)
    for fold in folds:
        _check_whole(fold, where)
        if not speakers_may_be_shared:
            _check_speakers(fold, utterances, where)
    tested = Counter(utt_id for fold in folds for utt_id in fold.part("test"))
    for utt_id, times in tested.items():
        if times > 1:
            raise SercliError(f"{where} tests {utt_id} in {times} folds, wanted once; mend the file")
    return folds


def unknown_ids(file: FoldsFile, utterances: Sequence[Utterance]) -> list[str]:
    """Whom somebody else's folds list and the corpus has not."""
    known = {utterance.utt_id for utterance in utterances}
    return [utt_id for utt_id in _read_folds_file(file) if utt_id not in known]


def _read_folds_file(file: FoldsFile) -> dict[str, dict[str, str]]:
    where, text = file
    try:
        lines = list(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ","))
    except csv.Error as error:
        raise SercliError(f"{where}: cannot be read as a table: {error}; mend the file") from None
    header = [name.strip() for name in lines[0]] if lines else []
    numbered = [f"fold-{number + 1}" for number in range(sum(name.startswith("fold-") for name in header))]
    in_a_form = {"utt_id", "fold"} <= set(header) or (numbered and {"utt_id", *numbered} <= set(header))
    if not in_a_form or len(set(header)) < len(header) or ("fold" in header and numbered):
        raise SercliError(
            f"{where} has the columns {', '.join(header) or '(none)'}; wanted utt_id and fold, or utt_id and fold-1 to fold-K, each once"
        )
    wanted = ["fold"] if "fold" in header else [*numbered, *(name for name in header if name == "label")]
    rows: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        row = dict(zip(header, (cell.strip() for cell in line), strict=False))
        if not line:
            continue
        if len(line) != len(header) or not all(row[name] for name in ("utt_id", *wanted)):
            raise SercliError(
                f"{where}, line {number}: wanted {len(header)} columns with something in each; mend the file"
            )
        if row["utt_id"] in rows:
            raise SercliError(f"{where}, line {number}: {row['utt_id']} is listed twice; mend the file")
        strange = [row[name] for name in numbered if row[name] not in (*PARTS, "-")] if "fold" not in header else []
        if strange:
            raise SercliError(f"{where}, line {number}: {strange[0]!r} is no part; wanted train, dev, test or -")
        rows[row["utt_id"]] = {name: row[name] for name in wanted}
    if wanted == ["fold"] and {row["fold"] for row in rows.values()} <= set(PARTS):  # one split, not three folds
        return {utt_id: {"fold-1": row["fold"]} for utt_id, row in rows.items()}
    return rows


def _next_is_dev(rows: Mapping[str, Mapping[str, str]], where: str) -> list[Fold]:
    groups = sorted({row["fold"] for row in rows.values()}, key=_as_counted)
    if len(groups) < len(PARTS):
        raise SercliError(f"{where} has {len(groups)} folds, wanted at least 3 (train, dev, test)")
    folds = []
    for index, left_out in enumerate(groups):
        dev = groups[(index + 1) % len(groups)]
        part = {left_out: "test", dev: "dev"}
        folds.append(
            Fold(index + 1, left_out, dev, {utt_id: part.get(row["fold"], "train") for utt_id, row in rows.items()})
        )
    return folds


def _as_counted(name: str) -> list[str | int]:
    """Sort key by which fold 10 comes after fold 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _as_listed(rows: Mapping[str, Mapping[str, str]], _: str) -> list[Fold]:
    names = list(next(iter(rows.values())))
    return [
        Fold(index + 1, name, f"dev of {name}", {utt_id: row[name] for utt_id, row in rows.items() if row[name] != "-"})
        for index, name in enumerate(names)
    ]


def _check_whole(fold: Fold, where: str) -> None:
    for part in PARTS:
        if not fold.part(part):
            raise SercliError(
                f"{where}: fold {fold.number} ({fold.left_out}) has no {part} utterance of this task; mend the file"
            )


def _check_speakers(fold: Fold, utterances: Sequence[Utterance], where: str) -> None:
    """Also those of whom a part is left out: a test speaker's utterances are not picked."""
    parts = (*PARTS, "-")
    speakers = {part: {u.speaker for u in utterances if fold.parts.get(u.utt_id, "-") == part} for part in parts}
    for one, other in combinations(parts, 2):
        for shared in sorted(speakers[one] & speakers[other], key=c_order):
            there = "no part" if other == "-" else other
            raise SercliError(
                f"{where} puts {shared} into {one} and {there} of fold {fold.number} ({fold.left_out}); mend the file, or say "
                "--protocol speaker-dependent-file, which marks every score made with it"
            )
