"""Features made elsewhere, on the real command: from arrays and from Kaldi archives."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import kaldi_native_io
import numpy as np
import pytest
from support.command import FIXABLE, USAGE, Sercli, importable, run_sercli
from support.corpora import write_arrays
from support.errors import Fields, check_error, error_of, refused
from support.stores import rows_of

from sercli.errors import SercliError
from sercli.experiments.making import Settings
from sercli.experiments.reading import Speech, segment_shape
from sercli.learning import checkpoints
from sercli.stages import export
from sercli.store import keys
from sercli.store.store import Store


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


def test_a_shift_that_does_not_fill_the_sound_is_doubted(featurized: Path, tmp_path: Path) -> None:
    """Frames of 10 ms taken for frames of 20."""
    source = Store(featurized).ragged(keys.features("logmel"))
    for utt_id in source.utt_ids:
        np.save(tmp_path / f"{utt_id}.npy", source.rows("frames", [utt_id])[0])
    store = shutil.copytree(featurized, tmp_path / "store")
    words = ["featurize", store, "--frontend", "imported", "--from", tmp_path, "--dry-run"]
    assert "frame_shift_ms=10." in run_sercli(*words).stderr
    assert "odd" not in run_sercli(*words, "--set", "frame_shift_ms=10").stderr
