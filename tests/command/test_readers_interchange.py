"""Corpora in forms that other tools share: Kaldi data directories and audformat databases; and readers of other packages."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import audformat
import pandas
import pytest
from support.command import FIXABLE, Sercli
from support.corpora import write_wav
from support.errors import check_error, raises, refused
from support.readme import blocks
from support.stores import rows_of

from sercli.corpora import audformat as audformat_reader
from sercli.corpora import kaldi
from sercli.data.utterances import Scan, Utterance
from sercli.errors import SercliError
from sercli.experiments.making import Settings
from sercli.stages import ingest
from sercli.stages.ingest import IngestOptions
from sercli.store.store import Store


def by_id(scan: Scan) -> dict[str, Utterance]:
    found = {utterance.utt_id: utterance for utterance in scan.utterances}
    assert len(found) == len(scan.utterances)
    return found


def ingested(corpus: Path, store: Path, max_rejects: float = 0) -> list[Utterance]:
    ingest.run(corpus, store, IngestOptions(max_rejects=max_rejects), Settings(jobs=1))
    return Store(store).utterances


# --- Kaldi

KALDI = {
    "wav.scp": "r1 wav/anna one.wav\nr2 wav/bert.wav\n",
    "segments": "a-1 r1 0.00 0.20\na-2 r1 0.2 -1\nb-1 r2 0.1 0.45\n",
    "utt2spk": "a-1 anna\na-2 anna\nb-1 bert\n",
    "utt2emotion": "a-1 hap\nb-1 Sad\n",
    "utt2session": "a-1 one\n",
    "utt2style": "a-1 acted\n",
    "utt2valence": "a-1 4.5\n",
    "text": "a-1 come  here\na-2\n",
    "spk2gender": "anna f\nbert m\n",
}


def data_directory(folder: Path, **files: str | None) -> Path:
    """KALDI with other files (`_` for the dot, None: without), and half a second of sound for each recording."""
    content = {**KALDI, **{name.replace("wav_scp", "wav.scp"): text for name, text in files.items()}}
    folder.mkdir(parents=True)
    for name, text in content.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    for sound in ("anna one.wav", "bert.wav"):
        write_wav(folder / "wav" / sound)
    return folder


def test_a_data_directory_tells_all(tmp_path: Path) -> None:
    corpus = data_directory(tmp_path / "data")
    assert kaldi.recognises(corpus)
    found = by_id(kaldi.scan(corpus))
    assert found["a-1"] == Utterance(
        utt_id="a-1",
        path="wav/anna one.wav",
        start=0.0,
        end=0.2,
        speaker="anna",
        session="one",
        gender="female",
        style="acted",
        emotion="hap",
        valence=4.5,
        text="come  here",
    )
    assert (found["a-2"].end, found["a-2"].text, found["a-2"].emotion) == (None, "", "")
    utterances = {utterance.utt_id: utterance for utterance in ingested(corpus, tmp_path / "store")}
    assert {name: (u.emotion, u.emotion_code) for name, u in utterances.items()} == {
        "a-1": ("happiness", "hap"),
        "a-2": ("", ""),
        "b-1": ("sadness", "Sad"),
    }
    assert utterances["a-2"].duration == pytest.approx(0.3)
    assert utterances["b-1"].speaker == "data_bert"
    assert utterances["b-1"].gender == "male"


def test_without_segments_a_recording_is_an_utterance(tmp_path: Path) -> None:
    corpus = data_directory(
        tmp_path / "data", segments=None, utt2spk="r1 anna\nr2 bert\n", utt2emotion="r1 sad\n", text=None
    )
    (corpus / "utt2session").write_text("r1 s1\n")
    for name in ("utt2style", "utt2valence"):
        (corpus / name).unlink()
    found = by_id(kaldi.scan(corpus))
    assert {name: (u.path, u.start, u.end, u.speaker) for name, u in found.items()} == {
        "r1": ("wav/anna one.wav", None, None, "anna"),
        "r2": ("wav/bert.wav", None, None, "bert"),
    }


def test_paths_start_where_the_sound_is(tmp_path: Path) -> None:
    """Recipes run from a folder above, some write absolute paths, some both."""
    recipe = tmp_path / "s5"
    corpus = data_directory(recipe / "data" / "train", wav_scp="r1 data/train/wav/anna one.wav\nr2 lost.wav\n")
    scan = kaldi.scan(corpus)
    assert scan.sound_root == recipe
    assert by_id(scan)["a-1"].path == "data/train/wav/anna one.wav"
    wav = corpus / "wav"
    (corpus / "wav.scp").write_text(f"r1 {wav}/../wav/anna one.wav\nr2 {wav}/bert.wav\n")
    scan = kaldi.scan(corpus)
    assert scan.sound_root == wav
    assert {u.path for u in scan.utterances} == {"anna one.wav", "bert.wav"}
    assert {u.speaker for u in ingested(corpus, tmp_path / "store")} == {"train_anna", "train_bert"}
    write_wav(tmp_path / "elsewhere" / "r2.wav")
    (corpus / "wav.scp").write_text(f"r1 wav/anna one.wav\nr2 {tmp_path}/elsewhere/r2.wav\n")
    scan = kaldi.scan(corpus)
    assert scan.sound_root == tmp_path
    assert {u.path for u in scan.utterances} == {"s5/data/train/wav/anna one.wav", "elsewhere/r2.wav"}


def test_a_path_that_leaves_the_directory_is_set_aside(tmp_path: Path) -> None:
    write_wav(tmp_path / "bert.wav")
    corpus = data_directory(tmp_path / "data", wav_scp="r1 wav/anna one.wav\nr2 ../bert.wav\n")
    assert {u.utt_id for u in ingested(corpus, tmp_path / "store", 1)} == {"a-1", "a-2"}
    assert "the path leaves the folder" in rows_of(tmp_path / "store" / "corpus" / "rejects.tsv")["../bert.wav"][1]


def test_what_lacks_sound_or_speaker_is_set_aside_by_name(tmp_path: Path) -> None:
    corpus = data_directory(
        tmp_path / "data", utt2spk="a-1 anna\nb-1 bert\nc-1 carl\n", segments=KALDI["segments"] + "d-1 r9 0 1\n"
    )
    assert {u.utt_id for u in ingested(corpus, tmp_path / "store", 3)} == {"a-1", "b-1"}
    reasons = (tmp_path / "store" / "corpus" / "rejects.tsv").read_text()
    assert "segments\tc-1: has labels or text, but no line here" in reasons
    assert "segments\td-1: its recording r9 is not in wav.scp" in reasons
    assert "a-2: unknown speaker ''" in reasons


BAD_KALDI: dict[str, tuple[str, str, str, dict[str, str]]] = {  # file, content, place, fields of the error
    "one field": ("utt2spk", "a-1\n", "line 1", {"seen": "1", "expected": "2: utterance, speaker"}),
    "three fields": ("utt2emotion", "a-1 sad b\n", "line 1", {"seen": "3", "expected": "2: utterance, emotion"}),
    "a channel": (
        "segments",
        "a-1 r1 0 1 A\n",
        "line 1",
        {"seen": "5", "expected": "4: utterance, recording, start, end"},
    ),
    "an empty line": ("utt2spk", "a-1 anna\n\nb-1 bert\n", "line 2", {"seen": "0", "expected": "2"}),
    "no number": ("segments", "a-1 r1 0 x\n", "line 1", {"problem": "end is 'x'"}),
    "not finite": ("utt2valence", "a-1 nan\n", "line 1", {"problem": "valence is 'nan'"}),
    "no gender": ("spk2gender", "anna x\n", "line 1", {"problem": "'x'; valid are f female, m male"}),
    "letters before capitals": ("utt2spk", "a-1 anna\nB-1 bert\n", "line 2", {"seen": "'B-1' after 'a-1'"}),
    "an archive": ("wav.scp", "r1 wav.ark:23\n", "line 1", {"problem": "archive", "seen": "wav.ark:23"}),
    "a command before": ("wav.scp", "r1 | touch x\n", "line 1", {"problem": "command", "seen": "| touch x"}),
}


@pytest.mark.parametrize("situation", BAD_KALDI)
def test_a_line_that_cannot_be_meant_is_refused(situation: str, tmp_path: Path) -> None:
    file, content, line, fields = BAD_KALDI[situation]
    corpus = data_directory(tmp_path / "data")
    (corpus / file).write_text(content)
    with raises({"place": f"{corpus / file}: {line}", **fields}):
        kaldi.scan(corpus)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    corpus = data_directory(tmp_path / "data")
    (corpus / "text").write_bytes(b"a-1 gr\xfc\xdfe\n")
    with raises({"place": "text: line 1", "problem": "UTF-8", "fix": "iconv"}):
        kaldi.scan(corpus)


@pytest.mark.parametrize("missing", ["utt2spk", "utt2emotion"])
def test_what_a_data_directory_lacks(missing: str, tmp_path: Path) -> None:
    corpus = data_directory(tmp_path / "data", utt2valence=None, **{missing: None})
    assert not kaldi.recognises(corpus)
    assert missing in kaldi.nearly(corpus)
    with raises({"place": str(corpus), "seen": missing, "expected": "kaldi", "fix": "--corpus"}):
        ingested(corpus, tmp_path / "store")
    assert kaldi.nearly(tmp_path) == ""


def test_dimensions_alone_will_do(tmp_path: Path) -> None:
    corpus = data_directory(tmp_path / "data", utt2emotion=None)
    assert kaldi.recognises(corpus)
    assert kaldi.nearly(corpus) == ""


KALDI_ON_COMMAND = {
    "unsorted": (
        {"utt2spk": "a-1 anna\nb-1 bert\na-2 anna\n"},
        {"place": "utt2spk: line 3", "seen": "'a-2' after 'b-1'", "fix": "LC_ALL=C sort -o"},
    ),
    "a command": (
        {"wav_scp": "r1 touch RAN && sph2pipe a.sph |\nr2 wav/bert.wav\n"},
        {"place": "wav.scp: line 1", "seen": "sph2pipe a.sph |", "fix": "sox … out.wav"},
    ),
    "a duplicate": (
        {"utt2emotion": "a-1 sad\na-1 hap\n"},
        {"place": "utt2emotion: line 2", "seen": "a-1", "fix": "remove one"},
    ),
}


@pytest.mark.parametrize("situation", KALDI_ON_COMMAND)
def test_a_data_directory_that_kaldi_would_refuse(situation: str, sercli: Sercli, tmp_path: Path) -> None:
    files, fields = KALDI_ON_COMMAND[situation]
    corpus = data_directory(
        tmp_path / "data", **{name: text.replace("RAN", str(tmp_path / "ran")) for name, text in files.items()}
    )
    refused(sercli, FIXABLE, fields, "ingest", corpus, tmp_path / "store", cwd=corpus)
    assert {path.name for path in tmp_path.iterdir()} == {"data"}, "nothing was executed, nothing made"


def test_a_segment_past_the_end_is_set_aside(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = (
        data_directory(tmp_path / "data", segments="a-1 r1 0 0.9\nb-1 r2 0 0.5\n", text=None),
        tmp_path / "s",
    )
    (corpus / "utt2spk").write_text("a-1 anna\nb-1 bert\n")
    done = sercli("ingest", corpus, store, "--max-rejects", 1)
    assert "looks like kaldi" in done.stderr
    assert list(rows_of(store / "corpus" / "utterances.tsv")) == ["b-1"]
    assert rows_of(store / "corpus" / "rejects.tsv") == {
        "wav/anna one.wav": ["wav/anna one.wav", "section 0 to 0.9 s does not lie in the file's 0.5 s"]
    }


# --- audformat

FILES = ["wav/a.wav", "wav/b.wav", "wav/c d.wav"]
Cells = Mapping[str, Sequence[Any]]


def database(speakers: object = None) -> audformat.Database:
    """Schemes as published databases have them; no tables yet."""
    db = audformat.Database("mine", usage=audformat.define.Usage.RESEARCH, languages=["de"])
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy", "no_agreement"])
    db.schemes["speaker"] = audformat.Scheme(
        dtype="int", labels=speakers or {3: {"gender": "male", "age": 31}, 8: {"gender": "female"}}
    )
    db.schemes["transcription"] = audformat.Scheme(labels={"a01": "Der Lappen liegt", "a02": "Das will sie"})
    db.schemes["valence"] = audformat.Scheme(dtype="float", minimum=1, maximum=7)
    for split in ("train", "test"):
        db.splits[split] = audformat.Split(split)
    return db


def add(db: audformat.Database, name: str, index: pandas.Index, columns: Cells, split: str | None = None) -> None:
    """A table; a column has the scheme of its name, where there is one, or what follows the colon."""
    db[name] = audformat.Table(index, split_id=split)
    for key, values in columns.items():
        column, _, scheme = key.partition(":")
        scheme = scheme or (column if column in db.schemes else None)
        db[name][column] = audformat.Column(scheme_id=scheme)
        db[name][column].set(list(values))


def save(db: audformat.Database, folder: Path, form: str = "csv", name: str = "db") -> Path:
    db.save(str(folder), name=name, storage_format=form)
    for file in FILES:
        write_wav(folder / file)
    return folder


def whole(n_files: int = 3) -> pandas.Index:
    return audformat.filewise_index(FILES[:n_files])


def with_files(db: audformat.Database) -> audformat.Database:
    add(db, "files", whole(), {"speaker": [3, 8, 3], "transcription": ["a01", "a02", None]})
    return db


def audformat_refused(corpus: Path, **fields: str | tuple[str, ...]) -> None:
    with pytest.raises(SercliError) as caught:
        audformat_reader.scan(corpus)
    assert str(corpus) in caught.value.place
    check_error(caught.value.as_json(), fields)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_whole_files(form: str, tmp_path: Path) -> None:
    """In the way that EMO-DB is published: all files, and again those of each part."""
    db = with_files(database())
    add(db, "emotion", whole(), {"emotion": ["anger", "joy", None], "valence": [1, 7, None]})
    add(db, "emotion.gold.train", whole(1), {"emotion": ["anger"]}, "train")
    add(db, "emotion.gold.test", audformat.filewise_index(FILES[1:]), {"emotion": ["joy", None]}, "test")
    corpus = save(db, tmp_path / "mine", form)
    assert audformat_reader.recognises(corpus)
    scan = audformat_reader.scan(corpus)
    assert (scan.rejects, scan.warnings, scan.scale) == ([], [], (1, 7))
    found = by_id(scan)
    assert found["wav_a"] == Utterance(
        utt_id="wav_a",
        path="wav/a.wav",
        speaker="3",
        gender="male",
        emotion="anger",
        emotion_code="anger",
        valence=1.0,
        text="Der Lappen liegt",
        extra={"split": "train"},
    )
    assert (found["wav_b"].gender, found["wav_b"].extra["split"]) == ("female", "test")
    assert (found["wav_c_d"].emotion, found["wav_c_d"].valence) == ("", None)
    told = {u.utt_id: (u.speaker, u.emotion, u.valence) for u in ingested(corpus, tmp_path / "store")}
    assert told == {
        "wav_a": ("mine_3", "anger", 1.0),
        "wav_b": ("mine_8", "happiness", 5.0),
        "wav_c_d": ("mine_3", "", None),
    }


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parts_of_files(form: str, tmp_path: Path) -> None:
    db = with_files(database())
    index = audformat.segmented_index(
        [FILES[0], FILES[0], FILES[1], FILES[2]], ["0s", "0.25s", "0.1s", "0s"], ["0.25s", "0.5s", None, None]
    )
    add(db, "emotion", index, {"emotion": ["anger", "no_agreement", "joy", "joy"]})
    scan = audformat_reader.scan(save(db, tmp_path / "mine", form))
    found = {name: (u.path, u.start, u.end, u.speaker, u.emotion) for name, u in by_id(scan).items()}
    assert found == {
        "wav_a_0000000": ("wav/a.wav", 0.0, 0.25, "3", "anger"),
        "wav_a_0000250": ("wav/a.wav", 0.25, 0.5, "3", "no_agreement"),
        "wav_b_0000100": ("wav/b.wav", 0.1, None, "8", "joy"),
        "wav_c_d": ("wav/c d.wav", None, None, "3", "joy"),
    }


def test_the_speaker_of_a_part_goes_before_that_of_the_file(tmp_path: Path) -> None:
    db = with_files(database())
    index = audformat.segmented_index([FILES[0], FILES[0]], ["0s", "0.25s"], ["0.25s", "0.5s"])
    add(db, "emotion", index, {"emotion": ["anger", "joy"]})
    add(db, "turns", index[1:], {"who:speaker": [8]})
    found = by_id(audformat_reader.scan(save(db, tmp_path / "mine")))
    assert [u.speaker for u in found.values()] == ["3", "8"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_labels_of_a_scheme_in_a_table_of_their_own(form: str, tmp_path: Path) -> None:
    db = audformat.Database("mine")
    db.schemes["gender"] = audformat.Scheme(labels=["female", "male"])
    db["people"] = audformat.MiscTable(pandas.Index([3, 8], name="person", dtype="Int64"))
    db["people"]["gender"] = audformat.Column(scheme_id="gender")
    db["people"]["gender"].set(["female", "male"])
    db.schemes["speaker"] = audformat.Scheme(dtype="int", labels="people")
    add(db, "all", whole(2), {"speaker": [3, 8], "emotion": ["anger", "joy"]})
    found = by_id(audformat_reader.scan(save(db, tmp_path / "mine", form)))
    assert [(u.speaker, u.gender) for u in found.values()] == [("3", "female"), ("8", "male")]


EMOTION_COLUMNS: dict[str, tuple[Any, str]] = {
    "scheme of the name": (None, "label:emotion"),
    "labels that are emotions": (["anger", "sad"], "label"),
    "codes of emotions": ({"W": "anger", "T": "sad"}, "emotion"),
}


@pytest.mark.parametrize("situation", EMOTION_COLUMNS)
def test_the_column_of_emotions_is_found(situation: str, tmp_path: Path) -> None:
    labels, column = EMOTION_COLUMNS[situation]
    db = database()
    if labels:
        del db.schemes["emotion"]
        db.schemes[column] = audformat.Scheme(labels=labels)
    code = "W" if isinstance(labels, dict) else "anger"
    add(db, "all", whole(2), {"speaker": [3, 8], column: [code, code]})
    found = by_id(audformat_reader.scan(save(db, tmp_path / "mine")))
    assert [(u.emotion, u.emotion_code) for u in found.values()] == [("anger", code)] * 2


def test_dimensions_without_emotions(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "ratings", whole(2), {"valence": [2.5, 3]})
    scan = audformat_reader.scan(save(db, tmp_path / "mine"))
    assert [u.valence for u in scan.utterances] == [2.5, 3]
    assert scan.warnings == ["1 files have no row in ratings, wav/c d.wav first; left out"]


def test_scales_that_differ_are_told(tmp_path: Path) -> None:
    db = with_files(database())
    db.schemes["arousal"] = audformat.Scheme(dtype="float", minimum=0, maximum=1)
    add(db, "ratings", whole(), {"valence": [2, 2, 2], "arousal": [0, 1, 0]})
    scan = audformat_reader.scan(save(db, tmp_path / "mine"))
    assert scan.scale == (1, 5)
    assert "valence 1 to 7, arousal 0 to 1; values are kept unless --scale gives one scale" in scan.warnings[0]


def test_tables_that_disagree_are_refused(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "intended", whole(), {"emotion": ["anger", "joy", "joy"]})
    add(db, "perceived", whole(), {"emotion": ["anger", "anger", "joy"]})
    seen = ("'joy' in table 'intended'", "'anger' in 'perceived'")
    audformat_refused(save(db, tmp_path / "mine"), place="emotion of wav/b.wav", seen=seen, fix="take the table")


def test_several_raters_are_refused(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "votes", whole(), {f"r{number}:emotion": ["anger", "joy", "joy"] for number in (1, 2)})
    audformat_refused(save(db, tmp_path / "mine"), problem="'votes'", seen="r1, r2", fix="take the table or column")


def test_labels_of_a_file_and_of_its_part_are_refused(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "whole", whole(), {"emotion": ["anger", "joy", "joy"]})
    add(db, "parts", audformat.segmented_index(FILES[:1], ["0.1s"], ["0.2s"]), {"emotion": ["joy"]})
    audformat_refused(save(db, tmp_path / "mine"), seen=("wav/a.wav", "parts, whole"), fix="take the table")


def test_a_database_without_speakers_is_refused(tmp_path: Path) -> None:
    db = database()
    add(db, "all", whole(), {"emotion": ["anger", "joy", "joy"]})
    audformat_refused(save(db, tmp_path / "mine"), problem="speakers", fix="add a column `speaker`")


def test_a_pickled_table_is_not_read(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "emotion", whole(), {"emotion": ["anger", "joy", "joy"]})
    corpus = save(db, tmp_path / "mine", "pkl")
    (corpus / "db.emotion.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    audformat_refused(
        corpus, place="db.yaml", seen="db.emotion.pkl", expected="db.emotion.csv", fix="as csv or parquet"
    )
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["../secret", "/etc/x"])
def test_a_table_lies_in_no_other_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    header = (
        f"name: x\nusage: other\ntables: {{'{name}': {{type: filewise, columns: {{emotion: {{}}, speaker: {{}}}}}}}}\n"
    )
    (tmp_path / "mine" / "db.yaml").write_text(header)
    audformat_refused(tmp_path / "mine", seen=name, fix="rename")


@pytest.mark.parametrize("header", ["tables: [1]", "tables: {a: 3}", "tables: {a: {columns: [x]}}", "tables: &a [*a]"])
def test_a_header_of_another_shape_is_refused(header: str, tmp_path: Path) -> None:
    (tmp_path / "db.yaml").write_text(f"name: x\nusage: other\n{header}\n")
    audformat_refused(tmp_path, expected="a mapping")


def test_a_header_of_any_name(tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "emotion", whole(), {"emotion": ["anger", "joy", "joy"]})
    corpus = save(db, tmp_path / "mine", name="other")
    assert len(audformat_reader.scan(corpus).utterances) == 3
    save(db, corpus)
    assert not audformat_reader.recognises(corpus)
    audformat_refused(corpus, seen="db.yaml, other.yaml", fix="give the header")
    assert len(ingested(corpus / "other.yaml", tmp_path / "store")) == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0 days 00:00:01.500000", 1.5),
        ("1 days", 86400),
        ("0 days 01:00:02", 3602),
        ("P0DT0H1M1.25S", 61.25),
        ("PT2S", 2),
        ("1.5", 1.5),
        ("0.25s", 0.25),
        ("NaT", math.inf),
        ("", math.inf),
    ],
)
def test_times(text: str, seconds: float, tmp_path: Path) -> None:
    corpus = save(_one_part(), tmp_path)
    table = corpus / "db.emotion.csv"
    table.write_text(f"file,start,end,emotion,speaker\nwav/a.wav,0 days,{text},anger,3\n")
    (found,) = audformat_reader.scan(corpus).utterances
    assert found.end == (None if seconds == math.inf else seconds)


def test_a_time_that_is_none_is_set_aside(tmp_path: Path) -> None:
    corpus = save(_one_part(), tmp_path)
    rows = [
        "wav/a.wav,soon,,anger,3",
        "wav/b.wav,0,-1 days,anger,3",
        "wav/c d.wav,,,anger,3",
        ",0,1,anger,3",
        "wav/a.wav",
    ]
    (corpus / "db.emotion.csv").write_text("\n".join(["file,start,end,emotion,speaker", *rows]))
    scan = audformat_reader.scan(corpus)
    assert [u.path for u in scan.utterances] == ["wav/c d.wav"]
    assert [(reject.path, reject.reason.partition("'emotion': ")[2]) for reject in scan.rejects] == [
        ("wav/a.wav", "start is 'soon', wanted a time such as 0 days 00:00:01.5"),
        ("wav/b.wav", "end is '-1 days', wanted a time such as 0 days 00:00:01.5"),
        ("line 5", "no file"),
        ("wav/a.wav", "has 4 columns too few"),
    ]


def _one_part() -> audformat.Database:
    db = database()
    index = audformat.segmented_index(FILES[:1], ["0s"], ["0.25s"])
    add(db, "emotion", index, {"emotion": ["anger"], "speaker": [3]})
    return db


def test_a_table_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    corpus = save(_one_part(), tmp_path, "parquet")
    (corpus / "db.emotion.parquet").write_bytes(b"PAR1 cut short")
    audformat_refused(corpus, place="db.emotion.parquet", problem="Parquet", fix="copy it again")


def test_a_table_that_is_missing(sercli: Sercli, tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "emotion", whole(), {"emotion": ["anger", "joy", "joy"]})
    corpus = save(db, tmp_path / "mine")
    (corpus / "db.files.csv").unlink()
    fields = {"place": "db.yaml", "problem": "'files'", "expected": "db.files.csv", "fix": "csv or parquet"}
    refused(sercli, FIXABLE, fields, "ingest", corpus, tmp_path / "store")


def test_a_label_that_the_scheme_does_not_have(sercli: Sercli, tmp_path: Path) -> None:
    db = with_files(database())
    add(db, "emotion", whole(), {"emotion": ["anger", "joy", "joy"]})
    corpus, store = save(db, tmp_path / "mine"), tmp_path / "store"
    table = corpus / "db.emotion.csv"
    table.write_text(table.read_text().replace("anger", "angr"))
    sercli("ingest", corpus, store, "--max-rejects", 1)
    assert len(rows_of(store / "corpus" / "utterances.tsv")) == 2
    assert rows_of(store / "corpus" / "rejects.tsv")["wav/a.wav"][1] == (
        "wav/a.wav: unknown emotion label 'angr'; the nearest is anger; valid are anger, joy, no_agreement"
    )


# --- readers of other packages

READER = next(block for block in blocks("python") if "EXAMPLE" in block)  # as the README shows it
FULL_READER = '''"""Their corpus: a table of labels for each speaker."""

from sercli.data.utterances import Count, Scan, Utterance

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {"anna.labels": "anna-1 sad\\n", "anna-1.wav": "anna sadness"}


def recognises(folder):
    return folder.is_dir() and any(folder.glob("*.labels"))


def scan(folder):
    rows = [(path.stem, *line.split()) for path in folder.glob("*.labels") for line in path.read_text().splitlines()]
    return Scan([Utterance(name, f"{name}.wav", speaker=who, emotion=label) for who, name, label in rows], [])


def counts(utterances):
    return [Count("", "recordings", len(utterances), 2)]
'''
BROKEN = {
    "imports": ("import a_library_that_is_not_there\n", "ModuleNotFoundError: No module named 'a_library"),
    "asks": (
        '"""A card."""\n\nTASK, EXAMPLE = {}, {}\n\n\ndef recognises(folder):\n    return 1 / 0\n',
        "ZeroDivisionError: division by zero",
    ),
    "lacks": ('"""A card."""\n', "AttributeError: module 'their_lacks' has no attribute 'TASK'"),
    "speaks": ('"""A card.\n', "SyntaxError: unterminated"),
}

