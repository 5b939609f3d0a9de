"""`sercli predict` on the real command: the answers of `evaluate`, in order, from wherever the sound comes; what is bad, told."""

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from support.command import ENVIRONMENT, FIXABLE, QUICK, USAGE, Sercli
from support.corpora import write_wav
from support.errors import Fields, error_text, refused

from sercli.bundles import bundle as bundles
from sercli.bundles.labeller import Labeller
from sercli.errors import DamagedProduct
from sercli.evaluation.calibration import calibrated
from sercli.learning import checkpoints

RATE = 16000
LABELS = ["anger", "neutral", "sadness"]
Row = dict[str, str]


def rows_of(output: str) -> list[Row]:
    return list(csv.DictReader(output.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def posteriors(row: Row) -> list[float]:
    return [float(row[f"p_{label}"]) for label in LABELS]


def recordings(corpus: Path) -> list[Path]:
    return sorted((corpus / "wav").iterdir())


# --- the answers of evaluate


def agree(sercli: Sercli, store: Path, classifier: str, fold: int, bundle: Path) -> int:
    """Whether a bundle of one fold says of its test recordings what `evaluate` said, but for the temperature; of how many."""
    temperature = bundles.read(bundle).info.certainty.temperature
    root = Path(yaml.safe_load((store / "corpus" / "corpus.yaml").read_text())["root"])
    paths = {
        row["utt_id"]: str(root / row["path"]) for row in rows_of((store / "corpus" / "utterances.tsv").read_text())
    }
    told = rows_of((store / "predictions" / classifier / f"fold-{fold}" / "predictions.tsv").read_text())
    expected = {paths[row["utt_id"]]: row for row in told if row["part"] == "test"}
    found = rows_of(sercli("predict", bundle, "-", input="\n".join(expected)).stdout)
    assert [row["path"] for row in found] == list(expected)
    columns = [column for column in told[0] if column.startswith("p_")]
    for row in found:
        theirs, ours = (np.array([float(one[column]) for column in columns]) for one in (expected[row["path"]], row))
        assert calibrated(ours, 1 / temperature) == pytest.approx(theirs, abs=1e-5)
        margin = np.diff(np.sort(theirs)[-2:])[0]
        assert margin <= 1e-5 or row["prediction"] == expected[row["path"]]["prediction"]
    return len(found)


def test_a_fold_answers_as_evaluate_does(
    sercli: Sercli, exported: Path, fold_bundle: Path, control_bundle: Path
) -> None:
    assert agree(sercli, exported, "cvae-8.lstm", 1, fold_bundle) == 9
    assert agree(sercli, exported, "control", 2, control_bundle) == 9


@pytest.mark.parametrize(
    "options",
    [
        ["train-lstm", "--segment-shift-ms", "50", "--normalise", "utterance", "--set", "pooling=attention"],
        ["train-classifier", "--classifier", "functionals", "--ae", "cvae-8", "--latents", "mean"],
    ],
    ids=["features normalised by themselves", "means of latents"],
)
def test_so_do_other_systems(options: list[str], sercli: Sercli, exported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(exported, tmp_path / "toy"))
    quick = [] if "functionals" in options else ["--set", "hidden=8", *QUICK]
    sercli(options[0], store, *options[1:], *quick, "--name", "other")
    sercli("evaluate", store, "--classifier", "other", "--jobs", 1)
    sercli("export", store, "--classifier", "other", tmp_path / "bundle", "--fold", 3)
    assert agree(sercli, store, "other", 3, tmp_path / "bundle") == 9


def test_real_speech(sercli: Sercli, emodb: Path, tmp_path: Path) -> None:
    """Three speakers of EMO-DB."""
    store, bundle, corpus = tmp_path / "emodb", tmp_path / "bundle", tmp_path / "corpus"
    corpus.mkdir()
    for path in (emodb / "wav").glob("0[389]*.wav"):
        (corpus / path.name).symlink_to(path)
    sercli("ingest", corpus, store, "--corpus", "emodb")
    sercli("featurize", store)
    sercli("folds", store, "--task", "few", "--classes", "anger,neutral,sadness")
    sercli("train-ae", store, "--task", "few", "--model", "vae", "--latent-dim", 16, "--epochs", 1, "--name", "vae")
    sercli("encode", store, "--ae", "vae")
    sercli("train-lstm", store, "--ae", "vae", "--epochs", 1, "--name", "lstm")
    sercli("evaluate", store)
    sercli("export", store, "--classifier", "lstm", bundle, "--fold", 3)
    assert agree(sercli, store, "lstm", 3, bundle) == len(list(corpus.glob("09???[WNT]?.wav")))


# --- files, folders, lists and pipes


def test_in_the_order_named_whoever_is_done_first(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    """Short and long, twice the same, a folder in C order; with one thread or four the same bytes."""
    first, second, *_ = recordings(corpus)
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(soundfile.read(first)[0], 100), RATE)
    named = [long, second, first, corpus / "wav", second]
    outputs = {sercli("predict", bundle, *named, "--jobs", jobs).stdout for jobs in (1, 4)}
    assert len(outputs) == 1
    rows = rows_of(outputs.pop())
    assert list(rows[0]) == ["path", "prediction", *(f"p_{label}" for label in LABELS)]
    wanted = [long, second, first, *recordings(corpus), second]
    assert [row["path"] for row in rows] == [str(path) for path in wanted]
    assert rows[1] == rows[-1]
    for row in rows:
        assert sum(posteriors(row)) == pytest.approx(1, abs=1e-6)
        assert row["prediction"] == LABELS[int(np.argmax(posteriors(row)))]


def test_json_lines_say_the_same(sercli: Sercli, bundle: Path, corpus: Path) -> None:
    rows = rows_of(sercli("predict", bundle, corpus).stdout)
    lines = [json.loads(line) for line in sercli("predict", bundle, corpus, "--json").stdout.splitlines()]
    assert [(one["path"], one["prediction"]) for one in lines] == [(row["path"], row["prediction"]) for row in rows]
    for one, row in zip(lines, rows, strict=True):
        assert list(one["posteriors"]) == LABELS
        assert list(one["posteriors"].values()) == pytest.approx(posteriors(row), abs=1e-8)


ODD = "a\nb\tc \x1b[31m 怒り.wav"


def test_names_from_standard_input(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    """A name a line, or, for any name at all, with NUL after each."""
    first, second, *_ = recordings(corpus)
    answers = [row["prediction"] for row in rows_of(sercli("predict", bundle, first, second).stdout)]
    lines = rows_of(sercli("predict", bundle, "-", input=f"{first}\r\n\n{second}").stdout)
    assert [row["path"] for row in lines] == [str(first), str(second)]
    shutil.copy(first, tmp_path / ODD)
    shutil.copy(second, os.fsencode(tmp_path) + b"/\xff.wav")
    found = subprocess.run(["find", tmp_path, "-name", "*.wav", "-print0"], capture_output=True, check=True).stdout
    named = [os.fsdecode(name) for name in found.split(b"\0") if name]
    done = sercli("predict", bundle, "-0", "--json", stdin=_pipe(found))
    ours = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["path"] for one in ours] == named
    assert sorted(one["prediction"] for one in ours) == sorted(answers)
    table = rows_of(sercli("predict", bundle, "-0", stdin=_pipe(found)).stdout)  # in which a row is a line
    assert len(table) == 2
    assert any("a\\nb\\tc" in row["path"] for row in table)


def _pipe(content: bytes) -> int:
    read, write = os.pipe()
    os.write(write, content)
    os.close(write)
    return read


def test_sound_from_standard_input(sercli: Sercli, bundle: Path, corpus: Path) -> None:
    first = recordings(corpus)[0]
    (whole,) = rows_of(sercli("predict", bundle, first).stdout)
    with first.open("rb") as stream:
        (piped,) = rows_of(sercli("predict", bundle, "--stdin-audio", stdin=stream).stdout)
    assert piped == {**whole, "path": "-"}


def test_other_rates_channels_and_kinds(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    """A recording is told by what it sounds like: FLAC and two channels change no bit, 48 kHz little."""
    samples, _ = soundfile.read(recordings(corpus)[0])
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    soundfile.write(tmp_path / "b.wav", np.stack([samples, samples], axis=1), RATE)
    soundfile.write(tmp_path / "c.wav", np.repeat(samples, 3), 3 * RATE)
    mono, stereo, other = (posteriors(row) for row in rows_of(sercli("predict", bundle, tmp_path).stdout))
    assert mono == stereo
    assert other == pytest.approx(mono, abs=0.1)


@contextmanager
def predicting(*words: object) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "sercli", "predict", *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_answer_comes_before_the_next_question(bundle: Path, corpus: Path) -> None:
    with predicting(bundle, "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("path\t")
        for path in recordings(corpus)[:3]:
            print(path, file=process.stdin, flush=True)
            assert process.stdout.readline().startswith(f"{path}\t")
        process.stdin.close()
        assert process.wait(60) == 0


def test_whoever_stops_reading_ends_it_quietly(bundle: Path, corpus: Path) -> None:
    with predicting(bundle, *[corpus] * 50) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.parametrize("n", [0, 1])
def test_ctrl_c_ends_it(n: int, bundle: Path, corpus: Path) -> None:
    """Also while it waits for the first path of all."""
    with predicting(bundle, *recordings(corpus)[:n], "-") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(1 + n):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        (line,) = process.stderr.read().splitlines()
        assert line.startswith("sercli: interrupted")


# --- through a long recording


def test_a_window_is_a_recording_of_its_own(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    long, cuts = tmp_path / "long.wav", tmp_path / "cuts"
    cuts.mkdir()
    samples = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recordings(corpus)[:20]])[
        : 23 * RATE
    ]
    soundfile.write(long, samples, RATE, subtype="FLOAT")
    rows = rows_of(sercli("predict", bundle, long, "--window", 2.5, "--shift", 1).stdout)
    starts = list(range(22))  # the last is the first that reaches the end
    assert [float(row["start"]) for row in rows] == starts
    assert [float(row["end"]) for row in rows] == [min(start + 2.5, 23) for start in starts]
    for start in starts:
        piece = samples[start * RATE : round((start + 2.5) * RATE)]
        soundfile.write(cuts / f"{start:02d}.wav", piece, RATE, subtype="FLOAT")
    for cut, window in zip(rows_of(sercli("predict", bundle, cuts).stdout), rows, strict=True):
        assert posteriors(window) == pytest.approx(posteriors(cut), abs=1e-6)


def test_windows_follow_one_another_unless_told(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    """A recording shorter than a window is one row; a rest without a frame is none."""
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE + 100).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", noise, RATE)
    soundfile.write(tmp_path / "short.wav", noise[: RATE // 2], RATE)
    lines = sercli("predict", bundle, tmp_path, "--window", 1, "--json").stdout.splitlines()
    times = [(Path(one["path"]).name, one["start"], one["end"]) for one in map(json.loads, lines)]
    assert times == [("long.wav", 0, 1), ("long.wav", 1, 2), ("short.wav", 0, 0.5)]


def peak_memory(bundle: Path, path: Path) -> int:
    """Bytes, of `predict` on a file of the same sound from end to end."""
    command = [sys.executable, "-m", "sercli", "predict", bundle, path, "--window", "5", "--jobs", "1"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_memory_does_not_grow_with_the_recording(bundle: Path, tmp_path: Path) -> None:
    """Half an hour is 230 MB of samples and frames: none of it is held."""
    minute = np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32)
    for minutes in (1, 30):
        with soundfile.SoundFile(tmp_path / f"{minutes}.wav", "w", RATE, 1) as file:
            for _ in range(minutes):
                file.write(minute)
    grown = peak_memory(bundle, tmp_path / "30.wav") - peak_memory(bundle, tmp_path / "1.wav")
    assert grown < 40 * 2**20


def test_a_file_that_grows_while_it_is_read(sercli: Sercli, bundle: Path, tmp_path: Path) -> None:
    """What its header promised at first is labelled. The pipe, which holds fewer rows than there are, keeps the command from
    ending before the file has grown."""
    path = tmp_path / "growing.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 80 * RATE).astype(np.float32), RATE)
    words = (bundle, path, "--window", 0.5, "--shift", 0.1, "--json")
    wanted = sercli("predict", *words).stdout
    assert len(wanted) > 2**17
    with predicting(*words) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        with path.open("ab") as stream:
            stream.write(bytes(RATE))
        rest = process.stdout.read()  # communicate would pass over what readline has read ahead
        assert process.wait(120) == 0
    assert first + rest == wanted


# --- what cannot be labelled


def _bad_files(folder: Path) -> dict[str, str]:
    """Files that no answer can be given for, with what is told of each."""
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("no sound at all\n" * 100)
    (folder / "stub.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    write_wav(folder / "whole.wav")
    (folder / "cut.wav").write_bytes((folder / "whole.wav").read_bytes()[:9000])
    write_wav(folder / "silent.wav", samples=np.zeros(RATE, np.float32))
    write_wav(folder / "nan.wav", samples=np.full(RATE, np.nan, np.float32))
    write_wav(folder / "short.wav", samples=np.linspace(-0.5, 0.5, 300, dtype=np.float32))
    soundfile.write(folder / "long.wav", np.sin(np.arange(601 * 1000, dtype=np.float32)), 1000, subtype="PCM_U8")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe.wav")
    return {
        "empty.wav": "0 bytes",
        "text.wav": "not a sound file",
        "stub.wav": "run: git lfs pull",
        "cut.wav": "cut short",
        "silent.wav": "silent",
        "nan.wav": "nan or infinite",
        "short.wav": "shorter than one frame; seen 300 samples at 16000 Hz, expected 400",
        "long.wav": "seen 601 s, expected at most 600 s; follow emotion through it with --window 5",
        "none.wav": "no such file",
        "folder": "no sound in this folder",
        "pipe.wav": "not a regular file",
    }


@pytest.mark.parametrize("window", [[], ["--window", "0.5"]], ids=["whole", "windows"])
def test_what_is_bad_is_told_and_stops_nothing(window: list[str], sercli: Sercli, bundle: Path, tmp_path: Path) -> None:
    bad = _bad_files(tmp_path)
    if window:  # long is no fault then, nor silence
        del bad["long.wav"], bad["silent.wav"]
    good = tmp_path / "whole.wav"
    named = [good, *(tmp_path / name for name in bad), good]
    done = sercli("predict", bundle, *named, *window, code=FIXABLE)
    assert {row["path"] for row in rows_of(done.stdout)} == {str(good)}
    assert len(rows_of(done.stdout)) == 2
    *lines, last = done.stderr.splitlines()
    for line, (name, words) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"sercli: {tmp_path / name}: ")
        assert words in line
    assert json.loads(last)["seen"] == f"{len(bad)} of {len(named)}"


@pytest.mark.parametrize(("content", "words"), [(b"", "empty file"), (b"\x00\x01" * 5000, "not a sound file")])
def test_standard_input_that_is_no_sound(content: bytes, words: str, sercli: Sercli, bundle: Path) -> None:
    done = sercli("predict", bundle, "--stdin-audio", stdin=_pipe(content), code=FIXABLE)
    line, last = done.stderr.splitlines()
    assert line.startswith("sercli: -: ")
    assert words in line
    assert json.loads(last)["seen"] == "1 of 1"


def test_standard_input_larger_than_the_disk(sercli: Sercli, bundle: Path) -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    fields = {"place": "standard input", "problem": "File too large", "fix": "TMPDIR"}
    refused(sercli, FIXABLE, fields, "predict", bundle, "--stdin-audio", stdin=_pipe(bytes(5000)), preexec_fn=fill)


def test_a_full_disk_behind_stdout(bundle: Path, corpus: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    command = [sys.executable, "-m", "sercli", "predict", str(bundle), str(corpus)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert done.returncode == FIXABLE
    assert "standard output: No space left on device" in error_text(done)


def test_names_that_are_none(sercli: Sercli, bundle: Path, corpus: Path) -> None:
    """NUL where lines were wanted; an empty word, which is not the working folder."""
    good = recordings(corpus)[0]
    done = sercli("predict", bundle, "", "-", good, stdin=_pipe(bytes(good) + b"\0\0"), code=FIXABLE, cwd=corpus)
    assert [row["path"] for row in rows_of(done.stdout)] == [str(good)]
    empty, nul, _ = done.stderr.splitlines()
    assert empty.startswith("sercli: '': ")
    assert nul.endswith("use -0")


@pytest.mark.parametrize("words", [["-"], ["-0"], ["--stdin-audio"]])
def test_a_closed_standard_input(words: list[str], sercli: Sercli, bundle: Path) -> None:
    command = [sys.executable, "-m", "sercli", "predict", str(bundle), *words]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == USAGE
    assert "standard input is closed" in error_text(done)


def test_a_link_that_leads_nowhere_is_told(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    shutil.copy(recordings(corpus)[0], tmp_path / "a.wav")
    (tmp_path / "b.wav").symlink_to("nowhere.wav")
    done = sercli("predict", bundle, tmp_path, code=FIXABLE)
    assert len(rows_of(done.stdout)) == 1
    assert f"sercli: {tmp_path / 'b.wav'}: no such file; check its path, or where it links to" in done.stderr


def test_nothing_named_is_nothing_labelled(sercli: Sercli, bundle: Path) -> None:
    """`find` that found nothing."""
    assert rows_of(sercli("predict", bundle, "-0", stdin=_pipe(b"")).stdout) == []


USES: dict[str, tuple[list[str], Fields]] = {
    "no file": ([], {"place": "predict", "expected": ("FILE", "FOLDER", "stdin")}),
    "sound and paths": (["--stdin-audio", "x.wav"], {"place": "--stdin-audio"}),
    "a shift of no window": (["x.wav", "--shift", "1"], {"place": "--shift", "fix": "--window"}),
    "part of a frame": (["x.wav", "--window", "0.013"], "--window|13 ms|10 ms"),
    "less than a frame": (["x.wav", "--window", "0.02"], {"place": "--window", "seen": "0.02"}),
    "no time": (["x.wav", "--window", "0"], {"place": "--window", "seen": "0", "expected": "600"}),
    "no number": (["x.wav", "--window", "nan"], {"place": "--window", "seen": "nan"}),
    **{
        f"rejecting {share}": (["x.wav", "--reject", share], {"place": "--reject", "seen": share, "expected": "0.1"})
        for share in ("0", "1", "-0.1", "nan")
    },
    "gaps": (["x.wav", "--window", "1", "--shift", "2"], {"place": "--shift", "seen": "2", "expected": "1 s"}),
}


@pytest.mark.parametrize("use", USES)
def test_wrong_usage(use: str, sercli: Sercli, bundle: Path) -> None:
    options, fields = USES[use]
    refused(sercli, USAGE, fields, "predict", bundle, *options)


# --- bundles that cannot be used


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _later(bundle: Path) -> None:
    path = bundle / "bundle.yaml"
    path.write_text(path.read_text().replace("format: 2", "format: 3"))


def _run_code(bundle: Path) -> None:
    (bundle / "bundle.yaml").write_text("format: !!python/object/apply:os.system ['touch pwned']\n")


def _outside(bundle: Path) -> None:
    path = bundle / "SHA256SUMS"
    path.write_text(path.read_text().replace("card.md", "../card.md"))


AGAIN = ("copy the bundle again", "sercli export")
SPOILT: dict[str, tuple[Callable[[Path], object], Fields]] = {
    "a later format": (_later, {"place": "bundle.yaml", "seen": "3", "expected": "2", "fix": "the version"}),
    "no such folder": (shutil.rmtree, {"place": "bundle", "fix": "sercli export STORE --classifier NAME"}),
    "code": (_run_code, {"place": "bundle.yaml", "problem": "YAML"}),
    "a path outside": (_outside, {"place": "SHA256SUMS", "fix": AGAIN}),
    "a store": (
        lambda bundle: (bundle / "bundle.yaml").rename(bundle / "corpus.yaml"),
        {"expected": "bundle.yaml"},
    ),
    **{
        f"{what} of {name}": (
            lambda bundle, name=name, spoil=spoil: spoil(bundle / name),  # type: ignore[misc]
            {"place": name, "problem": problem, "fix": AGAIN},
        )
        for name in ("card.md", "autoencoder.safetensors", "classifier.safetensors")
        for what, spoil, problem in (("a byte", _flip, "digest"), ("the loss", Path.unlink, "missing"))
    },
    "the loss of SHA256SUMS": (
        lambda bundle: (bundle / "SHA256SUMS").unlink(),
        {"place": "SHA256SUMS", "problem": "missing", "fix": AGAIN},
    ),
    "a byte of SHA256SUMS": (lambda bundle: _flip(bundle / "SHA256SUMS"), {"place": "SHA256SUMS"}),
    "a byte of bundle.yaml": (lambda bundle: _flip(bundle / "bundle.yaml"), {"place": "bundle.yaml"}),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_bundle(what: str, sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    spoil, fields = SPOILT[what]
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    spoil(copy)
    refused(sercli, FIXABLE, fields, "predict", copy, corpus, cwd=tmp_path)
    assert not (tmp_path / "pwned").exists()


MEAN, STD = "normalisation.mean", "normalisation.std"
MODELS: dict[str, Callable[[dict[str, torch.Tensor], dict[str, object]], object]] = {
    "a list for metadata": lambda state, about: about.clear(),
    "no size": lambda state, about: about.pop("n_inputs"),
    "a huge size": lambda state, about: about.update(n_inputs=10**400),
    "another size": lambda state, about: about.update(n_inputs=10),
    "another model": lambda state, about: about.update(model="none-such"),
    "an option too many": lambda state, about: about.update(options={"alpha": 1}),
    "no std": lambda state, about: state.pop(STD),
    "a short std": lambda state, about: state.update({STD: state[STD][:3].clone()}),
    "a mean in two dimensions": lambda state, about: state.update({MEAN: state[MEAN][None]}),
    "a std of nothing": lambda state, about: state.update({STD: state[STD] * 0}),
    "bfloat16": lambda state, about: state.update({MEAN: state[MEAN].bfloat16()}),
    "no number": lambda state, about: state.update({MEAN: state[MEAN] * float("nan")}),
    "a layer too few": lambda state, about: state.pop("model.first.bias"),
}


@pytest.mark.parametrize("what", MODELS)
def test_a_hostile_model(what: str, bundle: Path, tmp_path: Path) -> None:
    """Digests are right, but what they are of is no autoencoder."""
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    path = copy / "autoencoder.safetensors"
    state, about = checkpoints.read(path)
    MODELS[what](state, about)
    checkpoints.write(path, state, about or [])  # type: ignore[arg-type]
    names = sorted(one.name for one in copy.iterdir() if one.name != "SHA256SUMS")
    (copy / "SHA256SUMS").write_text(subprocess.check_output(["sha256sum", *names], cwd=copy, text=True))
    with pytest.raises(DamagedProduct, match=re.escape(f"{path}: ")):
        Labeller(bundles.read(copy), "cpu")


def test_a_bundle_needs_no_store(sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "mailed"))
    assert str(bundle.parent).encode() not in b"".join(path.read_bytes() for path in copy.iterdir())
    assert sercli("predict", copy, corpus).stdout == sercli("predict", bundle, corpus).stdout
