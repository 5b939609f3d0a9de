"""Copies of recordings, in one store and across stores, on the real command: in another container, under another header, re-coded."""

import shutil
from pathlib import Path

import pytest
import soundfile
import soxr
from support.command import FIXABLE, Sercli, run_sercli
from support.corpora import write_wav
from support.errors import refused
from support.stores import rows_of

CONTAINERS = {"flac": "FLAC", "aiff": "AIFF", "header.wav": "WAVEX", "stereo.wav": "WAV"}


def save_anew(source: Path, target: Path, container: str) -> None:
    """The same samples, at 16 bits, in another container; as stereo, both channels are the same."""
    samples, rate = soundfile.read(source, dtype="int16")
    stereo = target.name.endswith("stereo.wav")
    target.parent.mkdir(exist_ok=True)
    soundfile.write(target, samples.repeat(2).reshape(-1, 2) if stereo else samples, rate, "PCM_16", None, container)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`a.wav` of anna, who is angry, and itself in four other containers."""
    write_wav(tmp_path / "noise.wav")
    save_anew(tmp_path / "noise.wav", tmp_path / "corpus" / "a.wav", "WAV")
    for suffix, container in CONTAINERS.items():
        save_anew(tmp_path / "corpus" / "a.wav", tmp_path / "corpus" / f"b.{suffix}", container)
    return tmp_path / "corpus"


def ingest(folder: Path, *labels: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The utterances and the rejects of `a.wav`, by anna in anger, and its copies, with these speakers and labels."""
    rows = ["a.wav,anna,anger", *(f"b.{suffix},{label}" for suffix, label in zip(CONTAINERS, labels, strict=True))]
    (folder / "labels.csv").write_text("\n".join(["path,speaker,emotion", *rows]) + "\n")
    run_sercli("ingest", folder, folder.with_name("store"), "--max-rejects", 9, code=None)
    tables = folder.with_name("store") / "corpus"
    return tuple(rows_of(tables / f"{name}.tsv") if tables.is_dir() else {} for name in ("utterances", "rejects"))  # type: ignore[return-value]


def test_the_same_samples_are_one_recording(folder: Path) -> None:
    utterances, rejects = ingest(folder, *["anna,anger"] * 4)
    assert list(utterances) == ["a"]
    assert sorted(rejects) == sorted(f"b.{suffix}" for suffix in CONTAINERS)
    assert all("the same sound as a.wav, which is kept" in reason for _, reason in rejects.values())


@pytest.mark.parametrize("label", ["bert,anger", "anna,fear"])
def test_copies_of_which_one_has_another_speaker_or_label_are_all_refused(folder: Path, label: str) -> None:
    write_wav(folder / "c.wav", seed=2)
    (folder / "c").mkdir()
    for suffix in ("aiff", "header.wav", "stereo.wav"):
        shutil.copy(folder / "c.wav", folder / f"b.{suffix}")
    utterances, rejects = ingest(folder, label, *["anna,anger"] * 3)
    assert len(utterances) == 1
    assert {"a.wav", "b.flac"} <= set(rejects)
    assert all("the same sound under different labels" in rejects[path][1] for path in ("a.wav", "b.flac"))


# --- near copies: re-coded, resampled, re-levelled, trimmed


