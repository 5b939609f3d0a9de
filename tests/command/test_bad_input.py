"""Bad corpora, recordings, tables and options, on the real command: one clear line, the right exit code, good work kept.

What has gone wrong inside a store, or while a command runs, is in `test_bad_store.py`.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from support.command import FIXABLE, USAGE, Sercli, importable
from support.corpora import write_wav
from support.errors import error_text, refused
from support.stores import rows_of

from sercli import plugins

# --- corpora


def _another_corpus(folder: Path) -> None:
    write_wav(folder / "talks" / "first.wav")


def _no_corpus(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing to hear")


def _two_tables(folder: Path) -> None:
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("path,speaker,emotion\nx.wav,1,anger\n")


Fields = dict[str, str | tuple[str, ...]]
CORPORA: dict[str, tuple[Callable[[Path], object], list[str], int, Fields]] = {
    "no such folder": (lambda folder: None, [], FIXABLE, {"problem": "no such folder", "fix": "folder of a corpus"}),
    "empty": (lambda folder: folder.mkdir(), [], FIXABLE, {"problem": "empty", "fix": "folder of a corpus"}),
    "no corpus": (
        _no_corpus,
        [],
        FIXABLE,
        {"expected": "emodb", "fix": ("--corpus", "a table with the columns path, speaker and emotion")},
    ),
    "unknown corpus": (_another_corpus, [], FIXABLE, {"expected": "emodb", "fix": "--corpus"}),
    "another corpus": (
        _another_corpus,
        ["--corpus", "emodb"],
        FIXABLE,
        {"seen": ("1 other .wav", "talks/first.wav"), "expected": "03a01Wa.wav", "fix": "--corpus"},
    ),
    "no table": (
        _another_corpus,
        ["--corpus", "table"],
        FIXABLE,
        {"seen": "none", "expected": "CSV or TSV", "fix": "the file"},
    ),
    "two tables": (_two_tables, ["--corpus", "table"], FIXABLE, {"seen": "a.csv, b.csv", "fix": "the file"}),
    "not a folder": (lambda folder: folder.write_text("text"), [], FIXABLE, {"fix": "--corpus"}),
    "unknown kind": (_no_corpus, ["--corpus", "nonsense"], USAGE, {"seen": "nonsense", "expected": "emodb"}),
}


@pytest.mark.parametrize("situation", CORPORA)
def test_a_folder_that_is_no_corpus(situation: str, sercli: Sercli, tmp_path: Path) -> None:
    make, options, code, fields = CORPORA[situation]
    make(tmp_path / "corpus")
    error = refused(sercli, code, fields, "ingest", tmp_path / "corpus", tmp_path / "store", *options)
    assert code == USAGE or error["place"] == str(tmp_path / "corpus")
    assert not (tmp_path / "store").exists()


def test_a_store_is_not_written_over_something_else(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    refused(sercli, FIXABLE, {"place": str(tmp_path), "fix": "another folder"}, "ingest", corpus, tmp_path)
    refused(sercli, FIXABLE, {"place": str(corpus), "fix": "another folder"}, "ingest", corpus, corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


# --- recordings: each is set aside by name, by `ingest` if the header tells, by `featurize` if the samples do

GOOD = [f"{speaker}a01{code}{version}" for speaker in ("03", "08", "09") for code in "WLN" for version in "abcd"]
KEPT_TWIN, LONELY = "10a01Wa", "16a01Wa"
STRANGE_FOLDERS = {
    "11a01Wa": " blanks at both ends ",
    "11a02Wa": "quo'te\"s",
    "11a03Wa": "Ärger 怒り",
    "11a04Wa": "$(x);&*",
}
BAD_HEADERS: dict[str, tuple[str, ...]] = {
    "wav/03a02Wa.wav": ("not a sound file", "copy or download it again"),
    "wav/03a02Wb.wav": ("git-lfs stub", "git lfs pull"),
    "wav/03a02Wc.wav": ("cut short", "bytes of samples", "download it again"),
    "wav/03a02Wd.wav": ("empty file", "0 bytes"),
    "wav/03a02We.wav": ("no samples", "repair it with"),
    "wav/03a02Xa.wav": ("unknown emotion code 'X'", "valid are W anger"),
    "wav/77a02Wa.wav": ("unknown speaker '77'", "valid are 03"),
    "wav/notes.wav": ("not of the form 03a01Wa.wav",),
    "wav/10a01Wb.wav": ("the same sound as wav/10a01Wa.wav, which is kept",),
    "wav/10a02Wa.wav": ("the same sound under different labels", "wav/10a02La.wav"),
    "wav/10a02La.wav": ("the same sound under different labels", "wav/10a02Wa.wav"),
    "wav/13a01Wa.wav": ("utterance id '13a01Wa' is also that of more/13a01Wa.wav",),
    "more/13a01Wa.wav": ("utterance id '13a01Wa' is also that of wav/13a01Wa.wav",),
    "new\\nline/14a01Wa.wav": ("line end", "rename the file"),
    "\\xff\\xfe/14a01Wb.wav": ("bytes that are not text", "rename the file"),
    "wav/14a01W\\xff.wav": ("not of the form 03a01Wa.wav",),
}
BAD_SAMPLES: dict[str, tuple[str, ...]] = {
    "03a03Wa": ("shorter than one frame", "300 samples", "expected 400"),
    "03a03Wb": ("nan or infinite", "1 of 8000 samples"),
    "03a03Wc": ("nan or infinite", "1 of 8000 samples"),
    "03a03Wd": ("silent", "leave it out or record it again"),
}


def _with_one(value: float) -> npt.NDArray[np.float32]:
    samples = np.full(8000, 0.1, np.float32)
    samples[1:7] = 0.2, 0.3, value, 0.1, 0.2, 0.1
    return samples


@pytest.fixture(scope="module")
def odd_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EMO-DB by its names, with everything in it that can be wrong with a recording."""
    folder = tmp_path_factory.mktemp("odd") / "em odb"
    wav = folder / "wav"
    for name in (*GOOD, KEPT_TWIN, LONELY, "13a01Wa", "03a02Xa", "77a02Wa", "notes", "03a02Wc"):
        write_wav(wav / f"{name}.wav")
    (wav / "03a02Wa.wav").write_text("no sound at all\n")
    (wav / "03a02Wb.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (wav / "03a02Wc.wav").write_bytes((wav / "03a02Wc.wav").read_bytes()[:5000])
    (wav / "03a02Wd.wav").write_bytes(b"")
    write_wav(wav / "03a02We.wav", samples=np.empty(0, np.float32))
    shutil.copy(wav / f"{KEPT_TWIN}.wav", wav / "10a01Wb.wav")
    for name in ("10a02Wa", "10a02La"):
        write_wav(wav / f"{name}.wav", seed=7)
    write_wav(folder / "more" / "13a01Wa.wav", seed=8)
    for name, strange in STRANGE_FOLDERS.items():
        write_wav(folder / strange / f"{name}.wav")
    write_wav(folder / "new\nline" / "14a01Wa.wav")
    write_wav(folder / os.fsdecode(b"\xff\xfe") / "14a01Wb.wav")
    write_wav(wav / os.fsdecode(b"14a01W\xff.wav"))
    write_wav(wav / "03a03Wa.wav", samples=_with_one(0.1)[:300])
    write_wav(wav / "03a03Wb.wav", samples=_with_one(float("nan")))
    write_wav(wav / "03a03Wc.wav", samples=_with_one(float("-inf")))
    write_wav(wav / "03a03Wd.wav", samples=np.zeros(8000, np.float32))
    return folder


@pytest.fixture(scope="module")
def odd_store(odd_corpus: Path, sercli: Sercli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by commands that both end with 1, for too many rejects."""
    store = tmp_path_factory.mktemp("odd") / "store"
    total = len(GOOD) + len(STRANGE_FOLDERS) + len(BAD_HEADERS) + len(BAD_SAMPLES) + 2
    copies = sum("which is kept" in " ".join(words) for words in BAD_HEADERS.values())
    seen = f"{len(BAD_HEADERS) - copies} of {total - copies}"
    fields = {"place": str(store / "corpus" / "rejects.tsv"), "seen": seen, "expected": "--max-rejects 0.1"}
    refused(sercli, FIXABLE, fields, "ingest", odd_corpus, store)
    fields = {
        "place": str(store / "rejects-logmel.tsv"),
        "seen": f"{len(BAD_SAMPLES)} of {total - len(BAD_HEADERS)}",
        "expected": "--max-rejects 3",
    }
    refused(sercli, FIXABLE, fields, "featurize", store, "--max-rejects", 3)
    return store


@pytest.mark.parametrize("path", BAD_HEADERS)
def test_ingest_sets_a_bad_recording_aside(path: str, odd_store: Path) -> None:
    reason = rows_of(odd_store / "corpus" / "rejects.tsv")[path][1]
    for words in BAD_HEADERS[path]:
        assert words in reason


@pytest.mark.parametrize("utt_id", BAD_SAMPLES)
def test_featurize_sets_a_bad_recording_aside(utt_id: str, odd_store: Path) -> None:
    _, path, reason = rows_of(odd_store / "rejects-logmel.tsv")[utt_id]
    assert path == f"wav/{utt_id}.wav"
    for words in BAD_SAMPLES[utt_id]:
        assert words in reason


def test_the_good_recordings_are_kept(odd_store: Path, sercli: Sercli) -> None:
    good = {*GOOD, KEPT_TWIN, LONELY, *STRANGE_FOLDERS}
    assert set(rows_of(odd_store / "corpus" / "utterances.tsv")) == good | set(BAD_SAMPLES)
    assert set(rows_of(odd_store / "corpus" / "rejects.tsv")) == set(BAD_HEADERS)
    assert set(rows_of(odd_store / "rejects-logmel.tsv")) == set(BAD_SAMPLES)
    path = rows_of(odd_store / "corpus" / "utterances.tsv")["11a01Wa"][1]
    assert path == f"{STRANGE_FOLDERS['11a01Wa']}/11a01Wa.wav"
    again = json.loads(sercli("featurize", odd_store, "--max-rejects", len(BAD_SAMPLES), "--json").stdout)
    assert (again["made"], again["reused"]) == ([], ["arrays.zarr/features/logmel"])


def test_more_rejects_may_be_allowed(odd_corpus: Path, sercli: Sercli, tmp_path: Path) -> None:
    done = sercli("ingest", odd_corpus, tmp_path / "store", "--max-rejects", len(BAD_HEADERS))
    assert done.stdout == "emodb\n"
    assert re.search(r"store: (anger|boredom|happiness) \d+(, \w+ \d+)+\n", done.stderr), "how many of each label"
    assert f"skipped: {len(BAD_HEADERS) - 5} more, see {tmp_path / 'store' / 'corpus' / 'rejects.tsv'}" in done.stderr


def test_no_recording_can_be_used(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    write_wav(corpus / "03a01Wa.wav", samples=np.empty(0, np.float32))
    refused(sercli, FIXABLE, {"place": str(corpus), "seen": "03a01Wa.wav"}, "ingest", corpus, store)
    write_wav(corpus / "03a01Wa.wav", samples=np.zeros(8000, np.float32))
    sercli("ingest", corpus, store)
    refused(sercli, FIXABLE, {"place": "03a01Wa.wav", "seen": "silent"}, "featurize", store)


def test_a_speaker_with_one_utterance(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    for speaker in ("03", "08", "09"):
        for code in "WN":
            write_wav(corpus / f"{speaker}a01{code}a.wav")
    write_wav(corpus / f"{LONELY}.wav")
    sercli("ingest", corpus, store)
    sercli("featurize", store)
    options = ["--classes", "anger,neutral", "--fold", 4, "--epochs", 1, "--jobs", 1]
    sercli("train-lstm", store, *options, "--set", "hidden=4", "--name", "lstm")
    result = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["results"][0]
    assert (result["n_utterances"], result["folds_done"], result["folds_expected"]) == (1, 1, 4)


def test_dev_speech_that_was_all_set_aside(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    for speaker in ("03", "08", "09"):
        for code in "WN":
            write_wav(corpus / f"{speaker}a01{code}a.wav")
    write_wav(corpus / f"{LONELY}.wav", samples=np.zeros(8000, np.float32))
    sercli("ingest", corpus, store)
    sercli("featurize", store, "--max-rejects", 1)
    options = ["--classes", "anger,neutral", "--fold", 3, "--epochs", 1, "--jobs", 1]
    fields = {"place": "fold-3", "problem": ("dev", "sercli featurize"), "fix": "--fold"}
    refused(sercli, FIXABLE, fields, "train-ae", store, *options, "--latent-dim", 2)
    refused(sercli, FIXABLE, fields, "train-lstm", store, *options)


def _without_privilege() -> None:
    """Called in the child before it runs the command: root, too, is bound by the mode of files."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")


def _reads(path: Path) -> bool:
    words = [sys.executable, "-c", "import sys; open(sys.argv[1]).close()", str(path)]
    try:
        return subprocess.run(words, preexec_fn=_without_privilege, capture_output=True).returncode == 0
    except subprocess.SubprocessError:
        return True


def test_what_may_not_be_read(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    for speaker in ("03", "08", "09"):
        for code in "WN":
            write_wav(corpus / speaker / f"{speaker}a01{code}a.wav")
    secret = corpus / "03" / "03a01Wa.wav"
    secret.chmod(0)
    if _reads(secret):
        pytest.skip("root cannot be kept from reading a file here")
    allowed = ["--max-rejects", 1]
    sercli("ingest", corpus, store, *allowed, preexec_fn=_without_privilege)
    assert "no permission to read it" in rows_of(store / "corpus" / "rejects.tsv")["03/03a01Wa.wav"][1]
    assert len(rows_of(store / "corpus" / "utterances.tsv")) == 5
    secret.chmod(0o600)
    (corpus / "08").chmod(0)
    try:
        words = f"{corpus / '08'}: Permission denied|mend permissions|run the same command again"
        refused(sercli, FIXABLE, words, "ingest", corpus, store, preexec_fn=_without_privilege)
        words = f"{corpus / '08' / '08a01Na.wav'}|no permission to read it|run `sercli ingest"
        refused(sercli, FIXABLE, words, "featurize", store, preexec_fn=_without_privilege)
    finally:
        (corpus / "08").chmod(0o700)
    store.chmod(0o500)
    try:
        words = f"{store}|Permission denied|mend permissions"
        refused(sercli, FIXABLE, words, "featurize", store, preexec_fn=_without_privilege)
    finally:
        store.chmod(0o700)
    sercli("ingest", corpus, store, preexec_fn=_without_privilege)
    assert len(rows_of(store / "corpus" / "utterances.tsv")) == 6


def test_a_recording_that_changed_or_went_after_ingest(sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    for name in ("03a01Wa", "08a01Wa"):
        write_wav(corpus / f"{name}.wav")
    sercli("ingest", corpus, store)
    write_wav(corpus / "08a01Wa.wav", seed=3)
    fields = {"place": str(corpus / "08a01Wa.wav"), "problem": "changed", "fix": f"sercli ingest {corpus} {store}"}
    refused(sercli, FIXABLE, fields, "featurize", store)
    (corpus / "08a01Wa.wav").unlink()
    refused(sercli, FIXABLE, "08a01Wa.wav|no such file|run `sercli ingest", "featurize", store)
    corpus.rename(tmp_path / "moved")
    refused(sercli, FIXABLE, {"place": str(corpus), "fix": "--root"}, "featurize", store)


STRANGE_NAMES = ["two  words", "quo'te\"s", "new\nline", "tab\there", "Ärger 怒り", os.fsdecode(b"\xff not text"), "-x"]


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=ascii)
def test_a_corpus_and_a_store_of_any_name(name: str, sercli: Sercli, tmp_path: Path) -> None:
    corpus, store = tmp_path / name / "corpus", tmp_path / name / "store"
    for speaker in ("03", "08", "09"):
        for code in "WN":
            write_wav(corpus / f"{speaker}a01{code}a.wav")
    sercli("ingest", corpus, store)
    if name != STRANGE_NAMES[0]:
        sercli("featurize", store, "--dry-run")
    else:
        sercli("featurize", store)
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    told = json.loads(sercli("folds", store, "--json", env=strict).stdout)
    assert told["path"] == f"{store}/tasks/emotion.leave-one-speaker-out"
    line = error_text(sercli("encode", store, "--ae", "none", code=FIXABLE))
    assert "sercli train-ae" in line


# --- tables

HEADER = "path,speaker,emotion"
TABLES_READ = {
    "byte order mark": b"\xef\xbb\xbfpath,speaker,emotion\na.wav,x,joy\nb.wav,y,joy\n",
    "line ends of Windows": b"path,speaker,emotion\r\na.wav,x,joy\r\nb.wav,y,joy\r\n",
    "semicolons": b"path;speaker;emotion\na.wav;x;joy\nb.wav;y;joy\n",
    "tabs": b"path\tspeaker\temotion\na.wav\tx\tjoy\nb.wav\ty\tjoy\n",
    "quotes": b'"path","speaker","emotion","text"\n"a.wav","x","joy","say ""no"", please"\n"b.wav","y","joy","two\nlines"\n',
    "capitals, order, blanks and empty lines": b"Emotion , Speaker, Path\n\njoy, x , a.wav\njoy,y,b.wav\n\n",
}


@pytest.mark.parametrize("situation", TABLES_READ)
def test_a_table_is_read(situation: str, sercli: Sercli, tmp_path: Path) -> None:
    for name in "ab":
        write_wav(tmp_path / "corpus" / f"{name}.wav")
    (tmp_path / "corpus" / "labels.csv").write_bytes(TABLES_READ[situation])
    sercli("ingest", tmp_path / "corpus", tmp_path / "store")
    header = (tmp_path / "store" / "corpus" / "utterances.tsv").read_text().splitlines()[0].split("\t")
    rows = rows_of(tmp_path / "store" / "corpus" / "utterances.tsv")
    told = {utt_id: [row[header.index(key)] for key in ("path", "speaker", "emotion")] for utt_id, row in rows.items()}
    assert told == {"a": ["a.wav", "corpus_x", "happiness"], "b": ["b.wav", "corpus_y", "happiness"]}


BAD_TABLES: dict[str, tuple[bytes, Fields]] = {
    "a column is missing": (
        b"path,speaker\na.wav,x\n",
        {"problem": "'emotion'", "expected": "path, speaker, emotion"},
    ),
    "a column twice": (b"path,speaker,emotion,path\na.wav,x,joy,a.wav\n", {"seen": "path", "fix": "rename"}),
    "not text": (b"path,speaker,emotion\n\xff\xfe\x00", {"place": "labels.csv"}),
    "an open quote": (b'path,speaker,emotion\n"a.wav,x,joy\n', {"place": "labels.csv"}),
    "no row": (b"path,speaker,emotion\n", {"place": "labels.csv", "problem": "no usable recording"}),
    "no row is good": (
        b"path,speaker,emotion\na.wav,,joy\n",
        {"problem": "no usable recording", "seen": "a.wav: a: unknown speaker"},
    ),
    "empty": (b"", {"place": "labels.csv", "problem": "'path'", "seen": "none"}),
}


@pytest.mark.parametrize("situation", BAD_TABLES)
def test_a_table_that_cannot_be_read(situation: str, sercli: Sercli, tmp_path: Path) -> None:
    table, fields = BAD_TABLES[situation]
    (tmp_path / "labels.csv").write_bytes(table)
    refused(sercli, FIXABLE, fields, "ingest", tmp_path / "labels.csv", tmp_path / "store", "--corpus", "table")


BAD_ROWS = {  # the row -> its path in rejects.tsv, and the reason
    "/etc/passwd,x,joy,,": ("/etc/passwd", "leaves the folder of the corpus|relative"),
    "../b.wav,x,joy,,": ("../b.wav", "leaves the folder of the corpus|relative"),
    "b.wav,,joy,,": ("b.wav", "b: unknown speaker"),
    ",x,joy,,": ("line 6", "no path"),
    "b.wav,x,joy,soon,": ("b.wav", "start is 'soon'|wanted a number"),
    "b.wav,x,joy,nan,": ("b.wav", "start is 'nan'|wanted a number"),
    "b.wav,x,joy,0.1,9": ("b.wav", "section 0.1 to 9 s|the file's 0.5 s"),
    "b.wav,x,joy,0.3,0.2": ("b.wav", "section 0.3 to 0.2 s|the file's 0.5 s"),
    "b.wav,x,joy": ("b.wav", "2 columns too few"),
    "b.wav,x,joy,,,,": ("b.wav", "2 columns too many"),
    "gone.wav,x,joy,,": ("gone.wav", "no such file|check its path"),
    "wav,x,joy,,": ("wav", "not a regular file"),
    '"bell\x07.wav",x,joy,,': ("bell\\x07.wav", "rename the file"),
}


@pytest.fixture(scope="module")
def rejected_rows(sercli: Sercli, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    corpus, store = tmp_path_factory.mktemp("table") / "corpus", tmp_path_factory.mktemp("table") / "store"
    (corpus / "wav").mkdir(parents=True)
    for name in "ab":
        write_wav(corpus / f"{name}.wav")
    table = "\n".join(["path,speaker,emotion,start,end", "a.wav,x,joy,,", *BAD_ROWS, "a.wav,y,fear,0,0.2"])
    (corpus / "labels.csv").write_text(table + "\n")
    sercli("ingest", corpus, store, "--max-rejects", len(BAD_ROWS))
    assert set(rows_of(store / "corpus" / "utterances.tsv")) == {"a", "a_0000000"}
    return [line.split("\t") for line in (store / "corpus" / "rejects.tsv").read_text().splitlines()[1:]]


@pytest.mark.parametrize("row", BAD_ROWS, ids=ascii)
def test_a_bad_row_is_set_aside(row: str, rejected_rows: list[list[str]]) -> None:
    path, words = BAD_ROWS[row]
    fitting = [reason for rejected, reason in rejected_rows if rejected == path]
    assert [reason for reason in fitting if all(word in reason for word in words.split("|"))], fitting


def test_sections_of_twin_files(sercli: Sercli, tmp_path: Path) -> None:
    """Whether a section is refused hangs on its own twins, not on the other sections of the file."""
    for name in "abc":
        write_wav(tmp_path / f"{name}.wav", seed=1 if name < "c" else 2)
    rows = ["a.wav,x,joy,0,0.2", "b.wav,x,joy,0,0.2", "a.wav,x,joy,0.2,0.4", "b.wav,x,fear,0.2,0.4", "c.wav,y,joy,,"]
    (tmp_path / "labels.csv").write_text("\n".join(["path,speaker,emotion,start,end", *rows, rows[4]]) + "\n")
    sercli("ingest", tmp_path / "labels.csv", tmp_path / "store", "--max-rejects", 9)
    assert set(rows_of(tmp_path / "store" / "corpus" / "utterances.tsv")) == {"a_0000000", "c"}
    reasons = (tmp_path / "store" / "corpus" / "rejects.tsv").read_text().splitlines()
    assert len(reasons) == 1 + 4
    told = ["b_0000000: the same sound as a.wav (0-0.2 s)", "labels: a.wav (0.2-0.4 s), b.wav (0.2-0.4 s)"]
    assert all(any(words in reason for reason in reasons) for words in told)


# --- tasks


def _label(store: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Edit the table of utterances as somebody with an editor would."""
    path = store / "corpus" / "utterances.tsv"
    header, *lines = [line.split("\t") for line in path.read_text().splitlines()]
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    for row in rows:
        change(row)
    path.write_text("\n".join("\t".join(row) for row in [header, *(list(row.values()) for row in rows)]) + "\n")


def _two_speakers(row: dict[str, str]) -> None:
    row["speaker"] = "toy_a" if row["speaker"] < "toy_m" else "toy_b"


def _sad_speaker(row: dict[str, str]) -> None:
    if row["emotion"] == "sadness" and row["speaker"] != "toy_f01":
        row["emotion"] = "anger"


def _one_label(row: dict[str, str]) -> None:
    row["emotion"] = "anger"


SESSIONS = ["--protocol", "leave-one-session-out"]
TASKS: dict[str, tuple[Callable[[dict[str, str]], None] | None, list[str], int, Fields]] = {
    "a label nobody has": (None, ["--classes", "anger,joy"], FIXABLE, {"seen": "'joy'", "expected": "anger, neutral"}),
    "a merged label nobody has": (
        None,
        ["--classes", "anger,low=sadness+boredom"],
        FIXABLE,
        {"seen": "'boredom'", "expected": "anger"},
    ),
    "a class named twice": (
        None,
        ["--classes", "anger,anger"],
        USAGE,
        {"place": "--classes anger,anger", "seen": "'anger'"},
    ),
    "one class": (None, ["--classes", "anger"], USAGE, {"place": "--classes anger", "seen": "1", "expected": "two"}),
    "no class": (None, ["--classes", ""], USAGE, {"place": "--classes", "seen": "''"}),
    "too few speakers": (
        _two_speakers,
        [],
        FIXABLE,
        {"seen": ("2", "toy_a, toy_b"), "expected": "3", "fix": "--protocol"},
    ),
    "no sessions": (None, SESSIONS, FIXABLE, {"problem": "session", "fix": "--protocol"}),
    "a class missing in training": (
        _sad_speaker,
        [],
        FIXABLE,
        {"place": "fold 1", "seen": "sadness", "fix": "--classes anger,neutral"},
    ),
    "one label": (_one_label, [], FIXABLE, {"seen": "1 (anger)", "fix": "--target"}),
    "a task that there is not": (
        None,
        ["--task", "mine"],
        FIXABLE,
        {"seen": "mine", "fix": ("sercli folds", "--task mine")},
    ),
    "a task defined otherwise": (
        None,
        ["--task", "emotion.leave-one-speaker-out", "--classes", "anger,neutral"],
        FIXABLE,
        {"seen": "classes is []", "expected": "['anger', 'neutral']", "fix": "--task"},
    ),
    "a task outside the store": (
        None,
        ["--task", "../../mine", "--classes", "anger,neutral"],
        USAGE,
        {"seen": "../../mine", "expected": "letters"},
    ),
}


@pytest.mark.parametrize("situation", TASKS)
def test_a_task_that_cannot_be(situation: str, sercli: Sercli, store: Path) -> None:
    change, options, code, fields = TASKS[situation]
    sercli("folds", store)
    if change:
        _label(store, change)
    refused(sercli, code, fields, "folds", store, *options)
    refused(sercli, code, fields, "train-ae", store, *options)
    assert not (store / "autoencoders").exists()


def test_blanks_in_classes_mean_nothing(sercli: Sercli, store: Path) -> None:
    tight, loose = "anger,calm=neutral+sadness", " anger , calm = neutral + sadness "
    sercli("folds", store, "--task", "two", "--classes", tight)
    again = json.loads(sercli("folds", store, "--task", "two", "--classes", loose, "--json").stdout)
    assert (again["made"], again["classes"]) == ([], ["anger", "calm"])


# --- options


def _yaml(text: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        (folder / "my.yaml").write_text(text)
        return ["--config", str(folder / "my.yaml")]

    return write


TRAIN_AE: dict[str, tuple[int, Fields | str]] = {  # options -> exit code, fields of the error
    "--set nokey=3": (USAGE, {"place": "vae", "seen": "nokey", "expected": "hidden, beta"}),
    "--set betta=3": (USAGE, {"place": "vae", "seen": "betta", "fix": "'beta'"}),
    "--set beta": (USAGE, {"place": "--set", "seen": "beta", "expected": "key=value"}),
    "--set =3": (USAGE, {"place": "--set", "seen": "=3", "expected": "key=value"}),
    "--set beta=much": (USAGE, {"place": "vae: beta", "seen": "much"}),
    "--set beta=": (USAGE, {"place": "vae: beta", "seen": "None"}),
    "--set beta=nan": (USAGE, {"place": "vae: beta", "seen": "nan"}),
    "--set beta=.inf": (USAGE, {"place": "vae: beta", "seen": "inf"}),
    "--set beta=-1": (USAGE, {"place": "vae: beta", "seen": "-1.0", "expected": "at least 0"}),
    "--set hidden=0": (USAGE, {"place": "vae: hidden", "seen": "[0]"}),
    "--set hidden=[]": (USAGE, {"place": "vae: hidden", "seen": "[]"}),
    "--set hidden=[wide]": (USAGE, {"place": "vae: hidden", "seen": "wide"}),
    "--set epochs=many": (USAGE, {"place": "training: epochs", "seen": "many"}),
    "--set weight_decay=-1": (USAGE, {"place": "training: weight_decay", "seen": "-1.0"}),
    "--set beta=!!python/object/apply:os.getcwd[]": (USAGE, {"place": "--set beta"}),
    "--latent-dim 0": (USAGE, {"place": "latent_dim", "seen": "0", "expected": "at least 1"}),
    "--lr nan": (USAGE, {"place": "training: lr", "seen": "nan"}),
    "--lr inf": (USAGE, {"place": "training: lr", "seen": "inf"}),
    "--lr -1": (USAGE, {"place": "training: lr", "seen": "-1.0", "expected": "more than 0"}),
    "--segment-shift-ms 7": (USAGE, {"place": "--segment-shift-ms", "seen": "7 ms", "expected": "10 ms"}),
    "--fold 99": (USAGE, {"place": "--fold", "seen": "99", "expected": "1 to 4"}),
    "--fold 0": (USAGE, {"place": "--fold", "seen": "0", "expected": "1 to 4"}),
    "--model nonsense": (USAGE, {"seen": "nonsense", "expected": tuple(plugins.names("autoencoders"))}),
    "--device nonsense": (USAGE, "--device|nonsense|auto, cpu, cuda"),
    "--name a/b": (USAGE, {"seen": "a/b", "expected": "letters"}),
    "--name ../../b": (USAGE, {"seen": "../../b", "expected": "letters"}),
    "--name a\nb": (USAGE, {"seen": "a\\nb", "expected": "letters"}),
    "--frontend nope": (FIXABLE, {"place": "features/nope", "fix": "sercli featurize"}),
    "--config nowhere.yaml": (FIXABLE, {"place": "nowhere.yaml"}),
    "--config .": (FIXABLE, {"place": ".", "seen": "directory"}),
}
CONFIGS: dict[str, tuple[int, Fields]] = {
    "nokey: 3": (USAGE, {"place": "vae", "seen": "nokey", "expected": "hidden, beta"}),
    "- epochs": (FIXABLE, {"place": "my.yaml", "seen": "list", "expected": "option: value"}),
    "epochs": (FIXABLE, {"place": "my.yaml", "seen": "str", "expected": "option: value"}),
    "epochs: [1\nseed: 2": (FIXABLE, {"place": "my.yaml", "seen": "line 2"}),
    "epochs: many": (USAGE, {"place": "training: epochs", "seen": "many"}),
    "classes: 3": (USAGE, {"place": "classes", "seen": "3"}),
    "model: [vae]": (USAGE, {"seen": "['vae']", "expected": tuple(plugins.names("autoencoders"))}),
    "name: [mine]": (USAGE, {"seen": "['mine']", "expected": "letters"}),
    "task: [mine]": (USAGE, {"seen": "['mine']", "expected": "letters"}),
    "beta: !!python/object/apply:os.mkdir [owned]": (FIXABLE, {"place": "my.yaml"}),
}


@pytest.fixture(scope="module")
def idle_store(featurized: Path, sercli: Sercli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this file alone; nothing in it changes, for every command is refused."""
    path = Path(shutil.copytree(featurized, tmp_path_factory.mktemp("idle") / "toy"))
    sercli("folds", path)
    return path


@pytest.mark.parametrize("options", TRAIN_AE, ids=ascii)
def test_options_that_cannot_be(options: str, sercli: Sercli, idle_store: Path) -> None:
    code, fields = TRAIN_AE[options]
    refused(sercli, code, fields, "train-ae", idle_store, *options.split(" ", maxsplit=1))
    assert not (idle_store / "autoencoders").exists()


@pytest.mark.parametrize("text", CONFIGS, ids=ascii)
def test_a_configuration_file_that_cannot_be(text: str, sercli: Sercli, idle_store: Path, tmp_path: Path) -> None:
    code, fields = CONFIGS[text]
    (tmp_path / "my.yaml").write_text(text)
    refused(sercli, code, fields, "train-ae", idle_store, "--config", "my.yaml", cwd=tmp_path, env=importable())
    assert [path.name for path in tmp_path.iterdir()] == ["my.yaml"], "nothing in the file was executed"
    assert not (idle_store / "autoencoders").exists()


OTHER_COMMANDS: dict[tuple[str, ...], tuple[int, Fields | str]] = {
    ("featurize", "--set", "n_mels=0", "--name", "x"): (USAGE, "n_mels|0"),
    ("featurize", "--set", "mels=40"): (USAGE, {"place": "logmel", "seen": "mels", "expected": "n_mels"}),
    ("featurize", "--set", "n_mels=40"): (
        FIXABLE,
        {"seen": "n_mels is 80", "expected": "40", "fix": "--name"},
    ),
    ("featurize", "--frontend", "nope"): (USAGE, {"seen": "nope", "expected": "egemaps, imported, logmel, mfcc"}),
    ("featurize", "--device", "nonsense"): (USAGE, "--device|nonsense"),
    ("featurize", "--name", "a/b"): (USAGE, {"seen": "a/b", "expected": "letters"}),
    ("train-lstm", "--set", "hidden=0"): (USAGE, {"place": "lstm: hidden", "seen": "0", "expected": "at least 1"}),
    ("train-lstm", "--set", "dropout=2"): (USAGE, {"place": "lstm: dropout", "seen": "2.0", "expected": "less than 1"}),
    ("train-lstm", "--set", "pooling=max"): (
        USAGE,
        {"place": "lstm: pooling", "seen": "max", "expected": "last, mean, attention"},
    ),
    ("train-lstm", "--condition", "marginal"): (USAGE, "need an autoencoder|--ae"),
    ("train-classifier", "--classifier", "nope"): (
        USAGE,
        {"seen": "nope", "expected": tuple(plugins.names("classifiers"))},
    ),
    ("train-classifier", "--classifier", "functionals", "--set", "C=-1"): (
        USAGE,
        {"place": "functionals: C", "seen": "-1.0", "expected": "more than 0"},
    ),
}


@pytest.mark.parametrize("words", OTHER_COMMANDS, ids=" ".join)
def test_options_of_other_commands(words: tuple[str, ...], sercli: Sercli, idle_store: Path) -> None:
    code, fields = OTHER_COMMANDS[words]
    refused(sercli, code, fields, words[0], idle_store, *words[1:])
    assert not (idle_store / "classifiers").exists()


def test_a_fold_named_twice_is_made_once(sercli: Sercli, store: Path) -> None:
    options = ["--latent-dim", 2, "--epochs", 1, "--fold", 1, "--fold", 1, "--jobs", 1, "--json"]
    made = json.loads(sercli("train-ae", store, *options).stdout)
    assert len(made["made"]) == 1


def test_a_loss_that_grows_out_of_bounds(sercli: Sercli, store: Path) -> None:
    words = "fold-1|the loss is|try a smaller --lr"
    refused(sercli, FIXABLE, words, "train-ae", store, "--lr", 1e9, "--fold", 1, "--epochs", 3, "--latent-dim", 2)


def test_a_model_that_does_not_fit_into_memory(sercli: Sercli, store: Path) -> None:
    words = "fold-1|does not fit into memory|smaller --batch-size or model"
    refused(sercli, FIXABLE, words, "train-ae", store, "--latent-dim", 10**12, "--fold", 1, "--jobs", 1)
