"""Sound files: headers, and mono samples at any rate. The only importer of soundfile and soxr.

Every failure is an AudioError without a place, which callers add.
"""

import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ..errors import AudioError
from .contours import ContourMaker

LIBSNDFILE = soundfile.__libsndfile_version__
LFS_STUB = b"version https://git-lfs"
BYTE_ORDERS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"BW64": "<", b"FORM": ">"}  # containers made of chunks
_KINDS = ("wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64")
SUFFIXES = tuple(f".{kind}" for kind in _KINDS)
UNKNOWN_SIZES = {0, 0x7FFFF000, 2**32 - 1, 2**64 - 1}  # bytes; recorders write these into a pipe
OGG_PAGE = b"OggS"
MAX_CHUNKS = 1000  # a hostile file may hold millions of empty ones
SAMPLE_RATES = range(1000, 1_000_001)  # Hz; outside it a header is damaged, and resampling would fill the memory
_BLOCK = 2**20  # samples of one channel that are decoded at once
SECTION_SLACK = 1e-3  # s; by how much rounded section times may pass the end of the file
LOUDEST = 8.0  # full scale is 1; lossy codecs overshoot a little, integers stored as floats by thousands
COPY_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Header:
    """The header of a sound file; `frames` counts the samples of one channel, `sample_rate` is in Hz."""

    frames: int
    sample_rate: int
    channels: int

    @property
    def duration(self) -> float:
        """Length in seconds.

        >>> Header(frames=8000, sample_rate=16000, channels=1).duration
        0.5
        """
        return self.frames / self.sample_rate


def read_header(path: Path) -> Header:
    """Read the header, not the samples.

    Raises AudioError for a file that is missing, unreadable, empty, a Git-LFS stub, not a sound file, or without samples, and for a
    WAV, AIFF or Ogg file cut short. (`read` notices a FLAC or MP3 file cut short; an AU, NIST or W64 file only becomes shorter.)
    """
    with _opened(path) as file:
        return Header(file.frames, file.samplerate, file.channels)


@dataclass(frozen=True)
class Measured:
    """What one pass over a sound file says: its header, the digest of its decoded samples, and its contour (`contours`)."""

    header: Header
    digest: str
    contour: bytes


def measure(path: Path) -> Measured:
    """The header, a digest of the decoded samples at 16 bits, by which a recording is known, and the contour.

    The digest is the same in every lossless container, under every header, and with one channel in place of several equal ones.
    Decodes the file block by block. Raises AudioError as `read_header`, and for samples that cannot be decoded.
    """
    with _opened(path) as file:
        header = Header(file.frames, file.samplerate, file.channels)
        whole, mono, contour = hashlib.sha256(), hashlib.sha256(), ContourMaker(header.sample_rate)
        is_mono = True
        for before in range(0, header.frames, _BLOCK):
            levels = _levels(file, min(_BLOCK, header.frames - before), header.frames, before)
            if header.channels > 1:
                is_mono = is_mono and bool((levels == levels[:, :1]).all())
                whole.update(levels.tobytes())
                contour.add(levels.mean(axis=1, dtype=np.float32))
            else:
                contour.add(levels[:, 0].astype(np.float32))
            mono.update(levels[:, 0].tobytes())
    n_channels, content = (1, mono) if is_mono else (header.channels, whole)
    about = f"{header.sample_rate} Hz, {n_channels} channels, "
    digest = hashlib.sha256(about.encode() + content.digest()).hexdigest()
    return Measured(header, digest, contour.contour())


def read(path: Path, sample_rate: int, start: float | None = None, end: float | None = None) -> npt.NDArray[np.float32]:
    """Samples (N,) of the file or its section `start` to `end` (s), channels averaged, resampled to `sample_rate` (Hz).

    Full scale is [-1, 1]; a codec or the resampler may overshoot, which is not clipped. Raises AudioError as `read_header`, and for
    a section outside the file, samples that cannot be decoded, are NaN, infinite or far over full scale, and a constant signal.
    """
    with _opened(path) as file:
        first, last = _section(file.frames, file.samplerate, start, end)
        samples = _decoded(file, last - first, last - first, first)
        rate = file.samplerate
    mono = _mono(samples)
    _refuse_silence(mono)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")
        if not len(mono):
            seen = f"{len(samples)} samples at {rate} Hz, none at {sample_rate} Hz"
            raise AudioError("too short", seen=seen, fix="leave it out")
    return mono


