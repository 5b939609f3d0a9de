"""Near copies: contours of recordings, and which recordings are taken for one."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st
from support.paths import PROJECT

from sercli.data.audio import measure
from sercli.data.contours import N_BANDS, Contour, ContourMaker, frame_shift, section
from sercli.data.near_copies import SAME, correlation, near_copies
from sercli.data.utterances import Utterance

RATE = 16000
Samples = npt.NDArray[np.float32]


def babble(seed: int, seconds: float = 2.0) -> Samples:
    """Noise in syllables, each of another length, level and colour."""
    rng = np.random.default_rng(seed)
    syllables = []
    while sum(map(len, syllables)) < seconds * RATE:
        noise = rng.standard_normal(int(rng.integers(1000, 4000)))
        spectrum = np.fft.rfft(noise) * np.interp(np.arange(len(noise) // 2 + 1), *_colour(rng, len(noise)))
        syllables.append(np.fft.irfft(spectrum, len(noise)) * np.hanning(len(noise)) * 10 ** rng.uniform(2, 3.5))
    return np.concatenate(syllables)[: round(seconds * RATE)].astype(np.float32)


def _colour(rng: np.random.Generator, n: int) -> tuple[Samples, Samples]:
    return np.linspace(0, n // 4, 9), 10 ** rng.uniform(-1, 1, 9)


def contour(samples: Samples, rate: int = RATE) -> Contour:
    maker = ContourMaker(rate)
    maker.add(samples)
    return section(maker.contour(), rate, None, None)


CHANGES = {
    "quieter": lambda x: contour(x / 4),
    "at 8 kHz": lambda x: contour(soxr.resample(x, RATE, 8000), 8000),
    "at 44.1 kHz": lambda x: contour(soxr.resample(x, RATE, 44100), 44100),
    "8 ms less": lambda x: contour(x[128:]),
    "50 ms less": lambda x: contour(x[800:]),
    "50 ms less at both ends": lambda x: contour(x[800:-800]),
    "60 ms of silence": lambda x: contour(np.pad(x, (960, 0))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change: str) -> None:
    sounds = [babble(seed) for seed in range(20)]
    utterances = [Utterance(f"{side}{n}", "", duration=2.0) for side in "ab" for n in range(20)]
    contours = [*map(contour, sounds), *map(CHANGES[change], sounds)]
    pairs = list(near_copies(utterances, contours))
    assert sorted((pair.first.utt_id, pair.second.utt_id) for pair in pairs) == sorted(
        (f"a{n}", f"b{n}") for n in range(20)
    )
    across = list(near_copies(utterances, contours, np.repeat([0, 1], 20)))
    assert across == pairs
    assert not list(near_copies(utterances, contours, np.tile(np.arange(20), 2)))  # each with its copy on its own side


def test_another_duration_is_no_copy() -> None:
    sound = contour(babble(0))
    assert not list(near_copies([Utterance("a", "", duration=2.0), Utterance("b", "", duration=3.0)], [sound, sound]))


def test_very_many_copies_are_connected() -> None:
    sound = contour(babble(0))
    utterances = [Utterance(f"{n:03d}", "", duration=2.0) for n in range(60)]
    pairs = list(near_copies(utterances, [sound] * 60))
    assert len(pairs) < 60 * 10
    assert {utt_id for pair in pairs for utt_id in (pair.first.utt_id, pair.second.utt_id)} == {
        u.utt_id for u in utterances
    }


@pytest.mark.parametrize("n", [0, 1, 9])
def test_what_is_too_short_or_steady_has_no_copies(n: int) -> None:
    short = contour(babble(0))[:n]
    tone = contour((8000 * np.sin(np.arange(2 * RATE))).astype(np.float32))
    for sound in (short, tone):
        assert not list(near_copies([Utterance(x, "", duration=2.0) for x in "ab"], [sound, sound]))
    assert correlation(short, tone) == -1
    assert not list(near_copies([], []))


@given(st.lists(st.integers(1, 3000), max_size=20), st.sampled_from([8000, 11025, 16000]))
def test_a_contour_does_not_depend_on_the_blocks(sizes: list[int], rate: int) -> None:
    samples = babble(1, sum(sizes) / RATE + 0.1)
    maker = ContourMaker(rate)
    for block in np.split(samples, np.cumsum(sizes)):
        maker.add(block)
    frames = section(maker.contour(), rate, None, None)
    assert np.abs(frames.astype(int) - contour(samples, rate)).max(initial=0) <= 1
    assert frames.shape == (max(0, len(samples) // frame_shift(rate) - 1), N_BANDS)


def test_a_section_has_the_contour_of_its_sound(tmp_path: Path) -> None:
    first, second = babble(2), babble(3)
    soundfile.write(tmp_path / "both.wav", np.concatenate([first, second]) / 2**15, RATE)
    sound = measure(tmp_path / "both.wav")
    assert correlation(section(sound.contour, RATE, 2.0, 4.0), contour(second)) > SAME
    assert correlation(section(sound.contour, RATE, None, 2.0), contour(first)) > SAME
    assert correlation(section(sound.contour, RATE, None, 2.0), contour(second)) < 0.7


def test_noise_at_the_ends_of_the_scale() -> None:
    """Rates at which bands have no bins, and sounds of one level, raise no warning and give numbers."""
    for rate in (1000, 4000, 1_000_000):
        for samples in (
            np.zeros(rate),
            np.full(rate, -(2.0**15)),
            np.random.default_rng(0).uniform(-(2**15), 2**15, rate),
        ):
            sound = contour(samples.astype(np.float32), rate)
            assert -1 <= correlation(sound, sound) <= 1.001


def test_copies_of_real_speech_are_found_and_takes_are_not_confused(emodb: Path, tmp_path: Path) -> None:
    """A speaker of EMO-DB, who says ten sentences several times, and the copies that the benchmark makes of all."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for path in sorted((emodb / "wav").glob("03a0[1-5]*.wav")):
        shutil.copy(path, folder)
    n = len(list(folder.iterdir()))
    script = PROJECT / "recipes" / "benchmark" / "local" / "near_copies.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path / "work", folder], check=True, capture_output=True, text=True, timeout=300
    )
    *ways, _, _, _, _, _ = done.stdout.splitlines()
    assert len(ways) == 9
    assert all(f"found {n} of {n}, confused 0" in line for line in ways), done.stdout
    assert f"{n} recordings, 0 pairs" in done.stdout
