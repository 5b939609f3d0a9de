"""Imported: frames that were made elsewhere, such as those of WavLM, for `sercli featurize STORE --frontend imported --from PATH`.

PATH is a folder with one `<utt_id>.npy` an utterance, anywhere below it, or with Kaldi archives (`*.ark`), or one such
archive, whose keys are the utt_ids. An array is (N, F), or (F,) for a single frame; F is the same for all. How far apart
frames begin stands in no file: say it with `--set frame_shift_ms=20`.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SercliError
from ..formats.kaldi_archives import Matrix, list_matrices, read_matrix
from ..learning.segments import Frames


@dataclass(frozen=True)
class Config:
    """Options of imported frames; raises SercliError for a time that cannot be."""

    frame_shift_ms: float = 20.0  # as of WavLM, HuBERT and wav2vec 2.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.frame_shift_ms <= 60_000:
            raise SercliError(f"imported: frame_shift_ms is {self.frame_shift_ms}, want 0.1 to 60000")


class Source:
    """Frames in a folder or an archive; the contract is in `sercli.frontends`. Its files are found at once, and read when asked."""

    def __init__(self, config: Config, path: Path) -> None:
        """Raises SercliError for a path where there are none, an archive that is none, and an utterance with two matrices."""
        self.config = config
        self._places: dict[str, tuple[Path, Matrix | None]] = {}
        if not path.exists():
            raise SercliError(f"{path}: no such file or folder; say with --from where the features are")
        for utt_id, file, matrix in _found(path):
            if utt_id in self._places:
                other = self._places[utt_id][0]
                raise SercliError(f"{utt_id} has features twice: in {other} and in {file}; leave one of them out")
            self._places[utt_id] = file, matrix
        if not self._places:
            raise SercliError(f"{path}: no features there; wanted <utt_id>.npy files, or Kaldi archives (*.ark)")

    @property
    def frame_shift_ms(self) -> float:
        """As told."""
        return self.config.frame_shift_ms

    @property
    def utt_ids(self) -> Collection[str]:
        """In the order of their files."""
        return self._places.keys()

    def read(self, utt_id: str) -> Frames:
        """Frames (N, F); raises SercliError for a file that is no array of numbers."""
        file, matrix = self._places[utt_id]
        return _read_array(file) if matrix is None else read_matrix(file, matrix)


def _found(path: Path) -> Iterator[tuple[str, Path, Matrix | None]]:
    """Utterances, in the order of their files; a name that begins with a dot is junk of archives and desktops."""
    for file in [path] if not path.is_dir() else sorted(path.rglob("*")):
        if file.suffix == ".npy" and file.is_file() and not file.name.startswith("."):
            yield file.name.removesuffix(".npy"), file, None
        elif file == path or (file.suffix == ".ark" and file.is_file() and not file.name.startswith(".")):
            yield from ((matrix.utt_id, file, matrix) for matrix in list_matrices(file))


def _read_array(file: Path) -> Frames:
    """(N, F) of an array (N, F) or (F,). Without pickle; what is promised is compared with the size of the file first."""
    try:
        with file.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = header(stream)
            if dtype.kind not in "fiu" or len(shape) not in (1, 2) or min(shape) < 0:
                raise ValueError(f"holds {dtype} of shape {shape}, wanted numbers of (N, F) or (F,)")
            wanted = math.prod(shape) * dtype.itemsize
            if wanted > file.stat().st_size - stream.tell():
                raise ValueError(f"cut short: {shape} values promised, the file ends before")
            array = np.frombuffer(stream.read(wanted), dtype).reshape(shape, order="F" if is_fortran else "C")
    except Exception as error:  # there is little that NumPy does not raise for a hostile header
        raise SercliError(f"{file.name}: is no array to read: {' '.join(str(error).split())}") from None
    with np.errstate(over="ignore"):  # what does not fit is infinite, which is told
        return np.array(np.atleast_2d(array), np.float32, order="C")
