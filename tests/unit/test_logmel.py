"""LogMel says what science.md says, checked against a second implementation in plain float64 NumPy."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
from support.errors import Fields, raises
from support.paths import PROJECT, SHARED

from sercli.errors import AudioError
from sercli.frontends import logmel
from sercli.frontends.logmel import Config, Extractor

EMODB = SHARED / "data/emodb/wav"
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor(Config())


def noise(n: int, level: float = 0.1) -> npt.NDArray[np.float32]:
    return (level * np.random.default_rng(0).standard_normal(n)).astype(np.float32)


def reference_filters() -> Array:
    """(80, 513), each filter by interpolation, on the other form of the mel scale: 2595 log10(1 + f / 700)."""

    def mel(frequency: Any) -> Any:
        return 2595 * np.log10(1 + frequency / 700)

    corners = [mel(20) + i * (mel(8000) - mel(20)) / 81 for i in range(82)]
    bins = mel(np.arange(513) * 15.625)
    return np.array([np.interp(bins, corners[i : i + 3], [0, 1, 0]) for i in range(80)])


def reference(samples: Array) -> Array:
    """Explicit DFT, float64 throughout."""
    n = np.arange(400)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * n / 399)
    dft = np.exp(-2j * np.pi * np.outer(n, np.arange(513)) / 1024)
    frames = np.array([samples[i : i + 400].astype(np.float64) * window for i in range(0, len(samples) - 399, 160)])
    return np.asarray(np.log(np.maximum(np.abs(frames @ dft) ** 2 @ reference_filters().T, 1e-10)))


def check_against_reference(extractor: Extractor, samples: npt.NDArray[np.float32]) -> None:
    frames = extractor(samples)
    expected = reference(samples)
    assert frames.dtype == np.float32
    assert frames.shape == expected.shape
    error = np.abs(frames - expected)
    assert np.mean(error < 1e-4) >= 0.999
    assert error.max() < 1e-3


def test_synthetic_signals_match_the_reference(extractor: Extractor) -> None:
    t = np.arange(16000) / 16000
    chirp = (0.5 * np.sin(2 * np.pi * (100 + 3900 * t) * t)).astype(np.float32)
    steps = np.repeat(noise(100), 160)
    for samples in (noise(16000), noise(16000, level=1e-4), chirp + noise(16000, 0.01), steps):
        check_against_reference(extractor, samples)


def test_emodb_matches_the_reference(extractor: Extractor) -> None:
    files = sorted(EMODB.glob("*.wav"))
    if not files:
        pytest.skip(f"EMO-DB is not in {EMODB}")
    for path in files[:: len(files) // 12]:
        check_against_reference(extractor, soundfile.read(path, dtype="float32")[0])


def test_filters_are_the_reference_filters() -> None:
    filters = logmel.mel_filters(Config())
    np.testing.assert_allclose(filters, reference_filters().T, rtol=0, atol=1e-11)
    assert np.linalg.matrix_rank(filters) == 80
    assert np.linalg.matrix_rank(logmel.mel_filters(Config(n_fft=512))) == 79
    assert filters.max() <= 1


@pytest.mark.parametrize("gain", [0.25, 3.0])
def test_a_gain_adds_twice_its_logarithm(extractor: Extractor, gain: float) -> None:
    samples = noise(16000)
    np.testing.assert_allclose(
        extractor(np.float32(gain) * samples), extractor(samples) + 2 * math.log(gain), rtol=0, atol=1e-4
    )


def test_each_filter_hears_its_own_centre_best(extractor: Extractor) -> None:
    mels = np.linspace(1127 * math.log1p(20 / 700), 1127 * math.log1p(8000 / 700), 82)[1:-1]
    centres = 700 * np.expm1(mels / 1127)
    for band, centre in enumerate(centres):
        tone = (0.5 * np.sin(2 * np.pi * centre * np.arange(4000) / 16000)).astype(np.float32)
        assert (extractor(tone).argmax(axis=1) == band).all()


def test_digital_silence_is_the_floor(extractor: Extractor) -> None:
    np.testing.assert_array_equal(extractor(np.zeros(800, np.float32)), np.float32(math.log(1e-10)))


@pytest.mark.parametrize(
    ("n_samples", "n_frames"), [(400, 1), (401, 1), (559, 1), (560, 2), (561, 2), (719, 2), (720, 3), (16000, 98)]
)
def test_number_of_frames(extractor: Extractor, n_samples: int, n_frames: int) -> None:
    assert extractor.n_frames(n_samples) == n_frames == 1 + (n_samples - 400) // 160
    assert extractor(noise(n_samples)).shape == (n_frames, extractor.n_features) == (n_frames, 80)


@pytest.mark.parametrize("n_samples", [0, 1, 239, 240, 399])
def test_less_than_a_frame_is_refused(extractor: Extractor, n_samples: int) -> None:
    assert extractor.n_frames(n_samples) == 0
    with raises({"seen": f"{n_samples} samples", "expected": "400"}, AudioError):
        extractor(noise(n_samples))


def test_properties(extractor: Extractor) -> None:
    assert (extractor.sample_rate, extractor.frame_shift_ms, extractor.n_features, extractor.min_samples) == (
        16000,
        10.0,
        80,
        400,
    )
    assert Extractor(Config(sample_rate=22050)).frame_shift_ms == pytest.approx(1000 * 220 / 22050)


def test_a_frame_depends_on_its_400_samples(extractor: Extractor) -> None:
    samples = noise(160 * 1000 + 240)  # 1000 frames, several slices
    frames = extractor(samples)
    for first in (0, 255, 256, 511, 777, 999):
        alone = extractor(samples[first * 160 : first * 160 + 400])
        np.testing.assert_array_equal(frames[first], alone[0])


def test_a_long_signal_equals_its_overlapping_halves(extractor: Extractor) -> None:
    samples = noise(160 * 20000 + 240)
    whole = extractor(samples)
    half = 9999  # frames, not a whole number of slices
    np.testing.assert_array_equal(whole[:half], extractor(samples[: half * 160 + 240]))
    np.testing.assert_array_equal(whole[half:], extractor(samples[half * 160 :]))


def test_same_samples_same_bytes(extractor: Extractor) -> None:
    samples = noise(50_001)
    frames = extractor(samples)
    extractor(noise(3000, level=0.9))  # what came before does not matter
    misaligned = np.frombuffer(b"\0\0\0\0" + samples.tobytes(), np.float32)[1:]  # read-only as well
    backwards = samples[::-1].copy()[::-1]
    variants: list[Array] = [samples, misaligned, backwards, samples.astype(np.float64), samples.astype(">f4")]
    for same in variants:
        np.testing.assert_array_equal(extractor(same), frames)
    np.testing.assert_array_equal(Extractor(Config())(samples), frames)


def test_same_bytes_on_any_number_of_threads(extractor: Extractor) -> None:
    threads = torch.get_num_threads()
    frames = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            frames.append([extractor(noise(160 * n + 240)) for n in (1, 5, 11, 300, 2000)])
    finally:
        torch.set_num_threads(threads)
    for others in frames[1:]:
        for one, other in zip(frames[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_matches_the_reference() -> None:
    check_against_reference(Extractor(Config(), device="cuda"), noise(160 * 5000))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_utterance() -> None:
    """Ten minutes: 38 MB of samples, 19 MB of frames; all of their spectra at once would be 246 MB more."""
    program = """