def recode(source: Path, target: Path) -> None:
    """One of five changes, by the suffix of the target."""
    samples, rate = soundfile.read(source, dtype="float32")
    target.parent.mkdir(exist_ok=True)
    match target.name.partition(".")[2]:
        case "mp3":
            soundfile.write(target, samples, rate, bitrate_mode="CONSTANT", compression_level=0.65)  # 64 kbit/s
        case "ogg":
            soundfile.write(target, samples, rate, "VORBIS")
        case "8k.wav":
            soundfile.write(target, soxr.resample(samples, rate, 8000), 8000)
        case "quiet.wav":
            soundfile.write(target, samples / 4, rate)
        case "trimmed.wav":
            soundfile.write(target, samples[rate // 20 :], rate)


CHANGES = ("mp3", "ogg", "8k.wav", "quiet.wav", "trimmed.wav")


def recoded_corpus(corpus: Path, folder: Path, speaker: str = "", emotion: str = "") -> Path:
    """The small corpus, changed; its speakers and emotions unless others are given."""
    rows = ["path,speaker,emotion"]
    for number, path in enumerate(sorted((corpus / "wav").iterdir())):
        name = f"{path.stem}.{CHANGES[number % len(CHANGES)]}"
        recode(path, folder / name)
        own_speaker, own_emotion, *_ = path.stem.split("_")
        rows.append(f"{name},{speaker or own_speaker},{emotion or own_emotion}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("speaker", ["", "stranger"])
def test_near_copies_are_reported_and_refused_where_they_differ(
    sercli: Sercli, corpus: Path, tmp_path: Path, speaker: str
) -> None:
    """All of them: 36 originals and 36 copies, and no other pair."""
    folder = recoded_corpus(corpus, tmp_path / "corpus", speaker)
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".csv")
    rows = (folder / "labels.csv").read_text().splitlines()
    for path in sorted((corpus / "wav").iterdir()):
        shutil.copy(path, folder / f"original_{path.name}")
        own_speaker, emotion, *_ = path.stem.split("_")
        rows.append(f"original_{path.name},{own_speaker},{emotion}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    done = sercli("ingest", folder, tmp_path / "store", "--max-rejects", 99, code=FIXABLE if speaker else 0)
    if speaker:
        assert not (tmp_path / "store" / "corpus").exists()  # nothing is left
        return
    assert "36 pairs of near copies" in done.stderr
    tables = tmp_path / "store" / "corpus"
    assert len(rows_of(tables / "utterances.tsv")) == 72
    table = [line.split("\t") for line in (tables / "near_copies.tsv").read_text().splitlines()]
    assert table[0] == ["utt_id", "other", "path", "other_path", "correlation", "labels"]
    assert {tuple(sorted(row[2:4])) for row in table[1:]} == {
        tuple(sorted((name, f"original_{name.partition('.')[0]}.wav"))) for name in names
    }
    assert all(float(row[4]) > 0.93 and row[5] == "the same" for row in table[1:])


def test_one_near_copy_with_another_label_costs_all_of_them(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    first, second = sorted((corpus / "wav").iterdir())[:2]
    folder.mkdir()
    for path in (first, second):
        shutil.copy(path, folder)
    recode(first, folder / "b.mp3")
    recode(first, folder / "c.8k.wav")
    rows = [f"{first.name},x,anger", f"{second.name},x,anger", "b.mp3,x,anger", "c.8k.wav,x,fear"]
    (folder / "labels.csv").write_text("\n".join(["path,speaker,emotion", *rows]) + "\n")
    done = sercli("ingest", folder, tmp_path / "store", "--max-rejects", 9)
    assert list(rows_of(tmp_path / "store" / "corpus" / "utterances.tsv")) == [second.stem]
    rejects = rows_of(tmp_path / "store" / "corpus" / "rejects.tsv")
    assert sorted(rejects) == sorted([first.name, "b.mp3", "c.8k.wav"])
    for _, reason in rejects.values():
        assert "near copies under different labels" in reason
        assert all(path in reason for path in rejects)
    assert "are refused" in done.stderr
    again = sercli("ingest", folder, tmp_path / "store", "--max-rejects", 9)
    assert "nothing to do" in again.stderr


# --- across stores


STORES = {
    "in other containers": lambda corpus, folder: saved_anew(corpus, folder),
    "changed": lambda corpus, folder: recoded_corpus(corpus, folder, speaker="other"),
}


def saved_anew(corpus: Path, folder: Path) -> Path:
    """The small corpus in other containers, by other speakers."""
    rows = ["path,speaker,emotion"]
    for number, path in enumerate(sorted((corpus / "wav").iterdir())):
        suffix = list(CONTAINERS)[number % 4]
        save_anew(path, folder / f"{number}.{suffix}", CONTAINERS[suffix])
        speaker, emotion, *_ = path.stem.split("_")
        rows.append(f"{number}.{suffix},other-{speaker},{emotion}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module", params=STORES)
def copied(request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of copies."""
    folder = tmp_path_factory.mktemp("copied")
    run_sercli("ingest", STORES[request.param](corpus, folder / "anew"), folder / "store")
    run_sercli("featurize", folder / "store")
    return folder / "store"


def test_stores_with_the_same_recordings_are_not_combined(
    sercli: Sercli, featurized: Path, copied: Path, tmp_path: Path
) -> None:
    fields = {"place": f"{featurized} and {copied}", "problem": "recordings", "seen": "and"}
    refused(sercli, FIXABLE, fields, "combine", featurized, copied, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_classifier_is_not_tested_on_its_recordings(sercli: Sercli, exported: Path, copied: Path) -> None:
    reference = f"{exported}:control"
    fields = {"place": reference, "problem": "share speech", "expected": "no recording"}
    refused(sercli, FIXABLE, fields, "evaluate", copied, "--with", reference)


@pytest.mark.parametrize("damage", ["missing", "truncated", "not an archive"])
def test_damaged_contours(damage: str, sercli: Sercli, featurized: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(featurized, tmp_path / "store"))
    path = store / "corpus" / "contours.npz"
    content = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(b"x" if damage == "not an archive" else content[:2000])
    other = tmp_path / "other"
    other.mkdir()
    write_wav(other / "a.wav")
    (other / "labels.csv").write_text("path,speaker,emotion\na.wav,somebody,anger\n")
    sercli("ingest", other, tmp_path / "other-store")
    fields = {"place": str(path), "fix": "sercli ingest"}
    refused(sercli, FIXABLE, fields, "combine", store, tmp_path / "other-store", tmp_path / "both")
