"""MELD: lines of the television series Friends, cut by its dialogues, in English.

Size: 13 706 utterances with sound
Speakers: 6 main roles, and over 200 that say little
Labels: neutral 6434, happiness 2308 (`joy`), surprise 1636, anger 1607, sadness 1002, disgust 361, fear 358
Rate: 48 kHz in the videos, of several channels; the sound is what is made of them
Licence: GPL-3.0
Source: https://github.com/declare-lab/MELD

The release has videos, `train_splits/dia0_utt0.mp4`, and `train_sent_emo.csv`, `dev_sent_emo.csv`, `test_sent_emo.csv`. Make a WAV
beside each video (`ingest` prints the command); the split is in the name of a folder, or at the beginning of the file's name. Dialogue
numbers begin anew in each split, so that an utterance is `train_dia0_utt0`. Lines that several people say at once (`All`) are skipped.
The published split shares its main speakers, so the default task is cut by speaker instead. To use the published split: `cut -f 1
STORE/corpus/utterances.tsv | awk -F_ '{print $0 "\\t" (NR == 1 ? "fold" : $1)}' > FOLDS.tsv`, then `--folds-file FOLDS.tsv --protocol
speaker-dependent-file`, which marks every score.
Poria, Hazarika, Majumder, Naik, Cambria, Mihalcea: MELD: a multimodal multi-party dataset for emotion recognition in
conversations, ACL 2019.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from ..data.emotions import look_up
from ..data.utterances import Reject, Scan, Utterance
from ..errors import SercliError, listed
from ..formats import csv_files
from .base import files_below, nothing_usable

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
_HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"
EXAMPLE = {
    "train/train_sent_emo.csv": _HEAD
    + '1,"That I did. That I did.",Chandler,neutral,neutral,0,0,8,21,"00:16:23,442","00:16:26,389"\r\n',
    "dev_sent_emo.csv": _HEAD + '1,Really?!,The Interviewer,joy,positive,0,0,4,7,"0:16:59,425","0:17:01,439"\r\n',
    "train/train_splits/dia0_utt0.wav": "Chandler neutral",
    "dev_splits_complete/dia0_utt0.wav": "The_Interviewer happiness",
}
EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
SPLITS = ("train", "dev", "test")
NEEDED = ("utterance", "speaker", "emotion", "dialogue_id", "utterance_id")
_NAME = re.compile(r"(?:(train|dev|test)_)?dia(\d+)_utt(\d+)", re.ASCII)
_SPLIT = re.compile(r"(?<![a-z])(train|dev|test)(?![a-z])")
_SEVERAL = re.compile(r"all|both|every(?:one|body)|.*(?:,|&|/| and ).*", re.IGNORECASE)


def recognises(folder: Path) -> bool:
    return bool(_tables(folder))


def scan(folder: Path) -> Scan:
    """One utterance per row. Raises SercliError if the tables are missing, or if there are only videos."""
    tables = _tables(folder)
    if not tables:
        expected = "train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv"
        raise SercliError("no table of labels", place=folder, expected=expected, fix="give the folder of MELD")
    splits = [split for split, _ in tables]
    if twice := [table for split, table in tables if splits.count(split) > 1]:
        raise SercliError("two tables of one split", place=folder, seen=listed(twice), fix="keep one of them")
    sounds, rejects = _by_id(folder, ".wav")
    videos, _ = _by_id(folder, ".mp4")
    if videos and not sounds:
        raise SercliError("videos and no sound", place=folder, seen=f"{len(videos)} videos", fix=_extract(folder))
    utterances: list[Utterance] = []
    in_tables: set[str] = set()
    for split, table in tables:
        for row in csv_files.read_rows(table, NEEDED):
            utt_id = f"{split}_dia{row.cells.get('dialogue_id')}_utt{row.cells.get('utterance_id')}"
            in_tables.add(utt_id)
            try:
                utterances.append(_utterance(row, split, utt_id, sounds.get(utt_id, "")))
            except ValueError as error:
                where = sounds.get(utt_id) or videos.get(utt_id) or utt_id
                fix = f"; {_extract(folder)}" if utt_id in videos and utt_id not in sounds else ""
                rejects.append(Reject(where, f"line {row.line} of {table.name}: {error}{fix}"))
    names = ", ".join(table.name for _, table in tables)
    rejects += [Reject(path, f"has no row in {names}") for utt_id, path in sounds.items() if utt_id not in in_tables]
    if not utterances:
        raise nothing_usable(folder, rejects)
    return Scan(utterances, rejects)


def _tables(folder: Path) -> list[tuple[str, Path]]:
    """Split and table, in the order of the splits; a split may have two."""
    paths = [(path.name.removesuffix("_sent_emo.csv"), path) for path in files_below(folder, (".csv",))]
    return sorted((pair for pair in paths if pair[0] in SPLITS), key=lambda pair: SPLITS.index(pair[0]))


def _by_id(folder: Path, suffix: str) -> tuple[dict[str, str], list[Reject]]:
    """Paths of files by utt_id, and a reject for each other file."""
    paths: dict[str, str] = {}
    others: list[Reject] = []
    for path in files_below(folder, (suffix,)):
        relative = path.relative_to(folder).as_posix()
        name = _NAME.fullmatch(path.stem)
        split = name and (name[1] or next(_splits(PurePosixPath(folder.resolve().name, relative)), None))
        if not name or not split:
            others.append(Reject(relative, "the name and its folders are not of the form train_splits/dia0_utt0.wav"))
            continue
        utt_id = f"{split}_dia{name[2]}_utt{name[3]}"
        if paths.setdefault(utt_id, relative) != relative:
            others.append(Reject(relative, f"is {utt_id}, as {paths[utt_id]} is; remove one"))
    return paths, others


def _splits(path: PurePosixPath) -> Iterator[str]:
    """The splits that the names of its folders contain, the nearest folder first."""
    for parent in path.parents:
        splits = set(_SPLIT.findall(parent.name.lower()))
        if len(splits) == 1:
            yield splits.pop()


def _extract(folder: Path) -> str:
    command = """-name 'dia*.mp4' -exec sh -c 'ffmpeg -n -i "$1" -vn -ac 1 -ar 16000 "${1%.mp4}.wav"' sh {} \\;"""
    return f"make it from the videos: find {shlex.quote(str(folder))} {command}"


def _utterance(row: csv_files.Row, split: str, utt_id: str, path: str) -> Utterance:
    """Raises ValueError with the reason."""
    if row.problem:
        raise ValueError(row.problem)
    cells = row.cells
    if not path:
        raise ValueError(f"{utt_id} has no sound")
    if _SEVERAL.fullmatch(cells["speaker"]):
        raise ValueError(f"{cells['speaker']!r} are several at once, who may all be in the training part too")
    return Utterance(
        utt_id=utt_id,
        path=path,
        speaker=cells["speaker"],
        style="acted",
        emotion=look_up(cells["emotion"].lower(), EMOTIONS),
        emotion_code=cells["emotion"].lower(),
        text=_mended(cells["utterance"]),
        extra={"split": split, "dialogue": f"{split}_dia{cells['dialogue_id']}", **_more(cells)},
    )


def _more(cells: Mapping[str, str]) -> dict[str, str]:
    return {name: cells.get(name, "") for name in ("sentiment", "season", "episode")}


def _mended(text: str) -> str:
    """Quotation marks of Windows that became control characters."""
    return re.sub("[\x80-\x9f]", lambda match: match[0].encode("latin-1").decode("cp1252", "replace"), text)
