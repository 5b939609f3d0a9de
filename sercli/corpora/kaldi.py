"""A Kaldi data directory: any corpus, told by wav.scp, utt2spk and utt2emotion.

Size: any
Speakers: any
Labels: any; joy and happy, sad and sadness, … are brought to one name, and the directory's own is kept
Rate: any, also several
Licence: that of the recordings
Source: you

Also read, where there: segments (utterance, recording, start and end in seconds; an end of -1 is that of the recording), text,
spk2gender (m or f), and utt2session, utt2style, utt2valence, utt2arousal, utt2dominance. A path in wav.scp is absolute, or
relative to the directory or to the nearest folder above it below which a sound of wav.scp lies. Files are in C order, without
duplicates, as Kaldi's own check wants them. A wav.scp that holds commands (`sph2pipe … |`) is refused: none is ever run.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..data.emotions import look_up
from ..data.utterances import DIMENSIONS, Reject, Scan, Utterance
from ..errors import SercliError
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
    """What a directory with wav.scp lacks."""
    missing = _missing(folder)
    is_one = missing and missing[0] != "wav.scp"
    return f"wav.scp is that of a Kaldi data directory, but there is no {missing[0]}" if is_one else ""


def scan(folder: Path) -> Scan:
    """Every utterance that has sound. Raises SercliError, with file and line, for what Kaldi's own check refuses, and commands."""
    if missing := _missing(folder):
        raise SercliError(f"{folder}: no Kaldi data directory with labels, it has no {', no '.join(missing)}; add it")
    recordings = {name: said["path"] for name, said in _read(folder / "wav.scp", "recording path").items()}
    segments = _read(folder / "segments", "utterance recording start end")
    genders = _read(folder / "spk2gender", "speaker gender")
    told: dict[str, dict[str, Any]] = {}
    for file, column in (
        *((f"utt2{name}", name) for name in ("emotion", "session", "style", *DIMENSIONS)),
        ("utt2spk", "speaker"),
        ("text", "text"),
    ):
        for utt_id, said in _read(folder / file, f"utterance {column}").items():
            told.setdefault(utt_id, {}).update(said)
    sounds = segments or {name: {"recording": name} for name in recordings}
    root, paths = _relative(folder, recordings)
    utterances: list[Utterance] = []
    rejects = [
        Reject("segments" if segments else "wav.scp", f"{utt_id}: has labels or text, but no line here; add its sound")
        for utt_id in sorted(told.keys() - sounds.keys(), key=c_order)
    ]
    for utt_id, sound in sounds.items():
        recording = sound["recording"]
        if recording not in paths:
            rejects.append(Reject("segments", f"{utt_id}: its recording {recording} is not in wav.scp; add it there"))
            continue
        said = told.get(utt_id, {})
        end = sound.get("end")
        utterances.append(
            Utterance(
                utt_id=utt_id,
                path=paths[recording],
                start=sound.get("start"),
                end=None if end == -1 else end,
                gender=genders.get(said.get("speaker", ""), {}).get("gender", ""),
                **said,
            )
        )
    return Scan(utterances, rejects, root=root)


def _missing(folder: Path) -> list[str]:
    """Of the files that no such directory lacks; a label of any kind will do."""
    missing = [name for name in ("wav.scp", "utt2spk") if not (folder / name).is_file()]
    return missing if any((folder / name).is_file() for name in _LABELS) else [*missing, _LABELS[0]]


def _read(path: Path, form: str) -> dict[str, dict[str, Any]]:
    """What a file says of each utterance, recording or speaker, by the names in `form`; nothing if it is not there.

    Raises SercliError, with the line, for one that is not of that form or not in its place.
    """
    _, *names = form.split()
    found: dict[str, dict[str, Any]] = {}
    last = ""
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else (), start=1):
        try:
            key, *values = _fields(line, form, path.name in _REST_OF_LINE)
            if key in found:
                raise ValueError(f"{key!r} has a line already; remove one of them")
            if c_order(key) < c_order(last):
                sort = f"LC_ALL=C sort -o {shlex.quote(str(path))} {shlex.quote(str(path))}"
                raise ValueError(f"{key!r} comes after {last!r}, which is not C order; run: {sort}")
            found[key] = {name: _value(name, text) for name, text in zip(names, values, strict=True)}
        except ValueError as error:
            raise SercliError(f"{path}: line {number}: {error}") from None
        last = key
    return found


def _fields(line: bytes, form: str, rest: bool) -> list[str]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8 text; convert the file, such as with iconv") from None
    wanted = form.split()
    fields = re.split(r"[ \t]+", text.strip(" \t"), maxsplit=len(wanted) - 1 if rest else 0)
    if wanted[-1] == "text" and len(fields) == 1 and fields[0]:
        fields.append("")  # nothing was said
    if len(fields) != len(wanted) or not fields[0]:
        n_fields = len(fields) if fields[0] else 0
        raise ValueError(f"has {n_fields} fields, wanted {len(wanted)}: {', '.join(wanted)}; mend the line")
    return fields


def _value(name: str, text: str) -> str | float | None:
    """Raises ValueError, also for a recording that is no file."""
    if name in _NUMBERS:
        return csv_files.number(name, text)
    if name == "gender":
        return look_up(text.lower(), GENDERS, "gender")
    if name == "path":
        cure = "write the sound to a file first, such as with `sox … out.wav`, and give the path of that file"
        if text.startswith("|") or text.endswith("|"):
            raise ValueError(f"the recording is a command, and none is run; {cure}")
        if text == "-" or re.search(r":\d+$", text):
            raise ValueError(f"{text!r} is standard input, or a place in an archive; {cure}")
    return text


def _relative(folder: Path, recordings: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """The folder where the paths start, and each recording's from there; one that leaves it is left to `ingest` to refuse."""
    home = Path(os.path.abspath(folder))  # as it is called: a `data` that is a link still lies in its recipe
    relative = [path for path in map(os.path.normpath, recordings.values()) if path[:1] != "/" and path[:3] != "../"]
    base = next((parent for parent in (home, *home.parents) if _any_file(parent, relative)), home)
    absolute = [os.path.dirname(path) for path in map(os.path.normpath, recordings.values()) if path[:1] == "/"]
    mixed = [*absolute, str(base)] if len(absolute) < len(recordings) else absolute
    root = os.path.commonpath(mixed) if mixed else str(base)
    return Path(root), {name: os.path.relpath(os.path.normpath(base / path), root) for name, path in recordings.items()}


def _any_file(parent: Path, paths: Iterable[str]) -> bool:
    return any((parent / path).is_file() for path in paths)
