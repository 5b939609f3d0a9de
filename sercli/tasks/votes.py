"""Votes of single raters in the terms of a task: classes in place of emotions, levels in place of values."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..data.utterances import Rating
from .classes import level_of
from .task import RATING_COLUMNS, Task

Vote = Mapping[str, float]  # label -> share; the shares sum to 1
Votes = Mapping[str, Mapping[str, Vote]]  # utt_id -> rater -> vote

_OUTSIDE = "="  # before the name of a label that is in no class; no class has this sign


def votes_of(task: Task, classes: Sequence[str], ratings: Iterable[Rating]) -> Votes:
    """What raters say in the terms of a task. Votes of the speakers themselves and empty votes are left out.

    A rater's value of a dimension is cut into levels as the task cuts the means. Labels that the task does not have are kept under
    names of their own.

    >>> ratings = [Rating("u", "ann", ("anger", "fear")), Rating("u", "ben", ("fear",)), Rating("u", "cem", is_own=True)]
    >>> votes_of(Task(classes=("anger", "joy=happiness+excited")), ["anger", "joy"], ratings)
    {'u': {'ann': {'anger': 0.5, '=fear': 0.5}, 'ben': {'=fear': 1.0}}}
    """
    class_of = {source: name for name, sources in task.merges for source in sources} or {name: name for name in classes}
    votes: dict[str, dict[str, Vote]] = {}
    for rating in ratings:
        labels = _labels(task, rating)
        if labels and not rating.is_own:
            names = Counter(class_of.get(label, f"{_OUTSIDE}{label}") for label in labels)
            shares = {name: n / len(labels) for name, n in names.items()}
            votes.setdefault(rating.utt_id, {})[rating.rater] = shares
    return votes


def _labels(task: Task, rating: Rating) -> Sequence[str]:
    if task.target == "emotion":
        return rating.emotions
    level = level_of(task, rating.values.get(RATING_COLUMNS[task.target]))
    return (level,) if level else ()


def within(vote: Vote, classes: Collection[str]) -> Vote:
    """The part of a vote that lies within the classes, scaled to the sum of 1; empty where nothing does."""
    inside = {label: share for label, share in vote.items() if label in classes}
    total = sum(inside.values())
    return {label: share / total for label, share in inside.items()}


def soft_labels(
    votes: Votes, classes: Sequence[str], labels: Mapping[str, str], utt_ids: Iterable[str]
) -> dict[str, list[float]]:
    """The share of each class among the raters of an utterance, (C,); a rater counts with what lies within the classes.

    `labels` has the class of each utterance; one on which no vote lies within the classes has that class alone.

    >>> votes = {"u": {"ann": {"anger": 0.5, "=fear": 0.5}, "ben": {"joy": 1.0}, "eva": {"=fear": 1.0}}}
    >>> soft_labels(votes, ["anger", "joy"], {"u": "anger", "v": "joy"}, ["u", "v"])
    {'u': [0.5, 0.5], 'v': [0.0, 1.0]}
    """
    shares = {}
    for utt_id in utt_ids:
        inside = [vote for whole in votes.get(utt_id, {}).values() if (vote := within(whole, classes))]
        inside = inside or [{labels[utt_id]: 1.0}]
        shares[utt_id] = [sum(vote.get(name, 0.0) for vote in inside) / len(inside) for name in classes]
    return shares
