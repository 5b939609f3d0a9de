"""MFCC by its formula, eGeMAPS as openSMILE gives it, and features made elsewhere, from arrays and from Kaldi archives."""

import json
import math
import os
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kaldi_native_io
import numpy as np
import numpy.typing as npt
import opensmile
import pytest
from support.command import FIXABLE, USAGE, Sercli, importable, run_sercli
from support.corpora import write_arrays
from support.errors import Fields, check_error, error_of, raises, refused
from support.stores import rows_of

from sercli.errors import SercliError, UsageError
from sercli.experiments.making import Settings
from sercli.experiments.reading import Speech, segment_shape
from sercli.formats.kaldi_archives import list_matrices, read_matrix
from sercli.frontends import egemaps, imported, logmel, mfcc
from sercli.learning import checkpoints
from sercli.learning.normalisation import normalise, statistics
from sercli.learning.segments import shape_of
from sercli.stages import export
from sercli.store import keys
from sercli.store.store import Store

Array = npt.NDArray[Any]


def read_matrices(path: Path) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """All of an archive, in its order."""
    for matrix in list_matrices(path):
        yield matrix.utt_id, read_matrix(path, matrix)


def noise(n: int, level: float = 0.1) -> npt.NDArray[np.float32]:
    return (level * np.random.default_rng(0).standard_normal(n)).astype(np.float32)


# --- MFCC


def slopes(frames: Array, window: int) -> Array:
    """Of the straight line through each frame and its neighbours, by least squares."""
    times = np.arange(-window, window + 1)
    runs = [frames[start : start + len(times)] for start in range(len(frames) - 2 * window)]
    return np.array([np.polyfit(times, run, 1)[0] for run in runs])


@pytest.mark.parametrize(("n_mfcc", "window", "order"), [(13, 2, 2), (20, 3, 1), (13, 4, 2), (40, 1, 0)])
def test_mfcc_is_its_formula(n_mfcc: int, window: int, order: int) -> None:
    config = mfcc.Config(n_mfcc=n_mfcc, delta_window=window, delta_order=order)
    samples = noise(16000)
    logmels = logmel.Extractor(logmel.Config(n_mels=40))(samples).astype(np.float64)
    k, n = np.arange(n_mfcc)[:, None], np.arange(40)
    cosines = np.sqrt(2 / 40) * np.cos(np.pi * k * (2 * n + 1) / 80)
    cosines[0] /= np.sqrt(2)
    parts = [logmels @ cosines.T]
    for _ in range(order):
        parts.append(slopes(parts[-1], window))
    n_frames = len(logmels) - 2 * window * order
    wanted = [part[(len(part) - n_frames) // 2 :][:n_frames] for part in parts]
    np.testing.assert_allclose(mfcc.Extractor(config)(samples), np.concatenate(wanted, axis=1), rtol=0, atol=2e-4)


def test_a_frame_of_mfcc_depends_on_its_105_ms() -> None:
    extractor = mfcc.Extractor(mfcc.Config())
    samples = noise(160 * 5000)  # several slices
    frames = extractor(samples)
    assert extractor.min_samples == 400 + 8 * 160
    assert frames.shape == (4990, 39)
    for first in (0, 1, 4087, 4088, 4095, 4096, 4989):
        assert np.array_equal(frames[first], extractor(samples[first * 160 : first * 160 + 1680])[0])


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"n_mfcc": 0}, {"place": "n_mfcc", "seen": "0", "expected": "at least 1 and at most 40"}),
        ({"n_mfcc": 41}, {"place": "n_mfcc", "seen": "41"}),
        ({"delta_window": 0}, {"place": "delta_window", "seen": "0", "expected": "at least 1"}),
        ({"delta_order": 3}, {"place": "delta_order", "seen": "3", "expected": "at most 2"}),
        ({"n_fft": 256}, {"place": "n_fft", "seen": "256", "expected": "400"}),
        ({"f_max": 9000.0}, {"place": "f_max", "seen": "9000.0"}),
    ],
)
def test_options_of_mfcc_that_cannot_work(options: dict[str, Any], fields: Fields) -> None:
    with raises(fields):
        mfcc.Config(**options)


# --- eGeMAPS


