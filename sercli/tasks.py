"""The question asked of a corpus: target, classes, subset, protocol; and the folds that answer it.

Decisions are those of the science page: dev is held out by speaker or session and never depends on a seed; test is
looked at once. Folds count from 1, in C order of what is left out.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from .errors import SercliError, UsageError
from .manifest import Utterance, c_order, digest

Protocol = Literal["leave-one-speaker-out", "leave-one-session-out", "random-10-fold"]
Target = Literal["emotion"]
SPEAKER_DEPENDENT: frozenset[str] = frozenset({"random-10-fold"})
TENTHS = 10
_LONGEST_NAME = 60
_PLAIN = re.compile(r"[\w.+=-]+")  # fit for the name of a folder


@dataclass(frozen=True)
class Task:
    """`classes` as typed: `anger`, or `happiness=happiness+excited` to merge; empty means every label of the corpus."""

    target: Target = "emotion"
    classes: tuple[str, ...] = ()
    bins: str | None = None  # how a dimension is cut; none for emotion
    subset: str = "complete"
    protocol: Protocol = "leave-one-speaker-out"

    def __post_init__(self) -> None:
        names = [name for name, _ in self.merges]
        sources = [source for _, sources in self.merges for source in sources]
        for label in [label for among in (names, sources) for label in among if among.count(label) > 1 or not label]:
            raise UsageError(f"--classes {','.join(self.classes)}: {label!r} is named twice or empty")
        if len(self.classes) == 1:
            raise UsageError(f"--classes {self.classes[0]}: one class is no choice; name two or more")

    @property
    def merges(self) -> list[tuple[str, list[str]]]:
        """Each class with the corpus labels that it stands for."""
        pairs = []
        for text in self.classes:
            name, equals, sources = text.partition("=")
            pairs.append((name, sources.split("+") if equals else [name]))
        return pairs

    @property
    def speaker_dependent(self) -> bool:
        return self.protocol in SPEAKER_DEPENDENT


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

    def seen_in_training(self, labels: Mapping[str, str] | None = None) -> str:
        """Digest of all that fitting on this fold may look at: train and dev, with their labels if given."""
        chosen = {utt_id: part for utt_id, part in self.parts.items() if part in ("train", "dev")}
        return digest([[utt_id, part, labels[utt_id] if labels else ""] for utt_id, part in sorted(chosen.items())])


@dataclass(frozen=True)
class Folds:
    """A task answered for one corpus: class order, the label of each utterance in the task, and the folds."""

    classes: list[str]
    labels: Mapping[str, str]
    folds: list[Fold]

    def fold(self, number: int) -> Fold:
        if not 1 <= number <= len(self.folds):
            raise UsageError(f"there is no fold {number}: this task's folds count from 1 to {len(self.folds)}")
        return self.folds[number - 1]

    def chosen(self, numbers: Iterable[int]) -> list[int]:
        """These folds, each once; all if none is named."""
        return [self.fold(number).number for number in dict.fromkeys(numbers)] or [fold.number for fold in self.folds]


def task_name(task: Task) -> str:
    """What the task is, in words a path can hold: `emotion.anger-neutral.leave-one-speaker-out`."""
    return ".".join([task.target, *_optional_parts(task, Task(target=task.target)), task.protocol])


def difference(task: Task, default: Task) -> list[str]:
    """The parts of a task's name in which it differs from the corpus's default task, in the order of the name."""
    target: list[str] = [task.target] if task.target != default.target else []
    protocol = [task.protocol] if task.protocol != default.protocol else []
    return [*target, *_optional_parts(task, default), *protocol]


def _optional_parts(task: Task, default: Task) -> list[str]:
    classes = "-".join(task.classes) or "all-classes"
    if len(classes) > _LONGEST_NAME or not _PLAIN.fullmatch(classes):
        classes = f"classes-{digest(list(task.classes))[:8]}"
    parts = [(task.classes, default.classes, classes), (task.bins, default.bins, str(task.bins))]
    parts.append((task.subset, default.subset, task.subset))
    return [text for value, usual, text in parts if value != usual]


def make_folds(task: Task, utterances: Sequence[Utterance]) -> Folds:
    """Cut a corpus into folds.

    Raises SercliError for a label nobody has, too few groups, or a class that a fold could not learn.
    """
    classes, labels = _label(task, utterances)
    labelled = [utterance for utterance in utterances if utterance.utt_id in labels]
    folds = _PROTOCOLS[task.protocol](labelled)
    for fold in folds:
        _check_trainable(fold, task.classes or classes, labels)
    return Folds(classes, labels, folds)


def _label(task: Task, utterances: Sequence[Utterance]) -> tuple[list[str], dict[str, str]]:
    known = {utterance.emotion for utterance in utterances} - {""}
    merges = task.merges or [(label, [label]) for label in sorted(known, key=c_order)]
    for _, sources in merges:
        for source in sources:
            if source not in known:
                choices = ", ".join(sorted(known, key=c_order))
                raise SercliError(f"no utterance is labelled {source!r}; labels of this corpus: {choices}")
    if len(merges) < 2:
        raise SercliError(f"the corpus has {len(merges)} label, wanted at least two classes to tell apart")
    merged = {source: name for name, sources in merges for source in sources}
    labels = {utterance.utt_id: merged[utterance.emotion] for utterance in utterances if utterance.emotion in merged}
    return [name for name, _ in merges], labels


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


def _groups(utterances: Sequence[Utterance], name: str, key: Callable[[Utterance], str], protocol: str) -> list[str]:
    groups = sorted({key(utterance) for utterance in utterances}, key=c_order)
    if "" in groups:
        nameless = next(utterance.utt_id for utterance in utterances if not key(utterance))
        raise SercliError(
            f"{protocol} needs a {name} for every utterance, {nameless} has none; choose another --protocol"
        )
    if len(groups) < 3:
        raise SercliError(
            f"{protocol} needs at least 3 {name}s (train, dev, test), this task has {len(groups)}: {', '.join(groups)}; "
            "ingest more of the corpus or choose another --protocol"
        )
    return groups


def _split(utterances: Sequence[Utterance], test: set[str], dev: set[str]) -> dict[str, str]:
    """utt_id to part, given the utt_ids of test and of dev."""
    return {u.utt_id: "test" if u.utt_id in test else "dev" if u.utt_id in dev else "train" for u in utterances}


def _sessions_of_speakers(utterances: Sequence[Utterance]) -> dict[str, set[str]]:
    sessions: dict[str, set[str]] = {}
    for utterance in utterances:
        sessions.setdefault(utterance.speaker, set()).update({utterance.session} - {""})
    return sessions


def _leave_one_speaker_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is the session partner where there are sessions, so that nobody of the test session trains; else the next speaker."""
    speakers = _groups(utterances, "speaker", lambda u: u.speaker, "leave-one-speaker-out")
    sessions = _sessions_of_speakers(utterances)
    folds = []
    for index, left_out in enumerate(speakers):
        partners = [s for s in speakers if s != left_out and sessions[s] & sessions[left_out]]
        dev = partners or [speakers[(index + 1) % len(speakers)]]
        if len(dev) + 1 == len(speakers):
            raise SercliError(
                f"leave-one-speaker-out: every speaker shares a session with {left_out}, nobody is left to train on; "
                "name sessions once in the whole corpus, or drop that column, and ingest again"
            )
        test_ids = {u.utt_id for u in utterances if u.speaker == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker in dev}
        folds.append(Fold(index + 1, left_out, "+".join(dev), _split(utterances, test_ids, dev_ids)))
    return folds


