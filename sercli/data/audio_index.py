"""Headers, digests and contours of sound files, remembered in `.cache/audio.sqlite`, which is never part of a product.

A file is looked up by its path, size and time of change. The database may be deleted at any time.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from ..errors import AudioError
from ..text import printable
from . import audio

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS recordings (root BLOB, path BLOB, stamp TEXT, duration REAL, sample_rate INTEGER, "
    "channels INTEGER, digest TEXT, contour BLOB, PRIMARY KEY (root, path))"
)


@dataclass(frozen=True)
class AudioFile:
    """The header of a sound file, what its samples say, and its size and time of change."""

    stamp: str
    duration: float = 0.0  # s
    sample_rate: int = 0  # Hz
    channels: int = 0
    digest: str = ""  # of the decoded samples
    contour: bytes = b""  # `contours.section` gives that of an utterance
    problem: str = ""  # why the file cannot be used; then the fields from `duration` to `contour` are empty


class AudioIndex:
    """The remembered files below `root`, by path."""

    def __init__(self, store: Path, root: Path) -> None:
        self._root, self._database = root, store / ".cache" / "audio.sqlite"
        try:
            self._files = self._read()
        except sqlite3.OperationalError:  # the disk is full or may only be read: nothing is remembered
            self._files = {}
        except sqlite3.DatabaseError:  # damaged, or not a database
            self._database.unlink()
            self._files = self._read()

    def look_up(self, path: str) -> AudioFile | None:
        """What is remembered of a file, unless its size or time has changed."""
        file = self._files.get(path)
        return file if file and file.stamp == _stamp(self._root / path) else None

    def remember(self, files: Mapping[str, AudioFile]) -> None:
        """Keep files by path. A file with a problem is not written: it may be readable next time."""
        self._files |= files
        root = os.fsencode(self._root)
        rows = [(root, os.fsencode(path), *astuple(file)[:-1]) for path, file in files.items() if not file.problem]
        with suppress(sqlite3.OperationalError), self._connected() as connection:
            connection.executemany("INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _read(self) -> dict[str, AudioFile]:
        query = "SELECT path, stamp, duration, sample_rate, channels, digest, contour FROM recordings WHERE root = ?"
        with self._connected() as connection:
            rows = connection.execute(query, (os.fsencode(self._root),))
            return {os.fsdecode(path): AudioFile(*values) for path, *values in rows}

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction: after a kill all of its rows are there, or none."""
        self._database.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._database, timeout=60)) as connection:  # s; for other commands that write
            connection.execute("PRAGMA synchronous = OFF")  # a crash of the machine may cost the cache
            with connection:
                connection.execute(_SCHEMA)
                yield connection


def read_files(root: Path, paths: Iterable[str]) -> dict[str, AudioFile]:
    """Read the header and the samples of each file."""
    return {path: _read_file(root / path) for path in paths}


def _read_file(path: Path) -> AudioFile:
    stamp = _stamp(path)
    try:
        sound = audio.measure(path)
        header = sound.header
        return AudioFile(stamp, header.duration, header.sample_rate, header.channels, sound.digest, sound.contour)
    except AudioError as error:
        return AudioFile(stamp, problem=str(error))
    except OSError as error:
        return AudioFile(stamp, problem=printable(error.strerror or str(error)))


def _stamp(path: Path) -> str:
    with suppress(OSError):
        stat = path.stat()
        return f"{stat.st_size}-{stat.st_mtime_ns}"
    return "missing"
