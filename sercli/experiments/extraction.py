"""Frames of sound files, made in blocks of about a minute of speech: a command that is killed loses its last blocks only."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import plugins
from ..config import build
from ..data import audio
from ..data.audio_index import AudioIndex, read_files
from ..data.utterances import Utterance
from ..errors import AudioError, SercliError
from ..executors.base import Request, open_slots
from ..frontends.base import Extractor, frames_of
from ..machine import workers
from ..machine.devices import resolve_all
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store import publishing
from ..store.publishing import Product
from ..store.ragged import RowArray
from ..store.store import Store
from .features import FrameArray, publish_frames
from .making import Settings, raise_first

_BLOCK_SECONDS = 60.0


def check_audio(store: Store, root: Path) -> None:
    """Raises SercliError if a sound file changed since `ingest`, by size and time first, then by content.

    A folder that does not exist is no change: the features may exist all the same.
    """
    if not root.is_dir():
        return
    index = AudioIndex(store.path, root)
    for utterance in store.utterances:
        if index.look_up(utterance.path) is None:
            files = read_files(root, [utterance.path])
            file = files[utterance.path]
            if file.digest != utterance.digest:
                place, seen = root / utterance.path, file.problem
                raise SercliError("the file changed since it was ingested", place=place, seen=seen, fix=store.origin)
            index.remember(files)


def extract(store: Store, product: Product, root: Path, settings: Settings) -> None:
    """Make and publish the frames of all utterances. Raises SercliError for a folder that does not exist."""
    if not root.is_dir():
        raise SercliError("the folder of the sound files is missing", place=root, fix="say with --root where it is now")
    extractor = _extractor(json.dumps(product.config), resolve_all(settings.device)[0])  # what cannot work fails here
    folder = publishing.stage(store, product) / "blocks"
    if settings.overwrite:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    blocks = {folder / f"{n:06d}.npz": block for n, block in enumerate(_blocks(store.utterances))}
    units = [
        Unit(path.stem, extract_block, (root, block, product.config, path))
        for path, block in blocks.items()
        if not path.exists()
    ]
    n_done = len(blocks) - len(units)
    if n_done:
        say(f"{product.key}: {n_done} of {len(blocks)} blocks exist already")
    with (
        bar("featurize", "utterances", sum(len(unit.arguments[1]) for unit in units)) as shown,
        open_slots(settings.executor, Request(len(units), settings.jobs, settings.device, in_threads=True)) as slots,
    ):
        raise_first(workers.run(units, slots, lambda unit, _: shown.advance(len(unit.arguments[1]))), n_done)
    publish_frames(store, product, _array(list(blocks), extractor))


def extract_block(
    root: Path, utterances: Sequence[Utterance], config: Mapping[str, Any], target: Path, device: str
) -> None:
    """Write the frames of one block to a file, and for each utterance without frames the reason."""
    extractor = _extractor(json.dumps(config), device)
    frames: list[RowArray] = []
    problems: list[str] = []
    for utterance in utterances:
        try:
            samples = audio.read(root / utterance.path, extractor.sample_rate, utterance.start, utterance.end)
            frames.append(frames_of(samples, extractor))
            problems.append("")
        except AudioError as error:
            frames.append(np.empty((0, extractor.n_features), np.float32))
            problems.append(str(error))
    draft = target.with_suffix(".draft")
    with draft.open("wb") as stream:
        lengths = [len(rows) for rows in frames]
        np.savez(stream, frames=np.concatenate(frames), lengths=lengths, problems=np.array(problems))
    draft.replace(target)


def _blocks(utterances: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    """Runs of utterances. They follow from the table alone, so that blocks from before a kill fit."""
    block: list[Utterance] = []
    for utterance in utterances:
        block.append(utterance)
        if sum(u.duration for u in block) >= _BLOCK_SECONDS:
            yield block
            block = []
    if block:
        yield block


def _array(paths: Sequence[Path], extractor: Extractor) -> FrameArray:
    lengths: list[int] = []
    problems: list[str] = []
    for path in paths:
        with np.load(path, allow_pickle=False) as block:
            lengths += block["lengths"].tolist()
            problems += block["problems"].tolist()

    def frames() -> Iterator[RowArray]:
        for path in paths:
            with np.load(path, allow_pickle=False) as block:
                yield block["frames"]

    attributes = {"frame_shift_ms": extractor.frame_shift_ms, "sample_rate": extractor.sample_rate}
    return FrameArray(frames(), lengths, problems, extractor.n_features, attributes)


@lru_cache(maxsize=16)  # one per device
def _extractor(config: str, device: str) -> Extractor:
    import torch

    options = json.loads(config)
    frontend = options.pop("frontend")
    module = plugins.load("frontends", frontend)
    if device == "cpu":
        torch.set_num_threads(1)  # the blocks occupy all cores
    extractor: Extractor = module.Extractor(build(module.Config, options, frontend), device)
    return extractor
