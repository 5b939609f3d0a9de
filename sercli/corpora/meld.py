"""MELD: lines of the television series Friends, cut by its dialogues, in English.

Size: 13 706 utterances with sound
Speakers: 6 main roles, and over 200 that say little
Labels: neutral 6434, happiness 2308 (`joy`), surprise 1636, anger 1607, sadness 1002, disgust 361, fear 358
Rate: 48 kHz in the videos, of several channels; the sound is what is made of them
Licence: GPL-3.0
Source: https://github.com/declare-lab/MELD

The release has videos, `train_splits/dia0_utt0.mp4`, and `train_sent_emo.csv`, `dev_sent_emo.csv`, `test_sent_emo.csv`. Make a WAV
beside each video (`ingest` says how); the name of a folder, or the beginning of the file's, tells the split. Dialogues are counted
anew in each, so that an utterance is `train_dia0_utt0`. What several say at once (`All`) is of no speaker, and set aside.
The published split shares its main speakers, so that the default is to cut by speaker instead. To use it: `cut -f 1
STORE/utterances.tsv | awk -F_ '{print $0 "\\t" (NR == 1 ? "fold" : $1)}' > FOLDS.tsv`, then `--folds-file FOLDS.tsv --protocol
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
from ..errors import SercliError
from ..formats import csv_files
from ..text import printable
from .base import files_below

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
    """One utterance a row. Raises SercliError without the tables, or where there are videos only."""
    tables = _tables(folder)
    if not tables:
        raise SercliError(
            f"{folder}: has no train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv; give the folder of MELD"
        )
    splits = [split for split, _ in tables]
    twice = [str(table) for split, table in tables if splits.count(split) > 1]
    if twice:
        raise SercliError(f"{folder}: has {' and '.join(twice)}; keep one table of a split")
    sounds, rejects = _by_id(folder, ".wav")
    videos, _ = _by_id(folder, ".mp4")
    if videos and not sounds:
        raise SercliError(f"{folder}: holds {len(videos)} videos and no sound; {_extract(folder)}")
    utterances: list[Utterance] = []
    listed: set[str] = set()
    for split, table in tables:
        for row in csv_files.read_rows(table, NEEDED):
            utt_id = f"{split}_dia{row.cells.get('dialogue_id')}_utt{row.cells.get('utterance_id')}"
            listed.add(utt_id)
            try:
                utterances.append(_utterance(row, split, utt_id, sounds.get(utt_id, "")))
            except ValueError as error:
                where = sounds.get(utt_id) or videos.get(utt_id) or utt_id
                cure = f"; {_extract(folder)}" if utt_id in videos and utt_id not in sounds else ""
                rejects.append(Reject(where, f"line {row.line} of {table.name}: {error}{cure}"))
    names = ", ".join(table.name for _, table in tables)
    rejects += [Reject(path, f"has no row in {names}") for utt_id, path in sounds.items() if utt_id not in listed]
    if not utterances:
        first = f"; the first: {printable(rejects[0].path)}: {rejects[0].reason}" if rejects else ""
        raise SercliError(f"{folder}: no utterance has a row and sound, {len(rejects)} were set aside{first}")
    return Scan(utterances, rejects)


def _tables(folder: Path) -> list[tuple[str, Path]]:
    """Split and table, in the order of the splits; there may be two of one."""
    found = [(path.name.removesuffix("_sent_emo.csv"), path) for path in files_below(folder, (".csv",))]
    return sorted((one for one in found if one[0] in SPLITS), key=lambda one: SPLITS.index(one[0]))


def _by_id(folder: Path, suffix: str) -> tuple[dict[str, str], list[Reject]]:
    """Paths of files by utt_id, and the other files."""
    found: dict[str, str] = {}
    others: list[Reject] = []
    for path in files_below(folder, (suffix,)):
        relative = path.relative_to(folder).as_posix()
        name = _NAME.fullmatch(path.stem)
        split = name and (name[1] or next(_splits(PurePosixPath(folder.resolve().name, relative)), None))
        if not name or not split:
            others.append(Reject(relative, "the name and its folders are not of the form train_splits/dia0_utt0.wav"))
            continue
        utt_id = f"{split}_dia{name[2]}_utt{name[3]}"
        if found.setdefault(utt_id, relative) != relative:
            others.append(Reject(relative, f"is {utt_id}, as {found[utt_id]} is; remove one"))
    return found, others


def _splits(path: PurePosixPath) -> Iterator[str]:
    """What the names of its folders tell, the nearest first."""
    for parent in path.parents:
        told = set(_SPLIT.findall(parent.name.lower()))
        if len(told) == 1:
            yield told.pop()


def _extract(folder: Path) -> str:
    command = """-name 'dia*.mp4' -exec sh -c 'ffmpeg -n -i "$1" -vn -ac 1 -ar 16000 "${1%.mp4}.wav"' sh {} \\;"""
    return f"make it of the videos: find {shlex.quote(str(folder))} {command}"


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
    """Quotes of Windows that became control characters on their way."""
    return re.sub("[\x80-\x9f]", lambda found: found[0].encode("latin-1").decode("cp1252", "replace"), text)
