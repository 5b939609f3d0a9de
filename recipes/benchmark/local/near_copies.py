"""How well near copies are found, what it costs beside `sercli featurize`, and which recordings of a corpus look like copies.

usage: near_copies.py WORK CORPUS [CORPUS...]

Each recording of the first corpus is copied in every way of COPIES. For each way it prints how many copies are found, how many
are taken for another recording, and the lowest correlation of a copy; for each corpus, the highest correlation within it.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from sercli.data import near_copies
from sercli.data.audio_index import read_files
from sercli.data.contours import Contour, ContourMaker, section
from sercli.data.utterances import Utterance

Samples = npt.NDArray[np.float32]
Sounds = tuple[list[Utterance], list[Contour]]


def write_mp3(path: Path, samples: Samples, rate: int) -> None:
    soundfile.write(path, samples, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.65)  # 64 kbit/s


def write_vorbis(path: Path, samples: Samples, rate: int) -> None:
    soundfile.write(path, samples, rate, format="OGG", subtype="VORBIS")


def write_mp3_with_delay(path: Path, samples: Samples, rate: int) -> None:
    """As a decoder writes it that knows nothing of the silence which the coder adds."""
    write_mp3(path, samples, rate)
    decoded, _ = soundfile.read(path, dtype="float32")
    path.unlink()
    soundfile.write(path, np.pad(decoded, (1105, 900)), rate, format="WAV")


def trimmed(start: float, end: float) -> Callable[[Path, Samples, int], None]:
    def write(path: Path, samples: Samples, rate: int) -> None:
        last = len(samples) - round(end * rate)
        soundfile.write(path, samples[round(start * rate) : last], rate, format="WAV")

    return write


def resampled(new: int) -> Callable[[Path, Samples, int], None]:
    return lambda path, samples, rate: soundfile.write(path, soxr.resample(samples, rate, new), new, format="WAV")


def louder(decibels: float) -> Callable[[Path, Samples, int], None]:
    return lambda path, samples, rate: soundfile.write(path, samples * 10 ** (decibels / 20), rate, format="WAV")


COPIES: dict[str, Callable[[Path, Samples, int], None]] = {
    "at 8 kHz": resampled(8000),
    "at 44.1 kHz": resampled(44100),
    "-12 dB": louder(-12),
    "MP3, 64 kbit/s": write_mp3,
    "MP3, with the delay of coder and decoder": write_mp3_with_delay,
    "Vorbis": write_vorbis,
    "8 ms trimmed at the start": trimmed(0.008, 0),
    "50 ms trimmed at the start": trimmed(0.05, 0),
    "50 ms trimmed at both ends": trimmed(0.05, 0.05),
}


def sounds_in(paths: Sequence[Path]) -> Sounds:
    """Utterances, with the name of the file as id, and their contours."""
    files = {path: read_files(path.parent, [path.name])[path.name] for path in paths}
    utterances = [Utterance(path.stem, path.name, duration=file.duration) for path, file in files.items()]
    return utterances, [section(file.contour, file.sample_rate, None, None) for file in files.values()]


def sound_files(corpus: Path) -> list[Path]:
    return sorted(path for path in corpus.rglob("*") if path.suffix in (".wav", ".ogg", ".flac", ".mp3"))


def measure_copies(paths: Sequence[Path], originals: Sounds, work: Path) -> None:
    """Print a line for each way of copying."""
    work.mkdir(parents=True, exist_ok=True)
    for way, write in COPIES.items():
        for path in paths:
            samples, rate = soundfile.read(path, dtype="float32")
            write(work / path.stem, samples, rate)
        copies = sounds_in([work / path.stem for path in paths])
        sides = np.repeat([0, 1], len(paths))
        pairs = list(near_copies.near_copies(originals[0] + copies[0], originals[1] + copies[1], sides))
        found = {pair.first.utt_id for pair in pairs if pair.first.utt_id == pair.second.utt_id}
        lowest = min(near_copies.correlation(*both) for both in zip(originals[1], copies[1], strict=True))
        confused = sum(pair.first.utt_id != pair.second.utt_id for pair in pairs)
        print(f"{way}: found {len(found)} of {len(paths)}, confused {confused}, lowest correlation {lowest:.3f}")


def measure_corpus(corpus: Path, sounds: Sounds) -> None:
    """Print what is taken for a copy within a corpus, and how similar its most similar recordings are."""
    start = time.process_time()
    near_copies.SAME, threshold = 0.0, near_copies.SAME
    pairs = sorted(near_copies.near_copies(*sounds), key=lambda pair: -pair.correlation)
    near_copies.SAME = threshold
    seconds = time.process_time() - start
    n_copies = sum(pair.correlation >= threshold for pair in pairs)
    print(
        f"{corpus}: {len(sounds[0])} recordings, {n_copies} pairs taken for copies; {len(pairs)} compared in {seconds:.1f} s"
    )
    for pair in pairs[:3]:
        print(f"  {pair.first.utt_id} and {pair.second.utt_id}: {pair.correlation:.3f}")


def cpu_seconds(*words: str) -> float:
    """Of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "sercli", *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_cost(corpus: Path, paths: Sequence[Path], work: Path) -> None:
    """Print the seconds that contours and their comparison add to `ingest`, beside `ingest` and `featurize`."""
    samples = [soundfile.read(path, dtype="int16") for path in paths]
    utterances = [
        Utterance(path.stem, path.name, duration=len(x) / rate) for path, (x, rate) in zip(paths, samples, strict=True)
    ]
    start = time.process_time()
    contours: list[Contour] = []
    for values, rate in samples:
        maker = ContourMaker(rate)
        maker.add(values.astype(np.float32))
        contours.append(section(maker.contour(), rate, None, None))
    made = time.process_time()
    list(near_copies.near_copies(utterances, contours))
    compared = time.process_time()
    ingest = cpu_seconds("ingest", str(corpus), str(work / "store"))
    featurize = cpu_seconds("featurize", str(work / "store"), "--jobs", "1")
    share = (compared - start) / featurize
    print(
        f"CPU seconds: contours {made - start:.2f}, comparing {compared - made:.2f}; ingest in all {ingest:.2f}, "
        f"featurize {featurize:.2f}: near copies cost {100 * share:.0f} % of it"
    )


def main() -> None:
    work, first, *others = map(Path, sys.argv[1:])
    paths = sound_files(first)
    sounds = sounds_in(paths)
    measure_copies(paths, sounds, work / "copies")
    measure_corpus(first, sounds)
    for corpus in others:
        measure_corpus(corpus, sounds_in(sound_files(corpus)))
    measure_cost(first, paths, work)


if __name__ == "__main__":
    main()
