"""What is remembered of sound files: as long as they have not changed, whatever happened to the table."""

import os
from pathlib import Path

import pytest
from support.corpora import write_wav

from sercli.data.audio_index import Fingerprint, Fingerprints, take

NAMES = ["a.wav", "folder/b.wav", "two  words.wav", os.fsdecode(b"\xff.wav")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        write_wav(tmp_path / "corpus" / name)
    return tmp_path / "corpus"


def remembered(store: Path, root: Path) -> Fingerprints:
    fingerprints = Fingerprints(store, root)
    fingerprints.remember(take(root, NAMES))
    return fingerprints


def test_a_fingerprint_is_what_the_file_holds(root: Path) -> None:
    prints = take(root, NAMES)
    assert list(prints) == NAMES
    for _, fingerprint in prints.values():
        assert (fingerprint.duration, fingerprint.sample_rate, fingerprint.channels) == (0.5, 16000, 1)
        assert not fingerprint.problem
    assert len({fingerprint.digest for _, fingerprint in prints.values()}) == len(NAMES)
    (root / "copy.wav").write_bytes((root / "a.wav").read_bytes())
    assert take(root, ["copy.wav"])["copy.wav"][1] == prints["a.wav"][1]


def test_what_is_remembered_is_found_by_the_next_process(root: Path, tmp_path: Path) -> None:
    first = remembered(tmp_path / "store", root)
    second = Fingerprints(tmp_path / "store", root)
    for name in NAMES:
        assert second.look_up(name) == first.look_up(name) == take(root, [name])[name][1]
    assert second.look_up("nowhere.wav") is None


def test_a_changed_or_removed_file_is_forgotten(root: Path, tmp_path: Path) -> None:
    fingerprints = remembered(tmp_path / "store", root)
    stat = (root / "a.wav").stat()
    os.utime(root / "a.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    (root / NAMES[1]).unlink()
    assert fingerprints.look_up("a.wav") is None
    assert fingerprints.look_up(NAMES[1]) is None
    assert fingerprints.look_up(NAMES[2]) is not None


def test_another_root_has_files_of_its_own(root: Path, tmp_path: Path) -> None:
    remembered(tmp_path / "store", root)
    moved = root.rename(tmp_path / "moved")
    assert Fingerprints(tmp_path / "store", moved).look_up("a.wav") is None


@pytest.mark.parametrize("n_bytes", range(1, 40, 3))
def test_a_table_cut_short_loses_its_last_line_alone(n_bytes: int, root: Path, tmp_path: Path) -> None:
    remembered(tmp_path / "store", root)
    (table,) = (tmp_path / "store" / ".cache").iterdir()
    table.write_bytes(table.read_bytes()[:-n_bytes])
    fingerprints = Fingerprints(tmp_path / "store", root)
    whole = NAMES[:-1]
    assert [fingerprints.look_up(name) for name in whole] == [take(root, [name])[name][1] for name in whole]
    assert fingerprints.look_up(NAMES[-1]) in (None, take(root, NAMES)[NAMES[-1]][1])


@pytest.mark.parametrize("content", [b"", b"no sound", None], ids=["empty", "text", "missing"])
def test_a_file_that_cannot_be_read_has_a_problem_and_is_looked_at_again(
    content: bytes | None, root: Path, tmp_path: Path
) -> None:
    if content is not None:
        (root / "bad.wav").write_bytes(content)
    prints = take(root, ["bad.wav"])
    assert prints["bad.wav"][1] == Fingerprint(problem=prints["bad.wav"][1].problem)
    assert prints["bad.wav"][1].problem
    Fingerprints(tmp_path / "store", root).remember(prints)
    assert Fingerprints(tmp_path / "store", root).look_up("bad.wav") is None
