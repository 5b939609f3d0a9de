"""Near copies among the recordings of a corpus, their contours on disk, and recordings that two stores share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..data.contours import N_BANDS, Contour
from ..data.near_copies import LONGEST, NearCopies, near_copies
from ..data.utterances import SideTable, Utterance, first_shared, read_table
from ..errors import DamagedProduct, MissingInput
from ..store.store import Store
from ..text import printable

CONTOURS, NEAR_COPIES = "contours.npz", "near_copies"
_NONE = np.empty((0, N_BANDS), np.uint8)


def table_of_copies(copies: Sequence[NearCopies]) -> dict[str, SideTable]:
    """A row for each pair, the most similar first; no table without near copies. Those that differ in a label are refused."""
    header = ("utt_id", "other", "path", "other_path", "correlation", "labels")
    rows = []
    for pair in sorted(copies, key=lambda pair: (-pair.correlation, pair.first.utt_id, pair.second.utt_id)):
        both = (pair.first, pair.second)
        labels = "the same" if pair.agree else "; ".join(f"{u.speaker} {u.emotion}" for u in both)
        rows.append([*(u.utt_id for u in both), *(u.path for u in both), f"{pair.correlation:.3f}", labels])
    return {NEAR_COPIES: SideTable(header, rows)} if rows else {}


def warning_of_copies(copies: Sequence[NearCopies]) -> Iterator[str]:
    """One line that says how many there are, if there are some."""
    if copies:
        n_refused = sum(not pair.agree for pair in copies)
        fate = f"{n_refused} of them differ in speaker or label and are refused; " if n_refused else ""
        yield (
            f"{len(copies)} pairs of near copies, such as {printable(copies[0].first.path)} and {printable(copies[0].second.path)}: "
            f"{fate}see {NEAR_COPIES}.tsv; folds that share speakers may have one in training and the other in test"
        )


def count_near_copies(store: Store) -> int:
    """Pairs of near copies that are both in the store, as `ingest` found them."""
    path = store.corpus_folder / f"{NEAR_COPIES}.tsv"
    ids = {utterance.utt_id for utterance in store.utterances}
    return sum({row["utt_id"], row["other"]} <= ids for row in read_table(path)) if path.is_file() else 0


def write_contours(folder: Path, contours: Mapping[str, Contour], utt_ids: Iterable[str]) -> None:
    """Write the contours of these utterances as `contours.npz`: ids (U), lengths (U), and frames (N, N_BANDS)."""
    parts = {utt_id: contours.get(utt_id, _NONE)[:LONGEST] for utt_id in utt_ids}
    lengths, frames = [len(part) for part in parts.values()], np.concatenate(list(parts.values()))
    np.savez(folder / CONTOURS, utt_ids=np.array(list(parts)), lengths=np.array(lengths), frames=frames)


def read_contours(store: Store) -> dict[str, Contour]:
    """The contours of all utterances by id, in the order of the table; empty for one that was added by hand.

    Raises MissingInput, DamagedProduct.
    """
    path = store.corpus_folder / CONTOURS
    if not path.is_file():
        raise MissingInput("the contours of the recordings are missing", place=path, fix=store.origin)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            utt_ids, lengths, frames = (arrays[name] for name in ("utt_ids", "lengths", "frames"))
        parts = np.split(frames.reshape(int(lengths.sum()), N_BANDS), np.cumsum(lengths)[:-1])
        contours = dict(zip(utt_ids.tolist(), parts, strict=True))
    except (ValueError, TypeError, KeyError, OSError, BadZipFile) as error:
        raise DamagedProduct("cannot be read", place=path, seen=error, fix=store.origin) from error
    return {u.utt_id: contours.get(u.utt_id, _NONE) for u in store.utterances}


def shared_recording(first: Store, second: Store) -> tuple[Utterance, Utterance] | None:
    """An utterance of each store that are one recording, or near copies of one."""
    if pair := first_shared(first.utterances, second.utterances):
        return pair
    utterances = [*first.utterances, *second.utterances]
    contours = [*read_contours(first).values(), *read_contours(second).values()]
    sides = np.repeat([0, 1], [len(first.utterances), len(second.utterances)])
    return next(((pair.first, pair.second) for pair in near_copies(utterances, contours, sides)), None)
