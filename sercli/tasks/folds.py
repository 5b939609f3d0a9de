"""One split of a corpus, and all splits of a task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..data.hashing import digest
from ..errors import UsageError
from ..text import c_order

NOBODY = 0  # the number of the fold that leaves nobody out: it has neither dev nor test
PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Fold:
    """One split of a corpus.

    >>> fold = Fold(1, "ana", "ben", {"a1": "test", "b1": "dev", "c1": "train", "c2": "train"})
    >>> fold.part("train"), fold.without_dev().part("train")
    (['c1', 'c2'], ['b1', 'c1', 'c2'])
    """

    number: int  # from 1, or NOBODY
    left_out: str  # the name of the test group: a speaker, session, corpus or tenth
    dev: str  # the name of the dev group; empty without one
    parts: Mapping[str, str]  # utt_id -> train, dev or test

    @cached_property
    def _ids_by_part(self) -> dict[str, list[str]]:
        ids: dict[str, list[str]] = {}
        for utt_id in sorted(self.parts, key=c_order):
            ids.setdefault(self.parts[utt_id], []).append(utt_id)
        return ids

    def part(self, name: str) -> list[str]:
        """The utt_ids of one part, in C order."""
        return list(self._ids_by_part.get(name, []))

    @property
    def has_dev(self) -> bool:
        """Whether a dev group stops the training: not where nobody is left out, nor in a refit."""
        return bool(self.dev)

    def without_dev(self) -> "Fold":
        """The same fold with dev in the training part."""
        parts = {utt_id: "train" if part == "dev" else part for utt_id, part in self.parts.items()}
        return replace(self, dev="", parts=parts)

    def training_labels_digest(self, labels: Mapping[str, str]) -> str:
        """Digest of the labels that a model of this fold may be fitted on: those of train and dev."""
        fitted_on = sorted(utt_id for utt_id, part in self.parts.items() if part in ("train", "dev"))
        return digest([[utt_id, labels.get(utt_id, "")] for utt_id in fitted_on])


def leave_nobody_out(labels: Iterable[str]) -> Fold:
    """The fold of a model that is exported for use: all labelled utterances train. The other folds give its expected score."""
    return Fold(NOBODY, "", "", dict.fromkeys(labels, "train"))


@dataclass(frozen=True)
class Folds:
    """All folds of a task on one corpus."""

    classes: list[str]  # in the order of a classifier's outputs
    labels: Mapping[str, str]  # utt_id -> class, of the utterances in the task
    folds: list[Fold]

    @cached_property
    def digest(self) -> str:
        """Digest of the parts in all folds, without labels and names; every product made with these folds records it."""
        return digest([sorted(fold.parts.items()) for fold in self.folds])

    def fold(self, number: int) -> Fold:
        """One fold. Raises UsageError if there is none of this number."""
        if not 1 <= number <= len(self.folds):
            raise UsageError("no such fold", place="--fold", seen=number, expected=f"1 to {len(self.folds)}")
        return self.folds[number - 1]

    def numbers(self, requested: Iterable[int]) -> list[int]:
        """The requested folds, each once; all if none is requested. Raises UsageError for one that does not exist."""
        return [self.fold(number).number for number in dict.fromkeys(requested)] or [fold.number for fold in self.folds]
