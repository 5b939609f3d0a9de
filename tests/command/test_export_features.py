"""`sercli export-features`: what other programs read is what the store holds, under the rules of Kaldi's own check."""

import csv
import json
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
from support.command import DONE, ENVIRONMENT, FIXABLE, USAGE
from support.corpora import write_wav
from support.errors import Fields, check_error, error_in

from sercli.data.utterances import Utterance, read_table
from sercli.errors import SercliError
from sercli.experiments.catalogue import Catalogue
from sercli.experiments.making import Settings
from sercli.exports import kaldi_directories, table_files
from sercli.exports.contents import ExportTable, with_ids
from sercli.stages import export_features
from sercli.stages.export_features import ExportFeaturesOptions
from sercli.store import publishing
from sercli.store.ragged import Ragged, write_ragged
from sercli.store.store import Store
from sercli.tasks.folds import PARTS

CLASSIFIER = "cvae-8.lstm"
F = [f"f{i}" for i in range(80)]

_EACH = """
import contextlib, io, json, sys
from sercli.cli.commands import app
from sercli.errors import SercliError
found = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(words)
        except SystemExit as end:
            code = end.code or 0
        except SercliError as error:
            code = error.exit_code
            print(json.dumps(error.as_json()), file=sys.stderr)
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""


def commands(*lines: list[object]) -> list[tuple[int, str, str]]:
    """The real commands one after the other, in one process: exit code, stdout and stderr of each."""
    words = [sys.executable, "-c", _EACH, json.dumps([[str(word) for word in line] for line in lines])]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


WHAT: dict[str, list[object]] = {
    "features": [],
    "latents": ["--ae", "cvae-8", "--fold", 1, "--fold", 3],
    "posteriors": ["--classifier", CLASSIFIER],
    "folds": ["--task", "emotion.leave-one-speaker-out"],
}
EXPORTS = {
    f"{name}-{kind}": ["--format", kind, *words] for name, words in WHAT.items() for kind in ("kaldi", "csv", "parquet")
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
    assert "a_one_0002500" in done[2][2]
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
    exported = with_ids(Store(trained).utterances)
    frames = Ragged(trained / "arrays.zarr/features/logmel", {})
    matrices = [frames.rows("frames", [u.utterance.utt_id])[0] for u in exported]
    wanted = np.concatenate(matrices)
    assert np.array_equal(from_csv[F].to_numpy(np.float64).astype(np.float32), wanted)
    assert np.array_equal(from_parquet[F].to_numpy(), wanted)
    assert set(from_parquet[F].dtypes) == {np.dtype(np.float32)}
    for frame in (from_csv, from_parquet):
        for name in ("utt_id", "speaker", "emotion"):
            column = [getattr(u.utterance, name) for u, rows in zip(exported, matrices, strict=True) for _ in rows]
            assert frame[name].tolist() == column
        assert frame["id"].unique().tolist() == check(made / "features-kaldi")
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
    assert from_csv["id"].value_counts(sort=False).tolist() == [len(rows) for rows in fed.values()]


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
        assert found["marks"] == ([] if name.startswith("features") else ["TEXT-SHARED"])  # features are of no task
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


@settings(max_examples=50)
@given(st.dictionaries(NAMES, NAMES, min_size=1, max_size=12))
def test_ids_and_speakers_have_one_order(said: dict[str, str]) -> None:
    found = with_ids([Utterance(utt_id, "", speaker=f"x_{speaker}") for utt_id, speaker in said.items()])
    rows = [(one.id.encode(), one.speaker.encode()) for one in found]
    assert rows == sorted(set(rows), key=lambda row: row[0])
    assert rows == sorted(rows, key=lambda row: (row[1], row[0]))
    assert {one.id.partition("-")[2]: one.utterance.speaker for one in found} == {
        utt_id: f"x_{speaker}" for utt_id, speaker in said.items()
    }


@settings(max_examples=100)
@given(st.floats(width=32, allow_nan=False))
def test_nine_digits_are_enough(number: float) -> None:
    assert np.float32(f"{number:.9g}") == np.float32(number)


def test_rows_in_any_order(tmp_path: Path) -> None:
    lengths = [3, 0, 5, 1, 4]
    rows = np.arange(26, dtype=np.float32).reshape(13, 2)
    ids = ["a", "b", "c", "d", "e"]
    write_ragged(
        tmp_path / "x",
        [{"m": rows, "s": -rows}],
        dict(zip(ids, lengths, strict=True)),
        {"m": 2, "s": 2},
        ("row", "column"),
        {},
    )
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
    store: Path, out: Path, kind: str = "csv", again: bool = False, dry_run: bool = False, **what: object
) -> dict[str, object]:
    """The stage itself."""
    options = ExportFeaturesOptions(file_format=kind, **what)  # type: ignore[arg-type]
    return export_features.run(store, out, options, Settings(device="cpu", overwrite=again, dry_run=dry_run)).as_json()


FEATURES = "arrays.zarr/features/logmel"


def test_made_once(made: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(shutil.copytree(made / "features-csv", tmp_path / "out"))
    inode = (out / "frames.csv").stat().st_ino
    assert export(trained, out) == {
        "product": str(out),
        "path": str(out),
        "made": [],
        "reused": [FEATURES],
        "stale": [],
    }
    assert "nothing to do" in capsys.readouterr().err
    assert (out / "frames.csv").stat().st_ino == inode
    assert export(trained, out, again=True)["made"] == [FEATURES]
    assert content(out) == content(made / "features-csv"), "the same bytes"
    (out / "frames.csv").write_bytes(b"")
    assert export(trained, out, dry_run=True)["stale"] == [FEATURES]
    assert (out / "frames.csv").read_bytes() == b""
    export(trained, out)
    assert content(out) == content(made / "features-csv")
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
    out = Path(shutil.copytree(made / "features-csv", tmp_path / "out"))
    chunk = next(path for path in (trained_store / FEATURES / "frames" / "c").rglob("*") if path.is_file())
    chunk.write_bytes(bytes(chunk.stat().st_size))
    with pytest.raises(SercliError, match="frames"):
        export(trained_store, out, again=True)
    assert content(out) == content(made / "features-csv")
    assert [path.name for path in tmp_path.iterdir() if path.name != "toy"] == ["out"]


# --- refused


def _notes(out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")


CSV, OVER = ["--format", "csv"], ["--overwrite"]
BAD: dict[str, tuple[list[object], int, Fields]] = {
    "inside the store": (["STORE/out", *CSV], FIXABLE, {"place": "out", "expected": "outside"}),
    "something else": (["thesis", *CSV, *OVER], FIXABLE, {"place": "thesis", "fix": "another folder"}),
    "a file": (["thesis/thesis.tex", *CSV], FIXABLE, {"place": "thesis.tex", "fix": "another folder"}),
    "another format": (
        ["there", "--format", "parquet"],
        FIXABLE,
        {"place": "there", "seen": "csv", "expected": "parquet", "fix": "--overwrite"},
    ),
    "another product": (
        ["there", *CSV, "--task", "emotion.leave-one-speaker-out"],
        FIXABLE,
        {"seen": "features/logmel", "expected": "tasks/emotion.leave-one-speaker-out", "fix": "--overwrite"},
    ),
    "a file of one's own": (["noted", *CSV, *OVER], FIXABLE, {"place": "notes.txt", "fix": "move it"}),
    "two selectors": (["x", *CSV, "--ae", "a", "--task", "t"], USAGE, {"place": ("--ae", "--task")}),
    "a fold of features": (["x", *CSV, "--fold", 1], USAGE, {"place": "--fold", "fix": "--ae"}),
    "a condition alone": (["x", *CSV, "--condition", "oracle"], USAGE, {"place": "--condition", "fix": "--ae"}),
    "unknown features": (["x", *CSV, "--frontend", "no"], FIXABLE, {"place": "no", "fix": "featurize"}),
    "unknown autoencoder": (["x", *CSV, "--ae", "no"], FIXABLE, {"seen": "no", "expected": "cvae-8"}),
    "unknown classifier": (["x", *CSV, "--classifier", "no"], FIXABLE, {"seen": "no", "expected": CLASSIFIER}),
    "unknown task": (["x", *CSV, "--task", "no"], FIXABLE, {"place": "tasks/no", "fix": "sercli folds"}),
    "unknown fold": (["x", *CSV, "--ae", "cvae-8", "--fold", 9], USAGE, {"place": "--fold", "seen": "9"}),
    "never encoded": (
        ["x", *CSV, "--ae", "cvae-8", "--condition", "posterior"],
        FIXABLE,
        {"place": "posterior", "fix": ("sercli encode", "--condition posterior")},
    ),
    "a blank": (["with blank", "--format", "kaldi"], FIXABLE, {"place": "with blank", "fix": "another OUT"}),
    "no sound": (["x", "--format", "kaldi", "--root", "nowhere"], FIXABLE, {"place": "nowhere", "fix": "--root"}),
}
UNPARSED = {"unknown format": (["x", "--format", "arff"], "arff"), "no format": (["x"], "--format")}


def test_bad_uses(made: Path, trained_store: Path, tmp_path: Path) -> None:
    _notes(tmp_path / "thesis")
    for name in ("there", "noted"):
        shutil.copytree(made / "features-csv", tmp_path / name)
    (tmp_path / "noted" / "notes.txt").write_text("mine")
    before = content(tmp_path)
    lines: list[list[object]] = []
    for out, *options in [words for words, *_ in (*BAD.values(), *UNPARSED.values())]:
        target = trained_store / "out" if out == "STORE/out" else tmp_path / str(out)
        lines.append(["export-features", trained_store, target, *options])
    done = commands(*lines)
    for (_, code, fields), (seen, out_, err) in zip(BAD.values(), done, strict=False):
        assert (seen, out_) == (code, ""), err
        check_error(error_in(err), fields)
    for (_, word), (seen, out_, err) in zip(UNPARSED.values(), done[len(BAD) :], strict=True):
        assert (seen, out_) == (USAGE, "")
        assert word in err
    assert content(tmp_path) == before


def test_only_what_is_published_and_fresh(trained_store: Path, tmp_path: Path) -> None:
    store = Store(trained_store)
    publishing.prune(store, Catalogue(store).autoencoder("cvae-8").latents(2))
    with pytest.raises(SercliError, match="pruned") as caught:
        export(trained_store, tmp_path / "x", autoencoder="cvae-8")
    assert all(word in str(caught.value.fix) for word in ("sercli encode", "--ae cvae-8", "--fold 2"))
    told = trained_store / "corpus" / "utterances.tsv"
    table = told.read_text()
    told.write_text(table.replace("\tanger\t", "\tneutral\t", 1))
    for what in ({"classifier": CLASSIFIER}, {"task": "emotion.leave-one-speaker-out"}):
        with pytest.raises(SercliError, match=r"stale.*emotion") as caught:
            export(trained_store, tmp_path / "x", **what)
        assert "sercli folds" in str(caught.value.fix)
    first = table.splitlines()[1].split("\t")
    told.write_text(table.replace(first[7], "0" * 64))
    with pytest.raises(SercliError, match=r"stale.*audio") as caught:
        export(trained_store, tmp_path / "x")
    assert "sercli featurize" in str(caught.value.fix)
    assert not (tmp_path / "x").exists()


def test_two_at_once(trained: Path, tmp_path: Path) -> None:
    with publishing.new_folder(tmp_path / "out") as draft:
        (draft / "mine").touch()
        with pytest.raises(SercliError, match="another command") as caught:
            export(trained, tmp_path / "out")
        assert "out" in caught.value.place
    assert content(tmp_path / "out") == {"mine": b""}


def _folds(**columns: list[object]) -> ExportTable:
    usual: dict[str, list[object]] = {"fold": [1, 1], "part": ["train", "train"], "label": ["anger", "anger"]}
    return ExportTable("folds", {**usual, **columns})


def test_names_that_kaldi_cannot_tell_apart(tmp_path: Path) -> None:
    speakers = _folds(id=["x_a_b-1", "x_a_b-2"], speaker=["x_a+b", "x_a-b"])
    with pytest.raises(SercliError, match=r"speakers: .*'x_a[+]b' and 'x_a-b', both 'x_a_b'.*rename one"):
        kaldi_directories.write(tmp_path / "1", tmp_path, speakers, tmp_path)
    labels = _folds(id=["x-1", "x-2"], speaker=["x", "x"], label=["very sad", "very_sad"])
    with pytest.raises(SercliError, match=r"emotions: .*'very sad' and 'very_sad'"):
        kaldi_directories.write(tmp_path / "2", tmp_path, labels, tmp_path)


@pytest.mark.parametrize("path", ["a b.wav", "rm -rf|", "a.ark:12", "a.wav[0:3]"])
def test_paths_that_are_no_files_to_kaldi(path: str, tmp_path: Path) -> None:
    said = with_ids([Utterance("u", path, duration=1.0, speaker="x")])
    with pytest.raises(SercliError, match="rename them"):
        kaldi_directories._write_sound(tmp_path, said, tmp_path)
    assert not (tmp_path / "wav.scp").exists()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SercliError, match=r"pyarrow.*pip install 'sercli\[parquet\]'"):
        table_files.write_parquet(tmp_path, _folds())
