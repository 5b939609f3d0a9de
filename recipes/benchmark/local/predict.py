"""`sercli predict` on many short files, start-up and all; the same done by hand, with librosa and the bundle's own models in a
loop, start-up left out.

usage: predict.py FOLDER_OF_WAVS BUNDLE
"""

import subprocess
import sys
import time
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import soundfile
import torch

from sercli.bundles import bundle as bundles
from sercli.experiments.fitted import read_autoencoder, read_classifier
from sercli.learning.batches import Sequences

TIMES = 4  # over, to make the files many


def command(bundle: Path, paths: list[Path]) -> tuple[float, list[list[str]]]:
    """Seconds of the command, and its rows."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "sercli", "predict", str(bundle), "-"]
    done = subprocess.run(words, input="\n".join(map(str, paths)), capture_output=True, text=True, check=True)
    return time.perf_counter() - start, [line.split("\t") for line in done.stdout.splitlines()[1:]]


class ByHand:
    """What a script of one's own would do: load, LogMel, normalise, cut, encode, classify; a file at a time."""

    def __init__(self, path: Path) -> None:
        bundle = bundles.read(path)
        assert bundle.autoencoder is not None
        self.autoencoder = read_autoencoder(bundle.autoencoder, "cpu")
        self.classifier = read_classifier(bundle.classifier, "cpu")

    @torch.inference_mode()
    def __call__(self, path: Path) -> npt.NDArray[np.float64]:
        samples, rate = librosa.load(path, sr=16000)
        power = librosa.feature.melspectrogram(
            y=np.pad(samples, (1024 - 400) // 2),  # librosa puts the window into the middle of the FFT's points
            sr=rate,
            n_fft=1024,
            win_length=400,
            hop_length=160,
            window="hamming",
            center=False,
            n_mels=80,
            fmin=20,
            htk=True,
            norm=None,
        )
        logmel = np.log(np.maximum(power, 1e-10)).T
        trained = self.autoencoder.trained
        normalised = torch.from_numpy(((logmel - trained.mean) / trained.std).astype(np.float32))
        segments = normalised[: len(normalised) // 10 * 10].reshape(-1, 800)
        encoding = self.autoencoder.model.encode(
            segments, self.classifier.config.condition, torch.full((len(segments),), -1)
        )
        assert encoding.std is not None, "the bundle's autoencoder is a VAE or a CVAE"
        latents = torch.cat([encoding.mean, encoding.std], dim=1)
        alone = Sequences(latents, torch.tensor([0, len(latents)]), torch.zeros(1, dtype=torch.int64))
        posteriors: npt.NDArray[np.float64] = self.classifier.model.posteriors(alone, "cpu")[0].numpy()
        return posteriors


def main() -> None:
    corpus, bundle = Path(sys.argv[1]), Path(sys.argv[2])
    paths = sorted(corpus.rglob("[!.]*.wav"))
    speech = sum(soundfile.info(path).duration for path in paths)
    by_hand = ByHand(bundle)
    by_hand(paths[0])  # compiles what librosa compiles
    command(bundle, paths)  # brings the files into memory for both
    start_up, _ = command(bundle, paths[:1])
    once, _ = command(bundle, paths)
    many, rows = command(bundle, paths * TIMES)
    start = time.perf_counter()
    reference = np.array([by_hand(path) for path in paths])
    hand = TIMES * (time.perf_counter() - start)
    ours = np.array([[float(cell) for cell in row[2:]] for row in rows[: len(paths)]])
    same = float(np.mean(reference.argmax(1) == ours.argmax(1)))
    for n, seconds, duration in ((len(paths), once, speech), (TIMES * len(paths), many, TIMES * speech)):
        print(f"sercli predict, {n} files: {seconds:.1f} s, {duration / seconds:.0f} times real time")
    print(f"of that start-up (one file): {start_up:.1f} s")
    print(
        f"by hand, {TIMES * len(paths)} files, without start-up: {hand:.1f} s, {TIMES * speech / hand:.0f} times real time, "
        f"{hand / many:.1f} times sercli's time; the same answer for {same:.1%}"
    )


if __name__ == "__main__":
    main()
