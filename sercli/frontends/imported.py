"""Imported: frames that were made elsewhere, for instance with WavLM: `sercli featurize STORE --frontend imported --from PATH`.

PATH is a folder with one `<utt_id>.npy` per utterance, at any depth, or with Kaldi archives (`*.ark`) of float matrices, or
one such archive, whose keys are the utt_ids. An array is (N, F), or (F,) for a single frame; F is the same for all. These
files do not state the frame shift: give it with `--set frame_shift_ms=20`.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import check_range
from ..errors import SercliError
from ..formats.kaldi_archives import Matrix, list_matrices, read_matrix
from ..learning.segments import Frames


@dataclass(frozen=True)
class Config:
    """Options of imported frames. Raises SercliError for a frame shift outside 0.1 to 60 000 ms."""

    frame_shift_ms: float = 20.0  # as of WavLM, HuBERT and wav2vec 2.0

    def __post_init__(self) -> None:
        check_range(self, "frame_shift_ms", at_least=0.1, at_most=60_000)


class Source:
    """Frames in a folder or an archive. Its files are listed at once, and read one by one."""

    def __init__(self, config: Config, path: Path) -> None:
        """Raises SercliError for a path without features, a damaged archive, and an utterance that has two matrices."""
        self.frame_shift_ms = config.frame_shift_ms
        self._places: dict[str, tuple[Path, Matrix | None]] = {}  # a matrix of a Kaldi archive, or a whole file
        if not path.exists():
            raise SercliError("no such file or folder", place=path, fix="say with --from where the features are")
        for utt_id, file, matrix in _list_utterances(path):
            if utt_id in self._places:
                seen = f"{self._places[utt_id][0]} and {file}"
                raise SercliError("features occur twice", place=utt_id, seen=seen, fix="remove one of them")
            self._places[utt_id] = file, matrix
        if not self._places:
            raise SercliError("holds no features", place=path, expected="<utt_id>.npy files or Kaldi archives (*.ark)")

    @property
    def utt_ids(self) -> Collection[str]:
        """In the order of their files."""
        return self._places.keys()

    def read(self, utt_id: str) -> Frames:
        """Frames (N, F). Raises SercliError for a file that does not hold an array of numbers."""
        file, matrix = self._places[utt_id]
        return _read_array(file) if matrix is None else read_matrix(file, matrix)


def _list_utterances(path: Path) -> Iterator[tuple[str, Path, Matrix | None]]:
    """Utterances in the order of their files. Names that begin with a dot are skipped: archives and desktops leave them."""
    for file in [path] if not path.is_dir() else sorted(path.rglob("*")):
        if file.suffix == ".npy" and file.is_file() and not file.name.startswith("."):
            yield file.name.removesuffix(".npy"), file, None
        elif file == path or (file.suffix == ".ark" and file.is_file() and not file.name.startswith(".")):
            yield from ((matrix.utt_id, file, matrix) for matrix in list_matrices(file))


def _read_array(file: Path) -> Frames:
    """(N, F) of an array (N, F) or (F,). Reads no pickle, and checks the size in the header before memory is allocated."""
    try:
        with file.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = header(stream)
            if dtype.kind not in "fiu" or len(shape) not in (1, 2) or min(shape) < 0:
                raise ValueError(f"holds {dtype} of shape {shape}, not numbers of shape (N, F) or (F,)")
            wanted = math.prod(shape) * dtype.itemsize
            if wanted > file.stat().st_size - stream.tell():
                raise ValueError(f"cut short: the file ends before {shape} values")
            array = np.frombuffer(stream.read(wanted), dtype).reshape(shape, order="F" if is_fortran else "C")
    except Exception as error:  # NumPy raises errors of many types for a damaged header
        reason = " ".join(str(error).split())
        raise SercliError("cannot be read as an array", place=file.name, seen=reason) from None
    with np.errstate(over="ignore"):  # too large values become infinite, which the caller reports
        return np.array(np.atleast_2d(array), np.float32, order="C")
