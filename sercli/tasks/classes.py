"""The class of each utterance that a task asks about."""

from collections.abc import Iterable, Mapping, Sequence

from ..data.emotions import known_as
from ..data.utterances import Utterance
from ..errors import SercliError
from ..text import c_order
from .task import COMPLETE, RATING_COLUMNS, Task

LEVELS = ("low", "mid", "high")


ENTANGLED = 0.5  # of `single_label_share`: beyond it labels and speakers cannot be told apart


def label_utterances(task: Task, utterances: Sequence[Utterance]) -> tuple[list[str], dict[str, str]]:
    """The classes in order, and the class of each utterance that the task asks about."""
    raw = {u.utt_id: _raw_label(task, u) for u in _subset(task, utterances)}
    known = set(raw.values()) - {""}
    in_order = sorted(known, key=c_order) if task.target == "emotion" else [name for name in LEVELS if name in known]
    merges = task.merges or [(name, [name]) for name in in_order]
    within = "this corpus" if task.subset == COMPLETE else f"its {task.subset} part"
    for _, sources in merges:
        for source in sources:
            if source not in known:
                hint = known_as(source, in_order)
                raise SercliError(
                    f"no utterance is labelled {source!r}{hint}; labels of {within}: {', '.join(in_order)}"
                )
    if len(merges) < 2:
        raise SercliError(
            f"{task.target} has {len(merges)} labels in {within}, wanted at least two classes to tell apart; "
            "choose another --target"
        )
    merged = {source: name for name, sources in merges for source in sources}
    return [name for name, _ in merges], {utt_id: merged[one] for utt_id, one in raw.items() if one in merged}


def label_cross_corpus(
    task: Task, classes: Sequence[str], utterances: Sequence[Utterance], combined: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Utterances of another corpus by the `classes` of a task: those that occur there, and the class of each that has one.

    `combined` says what the task's own store has already made of a label.
    """
    merged = {source: name for name, sources in task.merges for source in sources} or dict(
        zip(classes, classes, strict=True)
    )
    labels = {
        u.utt_id: merged[raw]
        for u in utterances
        if (raw := combined.get(_raw_label(task, u), _raw_label(task, u))) in merged
    }
    return [name for name in classes if name in set(labels.values())], labels


def single_label_share(labels: Mapping[str, str], utterances: Iterable[Utterance]) -> float:
    """The share of labelled utterances whose speakers have that one label alone; `labels` by utt_id.

    Above ENTANGLED, whoever is held out takes a label along, and to know the voice is to know the answer.
    """
    of_speaker: dict[str, list[str]] = {}
    for utterance in utterances:
        if labels.get(utterance.utt_id):
            of_speaker.setdefault(utterance.speaker, []).append(labels[utterance.utt_id])
    alone = sum(len(theirs) for theirs in of_speaker.values() if len(theirs) > 1 and len(set(theirs)) == 1)
    return alone / max(1, sum(map(len, of_speaker.values())))


def _subset(task: Task, utterances: Sequence[Utterance]) -> Sequence[Utterance]:
    if task.subset == COMPLETE:
        return utterances
    chosen = [utterance for utterance in utterances if utterance.style == task.subset]
    if not chosen:
        styles = sorted({utterance.style for utterance in utterances} - {""}, key=c_order)
        raise SercliError(
            f"--subset {task.subset}: no utterance is of this style; choose from {', '.join([COMPLETE, *styles])}"
        )
    return chosen


def _raw_label(task: Task, utterance: Utterance) -> str:
    """The emotion, or the level of a dimension; empty where the corpus does not say.

    "paper": mid is exactly 3 (Latif et al., section 4.1); "tian": mid is from 2.5 and below 3.5 (Tian et al. 2016).
    """
    if task.target == "emotion":
        return utterance.emotion
    value: float | None = getattr(utterance, RATING_COLUMNS[task.target])
    if value is None:
        return ""
    if task.bins == "paper":
        return LEVELS[0] if value < 3 else LEVELS[1] if value == 3 else LEVELS[2]
    return LEVELS[0] if value < 2.5 else LEVELS[1] if value < 3.5 else LEVELS[2]
