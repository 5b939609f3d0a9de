"""Copies of recordings, in one store and across stores, on the real command: in another container, under another header, re-coded."""

import shutil
from pathlib import Path

import pytest
import soundfile
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


# --- across stores


@pytest.fixture(scope="module")
def saved_anew(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the small corpus in other containers, by other speakers."""
    folder = tmp_path_factory.mktemp("anew")
    rows = ["path,speaker,emotion"]
    for number, path in enumerate(sorted((corpus / "wav").iterdir())):
        suffix = list(CONTAINERS)[number % 4]
        save_anew(path, folder / "anew" / f"{number}.{suffix}", CONTAINERS[suffix])
        speaker, emotion, *_ = path.stem.split("_")
        rows.append(f"{number}.{suffix},other-{speaker},{emotion}")
    (folder / "anew" / "labels.csv").write_text("\n".join(rows) + "\n")
    run_sercli("ingest", folder / "anew", folder / "store")
    run_sercli("featurize", folder / "store")
    return folder / "store"


def test_stores_with_the_same_recordings_are_not_combined(
    sercli: Sercli, featurized: Path, saved_anew: Path, tmp_path: Path
) -> None:
    fields = {"place": f"{featurized} and {saved_anew}", "problem": "recordings"}
    refused(sercli, FIXABLE, fields, "combine", featurized, saved_anew, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_classifier_is_not_tested_on_its_recordings(sercli: Sercli, exported: Path, saved_anew: Path) -> None:
    reference = f"{exported}:control"
    fields = {"place": reference, "problem": "share speech", "expected": "no recording"}
    refused(sercli, FIXABLE, fields, "evaluate", saved_anew, "--with", reference)
