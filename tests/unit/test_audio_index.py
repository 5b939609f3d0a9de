"""The index of sound files: what is remembered, what is forgotten, and what a damaged or shared database costs."""

import os
import threading
from pathlib import Path

from support.corpora import write_wav

from sercli.data.audio_index import AudioFile, AudioIndex, read_files


def indexed(store: Path, root: Path, *paths: str) -> AudioIndex:
    index = AudioIndex(store, root)
    index.remember(read_files(root, paths))
    return index


def test_a_file_is_remembered_by_another_index(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    indexed(tmp_path / "store", tmp_path, "a.wav")
    file = AudioIndex(tmp_path / "store", tmp_path).look_up("a.wav")
    assert file is not None
    assert (file.duration, file.sample_rate, file.channels, file.problem) == (0.5, 16000, 1, "")
    assert file == read_files(tmp_path, ["a.wav"])["a.wav"]


def test_a_file_that_changed_in_size_or_time_is_not(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    index = indexed(tmp_path / "store", tmp_path, "a.wav")
    os.utime(tmp_path / "a.wav", (1, 1))
    assert index.look_up("a.wav") is None
    index.remember(read_files(tmp_path, ["a.wav"]))
    assert AudioIndex(tmp_path / "store", tmp_path).look_up("a.wav") is not None
    (tmp_path / "a.wav").unlink()
    assert index.look_up("a.wav") is None


def test_a_file_belongs_to_its_root(tmp_path: Path) -> None:
    write_wav(tmp_path / "one" / "a.wav")
    indexed(tmp_path / "store", tmp_path / "one", "a.wav")
    assert AudioIndex(tmp_path / "store", tmp_path / "two").look_up("a.wav") is None


def test_a_file_with_a_problem_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    index = indexed(tmp_path / "store", tmp_path, "a.wav", "gone.wav")
    problems = [file.problem for path in ("a.wav", "gone.wav") if (file := index.look_up(path))]
    assert ["empty" in problems[0], "no such file" in problems[1]] == [True, True]
    assert AudioIndex(tmp_path / "store", tmp_path).look_up("a.wav") is None


def test_a_name_that_is_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.wav")
    write_wav(tmp_path / name)
    indexed(tmp_path / "store", tmp_path, name)
    assert AudioIndex(tmp_path / "store", tmp_path).look_up(name) is not None


def test_a_damaged_database_is_made_again(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    indexed(tmp_path / "store", tmp_path, "a.wav")
    (tmp_path / "store" / ".cache" / "audio.sqlite").write_bytes(b"not a database, but long enough to be one" * 99)
    index = indexed(tmp_path / "store", tmp_path, "a.wav")
    assert index.look_up("a.wav") is not None


def test_threads_and_commands_write_at_once(tmp_path: Path) -> None:
    index = AudioIndex(tmp_path / "store", tmp_path)
    other = AudioIndex(tmp_path / "store", tmp_path)
    files = {f"{n}.wav": AudioFile(stamp="missing", duration=n) for n in range(40)}
    threads = [
        threading.Thread(target=(index, other)[n % 2].remember, args=({path: file},))
        for n, (path, file) in enumerate(files.items())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = AudioIndex(tmp_path / "store", tmp_path)
    assert {path: again.look_up(path) for path in files} == files