def _leave_one_session_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is one speaker of the next session: women and men in turn, where the corpus says who is which."""
    sessions = _groups(utterances, "session", lambda u: u.session, "leave-one-session-out")
    for speaker, theirs in sorted(_sessions_of_speakers(utterances).items()):
        if len(theirs) > 1:
            raise SercliError(
                f"leave-one-session-out: {speaker} speaks in sessions {', '.join(sorted(theirs, key=c_order))} and would be "
                "trained and tested on; choose --protocol leave-one-speaker-out"
            )
    folds = []
    for index, left_out in enumerate(sessions):
        following = sessions[(index + 1) % len(sessions)]
        speakers = sorted({(u.gender, u.speaker) for u in utterances if u.session == following})
        dev = speakers[index % len(speakers)][1]
        test_ids = {u.utt_id for u in utterances if u.session == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker == dev}
        folds.append(Fold(index + 1, left_out, dev, _split(utterances, test_ids, dev_ids)))
    return folds


def _random_10_fold(utterances: Sequence[Utterance]) -> list[Fold]:
    """Speakers are shared between parts. The order is that of the hashed names: random, and the same on every machine."""
    if len(utterances) < TENTHS:
        raise SercliError(f"random-10-fold needs at least {TENTHS} utterances, this task has {len(utterances)}")
    shuffled = sorted(utterances, key=lambda u: hashlib.sha256(c_order(u.utt_id)).digest())
    tenths = [{u.utt_id for u in shuffled[k::TENTHS]} for k in range(TENTHS)]
    folds = []
    for k in range(TENTHS):
        following = (k + 1) % TENTHS
        parts = _split(utterances, tenths[k], tenths[following])
        folds.append(Fold(k + 1, f"tenth-{k + 1:02d}", f"tenth-{following + 1:02d}", parts))
    return folds


_PROTOCOLS: Mapping[str, Callable[[Sequence[Utterance]], list[Fold]]] = {
    "leave-one-speaker-out": _leave_one_speaker_out,
    "leave-one-session-out": _leave_one_session_out,
    "random-10-fold": _random_10_fold,
}
assert set(_PROTOCOLS) == set(get_args(Protocol))
