"""The class of each utterance in a task."""

from collections.abc import Iterable, Mapping, Sequence

from ..data.emotions import spelling_hint
from ..data.utterances import Utterance
from ..errors import SercliError, listed
from ..text import c_order
from .task import COMPLETE, RATING_COLUMNS, Task

LEVELS = ("low", "mid", "high")


def label_utterances(task: Task, utterances: Sequence[Utterance]) -> tuple[list[str], dict[str, str]]:
    """The classes of a task in their order, and the class of each utterance (utt_id) in it.

    Raises SercliError for a subset without utterances, a label that does not occur, and fewer than two classes.
    """
    corpus_labels = {u.utt_id: _corpus_label(task, u) for u in _subset(task, utterances)}
    occurring = set(corpus_labels.values()) - {""}
    in_order = sorted(occurring, key=c_order) if task.target == "emotion" else [x for x in LEVELS if x in occurring]
    merges = task.merges or [(name, [name]) for name in in_order]
    place = "this corpus" if task.subset == COMPLETE else f"--subset {task.subset}"
    for source in (source for _, sources in merges for source in sources):
        if source not in occurring:
            seen = f"{source!r}{spelling_hint(source, in_order)}"
            raise SercliError("no utterance has this label", place=place, seen=seen, expected=listed(in_order))
    if len(merges) < 2:
        seen, expected = f"{len(merges)} ({listed(in_order)})", "at least two"
        raise SercliError(
            f"too few labels of {task.target}", place=place, seen=seen, expected=expected, fix="choose another --target"
        )
    class_of = {source: name for name, sources in merges for source in sources}
    labels = {utt_id: class_of[label] for utt_id, label in corpus_labels.items() if label in class_of}
    return [name for name, _ in merges], labels


def label_by_classes(
    task: Task, classes: Sequence[str], utterances: Iterable[Utterance], combined: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The class of each utterance that has one of the `classes` of a task, whether it lies in the task's subset or not.

    `combined` maps labels to those that the task's own store has made of them, if it was combined of several.
    """
    class_of = {source: name for name, sources in task.merges for source in sources} or {x: x for x in classes}
    corpus_labels = ((utterance.utt_id, _corpus_label(task, utterance)) for utterance in utterances)
    renamed = ((utt_id, (combined or {}).get(label, label)) for utt_id, label in corpus_labels)
    return {utt_id: class_of[label] for utt_id, label in renamed if label in class_of}


def label_cross_corpus(
    task: Task, classes: Sequence[str], utterances: Sequence[Utterance], combined: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Label another corpus by the `classes` of a task: the classes that occur, and the class of each utterance that has one.

    `combined` as in `label_by_classes`.
    """
    labels = label_by_classes(task, classes, utterances, combined)
    occurring = set(labels.values())
    return [name for name in classes if name in occurring], labels


def _subset(task: Task, utterances: Sequence[Utterance]) -> Sequence[Utterance]:
    if task.subset == COMPLETE:
        return utterances
    subset = [utterance for utterance in utterances if utterance.style == task.subset]
    if not subset:
        styles = sorted({utterance.style for utterance in utterances} - {""}, key=c_order)
        expected = listed([COMPLETE, *styles])
        raise SercliError("no utterance has this style", place="--subset", seen=task.subset, expected=expected)
    return subset


def _corpus_label(task: Task, utterance: Utterance) -> str:
    """The emotion, or the level of a dimension; empty if the corpus has none."""
    if task.target == "emotion":
        return utterance.emotion
    return level_of(task, getattr(utterance, RATING_COLUMNS[task.target]))


def level_of(task: Task, value: float | None) -> str:
    """The level of a dimension; empty for None.

    "paper": mid is exactly 3 (Latif et al., section 4.1); "tian": mid is from 2.5 and below 3.5 (Tian et al. 2016).
    """
    if value is None:
        return ""
    if task.bins == "paper":
        return LEVELS[0] if value < 3 else LEVELS[1] if value == 3 else LEVELS[2]
    return LEVELS[0] if value < 2.5 else LEVELS[1] if value < 3.5 else LEVELS[2]
