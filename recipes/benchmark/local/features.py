"""LogMel of a corpus, from wav files to the published array, after start-up; librosa and openSMILE on the same files.

sercli uses every core by its own threads; the references run in a process that has imported all they need, and in one a core.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import opensmile
import soundfile
import torch

from sercli.experiments.making import Settings
from sercli.frontends.logmel import Config, Extractor
from sercli.stages import featurize, ingest
from sercli.stages.featurize import FeaturizeOptions
from sercli.store.store import Store

CORES = len(os.sched_getaffinity(0))
REPEATS = 3


def librosa_logmel(path: Path) -> int:
    samples, rate = soundfile.read(path, dtype="float32")
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=rate,
        n_fft=1024,
        win_length=400,
        hop_length=160,
        window="hamming",
        center=False,
        n_mels=80,
        fmin=20,
        htk=True,
    )
    return int(np.log(np.maximum(power, 1e-10)).shape[1])


@cache
def smile() -> opensmile.Smile:
    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


def egemaps(path: Path) -> int:
    return len(smile().process_file(str(path)))


def in_processes(function: Callable[[Path], int], paths: list[Path], workers: int) -> float:
    """Seconds over all files, after a few have started each worker."""
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(function, paths[: 4 * workers]))
        return timed(lambda: list(pool.map(function, paths, chunksize=8)))


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    corpus, folder = Path(sys.argv[1]), Path(sys.argv[2])
    ingest.run(corpus, folder, ingest.IngestOptions(kind="emodb"), Settings())
    store = Store(folder)
    paths = [store.sound_root / utterance.path for utterance in store.utterances]
    speech = sum(utterance.duration for utterance in store.utterances)
    again = Settings(device="cpu", overwrite=True)
    featurize.run(folder, FeaturizeOptions(), again)  # start-up: imports, filters, first use of the FFT
    ours = min(timed(lambda: featurize.run(folder, FeaturizeOptions(), again)) for _ in range(REPEATS))
    print(f"{len(paths)} files, {speech:.0f} s of speech, {CORES} cores")
    print(f"sercli featurize: {ours:.2f} s, {speech / ours:.0f} times real time")
    for name, function in (("librosa LogMel", librosa_logmel), ("openSMILE eGeMAPS", egemaps)):
        for workers in (1, CORES):
            seconds = in_processes(function, paths, workers)
            print(
                f"{name}, processes: {workers}: {seconds:.2f} s, {speech / seconds:.0f} times real time, "
                f"{seconds / ours:.1f} times sercli's time"
            )
    torch.set_num_threads(1)
    extractor = Extractor(Config())
    samples = [soundfile.read(path, dtype="float32")[0] for path in paths]
    alone = min(timed(lambda: list(map(extractor, samples))) for _ in range(REPEATS))
    print(f"the front end alone, one core, samples in memory: {speech / alone:.0f} times real time")


if __name__ == "__main__":
    main()
