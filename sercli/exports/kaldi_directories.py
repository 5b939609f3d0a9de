"""Kaldi's data directories: text files that all have the same utterances in the same order, and an archive of matrices.

The rules are those of Kaldi's own check (utils/validate_data_dir.sh): one entry per line, no empty line, lines sorted by
their bytes and unique; utt2spk is sorted by speaker as well, and spk2utt is its inverse.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from ..errors import SercliError
from ..formats.kaldi_archives import write_matrices
from ..machine.progress import say
from ..text import c_order
from .contents import ExportedUtterance, ExportTable, Matrices

# A blank ends a field; the other signs turn a path into a pipe, a range or a place in a file.
_NO_FILE = re.compile(r"\s|[|\]]$|:\d+$")
_NO_SCP = re.compile(r"[\s\ud800-\udfff]")  # an scp is written as UTF-8
_NO_TEXT = re.compile(r"(?<!\w)(<s>|</s>|#0)(?!\w)")  # symbols of decoding graphs


def write(folder: Path, final: Path, content: Matrices | ExportTable, root: Path) -> None:
    """Write data directories into a folder that will be moved to `final`: one for matrices, one per fold and part for a table.

    `root` is the folder of the sound files. Raises SercliError for names and paths that Kaldi cannot tell apart or read.
    """
    if isinstance(content, Matrices) or content.classes:
        _check_path(final, _NO_SCP)
    if isinstance(content, Matrices):
        _write_matrices(folder, final, content, root)
    else:
        _write_parts(folder, final, content)


def _write_matrices(folder: Path, final: Path, matrices: Matrices, root: Path) -> None:
    utterances = matrices.utterances
    _write_speakers(folder, [(u.id, u.speaker, u.utterance.speaker) for u in utterances])
    _write_emotions(folder, [(u.id, u.utterance.emotion) for u in utterances if u.utterance.emotion])
    _write_sound(folder, utterances, root)
    texts = [(u.id, " ".join(u.utterance.text.split())) for u in utterances]
    if all(text and not _NO_TEXT.search(text) for _, text in texts):
        _write_lines(folder / "text", texts)
    _write_lines(folder / "utt2dur", ((u.id, _seconds(u.utterance.duration)) for u in utterances))
    n_frames = zip((u.id for u in utterances), map(str, matrices.lengths), strict=True)
    _write_lines(folder / "utt2num_frames", n_frames)
    (folder / "frame_shift").write_text(f"{matrices.shift_ms / 1000:g}\n", encoding="utf-8")
    write_matrices(folder, "feats", ((u.id, rows) for u, rows in matrices.each()), final)


def _write_parts(folder: Path, final: Path, table: ExportTable) -> None:
    """`fold-<k>/<part>/`; with posteriors a matrix (1, C) per utterance, whose columns are named in `classes.txt`."""
    ids, speakers = table.columns["id"], table.columns["speaker"]
    labels = table.columns["truth" if table.classes else "label"]
    rows_of_part: dict[Path, list[int]] = {}
    for i, (fold, part) in enumerate(zip(table.columns["fold"], table.columns["part"], strict=True)):
        rows_of_part.setdefault(Path(f"fold-{fold}") / part, []).append(i)
    for part, rows in rows_of_part.items():
        (folder / part).mkdir(parents=True)
        _write_speakers(folder / part, [(ids[i], ids[i].partition("-")[0], speakers[i]) for i in rows])
        _write_emotions(folder / part, [(ids[i], labels[i]) for i in rows])
        if table.classes:
            matrices = ((ids[i], table.posteriors[i : i + 1]) for i in rows)
            write_matrices(folder / part, "posteriors", matrices, final / part)
    if table.classes:
        tokens = _tokens(table.classes, "classes", _joined)
        _write_lines(folder / "classes.txt", ((tokens[label],) for label in table.classes))


def _write_speakers(folder: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """`utt2spk` and `spk2utt`, from rows of id, exported speaker, and the speaker's name in the store."""
    exported = {name: speaker for _, speaker, name in rows}
    _tokens(sorted(exported), "speakers", exported.__getitem__)
    _write_lines(folder / "utt2spk", ((key, speaker) for key, speaker, _ in rows))
    by_speaker = groupby(rows, key=lambda row: row[1])
    _write_lines(folder / "spk2utt", ((speaker, *(key for key, _, _ in group)) for speaker, group in by_speaker))


def _write_emotions(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    tokens = _tokens(sorted({label for _, label in rows}), "emotions", _joined)
    if rows:
        _write_lines(folder / "utt2emotion", ((key, tokens[label]) for key, label in rows))


def _joined(label: str) -> str:
    return "_".join(label.split())


def _tokens(names: Sequence[str], kind: str, token: Callable[[str], str]) -> dict[str, str]:
    """The token that stands for each name. Raises SercliError if two names have the same."""
    names_of: dict[str, str] = {}
    for name in names:
        other = names_of.setdefault(token(name), name)
        if other != name:
            raise SercliError(
                "two names become one in Kaldi's files",
                place=kind,
                seen=f"{other!r} and {name!r}, both {token(name)!r}",
                fix="rename one of them in the corpus and run `sercli ingest` again, or choose another --format",
            )
    return {name: token for token, name in names_of.items()}


def _write_sound(folder: Path, utterances: Sequence[ExportedUtterance], root: Path) -> None:
    """`wav.scp`: one file per utterance; where some are sections of a file, files under their path, and `segments` of them."""
    if not root.is_dir():
        raise SercliError("no such folder", place=root, expected="the sound files", fix="give their folder with --root")
    paths = sorted({u.utterance.path for u in utterances}, key=c_order)
    for path in paths:
        _check_path(root.absolute() / path, _NO_FILE)
    others = [path for path in paths if not path.lower().endswith(".wav")]
    if others:
        say(f"wav.scp: {len(others)} files are not WAV, {others[0]} first; Kaldi can read their features only")
    if all(u.utterance.start is None for u in utterances):
        _write_lines(folder / "wav.scp", ((u.id, str(root.absolute() / u.utterance.path)) for u in utterances))
        return
    _write_lines(folder / "wav.scp", ((path, str(root.absolute() / path)) for path in paths))
    starts = [u.utterance.start or 0.0 for u in utterances]
    _write_lines(
        folder / "segments",
        (
            (u.id, u.utterance.path, _seconds(start), _seconds(start + u.utterance.duration))
            for u, start in zip(utterances, starts, strict=True)
        ),
    )


def _check_path(path: Path, unfit: re.Pattern[str]) -> None:
    if unfit.search(str(path)):
        raise SercliError(
            "Kaldi's files cannot hold a path with a blank, or one that reads as a pipe or a list",
            place=path,
            fix="choose another OUT; for sound files rename them, or link their folder and give the link with --root",
        )


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"


def _write_lines(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """One line per row of fields."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        stream.writelines(" ".join(row) + "\n" for row in rows)
