"""One split of a corpus, and all splits of a task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..data.hashing import digest
from ..errors import UsageError
from ..text import c_order

NOBODY = 0  # the number of the fold that leaves nobody out: it has neither dev nor test


PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Fold:
    """One split: `left_out` and `dev` name the groups (speakers, sessions or tenths); `parts` maps utt_id to a part."""

    number: int
    left_out: str
    dev: str
    parts: Mapping[str, str]

    @cached_property
    def _in_order(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for utt_id in sorted(self.parts, key=c_order):
            found.setdefault(self.parts[utt_id], []).append(utt_id)
        return found

    def part(self, name: str) -> list[str]:
        """The utterances of one part, in C order."""
        return list(self._in_order.get(name, []))

    def training_labels_digest(self, labels: Mapping[str, str]) -> str:
        """Digest of the labels that fitting on this fold may look at: those of train and dev."""
        chosen = sorted(utt_id for utt_id, part in self.parts.items() if part in ("train", "dev"))
        return digest([[utt_id, labels.get(utt_id, "")] for utt_id in chosen])


def leave_nobody_out(labels: Iterable[str]) -> Fold:
    """Everybody trains: for a model that is fitted to be used, once the folds have told what to expect of it."""
    return Fold(NOBODY, "", "", dict.fromkeys(labels, "train"))


@dataclass(frozen=True)
class Folds:
    """A task answered for one corpus: class order, the label of each utterance in the task, and the folds."""

    classes: list[str]
    labels: Mapping[str, str]
    folds: list[Fold]

    @cached_property
    def digest(self) -> str:
        """Of who is where in all folds, whatever labels and folds are called. It travels into all that is made under them."""
        return digest([sorted(fold.parts.items()) for fold in self.folds])

    def fold(self, number: int) -> Fold:
        if not 1 <= number <= len(self.folds):
            raise UsageError(f"there is no fold {number}: this task's folds count from 1 to {len(self.folds)}")
        return self.folds[number - 1]

    def numbers(self, requested: Iterable[int]) -> list[int]:
        """The requested folds, each once; all if none is requested. Raises UsageError for one that does not exist."""
        return [self.fold(number).number for number in dict.fromkeys(requested)] or [fold.number for fold in self.folds]
