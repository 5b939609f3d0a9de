"""Cut a corpus into the folds of a task."""

from collections.abc import Mapping, Sequence

from ..data.utterances import Utterance
from ..errors import SercliError
from .apart import set_apart
from .classes import label_utterances
from .folds import Fold, Folds
from .folds_file import FoldsFile, folds_from_file
from .protocols import FROM_FILE, split
from .task import Task
from .training_parts import reduce_training


def make_folds(task: Task, utterances: Sequence[Utterance], file: FoldsFile | None = None) -> Folds:
    """The classes, labels and folds of a task; `file` holds the folds if the protocol reads them from one.

    Raises SercliError for a label or subset that does not occur, for too few groups, for a column of `apart` that has no value
    or leaves no training data, for more training speakers than a fold has, for a class without an utterance in the training
    part of a fold, and for a file of folds that cannot be used.
    """
    classes, labels = label_utterances(task, utterances)
    labelled = [utterance for utterance in utterances if utterance.utt_id in labels]
    if task.protocol in FROM_FILE:
        assert file is not None
        folds = folds_from_file(file, labelled, labels, task.speaker_dependent)
    else:
        folds = split(task.protocol, labelled)
    if task.apart:
        folds = set_apart(folds, labelled, task.apart)
    if task.has_reduced_training:
        folds = reduce_training(task, folds, labelled, labels)
    for fold in folds:
        _check_trainable(fold, task.classes or classes, labels)
    return Folds(classes, labels, folds)


def _check_trainable(fold: Fold, classes: Sequence[str], labels: Mapping[str, str]) -> None:
    """Raises SercliError for a class without training utterance; `classes` as typed, so that the fix keeps merges."""
    trained = {labels[utt_id] for utt_id in fold.part("train")}
    learnable = [text for text in classes if text.partition("=")[0] in trained]
    for text in classes:
        if text not in learnable:
            raise SercliError(
                "a class has no utterance in the training part",
                place=f"fold {fold.number} (test {fold.left_out}, dev {fold.dev})",
                seen=text.partition("=")[0],
                fix=f"leave that class out with --classes {','.join(learnable)}",
            )
