"""Ragged arrays in a Zarr group: rows of all utterances one after the other, and where each begins; the only importer of zarr."""

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.hashing import file_digest
from ..errors import DamagedProduct

_CHUNK_BYTES = 2**20
_BUFFERED_CHUNKS = 16  # rows are read and written this many chunks at a time, so memory does not grow with the corpus

RowArray = npt.NDArray[Any]


class Ragged:
    """Ragged data: one long array a name, (N, …), and `offsets` (U+1,): utterance u owns rows offsets[u] to offsets[u+1].

    Raises DamagedProduct if metadata changed, a chunk is missing, or (when read) fails its checksum.
    """

    def __init__(self, path: Path, files: Mapping[str, str]) -> None:
        import zarr

        self.path = path
        for name, expected in files.items():
            if not (path / name).is_file() or file_digest(path / name) != expected:
                raise self._damaged(name, "not as it was published")
        group = zarr.open_group(path, mode="r")
        self.attributes: dict[str, Any] = dict(group.attrs)
        self._arrays = dict(group.arrays())
        for name, array in self._arrays.items():
            present = sum(1 for chunk in (path / name / "c").rglob("*") if chunk.is_file())
            if present != array.nchunks:
                raise self._damaged(name, "chunks are missing", f"{present} chunks", f"{array.nchunks} chunks")
        self.offsets: npt.NDArray[np.int64] = self._read("offsets", slice(None))
        self.utt_ids = [str(utt_id) for utt_id in self._read("utt_id", slice(None))]
        self.lengths = np.diff(self.offsets)
        self.index = {utt_id: index for index, utt_id in enumerate(self.utt_ids)}

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def width(self, name: str) -> int:
        return int(self._arrays[name].shape[1])

    def rows(self, names: str | Sequence[str], utt_ids: Sequence[str]) -> tuple[RowArray, npt.NDArray[np.int64]]:
        """Rows (N', D) of the chosen utterances in their order, and offsets (U'+1,) into them.

        Of several arrays, their columns side by side.
        """
        names = [names] if isinstance(names, str) else names
        lengths = [self.lengths[self.index[utt_id]] for utt_id in utt_ids]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.empty((int(offsets[-1]), sum(map(self.width, names))), dtype=self._arrays[names[0]].dtype)
        for start, end, of_utterance in zip(offsets, offsets[1:], self.each(names, utt_ids), strict=False):
            rows[start:end] = of_utterance
        return rows, offsets

    def each(self, names: Sequence[str], utt_ids: Iterable[str]) -> Iterator[RowArray]:
        """Rows (n, D) of each utterance, in whatever order; of several arrays, their columns side by side.

        Utterances that lie near each other are read together, a few chunks at a time.
        """
        for run in self._runs(utt_ids, self._arrays[names[0]].chunks[0] * _BUFFERED_CHUNKS):
            start, stop = self.offsets[run[0]], self.offsets[run[-1] + 1]
            rows = np.concatenate([self._read(name, slice(start, stop)) for name in names], axis=1)
            for index in run:
                yield rows[self.offsets[index] - start : self.offsets[index + 1] - start]

    def _runs(self, utt_ids: Iterable[str], n_rows: int) -> Iterator[list[int]]:
        """Indices of utterances that follow each other, here and in the array, within `n_rows` rows."""
        run: list[int] = []
        for utt_id in utt_ids:
            index = self.index[utt_id]
            if run and (index <= run[-1] or self.offsets[index + 1] - self.offsets[run[0]] > n_rows):
                yield run
                run = []
            run.append(index)
        if run:
            yield run

    def _read(self, name: str, chosen: slice) -> RowArray:
        try:
            return np.asarray(self._arrays[name][chosen])
        except (ValueError, KeyError, OSError) as error:
            raise self._damaged(name, "cannot be read", " ".join(str(error).split())) from None

    def _damaged(self, name: str, problem: str, seen: str = "", expected: str = "") -> DamagedProduct:
        fix = f"delete {self.path} and run the command again that made it"
        return DamagedProduct(problem, place=self.path / name, seen=seen, expected=expected, fix=fix)


def write_ragged(
    folder: Path,
    blocks: Iterable[Mapping[str, RowArray]],
    lengths: Mapping[str, int],
    widths: Mapping[str, int],
    dimensions: tuple[str, str],
    attributes: Mapping[str, Any],
) -> None:
    """Write a ragged group: `blocks` give the rows of every named array, in the order of `lengths` (utt_id -> rows).

    Memory holds a few chunks at a time.
    """
    import zarr

    shutil.rmtree(folder, ignore_errors=True)
    group = zarr.create_group(folder, zarr_format=3, attributes=dict(attributes))
    total = sum(lengths.values())
    arrays = {name: _create(group, name, (total, width), dimensions) for name, width in widths.items()}
    buffered: list[Mapping[str, RowArray]] = []
    written = 0
    step = min((array.chunks[0] for array in arrays.values()), default=1) * _BUFFERED_CHUNKS
    first = next(iter(widths))
    for block in itertools.chain(blocks, [None]):
        if block is not None:
            buffered.append(block)
        held = sum(len(part[first]) for part in buffered)
        ready = held if block is None else held - held % step
        if ready == 0:
            continue
        for name, array in arrays.items():
            joined = np.concatenate([part[name] for part in buffered])
            array[written : written + ready] = joined[:ready]
        buffered = [{name: np.concatenate([part[name] for part in buffered])[ready:] for name in arrays}]
        written += ready
    assert written == total, f"{written} rows written, {total} announced"
    offsets = np.concatenate([[0], np.cumsum([*lengths.values()])]).astype(np.int64)
    _create(group, "offsets", offsets.shape, ("boundary",), np.dtype(np.int64))[:] = offsets
    utt_ids = np.array([*lengths], dtype=np.dtypes.StringDType())
    _create(group, "utt_id", utt_ids.shape, ("utterance",), utt_ids.dtype)[:] = utt_ids


def _create(group: Any, name: str, shape: tuple[int, ...], dimensions: tuple[str, ...], dtype: Any = None) -> Any:
    """An array in chunks of about 1 MiB with crc32c, empty chunks written, so that a missing chunk cannot pass for silence."""
    from zarr.codecs import Crc32cCodec

    dtype = np.dtype(np.float32) if dtype is None else dtype
    row_bytes = 4 * int(np.prod(shape[1:]))
    rows = max(1, min(_CHUNK_BYTES // row_bytes, max(shape[0], 1)))
    return group.create_array(
        name,
        shape=shape,
        chunks=(rows, *shape[1:]),
        dtype=dtype,
        fill_value=float("nan") if dtype == np.float32 else None,
        compressors=[Crc32cCodec()],
        dimension_names=dimensions,
        config={"write_empty_chunks": True},
    )
