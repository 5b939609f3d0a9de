"""A task: target, classes, subset and protocol; and its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..config import build, check_range, plain
from ..data.hashing import digest
from ..errors import UsageError
from .protocols import FROM_FILE, PROTOCOLS, ProtocolName

Target = Literal["emotion", "arousal", "power", "valence"]
Bins = Literal["paper", "tian"]

RATING_COLUMNS = {"arousal": "arousal", "power": "dominance", "valence": "valence"}  # target -> column of the table
COMPLETE = "complete"

_LONGEST_NAME = 60
_PLAIN = re.compile(r"[\w.+=-]+")  # fit for the name of a folder


@dataclass(frozen=True)
class Task:
    """What is recognised, on which utterances, with which folds. Raises UsageError for options that do not fit together.

    >>> Task(classes=("anger", "joy=happiness+excited")).merges
    [('anger', ['anger']), ('joy', ['happiness', 'excited'])]
    """

    target: Target = "emotion"
    classes: tuple[str, ...] = ()  # as typed: a label, or NAME=LABEL+LABEL; empty for every label of the corpus
    bins: Bins | None = None  # how a dimension is cut into levels, "paper" by default; None for emotion
    subset: str = COMPLETE  # or a style of the corpus
    protocol: ProtocolName = "leave-one-speaker-out"
    folds: str = ""  # digest of the file of the folds, if the protocol reads one
    apart: tuple[str, ...] = ()  # columns: what shares a value with a test utterance is in neither train nor dev
    train_speakers: int | None = None  # so many speakers of each training part are kept
    train_share: float | None = None  # this share of each training part is kept
    train_seed: int = 0  # of the choice of these speakers or utterances

    def __post_init__(self) -> None:
        if self.target in RATING_COLUMNS and self.bins is None:
            object.__setattr__(self, "bins", "paper")
        if self.target not in RATING_COLUMNS and self.bins is not None:
            fix = f"leave out --bins, or choose --target {', '.join(RATING_COLUMNS)}"
            raise UsageError(
                "only dimensions have bins", place=f"--bins {self.bins}", seen=f"--target {self.target}", fix=fix
            )
        place = f"--protocol {self.protocol}"
        if self.protocol in FROM_FILE and not self.folds:
            raise UsageError("needs a file of folds", place=place, fix="add --folds-file FOLDS.tsv")
        if self.protocol not in FROM_FILE and self.folds:
            raise UsageError("takes no --folds-file", place=place, fix="leave it out, or choose --protocol file")
        self._check_classes()
        self._check_parts()

    def _check_classes(self) -> None:
        place = f"--classes {','.join(self.classes)}"
        for names in ([name for name, _ in self.merges], [source for _, sources in self.merges for source in sources]):
            for name in names:
                if not name or names.count(name) > 1:
                    raise UsageError(
                        "a class or label is empty or named twice", place=place, seen=repr(name), expected="each once"
                    )
        if len(self.classes) == 1:
            raise UsageError("too few classes", place=place, seen=1, expected="at least two, or no --classes for all")

    def _check_parts(self) -> None:
        for column in self.apart:
            if not column or self.apart.count(column) > 1:
                seen = repr(column)
                raise UsageError("a column is empty or named twice", place="--apart", seen=seen, expected="each once")
        check_range(self, "train_seed", at_least=0)
        if self.train_speakers is not None:
            check_range(self, "train_speakers", at_least=1)
        if self.train_share is not None:
            check_range(self, "train_share", above=0, at_most=1)
        if self.train_seed and not self.has_reduced_training:
            fix = "add --train-speakers or --train-share, or leave it out"
            raise UsageError("the seed chooses nothing", place="--train-seed", seen=self.train_seed, fix=fix)

    @property
    def has_reduced_training(self) -> bool:
        """Whether training parts are smaller than those of the protocol, for a learning curve."""
        return self.train_speakers is not None or self.train_share is not None

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
        """Whether speakers may be shared between the parts of a fold."""
        return PROTOCOLS[self.protocol].speaker_dependent


def requested_task(options: Mapping[str, Any], defaults: Task, corpus_task: Task | None = None) -> Task:
    """The task that these options request; options that are absent are those of `defaults`.

    Classes and bins belong to a target: for another target than the default one they are those of the corpus's task if it
    has that target, else none. The corpus's task is `defaults` unless given.
    """
    corpus_task = corpus_task or defaults
    target = options.get("target", defaults.target)
    changed: dict[str, Any] = {}
    if target != defaults.target:
        same_target = target == corpus_task.target
        changed = (
            {"classes": corpus_task.classes, "bins": corpus_task.bins} if same_target else {"classes": [], "bins": None}
        )
    if options.get("protocol", defaults.protocol) not in FROM_FILE:
        changed["folds"] = ""
    return build(Task, {**plain(defaults), **changed, **options}, "task")


def task_name(task: Task, corpus_task: Task) -> str:
    """Target, then what differs from the corpus's task, then protocol: `arousal.improvised.leave-one-speaker-out`."""
    return ".".join([task.target, *_optional_parts(task, corpus_task), _protocol_part(task)])


def name_differences(task: Task, defaults: Task, corpus_task: Task | None = None) -> list[str]:
    """The parts of a task's name in which it differs from `defaults`, in the order of the name.

    `corpus_task` as in `requested_task`.
    """
    target: list[str] = [task.target] if task.target != defaults.target else []
    same_folds = (task.protocol, task.folds) == (defaults.protocol, defaults.folds)
    return [*target, *_optional_parts(task, defaults, corpus_task), *([] if same_folds else [_protocol_part(task)])]


def _optional_parts(task: Task, defaults: Task, corpus_task: Task | None = None) -> list[str]:
    defaults = requested_task({"target": task.target}, defaults, corpus_task)
    classes = "-".join(task.classes) or "all-classes"
    if len(classes) > _LONGEST_NAME or not _PLAIN.fullmatch(classes):
        classes = f"classes-{digest(list(task.classes))[:8]}"
    subset = task.subset if _PLAIN.fullmatch(task.subset) else f"subset-{digest(task.subset)[:8]}"
    apart = "apart-" + "-".join(task.apart) if task.apart else "not-apart"
    if len(apart) > _LONGEST_NAME or not _PLAIN.fullmatch(apart):
        apart = f"apart-{digest(list(task.apart))[:8]}"
    parts: list[tuple[object, object, str]] = [
        (task.classes, defaults.classes, classes),
        (task.bins, defaults.bins, str(task.bins)),
        (task.subset, defaults.subset, subset),
        (task.apart, defaults.apart, apart),
        (task.train_speakers, defaults.train_speakers, f"train-speakers-{task.train_speakers or 'all'}"),
        (task.train_share, defaults.train_share, f"train-share-{task.train_share or 'all'}"),
        (task.train_seed, defaults.train_seed, f"train-seed-{task.train_seed}"),
    ]
    return [text for value, default, text in parts if value != default]


def _protocol_part(task: Task) -> str:
    return f"{task.protocol}-{task.folds[:8]}" if task.folds else task.protocol
