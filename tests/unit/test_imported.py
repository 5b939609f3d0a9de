"""Features made elsewhere, from arrays and Kaldi archives: what is read, and what no file from outside can do."""

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kaldi_native_io
import numpy as np
import numpy.typing as npt
import pytest
from support.errors import raises

from sercli.formats.kaldi_archives import list_matrices, read_matrix
from sercli.frontends import imported


def read_matrices(path: Path) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """All of an archive, in its order."""
    for matrix in list_matrices(path):
        yield matrix.utt_id, read_matrix(path, matrix)


def test_an_utterance_with_two_matrices(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "a.npy", np.zeros((3, 2)))
    with raises({"place": "a", "seen": ("/one/", "/two/")}):
        imported.Source(imported.Config(), tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "ark:touch owned |", "|touch owned", "-", "owned,t:x"])
def test_a_name_is_only_ever_that_of_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with raises({"place": name, "fix": "--from"}):
        imported.Source(imported.Config(), Path(name))
    assert not list(tmp_path.iterdir())


# --- files from outside


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


HOSTILE_ARRAYS = {
    "empty": b"",
    "no array": b"of no use here",
    "huge": header(f"({2**62}, {2**62})"),
    "more than there is": header("(1000, 80)") + bytes(100),
    "negative": header("(-1, 80)") + bytes(100),
    "no numbers": header("(3, 'a')"),
    "pickled": header("(3,)", "|O") + bytes(100),
    "text": header("(3,)", "<U5") + bytes(100),
    "structured": header("(3,)", "V8") + bytes(100),
    "unfinished": header("(3, 80)")[:40],
    "nested": header("(" * 5000),
    "another version": b"\x93NUMPY\x09\x00" + header("(3,)")[8:],
}


@pytest.mark.parametrize("what", HOSTILE_ARRAYS)
def test_a_hostile_array_is_told_in_a_line(what: str, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(HOSTILE_ARRAYS[what])
    with raises({"place": "a.npy", "problem": "array"}) as caught:
        imported.Source(imported.Config(), tmp_path).read("a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8", "f2", "i2", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_numbers(dtype: str, order: Any, tmp_path: Path) -> None:
    values = np.arange(60).reshape(12, 5).astype(dtype, order=order)
    np.save(tmp_path / "a.b.npy", values)
    found = imported.Source(imported.Config(), tmp_path).read("a.b")
    assert found.dtype == np.float32
    assert np.array_equal(found, np.arange(60).reshape(12, 5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_archives_are_read_as_kaldi_reads_them(dtype: type[np.floating[Any]], tmp_path: Path) -> None:
    path = tmp_path / "a.ark"
    matrices = {f"ü{n}": 20 * np.random.default_rng(n).standard_normal((n, 7)).astype(dtype) for n in (1, 9, 300)}
    open_writer = kaldi_native_io.FloatMatrixWriter if dtype == np.float32 else kaldi_native_io.DoubleMatrixWriter
    with open_writer(f"ark:{path}") as writer:
        for key, values in matrices.items():
            writer[key] = values
    with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{path}") as reader:
        expected = {key: np.array(values) for key, values in reader}
    frames = dict(read_matrices(path))
    assert list(frames) == list(expected) == list(matrices)
    for key, values in frames.items():
        assert values.dtype == np.float32
        assert np.array_equal(values, expected[key])


def test_compressed_matrices_and_vectors_are_refused_with_a_command(tmp_path: Path) -> None:
    path = tmp_path / "a.ark"
    with kaldi_native_io.CompressedMatrixWriter(f"ark:{path}") as writer:
        writer.write("a", np.ones((3, 2), np.float32), kaldi_native_io.CompressionMethod.kTwoByteAuto)
    with raises({"place": str(path), "expected": "FM or DM", "fix": "--compress=false"}):
        list(read_matrices(path))
    with kaldi_native_io.FloatVectorWriter(f"ark:{path}") as writer:
        writer["a"] = np.arange(5, dtype=np.float32)
    with raises({"place": str(path), "expected": "FM or DM"}):
        list(read_matrices(path))


def entry(kind: bytes, content: bytes) -> bytes:
    return b"a \0B" + kind + b" " + content


MOST = 2**31 - 1
HOSTILE_ARCHIVES = {
    "huge": entry(b"FM", struct.pack("<bibi", 4, MOST, 4, MOST)),
    "more than there is": entry(b"DM", struct.pack("<bibi", 4, 2, 4, 2) + bytes(31)),
    "negative": entry(b"FM", struct.pack("<bibi", 4, -5, 4, -4) + bytes(80)),
    "odd sizes": entry(b"FM", struct.pack("<bibi", 8, 1, 4, 1) + bytes(4)),
    "no header": entry(b"FM", b"\0\0"),
    "another kind": entry(b"SM", bytes(40)),
    "text": b"a  [\n 1 2\n 3 4 ]\n",
    "no key": b" \0BFM ",
    "a key without end": b"a" * 10**5,
    "a key that no terminal takes": b"a\x1b[2J" + entry(b"FM", struct.pack("<bibi", 4, 1, 4, 1) + bytes(4)),
    "rubbish after": entry(b"FM", struct.pack("<bibi", 4, 1, 4, 1) + bytes(4)) + b"\n\n",
}


@pytest.mark.parametrize("what", HOSTILE_ARCHIVES)
def test_a_hostile_archive_is_told_in_a_line(what: str, tmp_path: Path) -> None:
    (tmp_path / "a.ark").write_bytes(HOSTILE_ARCHIVES[what])
    with raises({"place": "a.ark"}) as caught:
        list(read_matrices(tmp_path / "a.ark"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("shift", [0.0, -1.0, math.inf, math.nan])
def test_a_time_that_cannot_be(shift: float) -> None:
    with raises({"place": "frame_shift_ms", "seen": str(shift)}):
        imported.Config(shift)
