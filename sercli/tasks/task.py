"""The question asked of a corpus: target, classes, subset and protocol."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..config import build, plain
from ..data.hashing import digest
from ..errors import UsageError

Protocol = Literal[
    "leave-one-speaker-out",
    "leave-one-session-out",
    "leave-one-corpus-out",
    "speaker-10-fold",
    "random-10-fold",
    "file",
    "speaker-dependent-file",
]


Target = Literal["emotion", "arousal", "power", "valence"]


DIMENSIONS = {"arousal": "arousal", "power": "dominance", "valence": "valence"}  # target -> column of the table


COMPLETE = "complete"


SPEAKER_DEPENDENT: frozenset[str] = frozenset({"random-10-fold", "speaker-dependent-file"})


FROM_FILE: frozenset[str] = frozenset({"file", "speaker-dependent-file"})


CORPUS = "corpus"  # the column of a combined store that says where an utterance is from


_LONGEST_NAME = 60


_PLAIN = re.compile(r"[\w.+=-]+")  # fit for the name of a folder


@dataclass(frozen=True)
class Task:
    """`classes` as typed: `anger`, or `happiness=happiness+excited` to merge; empty means every label of the corpus."""

    target: Target = "emotion"
    classes: tuple[str, ...] = ()
    bins: Literal["paper", "tian"] | None = None  # how a dimension is cut, "paper" unless told; none for emotion
    subset: str = COMPLETE  # or a style of the corpus
    protocol: Protocol = "leave-one-speaker-out"
    folds: str = ""  # digest of the file that they are from

    def __post_init__(self) -> None:
        if self.target in DIMENSIONS and self.bins is None:
            object.__setattr__(self, "bins", "paper")
        if self.target not in DIMENSIONS and self.bins is not None:
            raise UsageError(
                f"--bins {self.bins}: {self.target} has no bins; leave it out, or name a dimension with --target"
            )
        if (self.protocol in FROM_FILE) != bool(self.folds):
            raise UsageError(
                f"--protocol {self.protocol} "
                + (
                    "needs --folds-file FOLDS.tsv"
                    if not self.folds
                    else "takes no --folds-file; choose --protocol file"
                )
            )
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


def asked(options: Mapping[str, Any], usual: Task, own: Task | None = None) -> Task:
    """What these options ask, beside the usual task. Classes and bins go with the target, and are those of the corpus's
    `own` task (the usual one unless given) where that has it."""
    own = own or usual
    target = options.get("target", usual.target)
    changed: dict[str, Any] = {}
    if target != usual.target:
        changed = {"classes": own.classes, "bins": own.bins} if target == own.target else {"classes": [], "bins": None}
    if options.get("protocol", usual.protocol) not in FROM_FILE:
        changed["folds"] = ""
    return build(Task, {**plain(usual), **changed, **options}, "task")


def task_name(task: Task, usual: Task) -> str:
    """What the task is beside the corpus's own, in words a path can hold: `arousal.improvised.leave-one-speaker-out`."""
    return ".".join([task.target, *_optional_parts(task, usual), _protocol_part(task)])


def difference(task: Task, usual: Task, own: Task | None = None) -> list[str]:
    """The parts of a task's name in which it differs from the usual one, in the order of the name; `own` as in `asked`."""
    target: list[str] = [task.target] if task.target != usual.target else []
    protocol = [_protocol_part(task)] if (task.protocol, task.folds) != (usual.protocol, usual.folds) else []
    return [*target, *_optional_parts(task, usual, own), *protocol]


def _optional_parts(task: Task, usual: Task, own: Task | None = None) -> list[str]:
    usual = asked({"target": task.target}, usual, own)
    classes = "-".join(task.classes) or "all-classes"
    if len(classes) > _LONGEST_NAME or not _PLAIN.fullmatch(classes):
        classes = f"classes-{digest(list(task.classes))[:8]}"
    subset = task.subset if _PLAIN.fullmatch(task.subset) else f"subset-{digest(task.subset)[:8]}"
    parts: list[tuple[object, object, str]] = [
        (task.classes, usual.classes, classes),
        (task.bins, usual.bins, str(task.bins)),
        (task.subset, usual.subset, subset),
    ]
    return [text for value, default, text in parts if value != default]


def _protocol_part(task: Task) -> str:
    return f"{task.protocol}-{task.folds[:8]}" if task.folds else task.protocol
