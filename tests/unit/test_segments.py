"""Frames to segments and back, and the ragged arrays that hold both: read by us, by plain zarr-python and by xarray."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from sercli.errors import DamagedProduct, UsageError
from sercli.learning.segments import (
    frames_per,
    join_segments,
    pad_short,
    segment_counts,
    segment_starts,
    segment_view,
)
from sercli.store.ragged import Ragged, write_ragged

lengths_of_utterances = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def speech(lengths: list[int], n_features: int = 3) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Frames that are all different, and their offsets."""
    total = sum(lengths)
    frames = np.arange(total * n_features, dtype=np.float32).reshape(total, n_features)
    return frames, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def segments(lengths: list[int], size: int, shift: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(M, size * F) and the segments of each utterance."""
    frames, offsets = pad_short(*speech(lengths), size)
    starts = segment_starts(offsets, size, shift)
    view = segment_view(torch.from_numpy(frames), size)
    return view[torch.from_numpy(starts)].numpy(), segment_counts(np.diff(offsets), size, shift)


# --- segments


@given(lengths_of_utterances, st.integers(1, 12))
def test_segmenting_and_joining_is_the_identity(lengths: list[int], size: int) -> None:
    """But for the incomplete tails, and for short utterances, which their last frame fills up."""
    cut, counts = segments(lengths, size, size)
    frames, offsets = speech(lengths)
    edges = np.concatenate([[0], np.cumsum(counts)])
    for utterance, length in enumerate(lengths):
        own = frames[offsets[utterance] : offsets[utterance + 1]]
        joined = join_segments(cut[edges[utterance] : edges[utterance + 1]], size)
        if 0 < length < size:
            assert np.array_equal(joined[:length], own)
            assert (joined[length:] == own[-1]).all()
            assert len(joined) == size
        else:
            assert np.array_equal(joined, own[: length // size * size])


@given(lengths_of_utterances, st.integers(1, 12), st.integers(1, 12))
def test_a_segment_is_a_run_of_frames_of_one_utterance(lengths: list[int], size: int, shift: int) -> None:
    cut, counts = segments(lengths, size, shift)
    frames, offsets = speech(lengths)
    assert len(cut) == counts.sum()
    row = 0
    for utterance, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        assert count == sum(1 for start in range(0, length, shift) if start == 0 or start + size <= length)
        for step in range(count):
            if length >= size:
                start = offsets[utterance] + step * shift
                assert np.array_equal(cut[row].reshape(size, -1), frames[start : start + size])
            row += 1


@pytest.mark.parametrize(
    ("n_frames", "shift", "count"),
    [(0, 10, 0), (1, 10, 1), (10, 10, 1), (19, 10, 1), (20, 10, 2), (20, 5, 3), (19, 5, 2), (100, 1, 91)],
)
def test_counts_by_hand(n_frames: int, shift: int, count: int) -> None:
    assert segment_counts(np.array([n_frames]), 10, shift).tolist() == [count]


def test_the_view_copies_nothing() -> None:
    frames = torch.arange(60.0).reshape(20, 3)
    view = segment_view(frames, 10)
    assert view.shape == (11, 30)
    assert view.data_ptr() == frames.data_ptr()
    assert segment_view(frames[:4], 10).shape == (0, 30)


def test_times_are_whole_frames() -> None:
    assert frames_per(100.0, 10.0, "a segment") == 10
    assert frames_per(12.5, 2.5, "a shift") == 5
    for milliseconds in (0.0, 5.0, 25.0, -10.0):
        with pytest.raises(UsageError) as refused:
            frames_per(milliseconds, 10.0, "a shift")
        assert (refused.value.place, refused.value.seen) == ("a shift", f"{milliseconds:g} ms")


# --- ragged arrays


def write(folder: Path, lengths: list[int], blocks: int = 1, width: int = 4) -> npt.NDArray[np.float32]:
    """A group of `mean` (N, width) and of `std`, given in so many blocks. Returns the rows of `mean`."""
    rows = np.random.default_rng(0).standard_normal((sum(lengths), width)).astype(np.float32)
    parts = [{"mean": part, "std": -part} for part in np.array_split(rows, blocks)]
    utt_ids = [f"ü{number:03d}" for number in range(len(lengths))]
    write_ragged(
        folder,
        iter(parts),
        dict(zip(utt_ids, lengths, strict=True)),
        {"mean": width, "std": width},
        ("segment", "latent"),
        {"a": 1},
    )
    return rows


@settings(max_examples=25)
@given(st.lists(st.sampled_from([0, 0, 1, 1, 2, 7, 300]), max_size=9), st.integers(1, 5), st.data())
def test_ragged_arrays_come_back(lengths: list[int], blocks: int, data: st.DataObject) -> None:
    """Utterances of no row and of one among them; all of them and any choice."""
    with tempfile.TemporaryDirectory() as folder:
        rows = write(Path(folder) / "group", lengths, blocks)
        ragged = Ragged(Path(folder) / "group", {})
        assert ragged.lengths.tolist() == lengths
        assert ragged.utt_ids == [f"ü{number:03d}" for number in range(len(lengths))]
        assert ragged.width("mean") == 4
        assert "std" in ragged
        assert "nonsense" not in ragged
        everyone = list(range(len(lengths)))
        chosen = data.draw(st.lists(st.sampled_from(everyone), unique=True)) if lengths else []
        for which in (everyone, sorted(chosen), chosen):
            found, offsets = ragged.rows("mean", [ragged.utt_ids[index] for index in which])
            edges = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
            wanted = [rows[edges[index] : edges[index + 1]] for index in which]
            assert np.array_equal(found, np.concatenate([np.empty((0, 4), np.float32), *wanted]))
            assert np.diff(offsets).tolist() == [lengths[index] for index in which]


def test_blocks_leave_no_trace(tmp_path: Path) -> None:
    """The same rows in other blocks are the same bytes, over many chunks."""
    for blocks in (1, 7):
        write(tmp_path / str(blocks), [5000, 0, 9000], blocks, width=200)
    files = [sorted(path.relative_to(tmp_path / one) for path in (tmp_path / one).rglob("*")) for one in ("1", "7")]
    assert files[0] == files[1]
    assert sum("mean/c/" in str(path) for path in files[0]) > 10
    for path in files[0]:
        if (tmp_path / "1" / path).is_file():
            assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "7" / path).read_bytes()


def test_read_by_plain_zarr(tmp_path: Path) -> None:
    rows = write(tmp_path / "group", [3, 0, 1])
    group = zarr.open_group(tmp_path / "group", mode="r")
    assert group.metadata.zarr_format == 3
    mean, offsets = group["mean"], group["offsets"]
    assert isinstance(mean, zarr.Array)
    assert isinstance(offsets, zarr.Array)
    assert np.array_equal(np.asarray(mean[:]), rows)
    assert np.asarray(offsets[:]).tolist() == [0, 3, 3, 4]
    assert mean.dtype == np.float32
    assert offsets.dtype == np.int64
    assert np.isnan(mean.fill_value)
    assert mean.metadata.dimension_names == ("segment", "latent")  # type: ignore[union-attr]
    assert "crc32c" in str(mean.metadata.to_dict()["codecs"])


def test_read_by_xarray(tmp_path: Path) -> None:
    rows = write(tmp_path / "group", [3, 0, 1])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Cc]onsolidated.*")
        found = xarray.open_zarr(tmp_path / "group", consolidated=False, chunks=None)
    assert found["mean"].dims == ("segment", "latent")
    assert found["std"].dims[0] == "segment"
    assert found["offsets"].dims == ("boundary",)
    assert found["utt_id"].dims == ("utterance",)
    assert np.array_equal(found["mean"].to_numpy(), rows)
    assert found["utt_id"].to_numpy().tolist() == ["ü000", "ü001", "ü002"]


def test_a_missing_or_changed_chunk_is_no_silence(tmp_path: Path) -> None:
    write(tmp_path / "group", [3, 0, 1])
    chunk = tmp_path / "group" / "mean" / "c" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[5] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(DamagedProduct, match="mean"):
        Ragged(tmp_path / "group", {}).rows("mean", ["ü000"])
    chunk.unlink()
    with pytest.raises(DamagedProduct, match=r"0 chunks.*1 chunks"):
        Ragged(tmp_path / "group", {})
