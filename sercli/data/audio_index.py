"""What is known of every sound file: its header and a digest of its content, looked up by size and time first.

The table under `.cache` is append-only and may lose its last line to a kill; it is never part of a product.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import AudioError
from ..text import printable
from . import audio
from .hashing import file_digest

_COLUMNS = 8


@dataclass(frozen=True)
class Fingerprint:
    """`problem` says why a file cannot be used; then the rest is empty."""

    duration: float = 0.0  # s
    sample_rate: int = 0
    channels: int = 0
    digest: str = ""
    problem: str = ""


class Fingerprints:
    """Remembered fingerprints of the files below `root`; `take` makes one."""

    def __init__(self, store: Path, root: Path) -> None:
        self._path = store / ".cache" / "audio.tsv"
        self._root = root
        self._known: dict[str, tuple[str, Fingerprint]] = dict(self._read())

    def look_up(self, path: str) -> Fingerprint | None:
        """What is known of a file that has not changed in size or time since it was looked at."""
        stamp, found = self._known.get(path, ("", None))
        return found if found is not None and stamp == _stamp(self._root / path) else None

    def remember(self, found: Mapping[str, tuple[str, Fingerprint]]) -> None:
        self._known |= found
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            for path, (stamp, print_) in found.items():
                if not print_.problem:  # a file that could not be read may be readable next time
                    row = [
                        str(self._root),
                        path,
                        stamp,
                        print_.duration,
                        print_.sample_rate,
                        print_.channels,
                        print_.digest,
                        "",
                    ]
                    stream.write("\t".join(map(str, row)) + "\n")

    def _read(self) -> Iterator[tuple[str, tuple[str, Fingerprint]]]:
        if not self._path.is_file():
            return
        with self._path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            for line in stream:
                row = line.rstrip("\n").split("\t")
                if len(row) == _COLUMNS and row[0] == str(self._root):
                    yield row[1], (row[2], Fingerprint(float(row[3]), int(row[4]), int(row[5]), row[6]))


def take(root: Path, paths: list[str]) -> dict[str, tuple[str, Fingerprint]]:
    """Open the header and read the content of every file: path -> (size and time, fingerprint)."""
    return {path: _take_one(root / path) for path in paths}


def _take_one(path: Path) -> tuple[str, Fingerprint]:
    stamp = _stamp(path)
    try:
        header = audio.read_header(path)
        digest = file_digest(path)
    except (AudioError, OSError) as error:
        reason = str(error) if isinstance(error, AudioError) else printable(error.strerror or str(error))
        return stamp, Fingerprint(problem=reason)
    return stamp, Fingerprint(header.duration, header.sample_rate, header.channels, digest)


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return "missing"
    return f"{stat.st_size}-{stat.st_mtime_ns}"