def stream(path: Path, sample_rate: int, seconds: float = 10.0) -> Iterator[npt.NDArray[np.float32]]:
    """The samples of the whole file in blocks of about `seconds`; memory does not grow with the file.

    The length is that of the header when the file is opened, whatever is appended later. Silence is not an error. Raises
    AudioError as `read`, when it reaches the fault.
    """
    with _opened(path) as file:
        promised = left = file.frames
        rate = file.samplerate
        resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        while left:
            n = min(left, max(1, round(seconds * rate)))
            mono = _mono(_decoded(file, n, promised, before=promised - left))
            left -= n
            yield mono if rate == sample_rate else resampler.resample_chunk(mono, last=not left)


def _levels(file: soundfile.SoundFile, n: int, total: int, before: int) -> npt.NDArray[np.int16]:
    """The next n samples (n, channels) as 16-bit integers, rounded and clipped if they are finer."""
    if file.subtype == "PCM_16":
        samples = _decoded(file, n, total, before=before, dtype="int16")
    else:
        scaled = np.nan_to_num(_decoded(file, n, total, before=before)) * 2**15
        samples = np.rint(np.clip(scaled, -(2**15), 2**15 - 1))
    levels: npt.NDArray[np.int16] = samples.astype("<i2", copy=False)
    return levels


