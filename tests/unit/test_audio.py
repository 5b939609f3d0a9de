"""Sound files: every format comes out as the same mono samples, every bad file as one line that says why."""

import os
import struct
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sercli.data import audio
from sercli.errors import AudioError, SercliError

RATE = 16000
Samples = npt.NDArray[np.float32]


def tone(frequency: float = 440.0, rate: int = RATE, seconds: float = 1.0, level: float = 0.5) -> Samples:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def noise(n: int = RATE) -> Samples:
    return (0.1 * np.random.default_rng(0).standard_normal(n)).astype(np.float32)


def wav_bytes(samples: Samples, data_size: int | None = None, riff_size: int | None = None, order: str = "<") -> bytes:
    """A 16-bit mono WAV, built by hand so that its sizes may lie."""
    data = (samples * 32767).astype(f"{order}i2").tobytes()
    return (
        (b"RIFF" if order == "<" else b"RIFX")
        + struct.pack(f"{order}I", 36 + len(data) if riff_size is None else riff_size)
        + b"WAVEfmt "
        + struct.pack(f"{order}IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
        + b"data"
        + struct.pack(f"{order}I", len(data) if data_size is None else data_size)
        + data
    )


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def reason(path: Path, *args: float) -> str:
    """Why `read` refuses the file: always one line without the path."""
    text = str(error_of(path, *args))
    assert "\n" not in text
    assert str(path) not in text
    assert len(text) < 150
    return text


def error_of(path: Path, *args: float) -> AudioError:
    with pytest.raises(AudioError) as caught:
        audio.read(path, RATE, *args)
    assert not caught.value.place
    return caught.value


# --- good files


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-23),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 0.02),
        ("RF64", "PCM_16", 2**-15),
        ("AIFF", "PCM_16", 2**-15),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
        ("OGG", "VORBIS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_round_trip(tmp_path: Path, container: str, subtype: str, tolerance: float) -> None:
    path = tmp_path / f"a.{container.lower()}"
    soundfile.write(path, tone(), RATE, format=container, subtype=subtype)
    assert audio.read_header(path) == audio.Header(frames=RATE, sample_rate=RATE, channels=1)
    assert audio.read_header(path).duration == 1.0
    samples = audio.read(path, RATE)
    assert samples.dtype == np.float32
    assert samples.shape == (RATE,)
    assert np.abs(samples - tone()).max() <= tolerance


def test_big_endian_wav(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.wav", wav_bytes(tone(), order=">"))
    assert np.abs(audio.read(path, RATE) - tone()).max() < 1e-4


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    samples = 0.1 * np.random.default_rng(0).standard_normal((RATE, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert audio.read_header(tmp_path / "a.wav").channels == channels
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav", RATE), samples.mean(axis=1), rtol=0, atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("frequency", [200.0, 3000.0])
def test_resampling_keeps_frequency_and_level_of_a_tone(tmp_path: Path, rate: int, frequency: float) -> None:
    soundfile.write(tmp_path / "a.wav", tone(frequency, rate), rate, subtype="FLOAT")
    samples = audio.read(tmp_path / "a.wav", RATE)
    assert samples.dtype == np.float32
    assert abs(len(samples) - RATE) <= 1
    middle = slice(1000, 15000)  # the filter rings at the ends
    np.testing.assert_allclose(samples[middle], tone(frequency)[middle], rtol=0, atol=1e-3)


def test_resampling_keeps_out_what_the_new_rate_cannot_hold(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(12000, 48000), 48000, subtype="FLOAT")
    assert np.abs(audio.read(tmp_path / "a.wav", RATE)[1000:15000]).max() < 1e-4


@pytest.mark.parametrize("container", ["wav", "flac", "ogg", "mp3"])
def test_a_section_is_that_part_of_the_whole(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container}"
    soundfile.write(path, noise(5 * RATE), RATE)
    whole = audio.read(path, RATE)
    for start, end, first, last in (
        (1.5, 2.25, 24000, 36000),
        (None, 1.0, 0, 16000),
        (4.0, None, 64000, 80000),
        (4.0, 5.0009, 64000, 80000),  # within the slack
        (0.00001, 0.50002, 0, 8000),  # rounded to samples
    ):
        np.testing.assert_allclose(audio.read(path, RATE, start, end), whole[first:last], rtol=0, atol=1e-6)


def test_a_section_is_resampled_after_it_was_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", noise(3 * 48000), 48000)
    soundfile.write(tmp_path / "cut.wav", noise(3 * 48000)[48000:96000], 48000)
    expected = audio.read(tmp_path / "cut.wav", RATE)
    np.testing.assert_array_equal(audio.read(tmp_path / "long.wav", RATE, 1, 2), expected)


@pytest.mark.parametrize(
    ("riff_size", "data_size"), [(8, 0), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1), (None, 0x7FFFF000)]
)
def test_a_streamed_wav_has_its_actual_size(tmp_path: Path, riff_size: int | None, data_size: int) -> None:
    path = saved(tmp_path / "a.wav", wav_bytes(tone(), data_size, riff_size))
    assert audio.read_header(path).frames == RATE
    assert len(audio.read(path, RATE)) == RATE


def test_chunks_before_and_after_the_samples_are_no_samples(tmp_path: Path) -> None:
    good = wav_bytes(tone())
    odd = b"LIST" + struct.pack("<I", 5) + b"INFO!\0"
    content = good[:36] + odd + good[36:] + odd
    path = saved(tmp_path / "a.wav", content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    np.testing.assert_allclose(audio.read(path, RATE), tone(), rtol=0, atol=1e-4)


# --- identity: the decoded samples


def written(path: Path, samples: Samples, rate: int = RATE, **form: str) -> str:
    """The digest of the samples as a file of this form."""
    soundfile.write(path, samples, rate, **form)
    return audio.measure(path).digest


@pytest.mark.parametrize(
    "form",
    [
        {"format": "WAV", "subtype": "PCM_24"},
        {"format": "WAVEX", "subtype": "PCM_16"},
        {"format": "WAV", "subtype": "FLOAT"},
        {"format": "AIFF", "subtype": "PCM_16"},
        {"format": "FLAC", "subtype": "PCM_16"},
        {"format": "CAF", "subtype": "PCM_16", "endian": "BIG"},
    ],
    ids=str,
)
def test_the_digest_is_that_of_the_samples(tmp_path: Path, form: dict[str, str]) -> None:
    """Also of more than one block, of a file with a text beside the samples, and of one channel written twice."""
    samples = np.rint(noise(audio._BLOCK + 99) * 2**15) / np.float32(2**15)
    digest = written(tmp_path / "a.wav", samples, subtype="PCM_16")
    assert written(tmp_path / "same", samples, **form) == digest
    assert written(tmp_path / "twice", np.stack([samples, samples], axis=1), **form) == digest
    with soundfile.SoundFile(
        tmp_path / "text", "w", RATE, 1, form["subtype"], form.get("endian"), form["format"]
    ) as file:
        file.title = "another header"
        file.write(samples)
    assert audio.measure(tmp_path / "text").digest == digest


def test_other_samples_have_another_digest(tmp_path: Path) -> None:
    samples = noise(999)
    changed = samples.copy()
    changed[500] += 2**-14
    others = [samples[:-1], changed, np.stack([samples, changed], axis=1), np.stack([changed, samples], axis=1)]
    digests = [written(tmp_path / "a.wav", each, subtype="PCM_16") for each in (samples, *others)]
    digests.append(written(tmp_path / "a.wav", samples, 8000, subtype="PCM_16"))
    assert len(set(digests)) == 6


# --- bad files


def test_what_is_not_a_recording(tmp_path: Path) -> None:
    assert issubclass(AudioError, SercliError)
    stub = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    os.mkfifo(tmp_path / "pipe.wav")
    for path, said in (
        (tmp_path / "none.wav", "no such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe.wav", "not a regular file"),
        (tmp_path / ("x" * 300), "file name too long"),
        (saved(tmp_path / "stub.wav", stub), "git lfs pull"),
        (saved(tmp_path / "empty.wav", b""), "empty file"),
        (saved(tmp_path / "text.wav", b"This is text.\n" * 99), "not a sound file"),
        (saved(tmp_path / "a.raw", noise().tobytes()), ".raw"),
        (saved(tmp_path / "header.wav", wav_bytes(noise(0))), "no samples"),
    ):
        assert said in reason(path)
        with pytest.raises(AudioError, match=said.replace(".", r"\.")):
            audio.read_header(path)


def test_no_permission(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.wav", wav_bytes(tone()))
    path.chmod(0)
    if os.geteuid():
        assert "no permission" in reason(path)
        return
    for folder in (tmp_path, *tmp_path.parents[:-1]):  # root reads anything: look at it as another user
        if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "popen-", "test_")):
            folder.chmod(0o755)
        if not folder.stat().st_mode & 0o001:
            pytest.skip(f"runs as root, and another user cannot get through {folder}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads; the child only opens a file
        child = os.fork()
    if not child:
        status = 2
        try:
            os.setuid(65534)
            audio.read(path, RATE)
        except AudioError as error:
            status = 0 if "no permission" in str(error) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("kept", [44, 45, 46, 1000, 32000, 32042, 32043])
def test_a_truncated_wav_is_refused_by_its_header(tmp_path: Path, kept: int) -> None:
    path = saved(tmp_path / "a.wav", wav_bytes(tone())[:kept])
    error = error_of(path)
    assert (error.seen, error.expected) == (f"{kept - 44} bytes of samples", "32000 bytes")
    with pytest.raises(AudioError, match="cut short"):
        audio.read_header(path)


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "AIFF", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("part", [0.999, 0.75, 0.5, 0.25])
def test_truncated_files_are_refused(tmp_path: Path, container: str, part: float) -> None:
    path = tmp_path / f"a.{container.lower()}"
    soundfile.write(path, noise(5 * RATE), RATE, format=container)
    os.truncate(path, int(part * path.stat().st_size))
    reason(path)


@pytest.mark.parametrize("last", [1, 100, 2347, 2348, 2400, 10_000])
def test_a_truncated_ogg_is_refused_by_its_last_page(tmp_path: Path, last: int) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(5 * RATE), RATE)
    os.truncate(path, path.stat().st_size - last)
    assert "last ogg page" in error_of(path).seen
    with pytest.raises(AudioError, match="cut short"):
        audio.read_header(path)


def test_a_truncated_flac_says_how_much_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(), RATE)
    os.truncate(path, path.stat().st_size // 2)
    assert audio.read_header(path).frames == RATE
    assert error_of(path).expected == "16000 samples"


def test_a_flac_that_promises_more_than_any_memory_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(), RATE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the 36 bits that count the samples
    content[22:26] = b"\xff" * 4
    saved(path, bytes(content))
    assert audio.read_header(path).frames == 2**36 - 1
    assert error_of(path).seen == "68719476735 samples"


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ([np.nan], "1 of 16000 samples"),
        ([np.inf, -np.inf, np.nan], "3 of 16000 samples"),
        ([3e38], "to 3e+38"),
        ([-20000.0, 20000.0], "from -20000 to 20000"),
    ],
)
def test_samples_that_are_no_sound(tmp_path: Path, values: list[float], seen: str) -> None:
    samples = noise()
    samples[100 : 100 + len(values)] = values
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert seen in error_of(tmp_path / "a.wav").seen
    assert len(audio.read(tmp_path / "a.wav", RATE, 0.5)) == 8000  # the rest of the file is sound


@pytest.mark.parametrize(
    "samples",
    [np.zeros(RATE), np.full(RATE, 0.25), np.stack([tone(), -tone()], axis=1)],
    ids=["zeros", "constant", "channels that cancel"],
)
def test_silence(tmp_path: Path, samples: npt.NDArray[np.float64]) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert error_of(tmp_path / "a.wav").seen.startswith("all 16000 samples are")


def test_sections_outside_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.wav", wav_bytes(tone()))
    for start, end in ((0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (float("nan"), 0.5), (0.5, float("nan")), (2.0, None)):
        assert error_of(path, start, end).expected == "0 <= start < end"  # type: ignore[arg-type]
    for end in (1.002, 99.0, float("inf")):
        assert error_of(path, 0.5, end).expected == "at most 1.000 s"
    assert error_of(path, 0.5, 0.50001).expected == "a sample at 16000 Hz"


def test_too_short_to_resample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.1, -0.1], 96000)
    assert error_of(tmp_path / "a.wav").seen.startswith("2 samples at 96000 Hz")


