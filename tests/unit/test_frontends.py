"""MFCC by its formula, eGeMAPS as openSMILE gives it, segments of whole frames, normalisation."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import opensmile
import pytest
from support.errors import Fields, raises

from sercli.errors import UsageError
from sercli.frontends import egemaps, logmel, mfcc
from sercli.learning.normalisation import normalise, statistics
from sercli.learning.segments import shape_of

Array = npt.NDArray[Any]


def noise(n: int, level: float = 0.1) -> npt.NDArray[np.float32]:
    return (level * np.random.default_rng(0).standard_normal(n)).astype(np.float32)


# --- MFCC


def slopes(frames: Array, window: int) -> Array:
    """Of the straight line through each frame and its neighbours, by least squares."""
    times = np.arange(-window, window + 1)
    runs = [frames[start : start + len(times)] for start in range(len(frames) - 2 * window)]
    return np.array([np.polyfit(times, run, 1)[0] for run in runs])


@pytest.mark.parametrize(("n_mfcc", "window", "order"), [(13, 2, 2), (20, 3, 1), (13, 4, 2), (40, 1, 0)])
def test_mfcc_is_its_formula(n_mfcc: int, window: int, order: int) -> None:
    config = mfcc.Config(n_mfcc=n_mfcc, delta_window=window, delta_order=order)
    samples = noise(16000)
    logmels = logmel.Extractor(logmel.Config(n_mels=40))(samples).astype(np.float64)
    k, n = np.arange(n_mfcc)[:, None], np.arange(40)
    cosines = np.sqrt(2 / 40) * np.cos(np.pi * k * (2 * n + 1) / 80)
    cosines[0] /= np.sqrt(2)
    parts = [logmels @ cosines.T]
    for _ in range(order):
        parts.append(slopes(parts[-1], window))
    n_frames = len(logmels) - 2 * window * order
    wanted = [part[(len(part) - n_frames) // 2 :][:n_frames] for part in parts]
    np.testing.assert_allclose(mfcc.Extractor(config)(samples), np.concatenate(wanted, axis=1), rtol=0, atol=2e-4)


def test_a_frame_of_mfcc_depends_on_its_105_ms() -> None:
    extractor = mfcc.Extractor(mfcc.Config())
    samples = noise(160 * 5000)  # several slices
    frames = extractor(samples)
    assert extractor.min_samples == 400 + 8 * 160
    assert frames.shape == (4990, 39)
    for first in (0, 1, 4087, 4088, 4095, 4096, 4989):
        assert np.array_equal(frames[first], extractor(samples[first * 160 : first * 160 + 1680])[0])


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"n_mfcc": 0}, {"place": "n_mfcc", "seen": "0", "expected": "at least 1 and at most 40"}),
        ({"n_mfcc": 41}, {"place": "n_mfcc", "seen": "41"}),
        ({"delta_window": 0}, {"place": "delta_window", "seen": "0", "expected": "at least 1"}),
        ({"delta_order": 3}, {"place": "delta_order", "seen": "3", "expected": "at most 2"}),
        ({"n_fft": 256}, {"place": "n_fft", "seen": "256", "expected": "400"}),
        ({"f_max": 9000.0}, {"place": "f_max", "seen": "9000.0"}),
    ],
)
def test_options_of_mfcc_that_cannot_work(options: dict[str, Any], fields: Fields) -> None:
    with raises(fields):
        mfcc.Config(**options)


# --- eGeMAPS


@pytest.mark.parametrize("rate", [16000, 44100])
def test_egemaps_is_what_opensmile_gives(rate: int) -> None:
    extractor = egemaps.Extractor(egemaps.Config(rate))
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
    )
    samples = noise(rate) + (0.3 * np.sin(2 * np.pi * 150 / rate * np.arange(rate))).astype(np.float32)
    assert np.array_equal(extractor(samples), smile.process_signal(samples, rate).to_numpy())
    shift = rate // 100
    for n_samples in (6 * shift, 7 * shift - 1, 7 * shift, 7 * shift + 1, 50 * shift + 17):
        assert len(extractor(samples[:n_samples])) == extractor.n_frames(n_samples)


def test_full_scale_does_not_turn_into_its_negative() -> None:
    """16 bits hold no 1.0."""
    extractor = egemaps.Extractor(egemaps.Config())
    tone = np.sin(2 * np.pi * 200 / 16000 * np.arange(8000))
    loud = np.clip(1.4 * tone, -1, 1).astype(np.float32)
    assert np.array_equal(extractor((1.4 * tone).astype(np.float32)), extractor(loud))
    np.testing.assert_allclose(extractor(loud)[:, 0], extractor(np.float32(0.999) * loud)[:, 0], rtol=0.01)


def test_opensmile_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with raises({"problem": "openSMILE", "fix": "pip install 'sercli[egemaps]'"}):
        egemaps.Extractor(egemaps.Config())


@pytest.mark.parametrize("rate", [7900, 22050, 96000])
def test_a_rate_without_whole_frames(rate: int) -> None:
    with raises({"place": "sample_rate", "seen": str(rate), "expected": "8000 to 48000 Hz"}):
        egemaps.Config(rate)


# --- segments of whole frames


@pytest.mark.parametrize(
    ("frame_ms", "size", "milliseconds"),
    [(10.0, 10, 100), (20.0, 5, 100), (12.5, 8, 100), (16.0, 6, 96), (30.0, 3, 90), (1000.0, 1, 1000), (150.0, 1, 150)],
)
def test_a_segment_is_the_whole_frames_nearest_to_100_ms(frame_ms: float, size: int, milliseconds: float) -> None:
    shape = shape_of(frame_ms, 100.0)
    assert (shape.size, shape.shift) == (size, size)  # no overlap
    assert shape.size_ms == shape.shift_ms == milliseconds


def test_any_other_shift_is_of_whole_frames() -> None:
    assert (shape_of(16.0, 48.0).size, shape_of(16.0, 48.0).shift) == (6, 3)
    assert shape_of(16.0, 48.0).shift_ms == 48
    with pytest.raises(UsageError, match=r"--segment-shift-ms: .*50 ms.*16 ms"):
        shape_of(16.0, 50.0)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_normalised_frames_have_no_unit(unit: float) -> None:
    """A feature that moves by a hundred-thousandth of what others do is one; one that never moves becomes zero."""
    frames = np.random.default_rng(0).standard_normal((200, 3)) * (1.0, 1e-4, 0.0) + (5.0, 1e-3, 7.0)
    scaled = (unit * frames).astype(np.float32)
    normalise(scaled, np.array([0, 200]), [statistics(scaled)])
    np.testing.assert_allclose(scaled.std(axis=0), (1, 1, 0), atol=1e-3)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-2)