@pytest.mark.parametrize("rate", [16000, 44100])
def test_egemaps_is_what_opensmile_gives(rate: int) -> None:
    extractor = egemaps.Extractor(egemaps.Config(rate))
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
    )
    samples = noise(rate) + (0.3 * np.sin(2 * np.pi * 150 / rate * np.arange(rate))).astype(np.float32)
    assert np.array_equal(extractor(samples), smile.process_signal(samples, rate).to_numpy())
    shift = rate // 100
    for n_samples in (6 * shift, 7 * shift - 1, 7 * shift, 7 * shift + 1, 50 * shift + 17):
        assert len(extractor(samples[:n_samples])) == extractor.n_frames(n_samples)


def test_full_scale_does_not_turn_into_its_negative() -> None:
    """16 bits hold no 1.0."""
    extractor = egemaps.Extractor(egemaps.Config())
    tone = np.sin(2 * np.pi * 200 / 16000 * np.arange(8000))
    loud = np.clip(1.4 * tone, -1, 1).astype(np.float32)
    assert np.array_equal(extractor((1.4 * tone).astype(np.float32)), extractor(loud))
    np.testing.assert_allclose(extractor(loud)[:, 0], extractor(np.float32(0.999) * loud)[:, 0], rtol=0.01)


def test_opensmile_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with raises({"problem": "openSMILE", "fix": "pip install 'sercli[egemaps]'"}):
        egemaps.Extractor(egemaps.Config())


@pytest.mark.parametrize("rate", [7900, 22050, 96000])
def test_a_rate_without_whole_frames(rate: int) -> None:
    with raises({"place": "sample_rate", "seen": str(rate), "expected": "8000 to 48000 Hz"}):
        egemaps.Config(rate)


# --- segments of whole frames


@pytest.mark.parametrize(
    ("frame_ms", "size", "milliseconds"),
    [(10.0, 10, 100), (20.0, 5, 100), (12.5, 8, 100), (16.0, 6, 96), (30.0, 3, 90), (1000.0, 1, 1000), (150.0, 1, 150)],
)
def test_a_segment_is_the_whole_frames_nearest_to_100_ms(frame_ms: float, size: int, milliseconds: float) -> None:
    shape = shape_of(frame_ms, 100.0)
    assert (shape.size, shape.shift) == (size, size)  # no overlap
    assert shape.size_ms == shape.shift_ms == milliseconds


def test_any_other_shift_is_of_whole_frames() -> None:
    assert (shape_of(16.0, 48.0).size, shape_of(16.0, 48.0).shift) == (6, 3)
    assert shape_of(16.0, 48.0).shift_ms == 48
    with pytest.raises(UsageError, match=r"--segment-shift-ms: .*50 ms.*16 ms"):
        shape_of(16.0, 50.0)


# --- features made elsewhere


def write_archive(path: Path, arrays: Path) -> Path:
    with kaldi_native_io.FloatMatrixWriter(f"ark:{path}") as writer:
        for file in sorted(arrays.glob("*.npy"), reverse=True):  # in any order
            writer[file.stem] = np.load(file)
    return path


