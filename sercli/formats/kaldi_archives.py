"""Kaldi's binary archives of float matrices, read and written with NumPy alone.

An entry is a key, a blank, the mark `\\0BFM ` (float32) or `\\0BDM ` (float64), the numbers of rows and columns, and the values. The
size that an entry promises is compared with the size of the file before anything is read, so that a damaged or hostile archive
costs no memory. Compressed matrices and vectors are refused: `copy-feats --compress=false` writes float matrices.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import SercliError
from ..text import printable

Frames = npt.NDArray[np.float32]

_LONGEST_KEY = 4096  # bytes
_TYPES: dict[bytes, np.dtype[Any]] = {b"FM": np.dtype("<f4"), b"DM": np.dtype("<f8")}
_SIZES = "<bibi"  # each number after the number of its bytes, 4
_NOT_AN_ARCHIVE = "not a Kaldi archive of float matrices, or damaged"


class Matrix(NamedTuple):
    """An entry of an archive: `rows` times `columns` values from byte `start` to `end`."""

    utt_id: str
    dtype: np.dtype[Any]
    rows: int
    columns: int
    start: int
    end: int


def list_matrices(path: Path) -> Iterator[Matrix]:
    """The entries of an archive, without their values. Raises SercliError for a file that is not an archive, or cut short."""
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            raise SercliError("no such file", place=path, fix="give a Kaldi archive")
        with path.open("rb") as file:
            size, position = path.stat().st_size, 0
            while position < size:
                matrix = _entry(path, file, position)
                if matrix.end > size:
                    expected = f"{matrix.rows} x {matrix.columns} values of {matrix.utt_id}"
                    raise SercliError("cut short", place=path, expected=expected, fix="copy it again")
                yield matrix
                position = matrix.end
    except OSError as error:
        raise _unreadable(path, error) from None


def _entry(path: Path, file: BinaryIO, position: int) -> Matrix:
    file.seek(position)
    key, blank, rest = file.read(_LONGEST_KEY + 64).partition(b" ")
    utt_id = key.decode("utf-8", "replace")
    place = f"{path}: byte {position}"
    if not blank or not key or "\ufffd" in utt_id or printable(utt_id) != utt_id:
        raise SercliError(_NOT_AN_ARCHIVE, place=place, expected="the key of an entry", fix="make the archive again")
    mark, _, header = rest.partition(b" ")
    dtype = _TYPES.get(mark.removeprefix(b"\0B")) if mark.startswith(b"\0B") else None
    if dtype is not None and len(header) >= struct.calcsize(_SIZES):
        size_of_rows, rows, size_of_columns, columns = struct.unpack_from(_SIZES, header)
        if size_of_rows == size_of_columns == 4 and rows >= 0 and columns >= 0:
            start = position + len(key) + 1 + len(mark) + 1 + struct.calcsize(_SIZES)
            return Matrix(utt_id, dtype, rows, columns, start, start + rows * columns * dtype.itemsize)
    fix = "write it with `copy-feats --compress=false ark:- ark:FILE`"
    raise SercliError(_NOT_AN_ARCHIVE, place=f"{place} ({utt_id})", expected="a binary matrix, FM or DM", fix=fix)


def read_matrix(path: Path, matrix: Matrix) -> Frames:
    """The values (N, F) of an entry. Raises SercliError if the file has become shorter."""
    try:
        with path.open("rb") as file:
            file.seek(matrix.start)
            content = file.read(matrix.end - matrix.start)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(content) != matrix.end - matrix.start:
        raise SercliError("the file changed while it was read", place=path, fix="run the command again")
    with np.errstate(all="ignore"):  # a value that becomes infinite is reported by the caller
        return np.frombuffer(content, matrix.dtype).reshape(matrix.rows, matrix.columns).astype(np.float32)


def _unreadable(path: Path, error: OSError) -> SercliError:
    return SercliError("cannot be read", place=path, seen=error.strerror or error, fix="check its mode and its disk")


def write_matrices(folder: Path, name: str, matrices: Iterable[tuple[str, Frames]], home: Path) -> None:
    """Write matrices (N, F), each with its key, as float32 to `name.ark`, and the byte where each begins to `name.scp`.

    `home` is the folder where the files will lie in the end: the scp has its path.
    """
    ark, scp = folder / f"{name}.ark", folder / f"{name}.scp"
    with ark.open("wb") as values, scp.open("w", encoding="utf-8") as places:
        for key, rows in matrices:
            values.write(f"{key} ".encode())
            places.write(f"{key} {home / ark.name}:{values.tell()}\n")
            values.write(b"\0BFM " + struct.pack(_SIZES, 4, rows.shape[0], 4, rows.shape[1]))
            values.write(np.ascontiguousarray(rows, "<f4").tobytes())
