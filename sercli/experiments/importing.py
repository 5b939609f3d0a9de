"""Frames that were made elsewhere, taken over into a store."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..data.hashing import digest
from ..errors import SercliError
from ..frontends.base import Source, check_finite
from ..learning.segments import Frames
from ..machine.progress import bar, say
from ..store import publishing
from ..store.publishing import Product
from ..store.ragged import RowArray
from ..store.store import Store
from ..text import printable
from .features import FrameArray, publish_frames

_PLAUSIBLE_SHARE = (0.75, 1.25)  # of the duration of the sound that the frames add up to
_BLOCK_BYTES, _BLOCK_UTTERANCES = 2**22, 256  # written at a time


@dataclass
class ImportedFrames:
    """What a source holds for each utterance of a store, in its order; the frames themselves stay in their files."""

    source: Source
    n_features: int = 0  # F
    lengths: list[int] = field(default_factory=list)  # frames of each utterance
    problems: list[str] = field(default_factory=list)  # why an utterance has none
    digests: list[str] = field(default_factory=list)  # of the frames; empty where there are none

    @property
    def digest(self) -> str:
        """Digest of all frames, whatever files they lie in."""
        return digest([self.n_features, self.lengths, self.digests, [bool(problem) for problem in self.problems]])


def scan(store: Store, source: Source, place: Path) -> ImportedFrames:
    """Read the frames of all utterances once, to know what the source at `place` holds.

    Raises SercliError if it holds no utterance of the store, or frames of two widths.
    """
    _check_ids(store, source, place)
    imported, first = ImportedFrames(source), ""
    with bar("featurize", "utterances scanned", len(store.utterances)) as shown:
        for utterance in store.utterances:
            frames, problem = _read(source, utterance.utt_id, place)
            if frames is not None:
                first, imported.n_features = first or utterance.utt_id, imported.n_features or frames.shape[1]
                if frames.shape[1] != imported.n_features:
                    seen = f"{first} has {imported.n_features} features, {utterance.utt_id} has {frames.shape[1]}"
                    raise SercliError("frames of two widths", place=place, seen=seen, fix="make all with one model")
            imported.lengths.append(0 if frames is None else len(frames))
            imported.digests.append("" if frames is None else _digest_of(frames))
            imported.problems.append(problem)
            shown.advance(1)
    _check_shift(store, imported)
    return imported


def publish_imported(store: Store, product: Product, imported: ImportedFrames) -> None:
    """Read all frames again, one utterance at a time, and publish them."""
    publishing.stage(store, product)
    attributes = {"frame_shift_ms": imported.source.frame_shift_ms}
    array = FrameArray(_blocks(store, imported), imported.lengths, imported.problems, imported.n_features, attributes)
    publish_frames(store, product, array)


def _check_ids(store: Store, source: Source, place: Path) -> None:
    """Raises SercliError if no utterance of the source is in the store; prints how many are not."""
    stored_ids = {utterance.utt_id for utterance in store.utterances}
    unknown = [utt_id for utt_id in source.utt_ids if utt_id not in stored_ids]
    if len(unknown) == len(source.utt_ids):
        seen = f"{len(unknown)} utterances, first {printable(unknown[0])}"
        problem, expected = (
            f"none of its utterances is in {store.path}",
            f"utt_ids such as {store.utterances[0].utt_id}",
        )
        fix = "name files, or keys of an archive, by the utt_id"
        raise SercliError(problem, place=place, seen=seen, expected=expected, fix=fix)
    if unknown:
        say(f"{place}: {len(unknown)} utterances are not in the store and were ignored, first {printable(unknown[0])}")


def _read(source: Source, utt_id: str, place: Path) -> tuple[Frames | None, str]:
    """Frames (N, F) of an utterance, or why it is skipped."""
    if utt_id not in source.utt_ids:
        return None, f"no features in {place.resolve().name}"
    try:
        frames = source.read(utt_id)
        check_finite(frames)
    except SercliError as error:
        return None, str(error)
    return (frames, "") if frames.size else (None, "its features hold no frame")


def _check_shift(store: Store, imported: ImportedFrames) -> None:
    """Print a warning if the frames do not fill the sound: no file states the frame shift, so the user may have erred."""
    lasting = [(n, u.duration) for u, n in zip(store.utterances, imported.lengths, strict=True) if n > 1]
    n_frames, seconds = sum(n for n, _ in lasting), sum(duration for _, duration in lasting)
    shift_ms = imported.source.frame_shift_ms
    low, high = _PLAUSIBLE_SHARE
    if lasting and not low < n_frames * shift_ms / 1000 / seconds < high:
        say(
            f"odd: frames {shift_ms:g} ms apart make {n_frames * shift_ms / 1000:.0f} s of {seconds:.0f} s of sound; "
            f"--set frame_shift_ms={1000 * seconds / n_frames:.3g} would fit"
        )


def _digest_of(frames: Frames) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()


def _blocks(store: Store, imported: ImportedFrames) -> Iterator[RowArray]:
    """All frames, read again and joined to blocks. Raises SercliError for an utterance whose frames changed since the scan."""
    parts = [np.empty((0, imported.n_features), np.float32)]
    with bar("featurize", "utterances", len(store.utterances)) as shown:
        for utterance, expected in zip(store.utterances, imported.digests, strict=True):
            if expected:
                parts.append(imported.source.read(utterance.utt_id))
                if _digest_of(parts[-1]) != expected:
                    fix = "run the command again"
                    raise SercliError("the features changed while they were read", place=utterance.utt_id, fix=fix)
                if sum(part.nbytes for part in parts) >= _BLOCK_BYTES or len(parts) > _BLOCK_UTTERANCES:
                    yield np.concatenate(parts)
                    del parts[1:]
            shown.advance(1)
    yield np.concatenate(parts)