@pytest.fixture(scope="module")
def arrays(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array an utterance, 80 features. Not to be changed."""
    return write_arrays(featurized, tmp_path_factory.mktemp("elsewhere") / "arrays")


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "c" in path.relative_to(folder).parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


FEATURIZE = ["--frontend", "imported", "--from"]
CONTROL = ["--classifier", "functionals", "--frontend", "mine", "--fold", 1, "--jobs", 1, "--json"]


def test_arrays_and_archives_give_the_same_and_change_makes_stale(
    sercli: Sercli, store: Path, arrays: Path, tmp_path: Path
) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    archive = write_archive(archives / "all.ark", arrays)
    sercli("featurize", store, *FEATURIZE, arrays, "--name", "mine", "--root", "/nowhere")  # no sound file is wanted
    sercli("featurize", store, *FEATURIZE, archives, "--name", "other")
    folder = store / "arrays.zarr/features"
    assert contents(folder / "mine") == contents(folder / "other")
    assert contents(folder / "mine" / "frames") == contents(folder / "logmel" / "frames")
    for again in ([*FEATURIZE, archive], ["--frontend", "imported"]):
        assert "nothing to do" in sercli("featurize", store, *again, "--name", "mine").stderr
    sercli("train-classifier", store, *CONTROL)
    changed = Path(shutil.copytree(arrays, tmp_path / "changed"))
    first = sorted(changed.iterdir())[0]
    np.save(first, np.load(first) + 1)
    told = json.loads(sercli("featurize", store, *FEATURIZE, changed, "--name", "mine", "--json").stdout)
    assert told["stale"] == told["made"] == ["arrays.zarr/features/mine"]
    found = sercli("train-classifier", store, *CONTROL, "--dry-run")
    assert "features/mine changed" in found.stderr
    assert len(json.loads(found.stdout)["stale"]) == 1
    with pytest.raises(SercliError) as refusal:
        export.run(store, "mine.functionals", tmp_path / "bundle", None, Settings())
    assert (refusal.value.place, refusal.value.seen) == ("mine.functionals", "--frontend imported")


def test_segments_of_other_frames_are_told(sercli: Sercli, store: Path, arrays: Path) -> None:
    fit = ["--model", "ae", "--latent-dim", 2, "--set", "hidden=4", "--epochs", 1, "--fold", 1, "--jobs", 1]
    sercli("featurize", store, *FEATURIZE, arrays, "--set", "frame_shift_ms=16")
    done = sercli("train-ae", store, "--frontend", "imported", "--name", "short", *fit)
    assert done.stderr.count("a segment is 96 ms, 6 frames of 16 ms: as near to 100 ms as whole frames come\n") == 1
    _, metadata = checkpoints.read(store / "autoencoders/short/fold-1/model.safetensors")
    assert (metadata["frames_per_segment"], metadata["segment_ms"], metadata["n_inputs"]) == (6, 96, 480)


def test_one_frame_an_utterance_is_one_segment(sercli: Sercli, store: Path, arrays: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for file in arrays.iterdir():
        np.save(tmp_path / "one" / file.name, np.load(file).mean(0))
    sercli("featurize", store, *FEATURIZE, tmp_path / "one", "--set", "frame_shift_ms=1000")
    ragged = Store(store).ragged("arrays.zarr/features/imported")
    frames, offsets = ragged.rows("frames", ragged.utt_ids)
    assert frames.shape == (36, 80)
    view, starts, counts = Speech(ragged.utt_ids, frames.copy(), offsets).segments(segment_shape(ragged, 100.0))
    assert np.array_equal(view[starts].numpy(), frames)
    assert (counts == 1).all()


def test_what_cannot_be_used_is_set_aside(sercli: Sercli, store: Path, arrays: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(arrays, tmp_path / "mine"))
    files = sorted(mine.iterdir())
    np.save(files[0], np.where(np.arange(80) == 3, np.nan, np.load(files[0])))
    np.save(files[1], np.empty((0, 80), np.float32))
    np.save(files[2], np.array([{"a": 1}]), allow_pickle=True)
    files[3].unlink()
    np.save(files[4], np.zeros((1, 9, 80)))
    np.save(mine / "stranger.npy", np.zeros((3, 7)))  # whatever its width
    os.mkfifo(mine / "pipe.npy")  # reading it would wait for ever
    words = [*FEATURIZE, mine, "--name", "mine"]
    done = sercli("featurize", store, *words, code=FIXABLE)
    check_error(error_of(done), {"place": "rejects-mine.tsv", "seen": "5 of 36", "expected": "--max-rejects 0.1"})
    assert f"{mine}: 1 utterances" in done.stderr
    assert "first stranger" in done.stderr
    reasons = [row[2] for row in rows_of(store / "rejects-mine.tsv").values()]
    for reason, words_of_it in zip(
        reasons,
        ("nan or infinite", "no frame", "object of shape (1,)", "no features in mine", "shape (1, 9, 80)"),
        strict=True,
    ):  # fmt: skip
        assert words_of_it in reason
    assert "nothing to do" in sercli("featurize", store, *words, "--max-rejects", 5).stderr


def _two_widths(folder: Path) -> None:
    file = sorted(folder.iterdir())[7]
    np.save(file, np.load(file)[:, :79])


def _strangers(folder: Path) -> None:
    for file in list(folder.iterdir()):
        file.rename(file.with_name(f"x_{file.name}"))


def _archive(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        archive = write_archive(folder.with_name("all.ark"), folder)
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "all.ark").write_bytes(change(archive.read_bytes()))

    return make


REFUSED: dict[str, tuple[Callable[[Path], None], int, Fields]] = {
    "two widths": (_two_widths, FIXABLE, {"place": "mine", "seen": (" has 80 ", " has 79")}),
    "strangers": (_strangers, FIXABLE, {"place": "mine", "seen": ("36", "x_"), "fix": "utt_id"}),
    "garbage": (_archive(lambda _: bytes(range(256))), FIXABLE, {"place": ("all.ark", "byte 0"), "expected": "key"}),
    "cut short": (_archive(lambda whole: whole[:-5]), FIXABLE, {"place": "all.ark", "problem": "cut short", "expected": "112 x 80"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def idle_store(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing in it changes, for every command is refused."""
    return Path(shutil.copytree(featurized, tmp_path_factory.mktemp("idle") / "toy"))


@pytest.mark.parametrize("situation", REFUSED)
def test_features_that_cannot_be(
    situation: str, sercli: Sercli, idle_store: Path, arrays: Path, tmp_path: Path
) -> None:
    spoil, code, words = REFUSED[situation]
    folder = Path(shutil.copytree(arrays, tmp_path / "mine"))
    spoil(folder)
    refused(sercli, code, words, "featurize", idle_store, *FEATURIZE, folder)
    assert not (idle_store / "arrays.zarr/features/imported").exists()


OPTIONS = {
    ("--frontend", "imported"): (USAGE, {"place": "imported", "fix": "--frontend imported --from PATH"}),
    ("--from", "ARRAYS"): (USAGE, {"place": "logmel", "seen": "--from", "fix": "--frontend imported"}),
    (*FEATURIZE, "ARRAYS", "--set", "frame_shift_ms=0"): (USAGE, {"place": "imported: frame_shift_ms", "seen": "0.0", "expected": "60000"}),
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_options_that_cannot_be(
    options: tuple[str, ...], sercli: Sercli, idle_store: Path, arrays: Path, tmp_path: Path
) -> None:
    code, words = OPTIONS[options]
    given = [arrays if word == "ARRAYS" else word for word in options]
    refused(sercli, code, words, "featurize", idle_store, *given, cwd=tmp_path,
            env=importable())  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_an_utterance_with_two_matrices(arrays: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(sorted(arrays.iterdir())[0], tmp_path / folder)
    with raises({"place": sorted(arrays.iterdir())[0].stem, "seen": ("/one/", "/two/")}):
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


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_normalised_frames_have_no_unit(unit: float) -> None:
    """A feature that moves by a hundred-thousandth of what others do is one; one that never moves becomes zero."""
    frames = np.random.default_rng(0).standard_normal((200, 3)) * (1.0, 1e-4, 0.0) + (5.0, 1e-3, 7.0)
    scaled = (unit * frames).astype(np.float32)
    normalise(scaled, np.array([0, 200]), [statistics(scaled)])
    np.testing.assert_allclose(scaled.std(axis=0), (1, 1, 0), atol=1e-3)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-2)


def test_a_shift_that_does_not_fill_the_sound_is_doubted(featurized: Path, tmp_path: Path) -> None:
    """Frames of 10 ms taken for frames of 20."""
    source = Store(featurized).ragged(keys.features("logmel"))
    for utt_id in source.utt_ids:
        np.save(tmp_path / f"{utt_id}.npy", source.rows("frames", [utt_id])[0])
    store = shutil.copytree(featurized, tmp_path / "store")
    words = ["featurize", store, "--frontend", "imported", "--from", tmp_path, "--dry-run"]
    assert "frame_shift_ms=10." in run_sercli(*words).stderr
    assert "odd" not in run_sercli(*words, "--set", "frame_shift_ms=10").stderr


@pytest.mark.parametrize("shift", [0.0, -1.0, math.inf, math.nan])
def test_a_time_that_cannot_be(shift: float) -> None:
    with raises({"place": "frame_shift_ms", "seen": str(shift)}):
        imported.Config(shift)