import re, numpy as np
from pathlib import Path
from sercli.frontends.logmel import Config, Extractor
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000  # MB
extractor = Extractor(Config())
extractor(np.ones(16000, np.float32))
samples = np.ones(600 * 16000, np.float32)
before = peak()
extractor(samples)
print(peak() - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert float(run.stdout) < 60


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"sample_rate": 0}, {"place": "sample_rate", "seen": "0", "expected": "at least 1"}),
        ({"frame_length_ms": -1.0}, {"place": "frame_length_ms", "seen": "-1.0", "expected": "more than 0"}),
        ({"frame_length_ms": math.inf}, {"place": "frame_length_ms", "seen": "inf", "expected": "finite"}),
        ({"frame_length_ms": 0.01}, {"place": "frame_length_ms", "seen": "0.01", "problem": "sample"}),
        ({"frame_shift_ms": 0.0}, {"place": "frame_shift_ms", "seen": "0.0", "expected": "more than 0"}),
        ({"frame_shift_ms": math.nan}, {"place": "frame_shift_ms", "seen": "nan", "expected": "finite"}),
        ({"n_fft": 256}, {"place": "n_fft", "seen": "256", "expected": "at least 400"}),
        ({"n_mels": 0}, {"place": "n_mels", "seen": "0", "expected": "at least 1"}),
        ({"n_mels": 300}, {"place": "n_mels", "seen": ("filter 3 of 300", "n_fft 1024"), "fix": "n_fft"}),
        ({"f_min": -1.0}, {"place": "f_min", "seen": "-1.0", "expected": "at least 0"}),
        ({"f_min": 8000.0}, {"place": "f_min", "seen": "8000.0", "expected": "less than 8000"}),
        ({"f_max": 8001.0}, {"place": "f_max", "seen": "8001.0", "expected": "at most 8000"}),
        ({"f_max": math.nan}, {"place": "f_max", "seen": "nan"}),
        ({"log_floor": 0.0}, {"place": "log_floor", "seen": "0.0", "expected": "at least 1.17549e-38"}),
        ({"log_floor": 1e-50}, {"place": "log_floor", "seen": "1e-50"}),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, float], fields: Fields) -> None:
    with raises(fields):
        Config(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        Config(sample_rate=8000, f_max=4000.0, n_mels=40),
        Config(n_mels=1),
        Config(n_mels=17, f_min=0.0),
        Config(n_fft=400, n_mels=23),
        Config(n_fft=1025, frame_shift_ms=25.0),
    ],
)
def test_other_options_work(config: Config) -> None:
    extractor = Extractor(config)
    frames = extractor(noise(16000))
    assert frames.shape == (extractor.n_frames(16000), config.n_mels)
    assert np.isfinite(frames).all()
