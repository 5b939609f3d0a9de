"""Sound files: header, or mono samples at the rate asked for. The only importer of soundfile and soxr.

Every failure is an `AudioError` whose text is the reason alone, on one line and without the path, which callers add.
"""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ..errors import AudioError

LIBSNDFILE = soundfile.__libsndfile_version__  # its version
LFS_STUB = b"version https://git-lfs"
BYTE_ORDERS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"BW64": "<", b"FORM": ">"}  # containers made of chunks
_KINDS = ("wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64")
SUFFIXES = tuple(f".{kind}" for kind in _KINDS)  # of sound
UNKNOWN_SIZES = {0, 0x7FFFF000, 2**32 - 1, 2**64 - 1}  # bytes; what recorders write into a pipe: nobody, SoX, ffmpeg
OGG_PAGE = b"OggS"
MAX_CHUNKS = 1000  # a hostile file may hold millions of empty ones
SAMPLE_RATES = range(1000, 1_000_001)  # Hz; outside it a header is damaged, and resampling would fill the memory
SECTION_SLACK = 1e-3  # s; by how much rounded section times may pass the end of the file
LOUDEST = 8.0  # full scale is 1; lossy codecs overshoot a little, integers stored as floats by thousands
COPY_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Header:
    """What a sound file says of itself; `frames` counts samples of one channel, `sample_rate` is in Hz."""

    frames: int
    sample_rate: int
    channels: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def read_header(path: Path) -> Header:
    """Read the header, not the samples.

    Raises AudioError: missing, unreadable, empty, a Git-LFS stub, not a sound file, no samples, or a WAV, AIFF or Ogg
    file cut short. (FLAC or MP3 cut short shows only when `read` decodes it; AU, NIST and W64 never, they get shorter.)
    """
    with _opened(path) as file:
        return Header(file.frames, file.samplerate, file.channels)


def read(path: Path, sample_rate: int, start: float | None = None, end: float | None = None) -> npt.NDArray[np.float32]:
    """Samples (N,) of the file or its section `start` to `end` (s), channels averaged, resampled to `sample_rate` (Hz).

    Full scale is [-1, 1]; what a lossy codec or the resampler overshoots is kept, not clipped.
    Raises AudioError: as `read_header`, and for a section outside the file, samples that cannot be decoded, that are
    NaN, infinite or far over full scale, and a signal that never changes.
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
            raise AudioError(f"too short: {len(samples)} samples at {rate} Hz leave none at {sample_rate} Hz")
    return mono


def stream(path: Path, sample_rate: int, seconds: float = 10.0) -> Iterator[npt.NDArray[np.float32]]:
    """The whole file as `read` gives it, in blocks of about so many seconds; memory does not grow with the file.

    What the header promises when it is opened is read, whatever is appended meanwhile. Silence is no error here. Raises
    AudioError, as `read` does, once it gets to what is wrong.
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