Installed = Callable[..., dict[str, str]]


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """Make packages with readers as pip would leave them; the environment in which they are found."""

    def install(**readers: str | None) -> dict[str, str]:
        site = tmp_path / "site"
        for name, source in readers.items():
            info = site / f"their_{name}-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: their_{name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[sercli.corpora]\n{name} = their_{name}\n")
            if source is not None:
                (site / f"their_{name}.py").write_text(source)
        return {"PYTHONPATH": os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))}

    return install


def my_corpus(folder: Path) -> Path:
    for name in ("anna/anna-A1", "anna/anna-T1", "bert/bert-A1", "bert/bert-T2"):
        write_wav(folder / f"{name}.wav")
    write_wav(folder / "bert" / "bert-X1.wav")
    return folder


def test_a_reader_of_another_package(installed: Installed, sercli: Sercli, tmp_path: Path) -> None:
    environment, store = installed(mine=READER), tmp_path / "store"
    cards = {card["name"]: card for card in json.loads(sercli("corpora", "--json", env=environment).stdout)}
    assert cards["mine"]["summary"] == "My corpus: three sentences, acted."
    assert cards["mine"]["facts"]["Licence"] == "mine"
    done = sercli("ingest", my_corpus(tmp_path / "corpus"), store, "--max-rejects", 1, env=environment)
    assert done.stdout == "mine\n"
    assert "corpus: looks like mine" in done.stderr
    rows = rows_of(store / "corpus" / "utterances.tsv")
    assert list(rows) == ["anna-A1", "anna-T1", "bert-A1", "bert-T2"]
    assert {"mine_bert", "sadness"} <= set(rows["bert-T2"])
    assert "unknown emotion code 'X'" in rows_of(store / "corpus" / "rejects.tsv")["bert/bert-X1.wav"][1]


