"""Kaldi's archives of matrices; the only importer of kaldi_native_io."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import SercliError
from .ragged import Rows

_HEADER_BYTES = 15  # of a binary float32 matrix: `\0BFM `, and rows and columns, each after its own size


def write_matrices(folder: Path, name: str, matrices: Iterable[tuple[str, Rows]], home: Path) -> None:
    """Write matrices (N, D), float32, each with its key, to `name.ark` and `name.scp` in a folder.

    `home` is the folder's path to come, which the scp tells. Neither path may hold a blank or a comma. Raises SercliError
    where kaldi_native_io is not installed, or the disk is full.
    """
    library = _library()
    ark, scp = folder / f"{name}.ark", folder / f"{name}.scp"
    expected = 0
    try:
        with library.FloatMatrixWriter(f"ark,scp:{ark},{scp}") as writer:
            for key, rows in matrices:
                writer.write(key, np.ascontiguousarray(rows))
                expected += len(key.encode()) + 1 + _HEADER_BYTES + rows.nbytes
    except RuntimeError:
        expected = -1
    if not ark.is_file() or ark.stat().st_size != expected:
        raise SercliError(f"{ark}: could not be written whole; free space, then run the same command again")
    draft = scp.with_suffix(".draft")
    with scp.open(encoding="utf-8") as lines, draft.open("w", encoding="utf-8") as moved:
        for line in lines:
            key, place = line.split(" ", 1)
            moved.write(f"{key} {home / ark.name}:{place.rpartition(':')[2]}")
    draft.replace(scp)


def _library() -> Any:
    try:
        import kaldi_native_io
    except ImportError:
        raise SercliError(
            "Kaldi's archives need kaldi_native_io, which is not installed; run `pip install 'sercli[kaldi]'`"
        ) from None
    return kaldi_native_io
