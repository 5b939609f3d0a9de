"""Cut a corpus into the folds of a task."""

from collections.abc import Mapping, Sequence

from ..data.utterances import Utterance
from ..errors import SercliError
from .classes import label_utterances
from .folds import Fold, Folds
from .folds_file import FoldsFile, folds_from_file
from .protocols import PROTOCOLS
from .task import Task


def make_folds(task: Task, utterances: Sequence[Utterance], file: FoldsFile | None = None) -> Folds:
    """Cut a corpus into folds; `file` is where the folds are from, if the protocol wants one.

    Raises SercliError for a label or subset nobody has, too few groups, a class that a fold could not learn, and folds
    from a file that put a speaker into two parts or leave an utterance out.
    """
    classes, labels = label_utterances(task, utterances)
    labelled = [utterance for utterance in utterances if utterance.utt_id in labels]
    split = PROTOCOLS[task.protocol].split
    if split is None:
        assert file is not None
        folds = folds_from_file(file, labelled, labels, task.speaker_dependent)
    else:
        folds = split(labelled)
    for fold in folds:
        _check_trainable(fold, task.classes or classes, labels)
    return Folds(classes, labels, folds)


def _check_trainable(fold: Fold, classes: Sequence[str], labels: Mapping[str, str]) -> None:
    """`classes` as typed, so that the cure keeps the merges."""
    trained = {labels[utt_id] for utt_id in fold.part("train")}
    learnable = [text for text in classes if text.partition("=")[0] in trained]
    for text in classes:
        if text not in learnable:
            raise SercliError(
                f"fold {fold.number} (test {fold.left_out}, dev {fold.dev}) has no {text.partition('=')[0]!r} in its training part; "
                f"leave that class out with --classes {','.join(learnable)}"
            )