def _decoded(file: soundfile.SoundFile, n: int, total: int, first: int = 0, before: int = 0) -> npt.NDArray[np.float32]:
    """The next n samples (n, channels), or those from `first` on; `before` of the `total` have been read already.

    Raises AudioError unless all are there.
    """
    promised = f"{total} samples promised"
    try:
        if first:
            file.seek(first)
        samples: npt.NDArray[np.float32] = file.read(n, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"damaged or cut short: {promised}, {_reason(error)}; {COPY_AGAIN}") from error
    except (MemoryError, ValueError) as error:  # NumPy raises either, by how far the size is out of bounds
        raise AudioError(f"{promised}, more than fit into memory; {COPY_AGAIN}, or read it in sections") from error
    if len(samples) < n:
        raise AudioError(f"damaged or cut short: {promised}, {before + len(samples)} could be decoded; {COPY_AGAIN}")
    return samples


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """The open file, once everything that can be known without decoding it has been checked."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait forever
            raise AudioError("not a regular file; give the path of a recording")
        if not status.st_size:
            raise AudioError(f"empty file, 0 bytes; {COPY_AGAIN}")
        with path.open("rb") as file:
            _check_size(file, status.st_size)
        sound = soundfile.SoundFile(os.fsencode(path))  # as bytes: not every path is text
    except FileNotFoundError as error:
        raise AudioError("no such file; check its path, or where it links to") from error
    except PermissionError as error:
        raise AudioError("no permission to read it; change its mode or owner") from error
    except OSError as error:
        raise AudioError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error
    except soundfile.LibsndfileError as error:
        raise AudioError(f"not a sound file that libsndfile reads: {_reason(error)}; {COPY_AGAIN}") from error
    except TypeError as error:  # soundfile takes *.raw for headerless samples and asks for their format
        raise AudioError(
            "named .raw, which libsndfile takes for samples without a header; convert it to wav"
        ) from error
    with sound:
        if sound.samplerate not in SAMPLE_RATES:
            raise AudioError(f"sample rate {sound.samplerate} Hz, want 1 kHz to 1 MHz; {COPY_AGAIN}")
        if sound.frames < 1:
            raise AudioError("no samples by its header; if the recorder crashed, repair it with: sox --ignore-length")
        yield sound


def _check_size(file: BinaryIO, size: int) -> None:
    """Raise AudioError for a Git-LFS stub and for a WAV, AIFF or Ogg file cut short, which libsndfile reads as shorter.

    Whatever else is wrong is left to libsndfile.
    """
    magic = file.read(len(LFS_STUB))
    if magic == LFS_STUB:
        raise AudioError("a git-lfs stub, not the recording; run: git lfs pull")
    if magic[:4] in BYTE_ORDERS:
        _check_chunks(file, size, BYTE_ORDERS[magic[:4]])
    elif magic[:4] == OGG_PAGE:
        _check_last_page(file, size)


def _check_chunks(file: BinaryIO, size: int, order: str) -> None:
    """Compare the size that the samples' chunk states with what is there."""
    position, long_size = 12, 0
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        chunk = file.read(24)
        if len(chunk) < 8:
            return
        name, length = struct.unpack_from(f"{order}4sI", chunk)
        position += 8
        if name in (b"data", b"SSND"):
            promised, there = long_size if length == 2**32 - 1 else length, size - position
            if promised > there and promised not in UNKNOWN_SIZES:
                raise AudioError(f"cut short: {promised} bytes of samples promised, {there} there; {COPY_AGAIN}")
            return
        if name == b"ds64" and len(chunk) == 24:  # the sizes that need 64 bits: of the file, of the samples
            long_size = struct.unpack_from("<Q", chunk, 16)[0]
        position += length + length % 2


def _check_last_page(file: BinaryIO, size: int) -> None:
    """An Ogg stream ends with a whole page that says so (RFC 3533, section 6)."""
    file.seek(max(0, size - 2**16))  # no page is longer
    tail = file.read()
    page = tail[max(0, tail.rfind(OGG_PAGE)) :]
    if len(page) < 27 or not page[5] & 4 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        raise AudioError(f"cut short: the last ogg page is not the end of a stream; {COPY_AGAIN}")


def _section(frames: int, rate: int, start: float | None, end: float | None) -> tuple[int, int]:
    """First sample and the one after the last, of a section in seconds."""
    duration = frames / rate
    start, end = 0.0 if start is None else start, duration if end is None else end
    if not 0 <= start < end:
        raise AudioError(f"section {start} to {end} s: want 0 <= start < end; correct the section's times")
    if end > duration + SECTION_SLACK:
        raise AudioError(f"section ends at {end} s, the file at {duration:.3f} s; correct the section's times")
    first, last = round(start * rate), min(round(end * rate), frames)
    if first >= last:
        raise AudioError(f"section {start} to {end} s holds no sample at {rate} Hz; correct the section's times")
    return first, last


def _mono(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average samples (N, channels) to (N,), or raise AudioError where they cannot be a recording."""
    lowest, highest = samples.min(), samples.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        count = np.count_nonzero(~np.isfinite(samples))
        raise AudioError(f"{count} of {samples.size} samples are nan or infinite, want none; make the file again")
    if max(-lowest, highest) > LOUDEST:
        raise AudioError(f"samples from {lowest:g} to {highest:g}, want -1 to 1; scale them and write the file again")
    mono: npt.NDArray[np.float32] = samples[:, 0]
    if samples.shape[1] > 1:
        mono = samples.mean(axis=1)
    return mono


def _refuse_silence(mono: npt.NDArray[np.float32]) -> None:
    if mono.min() == mono.max():
        raise AudioError(f"silent: all {len(mono)} samples are {mono[0]:g}; leave it out or record it again")


def _reason(error: soundfile.LibsndfileError) -> str:
    return " ".join(error.error_string.lower().rstrip(". ").split())
