"""Smaller training parts, for learning curves: nested, so that a smaller part lies within a larger one of the same seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..data.utterances import Utterance
from ..errors import SercliError
from ..text import c_order
from .folds import Fold
from .task import Task


def reduce_training(
    task: Task, folds: Sequence[Fold], utterances: Sequence[Utterance], labels: Mapping[str, str]
) -> list[Fold]:
    """Folds whose training part keeps `train_speakers` speakers, and of these `train_share` of the utterances of each class.

    The order in which speakers and utterances are taken is that of their hashes with `train_seed`: the same in every fold and
    on every machine. The share is spread over the speakers of a class. Dev and test stay. What is not kept has no part.

    Raises SercliError for a fold with fewer training speakers.
    """
    speaker_of = {utterance.utt_id: utterance.speaker for utterance in utterances}
    reduced = []
    for fold in folds:
        kept = fold.part("train")
        if task.train_speakers is not None:
            kept = _by_speakers(task.train_speakers, task.train_seed, fold, speaker_of)
        if task.train_share is not None:
            kept = _by_share(task.train_share, task.train_seed, kept, speaker_of, labels)
        others = {utt_id: part for utt_id, part in fold.parts.items() if part != "train"}
        reduced.append(replace(fold, parts={**others, **dict.fromkeys(kept, "train")}))
    return reduced


def _by_speakers(n_speakers: int, seed: int, fold: Fold, speaker_of: Mapping[str, str]) -> list[str]:
    trained = fold.part("train")
    speakers = sorted({speaker_of[utt_id] for utt_id in trained}, key=lambda name: _random_order(seed, name))
    if len(speakers) < n_speakers:
        raise SercliError(
            "a fold has fewer training speakers",
            place=f"--train-speakers {n_speakers}",
            seen=f"{len(speakers)} in fold {fold.number} ({fold.left_out})",
            expected=f"1 to {len(speakers)}",
        )
    kept = set(speakers[:n_speakers])
    return [utt_id for utt_id in trained if speaker_of[utt_id] in kept]


def _by_share(
    share: float, seed: int, trained: Sequence[str], speaker_of: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """At least one utterance of each class. The first of each speaker come before the second of any, in proportion."""
    cells: dict[tuple[str, str], list[str]] = {}
    for utt_id in sorted(trained, key=lambda name: _random_order(seed, name)):
        cells.setdefault((labels[utt_id], speaker_of[utt_id]), []).append(utt_id)
    by_class: dict[str, list[tuple[float, bytes, str]]] = {}
    for (label, _), utt_ids in cells.items():
        ranked = ((rank + 0.5) / len(utt_ids) for rank in range(len(utt_ids)))
        rows = zip(ranked, (_random_order(seed, utt_id) for utt_id in utt_ids), utt_ids, strict=True)
        by_class.setdefault(label, []).extend(rows)
    kept = (sorted(rows)[: max(1, round(share * len(rows)))] for rows in by_class.values())
    return [utt_id for rows in kept for _, _, utt_id in rows]


def _random_order(seed: int, name: str) -> bytes:
    return hashlib.sha256(b"%d " % seed + c_order(name)).digest()