# --- hostile files: an AudioError or sound, never anything else


def read_or_refuse(content: bytes, folder: Path, suffix: str) -> Samples | None:
    path = saved(folder / f"hostile.{suffix}", content)
    try:
        samples = audio.read(path, RATE)
    except AudioError:
        return None
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples)
    assert np.isfinite(samples).all()
    return samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def originals(folder: Path) -> dict[str, bytes]:
    found = {}
    for suffix in ("wav", "flac", "ogg"):
        soundfile.write(folder / f"original.{suffix}", noise(4000), RATE)
        found[suffix] = (folder / f"original.{suffix}").read_bytes()
    return found


@given(magic=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVEds64", b"fLaC", b"OggS"]), rest=st.binary())
def test_random_bytes(folder: Path, magic: bytes, rest: bytes) -> None:
    read_or_refuse(magic + rest, folder, "wav")


@given(data=st.data(), suffix=st.sampled_from(["wav", "flac", "ogg"]))
def test_random_truncation(folder: Path, originals: dict[str, bytes], data: st.DataObject, suffix: str) -> None:
    content = originals[suffix]
    samples = read_or_refuse(content[: data.draw(st.integers(0, len(content) - 1))], folder, suffix)
    assert samples is None


@settings(deadline=None)  # a changed sample rate means much resampling
@given(data=st.data(), suffix=st.sampled_from(["wav", "flac", "ogg"]), value=st.integers(0, 255))
def test_a_changed_byte(
    folder: Path, originals: dict[str, bytes], data: st.DataObject, suffix: str, value: int
) -> None:
    content = bytearray(originals[suffix])
    content[data.draw(st.integers(0, 99) | st.integers(0, len(content) - 1))] = value
    read_or_refuse(bytes(content), folder, suffix)


@given(
    name=st.sampled_from([b"data", b"LIST", b"fmt ", b"ds64"]),
    size=st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFF8, 0xFFFFFFFF]),
    order=st.sampled_from("<>"),
)
def test_hostile_chunk_sizes(folder: Path, name: bytes, size: int, order: str) -> None:
    content = wav_bytes(noise(100), order=order)
    read_or_refuse(content[:12] + name + struct.pack(f"{order}I", size) + content[12:], folder, "wav")
    read_or_refuse(wav_bytes(noise(100), data_size=size, order=order), folder, "wav")


def test_very_many_chunks_end(folder: Path) -> None:
    content = wav_bytes(tone())
    read_or_refuse(content[:12] + b"junk\0\0\0\0" * 200_000 + content[12:], folder, "wav")
