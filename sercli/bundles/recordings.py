"""Recordings outside any store: files, folders, and what standard input holds."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..corpora.base import files_below
from ..data import audio
from ..errors import AudioError, SercliError, UsageError

STDIN = "-"


class Recording(NamedTuple):
    """A file under the name that is printed, or why there is none."""

    name: str
    path: Path
    error: AudioError | None = None


def named(names: Sequence[str], nul: bool) -> Iterator[Recording]:
    """Recordings in the order of their names. A folder stands for the sound files below it, in C order; `-` for the paths
    that standard input lists, with NUL after each if `nul`, else one per line.
    """
    for name in names:
        for path in _listed(nul) if name == STDIN else [name]:
            yield from _recordings_at(path)


def _recordings_at(name: str) -> Iterator[Recording]:
    path = Path(name)
    if not name:
        yield Recording("''", path, AudioError("the name is empty", fix="leave it out"))
    elif "\0" in name:
        yield Recording(name, path, AudioError("the name holds NUL", fix="use -0"))
    elif not path.is_dir():
        yield Recording(name, path)
    else:
        file = None
        try:
            for file in files_below(path, audio.SUFFIXES):
                yield Recording(str(file), file)
        except OSError as error:
            yield Recording(name, path, AudioError("the folder cannot be read", seen=error.strerror or error))
        else:
            if file is None:
                yield Recording(name, path, AudioError("no sound in this folder", expected=" ".join(audio.SUFFIXES)))


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UsageError("standard input is closed", place="predict", expected="a file or a pipe")
    return sys.stdin.buffer


def _listed(nul: bool) -> Iterator[str]:
    """Paths from standard input as they arrive, one per line or before each NUL."""
    descriptor = _standard_input().fileno()
    end, rest = b"\0" if nul else b"\n", b""
    while block := os.read(descriptor, 2**16):  # returns what there is; a buffered read would wait for more
        *paths, rest = (rest + block).split(end)
        yield from (os.fsdecode(path if nul else path.removesuffix(b"\r")) for path in paths if path)
    if rest:
        yield os.fsdecode(rest)


@contextmanager
def piped() -> Iterator[Recording]:
    """Standard input as one sound file, copied to disk since it is read twice. Raises SercliError if the disk is full."""
    with tempfile.TemporaryDirectory(prefix="sercli-") as folder:
        path = Path(folder, "standard-input.sound")
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(_standard_input(), file, 2**20)
        except OSError as error:
            fix = "free space there, or name another folder by TMPDIR"
            raise SercliError(f"{error.strerror}", place="standard input", seen=folder, fix=fix) from None
        yield Recording(STDIN, path)
