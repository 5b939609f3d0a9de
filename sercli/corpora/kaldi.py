"""A Kaldi data directory: any corpus, described by wav.scp, utt2spk and utt2emotion.

Size: any
Speakers: any
Labels: any; joy and happy, sad and sadness, … become one name, and the name in the directory is kept
Rate: any, also several
Licence: that of the recordings
Source: you

Optional files: segments (utterance, recording, start and end in seconds; an end of -1 is that of the recording), text,
spk2gender (m or f), and utt2session, utt2style, utt2valence, utt2arousal, utt2dominance. A path in wav.scp is absolute, or
relative to the directory or to the nearest folder above it below which a sound of wav.scp lies. Files are in C order, without
duplicates, as Kaldi's own check wants them. A wav.scp that holds commands (`sph2pipe … |`) is refused: commands are never run.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..data.emotions import look_up
from ..data.utterances import DIMENSIONS, Reject, Scan, Utterance
from ..errors import SercliError, listed
from ..formats import csv_files
from ..text import c_order

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "wav.scp": "anna-1 wav/anna-1.wav\nbert-1 wav/bert-1.flac\n",
    "segments": "anna-1-a anna-1 0.00 0.40\nbert-1-a bert-1 0.05 -1\n",
    "utt2spk": "anna-1-a anna\nbert-1-a bert\n",
    "utt2emotion": "anna-1-a sad\nbert-1-a hap\n",
    "spk2gender": "anna f\nbert m\n",
    "wav/anna-1.wav": "anna sadness",
    "wav/bert-1.flac": "bert happiness",
}
GENDERS = {"f": "female", "m": "male"}
_LABELS = tuple(f"utt2{name}" for name in ("emotion", *DIMENSIONS))
_NUMBERS = ("start", "end", *DIMENSIONS)
_REST_OF_LINE = ("wav.scp", "text")  # the last field of these may hold blanks


def recognises(folder: Path) -> bool:
    return not _missing(folder)


def nearly(folder: Path) -> str:
    """The first file that is missing beside wav.scp."""
    missing = _missing(folder)
    has_recordings = missing and missing[0] != "wav.scp"
    return f"wav.scp is a file of a Kaldi data directory, but there is no {missing[0]}" if has_recordings else ""


def scan(folder: Path) -> Scan:
    """Every utterance that has sound. Raises SercliError, with file and line, for commands and for what Kaldi's own check refuses."""
    if missing := _missing(folder):
        problem = "not a Kaldi data directory with labels"
        raise SercliError(problem, place=folder, expected=listed(missing), fix="add the missing files")
    recordings = {name: row["path"] for name, row in _read(folder / "wav.scp", "recording path").items()}
    segments = _read(folder / "segments", "utterance recording start end")
    genders = _read(folder / "spk2gender", "speaker gender")
    facts: dict[str, dict[str, Any]] = {}
    for file, column in (
        *((f"utt2{name}", name) for name in ("emotion", "session", "style", *DIMENSIONS)),
        ("utt2spk", "speaker"),
        ("text", "text"),
    ):
        for utt_id, row in _read(folder / file, f"utterance {column}").items():
            facts.setdefault(utt_id, {}).update(row)
    sounds = segments or {name: {"recording": name} for name in recordings}
    root, paths = _relative(folder, recordings)
    utterances: list[Utterance] = []
    rejects = [
        Reject("segments" if segments else "wav.scp", f"{utt_id}: has labels or text, but no line here; add its sound")
        for utt_id in sorted(facts.keys() - sounds.keys(), key=c_order)
    ]
    for utt_id, sound in sounds.items():
        recording = sound["recording"]
        if recording not in paths:
            rejects.append(Reject("segments", f"{utt_id}: its recording {recording} is not in wav.scp; add it there"))
            continue
        of_utterance = facts.get(utt_id, {})
        end = sound.get("end")
        utterances.append(
            Utterance(
                utt_id=utt_id,
                path=paths[recording],
                start=sound.get("start"),
                end=None if end == -1 else end,
                gender=genders.get(of_utterance.get("speaker", ""), {}).get("gender", ""),
                **of_utterance,
            )
        )
    return Scan(utterances, rejects, sound_root=root)


