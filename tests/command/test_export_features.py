"""`sercli export-features`: what other programs read is what the store holds, under the rules of Kaldi's own check."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kaldi_native_io
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command import DONE, FIXABLE, USAGE
from support.corpora import write_wav

from sercli.data.utterances import Utterance, read_table
from sercli.errors import SercliError
from sercli.experiments.making import Settings
from sercli.exports import kaldi_directories as datadir
from sercli.exports import tables as interchange
from sercli.exports.tables import Table, spoken
from sercli.stages import export_features
from sercli.stages.export_features import Selection
from sercli.store.ragged import Ragged, write_ragged
from sercli.store.store import Store
from sercli.tasks.folds import PARTS

CLASSIFIER = "cvae-8.lstm"
F = [f"f{i}" for i in range(80)]

_EACH = """
import contextlib, io, json, sys
from sercli.cli.commands import app
found = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(words)
        except SystemExit as end:
            code = end.code or 0
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""


def commands(*lines: list[object]) -> list[tuple[int, str, str]]:
    """The real commands one after the other, in one process: exit code, stdout and stderr of each."""
    words = [sys.executable, "-c", _EACH, json.dumps([[str(word) for word in line] for line in lines])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


EXPORTS: dict[str, list[object]] = {
    **{f"features-{kind}": ["--format", kind] for kind in ("kaldi", "csv", "npz", "parquet")},
    **{
        f"latents-{kind}": ["--format", kind, "--ae", "cvae-8", "--fold", 1, "--fold", 3]
        for kind in ("kaldi", "csv", "npz", "parquet")
    },
    **{
        f"posteriors-{kind}": ["--format", kind, "--classifier", CLASSIFIER]
        for kind in ("kaldi", "csv", "npz", "parquet")
    },
    **{
        f"folds-{kind}": ["--format", kind, "--task", "emotion.leave-one-speaker-out"]
        for kind in ("kaldi", "csv", "npz", "parquet")
    },
}


@pytest.fixture(scope="module")
def made(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all exports. Not to be changed."""
    folder = tmp_path_factory.mktemp("exports")
    for done in commands(*(["export-features", trained, folder / name, *words] for name, words in EXPORTS.items())):
        assert done[0] == DONE, done
    assert sorted(path.name for path in folder.iterdir()) == sorted(EXPORTS)
    return folder


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of sections of two files, said by speakers whose names are no good for Kaldi. Not to be changed."""
    folder = tmp_path_factory.mktemp("sections")
    rng = np.random.default_rng(0)
    for name in ("one.wav", "two.wav"):
        write_wav(folder / "corpus" / "a" / name, samples=(0.1 * rng.standard_normal(80000)).astype(np.float32))
    rows = [
        ["path", "start", "end", "speaker", "emotion", "text"],
        ["a/one.wav", "0", "1.25", "b+c", "anger", "one"],
        ["a/one.wav", "1.25", "2.5", "b", "very sad", "two"],
        ["a/one.wav", "2.5", "2.51", "b", "anger", "too short"],
        ["a/two.wav", "0.5", "1", "b", "anger", "three"],
        ["a/two.wav", "2", "3", "b.d", "very sad", "four"],
    ]
    (folder / "corpus" / "t.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    store = folder / "store"
    done = commands(
        ["ingest", folder / "corpus", store],
        ["featurize", store, "--max-rejects", 1, "--jobs", 1],
        ["export-features", store, folder / "kaldi", "--format", "kaldi"],
        ["export-features", store, folder / "csv", "--format", "csv"],
    )
    assert [code for code, _, _ in done] == [DONE] * 4, done
    assert "1 utterances have no frames and are left out, a_one_0002500 first" in done[2][2]
    return folder


# --- Kaldi's rules


def lines(path: Path) -> list[list[str]]:
    """The fields of a file that Kaldi would take: UTF-8, no line empty, sorted by the bytes of its first field, each once."""
    text = path.read_bytes().decode()
    assert text.endswith("\n")
    found = [line.split(" ") for line in text[:-1].split("\n")]
    assert all(field and not re.search(r"\s", field) for fields in found for field in fields), path
    keys = [fields[0].encode() for fields in found]
    assert keys == sorted(set(keys)), path
    return found


def check(folder: Path) -> list[str]:
    """What Kaldi's own check of a data directory asks for. Returns the utterances."""
    utt2spk = [(utt, spk) for utt, spk in lines(folder / "utt2spk")]
    assert utt2spk
    assert utt2spk == sorted(utt2spk, key=lambda row: (row[1].encode(), row[0].encode())), "sorted by speaker as well"
    assert utt2spk == [(utt, spk) for spk, *utts in lines(folder / "spk2utt") for utt in utts], "the inverse"
    utts = [utt for utt, _ in utt2spk]
    for name in ("text", "feats.scp", "posteriors.scp", "utt2dur", "utt2num_frames", "segments"):
        if (folder / name).exists():
            assert [fields[0] for fields in lines(folder / name)] == utts, name
    if (folder / "wav.scp").exists():
        wavs = lines(folder / "wav.scp")
        assert all(len(fields) == 2 and Path(fields[1]).is_file() and Path(fields[1]).is_absolute() for fields in wavs)
        segments = lines(folder / "segments") if (folder / "segments").exists() else []
        assert [reco for reco, _ in wavs] == (sorted({reco for _, reco, _, _ in segments}) if segments else utts)
        assert all(0 <= float(start) < float(end) for _, _, start, end in segments)
        assert all(len(fields) == 2 and float(fields[1]) > 0 for fields in lines(folder / "utt2dur"))
        assert all(int(n) > 0 for _, n in lines(folder / "utt2num_frames"))
    assert {utt for utt, _ in lines(folder / "utt2emotion")} <= set(utts)
    return utts


def matrices(scp: Path) -> dict[str, npt.NDArray[np.float32]]:
    """As kaldi_native_io reads them; the scp tells where they are now."""
    assert all(line[1].startswith(f"{scp.with_suffix('.ark')}:") for line in lines(scp))
    return {key: rows.copy() for key, rows in kaldi_native_io.SequentialFloatMatrixReader(f"scp:{scp}")}


def test_kaldi_takes_features(made: Path, trained: Path) -> None:
    folder = made / "features-kaldi"
    utts = check(folder)
    files = "feats.ark feats.scp frame_shift provenance.json spk2utt text utt2dur utt2emotion utt2num_frames utt2spk wav.scp"
    assert " ".join(sorted(path.name for path in folder.iterdir())) == files
    frames = Ragged(trained / "arrays.zarr/features/logmel", {})
    found = matrices(folder / "feats.scp")
    assert list(found) == utts == sorted(utts)
    told = {row["utt_id"]: row for row in read_table(trained / "corpus" / "utterances.tsv")}
    assert len(found) == len(told)
    for key, rows in found.items():
        speaker, utt_id = key.split("-", 1)
        assert told[utt_id]["speaker"] == speaker
        assert np.array_equal(rows, frames.rows("frames", [utt_id])[0])
    assert [[key, str(len(rows))] for key, rows in found.items()] == lines(folder / "utt2num_frames")
    assert (folder / "frame_shift").read_text() == "0.01\n"


def test_kaldi_takes_sections(sections: Path) -> None:
    """Speakers b+c, b and b.d: as they are, their order would not be that of their utterances."""
    folder = sections / "kaldi"
    utts = check(folder)
    assert utts == [
        "corpus_b-a_one_0001250",
        "corpus_b-a_two_0000500",
        "corpus_b.d-a_two_0002000",
        "corpus_b_c-a_one_0000000",
    ]
    assert lines(folder / "segments")[0] == [utts[0], "a/one.wav", "1.250000", "2.500000"]
    assert [label for _, label in lines(folder / "utt2emotion")] == ["very_sad", "anger", "very_sad", "anger"]
    assert list(matrices(folder / "feats.scp")) == utts


def test_who_was_set_aside_is_not_told_of(sections: Path) -> None:
    frames, utterances = (pd.read_csv(sections / "csv" / f"{name}.csv") for name in ("frames", "utterances"))
    assert utterances["id"].tolist() == frames["id"].unique().tolist() == check(sections / "kaldi")
    assert set(utterances["speaker"]) == {"corpus_b", "corpus_b+c", "corpus_b.d"}


def test_kaldi_takes_latents(made: Path, trained: Path) -> None:
    for fold in (1, 3):
        folder = made / "latents-kaldi" / f"fold-{fold}"
        utts = check(folder)
        latents = Ragged(trained / f"arrays.zarr/latents/cvae-8/marginal/fold-{fold}", {})
        for key, rows in matrices(folder / "feats.scp").items():
            assert np.array_equal(rows, latents.rows(["mean", "std"], [key.split("-", 1)[1]])[0])
        assert len(utts) == 36
        assert (folder / "frame_shift").read_text() == "0.1\n"
    assert not (made / "latents-kaldi" / "fold-2").exists()


def test_kaldi_takes_posteriors_and_folds(made: Path, trained: Path) -> None:
    folder = made / "posteriors-kaldi"
    assert (folder / "classes.txt").read_text().split() == ["anger", "neutral", "sadness"]
    rows = list(read_table(trained / "results" / CLASSIFIER / "predictions.tsv"))
    assert {row["part"] for row in rows} == {"dev", "test"}
    for fold in range(1, 5):
        for part in PARTS:
            inside = Path(f"fold-{fold}") / part
            utts = check(made / "folds-kaldi" / inside)
            if part == "train":
                assert not (folder / inside).exists()
                continue
            assert check(folder / inside) == utts
            mine = {row["utt_id"]: row for row in rows if (row["fold"], row["part"]) == (str(fold), part)}
            found = matrices(folder / inside / "posteriors.scp")
            assert {key.split("-", 1)[1] for key in found} == set(mine)
            for key, posteriors in found.items():
                told = mine[key.split("-", 1)[1]]
                assert posteriors.tolist() == [
                    [np.float32(told[f"p_{label}"]) for label in ("anger", "neutral", "sadness")]
                ]
            labels = {key.split("-", 1)[1]: label for key, label in lines(folder / inside / "utt2emotion")}
            assert labels == {utt_id: row["truth"] for utt_id, row in mine.items()}


# --- the other formats


def table(made: Path, name: str, stem: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same from CSV and Parquet."""
    from_csv = pd.read_csv(made / f"{name}-csv" / f"{stem}.csv", dtype={"utt_id": str}, keep_default_na=False)
    return from_csv, pd.read_parquet(made / f"{name}-parquet" / f"{stem}.parquet")


def test_frames_in_every_format(made: Path, trained: Path) -> None:
    from_csv, from_parquet = table(made, "features", "frames")
    assert list(from_csv.columns) == list(from_parquet.columns) == ["id", "utt_id", "speaker", "emotion", "frame", *F]
    with np.load(made / "features-npz" / "frames.npz", allow_pickle=False) as archive:
        found = dict(archive)
    frames = Ragged(trained / "arrays.zarr/features/logmel", {})
    wanted = np.concatenate([frames.rows("frames", [utt_id])[0] for utt_id in found["utt_ids"]])
    assert np.array_equal(found["frames"], wanted)
    assert np.array_equal(from_csv[F].to_numpy(np.float64).astype(np.float32), wanted)
    assert np.array_equal(from_parquet[F].to_numpy(), wanted)
    assert set(from_parquet[F].dtypes) == {np.dtype(np.float32)}
    for frame in (from_csv, from_parquet):
        for one, other in {"id": "ids", "utt_id": "utt_ids", "speaker": "speakers", "emotion": "emotions"}.items():
            assert frame[one].tolist() == np.repeat(found[other], np.diff(found["offsets"])).tolist()
    assert list(found["ids"]) == check(made / "features-kaldi")
    shares = from_csv.groupby("id", sort=False)["frame"]
    assert all(group.tolist() == list(range(len(group))) for _, group in shares)


def test_latents_in_every_format(made: Path) -> None:
    fed = matrices(made / "latents-kaldi" / "fold-3" / "feats.scp")
    wanted = np.concatenate(list(fed.values()))
    from_csv = pd.read_csv(made / "latents-csv" / "fold-3" / "latents.csv")
    from_parquet = pd.read_parquet(made / "latents-parquet" / "fold-3" / "latents.parquet")
    names = [f"{array}_{i}" for array in ("mean", "std") for i in range(8)]
    assert list(from_csv.columns)[4:] == ["segment", *names]
    assert np.array_equal(from_csv[names].to_numpy(np.float64).astype(np.float32), wanted)
    assert np.array_equal(from_parquet[names].to_numpy(), wanted)
    with np.load(made / "latents-npz" / "fold-3" / "latents.npz", allow_pickle=False) as archive:
        assert np.array_equal(np.concatenate([archive["mean"], archive["std"]], axis=1), wanted)
        assert np.diff(archive["offsets"]).tolist() == [len(rows) for rows in fed.values()]


def test_posteriors_and_folds_in_every_format(made: Path, trained: Path) -> None:
    predictions = {
        (int(row["fold"]), row["utt_id"]): row
        for row in read_table(trained / "results" / CLASSIFIER / "predictions.tsv")
    }
    from_csv, from_parquet = table(made, "posteriors", "posteriors")
    assert (
        from_csv.astype(object)
        .drop(columns=["p_anger", "p_neutral", "p_sadness"])
        .equals(from_parquet.astype(object).drop(columns=["p_anger", "p_neutral", "p_sadness"]))
    )
    assert len(from_csv) == len(predictions)
    for row in from_parquet.to_dict("records"):
        told = predictions[row["fold"], row["utt_id"]]
        assert row["id"] == f"{row['speaker']}-{row['utt_id']}"
        for key in ("speaker", "part", "truth", "prediction"):
            assert row[key] == told[key]
        assert np.float32(row["p_anger"]) == np.float32(told["p_anger"])
    with np.load(made / "posteriors-npz" / "posteriors.npz", allow_pickle=False) as archive:
        assert np.array_equal(archive["posteriors"], from_parquet[[f"p_{c}" for c in archive["classes"]]].to_numpy())
        assert archive["prediction"].tolist() == from_csv["prediction"].tolist()
    from_csv, from_parquet = table(made, "folds", "folds")
    for row in read_table(trained / "tasks" / "emotion.leave-one-speaker-out" / "folds.tsv"):
        mine = from_csv[from_csv["utt_id"] == row["utt_id"]]
        assert set(mine["label"]) == {row["label"]}
        assert mine["part"].tolist() == [row[f"fold-{k}"] for k in range(1, 5)]
    assert from_csv["part"].tolist() == from_parquet["part"].tolist()


def test_metadata_go_along(made: Path, trained: Path) -> None:
    from_csv, from_parquet = table(made, "features", "utterances")
    told = {row["utt_id"]: row for row in read_table(trained / "corpus" / "utterances.tsv")}
    with (made / "features-csv" / "utterances.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["utt_id"]: {key: row[key] for key in told[row["utt_id"]]} for row in rows} == told
    assert from_csv["id"].tolist() == from_parquet["id"].tolist() == check(made / "features-kaldi")
    assert from_parquet["valence"].isna().all()


def test_what_it_was_made_from(made: Path, trained: Path) -> None:
    for name in EXPORTS:
        text = (made / name / "provenance.json").read_text()
        found = json.loads(text)
        assert found["format"] == name.partition("-")[2]
        assert found["marks"] == []
        assert str(trained) not in text
        assert str(made) not in text
        for key, digest in found["made_from"].items():
            if key not in ("utterances", "paths"):
                assert (Store(trained).provenance(key) or {})["digest"] == digest
        assert {**found["files"], "provenance.json": 0}.keys() == {
            path.relative_to(made / name).as_posix() for path in (made / name).rglob("*") if path.is_file()
        }


def test_the_marks_go_along(trained_store: Path, tmp_path: Path) -> None:
    with (trained_store / "corpus" / "corpus.yaml").open("a") as card:
        card.write("synthetic: true\n")
    export(trained_store, tmp_path / "x")
    assert json.loads((tmp_path / "x" / "provenance.json").read_text())["marks"] == ["SYNTHETIC"]


# --- ids and rows


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=4)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(NAMES, NAMES, min_size=1, max_size=12))
def test_ids_and_speakers_have_one_order(said: dict[str, str]) -> None:
    found = spoken([Utterance(utt_id, "", speaker=f"x_{speaker}") for utt_id, speaker in said.items()])
    rows = [(one.id.encode(), one.speaker.encode()) for one in found]
    assert rows == sorted(set(rows), key=lambda row: row[0])
    assert rows == sorted(rows, key=lambda row: (row[1], row[0]))
    assert {one.id.partition("-")[2]: one.utterance.speaker for one in found} == {
        utt_id: f"x_{speaker}" for utt_id, speaker in said.items()
    }


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32, allow_nan=False))
def test_nine_digits_are_enough(number: float) -> None:
    assert np.float32(f"{number:.9g}") == np.float32(number)


def test_rows_in_any_order(tmp_path: Path) -> None:
    lengths = [3, 0, 5, 1, 4]
    rows = np.arange(26, dtype=np.float32).reshape(13, 2)
    ids = ["a", "b", "c", "d", "e"]
    write_ragged(tmp_path / "x", [{"m": rows, "s": -rows}], lengths, ids, {"m": 2, "s": 2}, ("row", "column"), {})
    ragged = Ragged(tmp_path / "x", {})
    for order in (["a", "c", "d", "e"], ["e", "c", "d", "a", "b"], ["d"], []):
        found = list(ragged.each(["m", "s"], order))
        assert len(found) == len(order)
        for utt_id, mine in zip(order, found, strict=True):
            assert np.array_equal(mine, ragged.rows(["m", "s"], [utt_id])[0])


# --- again


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def export(
    store: Path, out: Path, kind: str = "npz", again: bool = False, dry_run: bool = False, **what: object
) -> dict[str, object]:
    """The stage itself."""
    asked = Selection(**what)  # type: ignore[arg-type]
    return export_features.run(
        store, out, asked, kind, None, Settings(device="cpu", overwrite=again, dry_run=dry_run)
    ).as_json()


FEATURES = "arrays.zarr/features/logmel"


def test_made_once(made: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(shutil.copytree(made / "features-npz", tmp_path / "out"))
    inode = (out / "frames.npz").stat().st_ino
    assert export(trained, out) == {
        "product": str(out),
        "path": str(out),
        "made": [],
        "reused": [FEATURES],
        "stale": [],
    }
    assert "nothing to do" in capsys.readouterr().err
    assert (out / "frames.npz").stat().st_ino == inode
    assert export(trained, out, again=True)["made"] == [FEATURES]
    assert content(out) == content(made / "features-npz"), "the same bytes"
    (out / "frames.npz").write_bytes(b"")
    assert export(trained, out, dry_run=True)["stale"] == [FEATURES]
    assert (out / "frames.npz").read_bytes() == b""
    export(trained, out)
    assert content(out) == content(made / "features-npz")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    export(trained, tmp_path / "none", dry_run=True)
    assert not (tmp_path / "none").exists()


def test_moved_or_relabelled_it_is_stale(made: Path, trained_store: Path, trained: Path, tmp_path: Path) -> None:
    """Kaldi's files tell paths, and all formats tell labels."""
    out = Path(shutil.copytree(made / "features-kaldi", tmp_path / "out"))
    assert export(trained, out, "kaldi")["stale"] == [FEATURES]
    assert len(matrices(out / "feats.scp")) == 36
    csv_out = Path(shutil.copytree(made / "features-csv", tmp_path / "csv"))
    assert export(trained_store, csv_out, "csv")["reused"] == [FEATURES]
    told = trained_store / "corpus" / "utterances.tsv"
    told.write_text(told.read_text().replace("\tanger\t", "\tneutral\t", 1))
    assert export(trained_store, csv_out, "csv")["stale"] == [FEATURES]
    assert content(csv_out)["utterances.csv"] != content(made / "features-csv")["utterances.csv"]


def test_what_lay_there_stays_if_it_fails(made: Path, trained_store: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made / "features-npz", tmp_path / "out"))
    chunk = next(path for path in (trained_store / FEATURES / "frames" / "c").rglob("*") if path.is_file())
    chunk.write_bytes(bytes(chunk.stat().st_size))
    with pytest.raises(SercliError, match="frames"):
        export(trained_store, out, again=True)
    assert content(out) == content(made / "features-npz")
    assert [path.name for path in tmp_path.iterdir() if path.name != "toy"] == ["out"]


# --- refused


def _notes(out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")


BAD: dict[str, tuple[list[object], int, str]] = {
    "inside the store": (["STORE/out", "--format", "csv"], FIXABLE, "lies inside the store|choose a folder outside"),
    "something else": (
        ["thesis", "--format", "csv", "--overwrite"],
        FIXABLE,
        "is no export of features|another folder",
    ),
    "a file": (["thesis/thesis.tex", "--format", "csv"], FIXABLE, "is no export of features|another folder"),
    "another format": (["there", "--format", "csv"], FIXABLE, "format is 'npz' there, 'csv' was asked|--overwrite"),
    "another product": (
        ["there", "--format", "npz", "--task", "emotion.leave-one-speaker-out"],
        FIXABLE,
        "--overwrite",
    ),
    "a file of one's own": (
        ["noted", "--format", "npz", "--overwrite"],
        FIXABLE,
        "notes.txt: is no part|would be lost",
    ),
    "two selectors": (["x", "--format", "csv", "--ae", "a", "--task", "t"], USAGE, "--ae and --task: one thing"),
    "a fold of features": (["x", "--format", "csv", "--fold", 1], USAGE, "--fold: features are the same in all folds"),
    "a condition alone": (["x", "--format", "csv", "--condition", "oracle"], USAGE, "only latents have one|--ae"),
    "unknown format": (["x", "--format", "arff"], USAGE, "'arff' is not one of 'kaldi', 'csv', 'npz', 'parquet'"),
    "no format": (["x"], USAGE, "--format"),
    "unknown features": (["x", "--format", "csv", "--frontend", "no"], FIXABLE, "missing|run `sercli featurize"),
    "unknown autoencoder": (["x", "--format", "csv", "--ae", "no"], FIXABLE, "no 'no' among the autoencoders|cvae-8"),
    "unknown classifier": (["x", "--format", "csv", "--classifier", "no"], FIXABLE, "no 'no' among the classifiers"),
    "unknown task": (["x", "--format", "csv", "--task", "no"], FIXABLE, "tasks/no/task.yaml is missing|sercli folds"),
    "unknown fold": (["x", "--format", "csv", "--ae", "cvae-8", "--fold", 9], USAGE, {"place": "--fold", "seen": "9"}),
    "never encoded": (
        ["x", "--format", "csv", "--ae", "cvae-8", "--condition", "posterior"],
        FIXABLE,
        "is missing|run `sercli encode|--condition posterior",
    ),
    "a blank": (["with blank", "--format", "kaldi"], FIXABLE, "a path with a blank|choose another OUT"),
    "no sound": (["x", "--format", "kaldi", "--root", "nowhere"], FIXABLE, "nowhere: no such folder|--root"),
}


def test_bad_uses(made: Path, trained_store: Path, tmp_path: Path) -> None:
    _notes(tmp_path / "thesis")
    for name in ("there", "noted"):
        shutil.copytree(made / "features-npz", tmp_path / name)
    (tmp_path / "noted" / "notes.txt").write_text("mine")
    before = content(tmp_path)
    asked = []
    for (out, *options), _, _ in BAD.values():
        target = trained_store / "out" if out == "STORE/out" else tmp_path / str(out)
        asked.append(["export-features", trained_store, target, *options])
    for (situation, (_, code, words)), (seen, out_, err) in zip(BAD.items(), commands(*asked), strict=True):
        assert (seen, out_) == (code, ""), (situation, err)
        for word in words.split("|"):
            assert word in err, situation
        assert "Traceback" not in err
    assert content(tmp_path) == before


def test_only_what_is_published_and_fresh(trained_store: Path, tmp_path: Path) -> None:
    store = Store(trained_store)
    latents = export_features._latents(store, "cvae-8", None, [2]).products[0]
    store.prune(latents)
    with pytest.raises(SercliError, match=r"is pruned; run `sercli encode .* --ae cvae-8 --fold 2` first"):
        export(trained_store, tmp_path / "x", autoencoder="cvae-8")
    told = trained_store / "corpus" / "utterances.tsv"
    table = told.read_text()
    told.write_text(table.replace("\tanger\t", "\tneutral\t", 1))
    for what in ({"classifier": CLASSIFIER}, {"task": "emotion.leave-one-speaker-out"}):
        with pytest.raises(SercliError, match=r"is stale \(emotion changed\); run `sercli folds"):
            export(trained_store, tmp_path / "x", **what)
    first = table.splitlines()[1].split("\t")
    told.write_text(table.replace(first[7], "0" * 64))
    with pytest.raises(SercliError, match=r"is stale \(audio changed\); run `sercli featurize"):
        export(trained_store, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_two_at_once(trained: Path, tmp_path: Path) -> None:
    with export_features._draft(tmp_path / "out") as draft:
        (draft / "mine").touch()
        with pytest.raises(SercliError, match="is being made by another command"):
            export(trained, tmp_path / "out")
    assert content(tmp_path / "out") == {"mine": b""}


def _folds(**columns: list[object]) -> Table:
    usual: dict[str, list[object]] = {"fold": [1, 1], "part": ["train", "train"], "label": ["anger", "anger"]}
    return Table("folds", {**usual, **columns})


def test_names_that_kaldi_cannot_tell_apart(tmp_path: Path) -> None:
    speakers = _folds(id=["x_a_b-1", "x_a_b-2"], speaker=["x_a+b", "x_a-b"])
    with pytest.raises(SercliError, match=r"speakers 'x_a[+]b' and 'x_a-b' would both be 'x_a_b'.*rename one"):
        datadir.write(tmp_path / "1", tmp_path, speakers, tmp_path)
    labels = _folds(id=["x-1", "x-2"], speaker=["x", "x"], label=["very sad", "very_sad"])
    with pytest.raises(SercliError, match="emotions 'very sad' and 'very_sad' would both be"):
        datadir.write(tmp_path / "2", tmp_path, labels, tmp_path)


@pytest.mark.parametrize("path", ["a b.wav", "rm -rf|", "a.ark:12", "a.wav[0:3]"])
def test_paths_that_are_no_files_to_kaldi(path: str, tmp_path: Path) -> None:
    said = spoken([Utterance("u", path, duration=1.0, speaker="x")])
    with pytest.raises(SercliError, match=r"reads as a pipe or a list; .* rename them"):
        datadir._write_sound(tmp_path, said, tmp_path)
    assert not (tmp_path / "wav.scp").exists()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SercliError, match=r"need.? pyarrow.*pip install 'sercli\[parquet\]'"):
        interchange.write_parquet(tmp_path, _folds())
