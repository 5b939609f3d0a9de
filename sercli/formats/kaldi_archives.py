"""Kaldi's binary archives of matrices, read and written with NumPy alone; the format is that of Kaldi's own readers.

An entry is a key, a blank, a mark, and a matrix: of floats (FM, DM), compressed (CM, CM2, CM3), or a vector (FV, DV),
which is a matrix of one row. What an entry promises is compared with the size of the file before anything is read, so
that a damaged or hostile archive costs no memory.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import SercliError
from ..text import printable

Frames = npt.NDArray[np.float32]

_LONGEST_KEY = 4096  # bytes
_FLOATS = {b"FM": "<f4", b"DM": "<f8", b"FV": "<f4", b"DV": "<f8"}
_PACKED = {b"CM": "u1", b"CM2": "<u2", b"CM3": "u1"}
_COLUMN_HEADER = 8  # bytes of CM: four percentiles a column, which its own bytes lie between


class Matrix(NamedTuple):
    """An entry of an archive: `rows` times `columns` values from byte `start` to `end`; `low` and `range` of a compressed one."""

    utt_id: str
    kind: bytes
    rows: int
    columns: int
    start: int
    end: int
    low: float = 0.0
    range: float = 0.0


def list_matrices(path: Path) -> Iterator[Matrix]:
    """What an archive holds, without reading the values. Raises SercliError for what is no binary archive, or cut short."""
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            raise SercliError(f"{path}: no such file; give a Kaldi archive")
        with path.open("rb") as file:
            size, position = path.stat().st_size, 0
            while position < size:
                matrix = _entry(path, file, size, position)
                yield matrix
                position = matrix.end
    except OSError as error:
        raise SercliError(f"{path}: cannot be read: {error.strerror or error}") from None


def _entry(path: Path, file: BinaryIO, size: int, position: int) -> Matrix:
    file.seek(position)
    key, blank, rest = file.read(_LONGEST_KEY + 64).partition(b" ")
    utt_id = key.decode("utf-8", "replace")
    if not blank or not key or "\ufffd" in utt_id or printable(utt_id) != utt_id:
        raise _refused(path, position, "no key of an entry", "make the archive again")
    if not rest.startswith(b"\0B"):
        raise _refused(path, position, "no binary matrix", "write it in binary, as `copy-feats ark:- ark:FILE` does")
    kind, _, header = rest[2:].partition(b" ")
    try:
        matrix = _described(utt_id, kind, header, position + len(key) + 1 + 2 + len(kind) + 1)
    except (struct.error, ValueError):
        raise _refused(
            path, position, f"no matrix that sercli reads ({utt_id})", "wanted FM, DM, CM, FV or DV"
        ) from None
    if matrix.end > size:
        promised = f"{matrix.rows} x {matrix.columns} values promised for {utt_id}, the file ends before"
        raise SercliError(f"{path}: cut short: {promised}; copy it again")
    return matrix


def _refused(path: Path, position: int, seen: str, cure: str) -> SercliError:
    return SercliError(f"{path}: no Kaldi archive, or damaged: {seen} at byte {position}; {cure}")


def _described(utt_id: str, kind: bytes, header: bytes, start: int) -> Matrix:
    """Raises ValueError or struct.error for what cannot be a header."""
    low = scale = 0.0
    if kind in _PACKED:
        low, scale, rows, columns = struct.unpack_from("<ffii", header)
        start, width = start + 16, np.dtype(_PACKED[kind]).itemsize
    elif kind in (b"FV", b"DV"):
        (mark, columns), rows = struct.unpack_from("<bi", header), 1
        start, width = start + 5, np.dtype(_FLOATS[kind]).itemsize
    elif kind in _FLOATS:
        mark, rows, other, columns = struct.unpack_from("<bibi", header)
        start, width = start + 10, np.dtype(_FLOATS[kind]).itemsize
        if other != 4:
            raise ValueError
    else:
        raise ValueError
    if rows < 0 or columns < 0 or (kind in _FLOATS and mark != 4):  # 4: bytes of the number that follows
        raise ValueError
    end = start + rows * columns * width + (columns * _COLUMN_HEADER if kind == b"CM" else 0)
    return Matrix(utt_id, kind, rows, columns, start, end, low, scale)


def read_matrix(path: Path, matrix: Matrix) -> Frames:
    """The values (N, F) of an entry. Raises SercliError if they are no longer there."""
    try:
        with path.open("rb") as file:
            file.seek(matrix.start)
            content = file.read(matrix.end - matrix.start)
    except OSError as error:
        raise SercliError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) != matrix.end - matrix.start:
        raise SercliError(f"{path}: has changed while it was read; run the command again")
    shape = matrix.rows, matrix.columns
    with np.errstate(all="ignore"):  # what is no number is told by whoever reads it
        if matrix.kind in _FLOATS:
            return np.frombuffer(content, _FLOATS[matrix.kind]).reshape(shape).astype(np.float32)
        if matrix.kind == b"CM":
            return _by_percentiles(content, matrix)
        values = np.frombuffer(content, _PACKED[matrix.kind]).reshape(shape)
        step = np.float32(matrix.range) / np.float32(np.iinfo(values.dtype).max)
        return np.float32(matrix.low) + values.astype(np.float32) * step


def _by_percentiles(content: bytes, matrix: Matrix) -> Frames:
    """Of each column the percentiles 0, 25, 75 and 100 in 16 bits, then its values: 8 bits, linear between those."""
    n = matrix.columns * _COLUMN_HEADER
    step = np.float32(matrix.range) / np.float32(65535)
    corners = np.frombuffer(content[:n], "<u2").reshape(matrix.columns, 4).astype(np.float32)
    lowest, quarter, most, highest = (np.float32(matrix.low) + corners * step).T[:, None, :]
    values = np.frombuffer(content[n:], "u1").reshape(matrix.columns, matrix.rows).T.astype(np.float32)
    found: Frames = np.where(
        values <= 64,
        lowest + (quarter - lowest) * values / np.float32(64),
        np.where(
            values <= 192,
            quarter + (most - quarter) * (values - 64) / np.float32(128),
            most + (highest - most) * (values - 192) / np.float32(63),
        ),
    )
    return found


def write_matrices(folder: Path, name: str, matrices: Iterable[tuple[str, Frames]], home: Path) -> None:
    """Write matrices (N, D), each with its key, as float32 to `name.ark`, and to `name.scp` where in it each begins.

    `home` is the folder's path to come, which the scp tells.
    """
    ark, scp = folder / f"{name}.ark", folder / f"{name}.scp"
    with ark.open("wb") as values, scp.open("w", encoding="utf-8") as places:
        for key, rows in matrices:
            values.write(f"{key} ".encode())
            places.write(f"{key} {home / ark.name}:{values.tell()}\n")
            values.write(b"\0BFM " + struct.pack("<bibi", 4, rows.shape[0], 4, rows.shape[1]))
            values.write(np.ascontiguousarray(rows, "<f4").tobytes())