def _missing(folder: Path) -> list[str]:
    """The required files that are missing; a label of any kind will do."""
    missing = [name for name in ("wav.scp", "utt2spk") if not (folder / name).is_file()]
    return missing if any((folder / name).is_file() for name in _LABELS) else [*missing, _LABELS[0]]


def _read(path: Path, form: str) -> dict[str, dict[str, Any]]:
    """The rows of a file by their first field, with values named as in `form`; empty if there is no such file.

    Raises SercliError, with the line, for a row that has another form or is not in C order.
    """
    _, *names = form.split()
    rows: dict[str, dict[str, Any]] = {}
    last = ""
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else (), start=1):
        place = f"{path}: line {number}"
        try:
            key, *values = _fields(line, form, path.name in _REST_OF_LINE)
            if key in rows:
                raise SercliError("two lines for one key", seen=key, fix="remove one of them")
            if c_order(key) < c_order(last):
                sort = f"run: LC_ALL=C sort -o {shlex.quote(str(path))} {shlex.quote(str(path))}"
                raise SercliError("not in C order", seen=f"{key!r} after {last!r}", fix=sort)
            rows[key] = {name: _value(name, text) for name, text in zip(names, values, strict=True)}
        except SercliError as error:
            raise error.at(place) from None
        except ValueError as error:
            raise SercliError(str(error), place=place, fix="correct the line") from None
        last = key
    return rows


def _fields(line: bytes, form: str, rest: bool) -> list[str]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise SercliError("not UTF-8 text", fix="convert the file, such as with iconv") from None
    names = form.split()
    fields = re.split(r"[ \t]+", text.strip(" \t"), maxsplit=len(names) - 1 if rest else 0)
    if names[-1] == "text" and len(fields) == 1 and fields[0]:
        fields.append("")  # nothing was said
    if len(fields) != len(names) or not fields[0]:
        seen, expected = len(fields) if fields[0] else 0, f"{len(names)}: {listed(names)}"
        raise SercliError("wrong number of fields", seen=seen, expected=expected, fix="correct the line")
    return fields


def _value(name: str, text: str) -> str | float | None:
    """Raises ValueError for a bad number or gender, SercliError for a recording that is not a file."""
    if name in _NUMBERS:
        return csv_files.number(name, text)
    if name == "gender":
        return look_up(text.lower(), GENDERS, "gender")
    if name == "path":
        fix = "write the sound to a file first, such as with `sox … out.wav`, and give the path of that file"
        if text.startswith("|") or text.endswith("|"):
            raise SercliError("the recording is a command, and commands are never run", seen=text, fix=fix)
        if text == "-" or re.search(r":\d+$", text):
            raise SercliError("the recording is standard input, or a place in an archive", seen=text, fix=fix)
    return text


def _relative(folder: Path, recordings: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """The folder where the paths start, and the path of each recording from there. `ingest` rejects a path that leaves the folder."""
    home = Path(os.path.abspath(folder))  # as it is called: a `data` that is a link still lies in its recipe
    relative = [path for path in map(os.path.normpath, recordings.values()) if path[:1] != "/" and path[:3] != "../"]
    base = next((parent for parent in (home, *home.parents) if _any_file(parent, relative)), home)
    absolute = [os.path.dirname(path) for path in map(os.path.normpath, recordings.values()) if path[:1] == "/"]
    mixed = [*absolute, str(base)] if len(absolute) < len(recordings) else absolute
    root = os.path.commonpath(mixed) if mixed else str(base)
    return Path(root), {name: os.path.relpath(os.path.normpath(base / path), root) for name, path in recordings.items()}


def _any_file(parent: Path, paths: Iterable[str]) -> bool:
    return any((parent / path).is_file() for path in paths)