def test_a_reader_of_another_package_with_functions_of_its_own(
    installed: Installed, sercli: Sercli, tmp_path: Path
) -> None:
    environment, store = installed(theirs=FULL_READER), tmp_path / "store"
    write_wav(tmp_path / "corpus" / "anna-1.wav")
    (tmp_path / "corpus" / "anna.labels").write_text("anna-1 sad\n")
    done = sercli("ingest", tmp_path / "corpus", store, "--verify", code=FIXABLE, env=environment)
    assert "count: recordings: 1, the release has 2" in done.stderr
    assert {"theirs_anna", "sadness"} <= set(rows_of(store / "corpus" / "utterances.tsv")["anna-1"])


def test_a_broken_reader_stands_in_nobodys_way(installed: Installed, sercli: Sercli, tmp_path: Path) -> None:
    environment = installed(mine=READER, gone=None, **{name: source for name, (source, _) in BROKEN.items()})
    corpus = my_corpus(tmp_path / "corpus")
    done = sercli("ingest", corpus, tmp_path / "store", "--max-rejects", 1, env=environment)
    assert done.stdout == "mine\n"
    reasons = {name: reason for name, (_, reason) in BROKEN.items()} | {"gone": "No module named 'their_gone'"}
    for name, reason in reasons.items():
        (line,) = [line for line in done.stderr.splitlines() if f"corpora: {name} (their_{name})" in line]
        assert line.startswith("skipped: ")
        assert reason in line
        assert line.endswith("mend or uninstall that package")
    done = sercli("corpora", "--json", env=environment)
    listed = {card["name"] for card in json.loads(done.stdout)}
    assert {"mine", "emodb", "kaldi"} <= listed
    assert not {"imports", "speaks", "gone", "lacks"} & listed
    assert done.stderr.count("skipped: ") == 4
    asked = ["ingest", corpus, tmp_path / "other", "--corpus", "imports"]
    fields = {"place": "imports", "seen": "a_library_that_is_not_there"}
    refused(sercli, FIXABLE, fields, *asked, env=environment)
