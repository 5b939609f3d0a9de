"""Kaldi's data directories: text files of which all have the same utterances in the same order, and an archive beside them.

The rules are those of Kaldi's own check (utils/validate_data_dir.sh): one entry a line, no line empty, sorted by its bytes
and unique; utt2spk is sorted by speaker as well, and spk2utt is its inverse.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from ..errors import SercliError
from ..formats.kaldi_archives import write_matrices
from ..machine.progress import say
from ..text import c_order
from .tables import Matrices, Spoken, Table

# A blank ends a field; the others make a pipe, a range or a place in a file of a path.
_NO_FILE = re.compile(r"\s|[|\]]$|:\d+$")
_NO_SCP = re.compile(r"[\s\ud800-\udfff]")  # nor is what is no UTF-8 written there
_NO_TEXT = re.compile(r"(?<!\w)(<s>|</s>|#0)(?!\w)")  # what decoding graphs are made of


def write(folder: Path, home: Path, what: Matrices | Table, root: Path) -> None:
    """Write data directories into a folder whose path will be `home`: one of matrices, of a table one a fold and part.

    `root` is where the sound files lie. Raises SercliError for names and paths that Kaldi cannot tell apart or read.
    """
    if isinstance(what, Matrices) or what.classes:
        _refuse_path(home, _NO_SCP)
    if isinstance(what, Matrices):
        _write_matrices(folder, home, what, root)
    else:
        _write_parts(folder, home, what)


def _write_matrices(folder: Path, home: Path, what: Matrices, root: Path) -> None:
    utterances = what.spoken
    _write_speakers(folder, [(one.id, one.speaker, one.utterance.speaker) for one in utterances])
    _write_emotions(folder, [(one.id, one.utterance.emotion) for one in utterances if one.utterance.emotion])
    _write_sound(folder, utterances, root)
    texts = [(one.id, " ".join(one.utterance.text.split())) for one in utterances]
    if all(text and not _NO_TEXT.search(text) for _, text in texts):
        _lines(folder / "text", texts)
    _lines(folder / "utt2dur", ((one.id, _seconds(one.utterance.duration)) for one in utterances))
    _lines(folder / "utt2num_frames", zip((one.id for one in utterances), map(str, what.lengths), strict=True))
    (folder / "frame_shift").write_text(f"{what.shift_ms / 1000:g}\n", encoding="utf-8")
    write_matrices(folder, "feats", ((one.id, rows) for one, rows in what.each(what.arrays)), home)


def _write_parts(folder: Path, home: Path, table: Table) -> None:
    """`fold-<k>/<part>/`, and where there are posteriors, a matrix (1, C) of each utterance; `classes.txt` names the columns."""
    ids, speakers = table.columns["id"], table.columns["speaker"]
    truths = table.columns["truth" if table.classes else "label"]
    parts: dict[Path, list[int]] = {}
    for i, (fold, part) in enumerate(zip(table.columns["fold"], table.columns["part"], strict=True)):
        parts.setdefault(Path(f"fold-{fold}") / part, []).append(i)
    for part, mine in parts.items():
        (folder / part).mkdir(parents=True)
        _write_speakers(folder / part, [(ids[i], ids[i].partition("-")[0], speakers[i]) for i in mine])
        _write_emotions(folder / part, [(ids[i], truths[i]) for i in mine])
        if table.classes:
            matrices = ((ids[i], table.posteriors[i : i + 1]) for i in mine)
            write_matrices(folder / part, "posteriors", matrices, home / part)
    if table.classes:
        tokens = _tokens(table.classes, "classes", _joined)
        _lines(folder / "classes.txt", (tokens[label] for label in table.classes))


def _write_speakers(folder: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """`utt2spk` and `spk2utt`, from rows of id, its speaker, and the speaker's name in the store."""
    short = {name: speaker for _, speaker, name in rows}
    _tokens(sorted(short), "speakers", short.__getitem__)
    _lines(folder / "utt2spk", ((key, speaker) for key, speaker, _ in rows))
    theirs = groupby(rows, key=lambda row: row[1])
    _lines(folder / "spk2utt", ((speaker, " ".join(key for key, _, _ in mine)) for speaker, mine in theirs))


def _write_emotions(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    tokens = _tokens(sorted({label for _, label in rows}), "emotions", _joined)
    if rows:
        _lines(folder / "utt2emotion", ((key, tokens[label]) for key, label in rows))


def _joined(label: str) -> str:
    return "_".join(label.split())


def _tokens(names: Sequence[str], kind: str, token: Callable[[str], str]) -> dict[str, str]:
    """What stands for each name. Raises SercliError if two would become one."""
    owners: dict[str, str] = {}
    for name in names:
        owner = owners.setdefault(token(name), name)
        if owner != name:
            raise SercliError(
                f"the {kind} {owner!r} and {name!r} would both be {token(name)!r} in Kaldi's files; rename one of them in "
                "the corpus and run `sercli ingest` again, or choose another --format"
            )
    return {name: mine for mine, name in owners.items()}


def _write_sound(folder: Path, utterances: Sequence[Spoken], root: Path) -> None:
    """`wav.scp`: a file an utterance; or, where some are sections of a file, `segments` of files that are named by their path."""
    if not root.is_dir():
        raise SercliError(f"{root}: no such folder, the sound files were there; say with --root where they are now")
    paths = sorted({one.utterance.path for one in utterances}, key=c_order)
    for path in paths:
        _refuse_path(root.absolute() / path, _NO_FILE)
    others = [path for path in paths if not path.lower().endswith(".wav")]
    if others:
        say(f"wav.scp: {len(others)} files are no WAV, {others[0]} first; Kaldi itself reads their features alone")
    if all(one.utterance.start is None for one in utterances):
        _lines(folder / "wav.scp", ((one.id, str(root.absolute() / one.utterance.path)) for one in utterances))
        return
    _lines(folder / "wav.scp", ((path, str(root.absolute() / path)) for path in paths))
    sections = ((one.id, one.utterance.path, one.utterance.start or 0.0, one.utterance.duration) for one in utterances)
    _lines(
        folder / "segments",
        ((key, f"{path} {_seconds(start)} {_seconds(start + length)}") for key, path, start, length in sections),
    )


def _refuse_path(path: Path, unfit: re.Pattern[str]) -> None:
    if unfit.search(str(path)):
        raise SercliError(
            f"{path}: Kaldi's files cannot hold a path with a blank, nor one that reads as a pipe or a list; choose another "
            "OUT, or for sound files rename them, or link their folder and name the link with --root"
        )


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"


def _lines(path: Path, rows: Iterable[tuple[str, str]] | Iterable[str]) -> None:
    """A line a row: a key and what is said of it, or one word."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        stream.writelines(f"{row if isinstance(row, str) else ' '.join(row)}\n" for row in rows)
