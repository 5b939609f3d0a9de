"""Corpora, sound files and arrays made for tests."""

import importlib.util
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from sercli.store.store import Store

OTHER_WORDS = {"anger": "Furious", "neutral": "neutral", "sadness": "sorrow"}


def write_wav(path: Path, seed: int | None = None, samples: npt.NDArray[np.float32] | None = None) -> None:
    """Half a second at 16 kHz; the noise is that of the file's name unless a seed is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(os.fsencode(path.name)) if seed is None else seed)
    noise = (0.1 * rng.standard_normal(8000)).astype(np.float32)
    with path.open("wb") as stream:  # libsndfile takes no path that is not UTF-8
        soundfile.write(stream, noise if samples is None else samples, 16000, format="WAV", subtype="FLOAT")


def write_other_corpus(corpus: Path, folder: Path) -> None:
    """The small corpus with its sound backwards, by other speakers, with other labels, and joy as a further one."""
    (folder / "wav").mkdir(parents=True)
    rows = ["path;speaker;emotion;gender"]
    for number, path in enumerate(sorted((corpus / "wav").iterdir())):
        samples, rate = soundfile.read(path)
        soundfile.write(folder / "wav" / path.name, samples[::-1], rate)
        speaker, emotion, *_ = path.stem.split("_")
        label = "joy" if number % 9 == 8 else OTHER_WORDS[emotion]
        rows.append(f"wav/{path.name};{speaker};{label};{'female' if speaker[0] == 'f' else 'male'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def write_arrays(store: Path, folder: Path) -> Path:
    """The LogMel of a store, one NumPy file per utterance."""
    ragged = Store(store).ragged("arrays.zarr/features/logmel")
    folder.mkdir()
    for utt_id in ragged.utt_ids:
        np.save(folder / f"{utt_id}.npy", ragged.rows("frames", [utt_id])[0])
    return folder


def load_synthesiser(path: Path) -> Any:
    """The module of a recipe that makes synthetic corpora."""
    spec = importlib.util.spec_from_file_location(f"{path.parents[1].name}_synthesise", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module