def _decoded(
    file: soundfile.SoundFile, n: int, total: int, first: int = 0, before: int = 0, dtype: str = "float32"
) -> npt.NDArray[Any]:
    """The next n samples (n, channels), or n samples from `first` on; `before` of the `total` have been read already.

    Raises AudioError if some are missing.
    """
    expected = f"{total} samples"
    try:
        if first:
            file.seek(first)
        samples: npt.NDArray[Any] = file.read(n, dtype=dtype, always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError("damaged or cut short", seen=_reason(error), expected=expected, fix=COPY_AGAIN) from error
    except (MemoryError, ValueError) as error:  # NumPy raises either, by how far the size is out of bounds
        fix = f"{COPY_AGAIN}, or read it in sections"
        raise AudioError("more samples than fit into memory", seen=expected, fix=fix) from error
    if len(samples) < n:
        seen = f"{before + len(samples)} that could be decoded"
        raise AudioError("damaged or cut short", seen=seen, expected=expected, fix=COPY_AGAIN)
    return samples


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The open file, after all checks that need no decoding."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait forever
            raise AudioError("not a regular file", fix="give the path of a recording")
        if not status.st_size:
            raise AudioError("empty file", seen="0 bytes", fix=COPY_AGAIN)
        with path.open("rb") as file:
            _check_size(file, status.st_size)
        sound = soundfile.SoundFile(os.fsencode(path))  # as bytes: not every path is text
    except FileNotFoundError as error:
        raise AudioError("no such file", fix="check its path, or where it links to") from error
    except PermissionError as error:
        raise AudioError("no permission to read it", fix="change its mode or owner") from error
    except OSError as error:
        seen = (error.strerror or str(error)).lower()
        raise AudioError("cannot be opened", seen=seen, fix=COPY_AGAIN) from error
    except soundfile.LibsndfileError as error:
        raise AudioError("not a sound file that libsndfile reads", seen=_reason(error), fix=COPY_AGAIN) from error
    except TypeError as error:  # soundfile takes *.raw for headerless samples and asks for their format
        raise AudioError("a .raw file, which has no header", fix="convert it to wav") from error
    with sound:
        if sound.samplerate not in SAMPLE_RATES:
            seen = f"{sound.samplerate} Hz"
            raise AudioError("impossible sample rate", seen=seen, expected="1 kHz to 1 MHz", fix=COPY_AGAIN)
        if sound.frames < 1:
            fix = "if the recorder crashed, repair it with: sox --ignore-length"
            raise AudioError("the header promises no samples", fix=fix)
        yield sound


def _check_size(file: BinaryIO, size: int) -> None:
    """Raise AudioError for a Git-LFS stub, and for a WAV, AIFF or Ogg file cut short, which libsndfile reads as a shorter one.

    libsndfile finds all other faults.
    """
    magic = file.read(len(LFS_STUB))
    if magic == LFS_STUB:
        raise AudioError("a git-lfs stub, not the recording", fix="run: git lfs pull")
    if magic[:4] in BYTE_ORDERS:
        _check_chunks(file, size, BYTE_ORDERS[magic[:4]])
    elif magic[:4] == OGG_PAGE:
        _check_last_page(file, size)


def _check_chunks(file: BinaryIO, size: int, order: str) -> None:
    """Compare the size that the chunk of samples states with the size of the file."""
    position, long_size = 12, 0
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        chunk = file.read(24)
        if len(chunk) < 8:
            return
        name, length = struct.unpack_from(f"{order}4sI", chunk)
        position += 8
        if name in (b"data", b"SSND"):
            promised, present = long_size if length == 2**32 - 1 else length, size - position
            if promised > present and promised not in UNKNOWN_SIZES:
                seen, expected = f"{present} bytes of samples", f"{promised} bytes"
                raise AudioError("cut short", seen=seen, expected=expected, fix=COPY_AGAIN)
            return
        if name == b"ds64" and len(chunk) == 24:  # 64-bit sizes of the file and of the samples
            long_size = struct.unpack_from("<Q", chunk, 16)[0]
        position += length + length % 2


def _check_last_page(file: BinaryIO, size: int) -> None:
    """The last page of an Ogg stream is complete and marked as the last (RFC 3533, section 6)."""
    file.seek(max(0, size - 2**16))  # no page is longer
    tail = file.read()
    page = tail[max(0, tail.rfind(OGG_PAGE)) :]
    if len(page) < 27 or not page[5] & 4 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        raise AudioError("cut short", seen="a last ogg page that does not end the stream", fix=COPY_AGAIN)


def _section(frames: int, rate: int, start: float | None, end: float | None) -> tuple[int, int]:
    """First sample and the one after the last, of a section in seconds."""
    duration = frames / rate
    start, end = 0.0 if start is None else start, duration if end is None else end
    seen, fix = f"{start} to {end} s", "correct the times of the section"
    if not 0 <= start < end:
        raise AudioError("impossible section", seen=seen, expected="0 <= start < end", fix=fix)
    if end > duration + SECTION_SLACK:
        raise AudioError("the section ends after the file", seen=seen, expected=f"at most {duration:.3f} s", fix=fix)
    first, last = round(start * rate), min(round(end * rate), frames)
    if first >= last:
        raise AudioError("the section has no sample", seen=seen, expected=f"a sample at {rate} Hz", fix=fix)
    return first, last


def _mono(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average samples (N, channels) to (N,). Raises AudioError for samples that cannot be those of a recording."""
    lowest, highest = samples.min(), samples.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        count = np.count_nonzero(~np.isfinite(samples))
        seen = f"{count} of {samples.size} samples"
        raise AudioError("nan or infinite samples", seen=seen, expected="none", fix="make the file again")
    if max(-lowest, highest) > LOUDEST:
        seen, fix = f"samples from {lowest:g} to {highest:g}", "scale them and write the file again"
        raise AudioError("samples far over full scale", seen=seen, expected="-1 to 1", fix=fix)
    mono: npt.NDArray[np.float32] = samples[:, 0]
    if samples.shape[1] > 1:
        mono = samples.mean(axis=1)
    return mono


def _refuse_silence(mono: npt.NDArray[np.float32]) -> None:
    if mono.min() == mono.max():
        seen = f"all {len(mono)} samples are {mono[0]:g}"
        raise AudioError("silent", seen=seen, fix="leave it out or record it again")


def _reason(error: soundfile.LibsndfileError) -> str:
    return " ".join(error.error_string.lower().rstrip(". ").split())
