"""The question asked of a corpus: target, classes, subset, protocol; and the folds that answer it.

Dev is held out by speaker or session and never depends on a seed; test is looked at once. Folds count from 1, in C order
of what is left out.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Literal, NamedTuple, get_args

from ..config import build, plain
from ..data.emotions import known_as
from ..data.hashing import digest
from ..data.utterances import Utterance
from ..errors import SercliError, UsageError
from ..text import c_order

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
LEVELS = ("low", "mid", "high")
COMPLETE = "complete"
SPEAKER_DEPENDENT: frozenset[str] = frozenset({"random-10-fold", "speaker-dependent-file"})
FROM_FILE: frozenset[str] = frozenset({"file", "speaker-dependent-file"})
TENTHS = 10
CORPUS = "corpus"  # the column of a combined store that says where an utterance is from
_DEV_SHARE = 5  # of the speakers of each corpus that trains, one in so many is dev
ENTANGLED = 0.5  # of `said_by_one_label`: beyond it labels and speakers cannot be told apart
NOBODY = 0  # the number of the fold that leaves nobody out: it has neither dev nor test
PARTS = ("train", "dev", "test")
_LONGEST_NAME = 60
_MOST_NAMED = 4  # speakers of a part
_PLAIN = re.compile(r"[\w.+=-]+")  # fit for the name of a folder


class FoldsFile(NamedTuple):
    """Somebody else's folds: the path, for people, and the text."""

    where: str
    text: str


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

    def labels_in_training(self, labels: Mapping[str, str]) -> str:
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

    def chosen(self, numbers: Iterable[int]) -> list[int]:
        """These folds, each once; all if none is named."""
        return [self.fold(number).number for number in dict.fromkeys(numbers)] or [fold.number for fold in self.folds]


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


def make_folds(task: Task, utterances: Sequence[Utterance], file: FoldsFile | None = None) -> Folds:
    """Cut a corpus into folds; `file` is where the folds are from, if the protocol wants one.

    Raises SercliError for a label or subset nobody has, too few groups, a class that a fold could not learn, and folds
    from a file that put a speaker into two parts or leave an utterance out.
    """
    classes, labels = label(task, utterances)
    labelled = [utterance for utterance in utterances if utterance.utt_id in labels]
    if task.protocol in FROM_FILE:
        assert file is not None
        folds = _from_file(file, labelled, labels, task.speaker_dependent)
    else:
        folds = _PROTOCOLS[task.protocol](labelled)
    for fold in folds:
        _check_trainable(fold, task.classes or classes, labels)
    return Folds(classes, labels, folds)


def label(task: Task, utterances: Sequence[Utterance]) -> tuple[list[str], dict[str, str]]:
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


def label_elsewhere(
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


def said_by_one_label(labels: Mapping[str, str], utterances: Iterable[Utterance]) -> float:
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
    value: float | None = getattr(utterance, DIMENSIONS[task.target])
    if value is None:
        return ""
    if task.bins == "paper":
        return LEVELS[0] if value < 3 else LEVELS[1] if value == 3 else LEVELS[2]
    return LEVELS[0] if value < 2.5 else LEVELS[1] if value < 3.5 else LEVELS[2]


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


def _leave_one_corpus_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is every fifth speaker of each other corpus, in the order of gender and name, and at least one where there are two."""
    of_corpus: dict[str, dict[str, str]] = {}  # corpus -> speaker -> gender
    for utterance in utterances:
        of_corpus.setdefault(utterance.text_of(CORPUS), {})[utterance.speaker] = utterance.gender
    corpora = sorted(of_corpus, key=c_order)
    if len(corpora) < 2 or "" in corpora:
        there = ", ".join(name or "(no corpus)" for name in corpora)
        raise SercliError(
            f"leave-one-corpus-out needs at least 2 corpora, and one for every utterance; this task has {there}; make a store "
            "of several with `sercli combine`, or choose another --protocol"
        )
    for speaker in sorted({u.speaker for u in utterances}, key=c_order):
        homes = [name for name in corpora if speaker in of_corpus[name]]
        if len(homes) > 1:
            raise SercliError(
                f"leave-one-corpus-out: {speaker} speaks in {', '.join(homes)} and would be trained and tested on; choose "
                "--protocol leave-one-speaker-out"
            )
    folds = []
    for index, left_out in enumerate(corpora):
        dev: list[str] = []
        for other in corpora:
            theirs = sorted(of_corpus[other].items(), key=lambda one: (one[1], c_order(one[0])))
            if other != left_out and len(theirs) > 1:
                dev += [speaker for speaker, _ in theirs[::_DEV_SHARE]]
        if not dev:
            raise SercliError(
                f"leave-one-corpus-out: without {left_out} every corpus has one speaker, and nobody can be dev; "
                "combine more, or choose another --protocol"
            )
        test_ids = {u.utt_id for u in utterances if u.text_of(CORPUS) == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker in dev}
        named = "+".join(dev) if len(dev) <= _MOST_NAMED else f"{len(dev)} speakers"
        folds.append(Fold(index + 1, left_out, named, _split(utterances, test_ids, dev_ids)))
    return folds


def _speaker_10_fold(utterances: Sequence[Utterance]) -> list[Fold]:
    """Each speaker is in one tenth; those who say most are dealt first, each to the tenth that has least, so that all are alike.
    Whoever shares a session with a test speaker becomes dev, beside the tenth that follows."""
    speakers = _groups(utterances, "speaker", lambda u: u.speaker, "speaker-10-fold")
    if len(speakers) < TENTHS:
        raise SercliError(
            f"speaker-10-fold needs at least {TENTHS} speakers, this task has {len(speakers)}; choose "
            "--protocol leave-one-speaker-out"
        )
    said = Counter(utterance.speaker for utterance in utterances)
    tenth_of: dict[str, int] = {}
    sizes = [0] * TENTHS
    for speaker in sorted(speakers, key=lambda name: (-said[name], c_order(name))):
        smallest = sizes.index(min(sizes))
        tenth_of[speaker] = smallest
        sizes[smallest] += said[speaker]
    sessions = _sessions_of_speakers(utterances)
    folds = []
    for k in range(TENTHS):
        following = (k + 1) % TENTHS
        tested = {speaker for speaker in speakers if tenth_of[speaker] == k}
        heard = set().union(*(sessions[speaker] for speaker in tested))
        dev = {s for s in speakers if tenth_of[s] == following or sessions[s] & heard} - tested
        if len(tested) + len(dev) == len(speakers):
            raise SercliError(
                f"speaker-10-fold: every speaker shares a session with one of tenth {k + 1}, nobody is left to train on; "
                "choose another --protocol, or name sessions once in the whole corpus and ingest again"
            )
        test_ids, dev_ids = ({u.utt_id for u in utterances if u.speaker in whom} for whom in (tested, dev))
        folds.append(Fold(k + 1, _tenth(k), _tenth(following), _split(utterances, test_ids, dev_ids)))
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
        folds.append(Fold(k + 1, _tenth(k), _tenth(following), parts))
    return folds


def _tenth(k: int) -> str:
    return f"tenth-{k + 1:02d}"


_PROTOCOLS: Mapping[str, Callable[[Sequence[Utterance]], list[Fold]]] = {
    "leave-one-speaker-out": _leave_one_speaker_out,
    "leave-one-session-out": _leave_one_session_out,
    "leave-one-corpus-out": _leave_one_corpus_out,
    "speaker-10-fold": _speaker_10_fold,
    "random-10-fold": _random_10_fold,
}
assert set(_PROTOCOLS) | FROM_FILE == set(get_args(Protocol))


# --- somebody else's folds


def _from_file(
    file: FoldsFile, utterances: Sequence[Utterance], labels: Mapping[str, str], speakers_may_be_shared: bool
) -> list[Fold]:
    """Folds out of a table: `utt_id fold` (each fold's dev is the next one), or our own `utt_id [label] fold-1 … fold-K`."""
    where = file.where
    rows = _read_folds_file(file)
    for utterance in utterances:
        if utterance.utt_id not in rows:
            left_out = [u.utt_id for u in utterances if u.utt_id not in rows]
            raise SercliError(
                f"{where} leaves out {len(left_out)} of the {len(utterances)} utterances of this task, {left_out[0]} first; "
                "give each a row, or choose classes and subset that the folds were made for"
            )
        told = rows[utterance.utt_id].pop("label", labels[utterance.utt_id])
        if told != labels[utterance.utt_id]:
            raise SercliError(
                f"{where} labels {utterance.utt_id} {told!r}, this task {labels[utterance.utt_id]!r}; choose the --classes "
                "that the folds were made for, or remove that column"
            )
    nowhere = [u.utt_id for u in utterances if set(rows[u.utt_id].values()) == {"-"}]
    if nowhere:
        raise SercliError(
            f"{where} leaves out {nowhere[0]}, which has no part in any fold ({len(nowhere)} like it); give it one, or choose "
            "classes and subset that the folds were made for"
        )
    cut = _next_is_dev if "fold" in rows[utterances[0].utt_id] else _as_listed
    folds = cut({utterance.utt_id: rows[utterance.utt_id] for utterance in utterances}, where)
    for fold in folds:
        _check_whole(fold, where)
        if not speakers_may_be_shared:
            _check_speakers(fold, utterances, where)
    tested = Counter(utt_id for fold in folds for utt_id in fold.part("test"))
    for utt_id, times in tested.items():
        if times > 1:
            raise SercliError(f"{where} tests {utt_id} in {times} folds, wanted once; mend the file")
    return folds


def strangers(file: FoldsFile, utterances: Sequence[Utterance]) -> list[str]:
    """Whom somebody else's folds list and the corpus has not."""
    known = {utterance.utt_id for utterance in utterances}
    return [utt_id for utt_id in _read_folds_file(file) if utt_id not in known]


def _read_folds_file(file: FoldsFile) -> dict[str, dict[str, str]]:
    where, text = file
    try:
        lines = list(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ","))
    except csv.Error as error:
        raise SercliError(f"{where}: cannot be read as a table: {error}; mend the file") from None
    header = [name.strip() for name in lines[0]] if lines else []
    numbered = [f"fold-{number + 1}" for number in range(sum(name.startswith("fold-") for name in header))]
    in_a_form = {"utt_id", "fold"} <= set(header) or (numbered and {"utt_id", *numbered} <= set(header))
    if not in_a_form or len(set(header)) < len(header) or ("fold" in header and numbered):
        raise SercliError(
            f"{where} has the columns {', '.join(header) or '(none)'}; wanted utt_id and fold, or utt_id and fold-1 to fold-K, each once"
        )
    wanted = ["fold"] if "fold" in header else [*numbered, *(name for name in header if name == "label")]
    rows: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        row = dict(zip(header, (cell.strip() for cell in line), strict=False))
        if not line:
            continue
        if len(line) != len(header) or not all(row[name] for name in ("utt_id", *wanted)):
            raise SercliError(
                f"{where}, line {number}: wanted {len(header)} columns with something in each; mend the file"
            )
        if row["utt_id"] in rows:
            raise SercliError(f"{where}, line {number}: {row['utt_id']} is listed twice; mend the file")
        strange = [row[name] for name in numbered if row[name] not in (*PARTS, "-")] if "fold" not in header else []
        if strange:
            raise SercliError(f"{where}, line {number}: {strange[0]!r} is no part; wanted train, dev, test or -")
        rows[row["utt_id"]] = {name: row[name] for name in wanted}
    if wanted == ["fold"] and {row["fold"] for row in rows.values()} <= set(PARTS):  # one split, not three folds
        return {utt_id: {"fold-1": row["fold"]} for utt_id, row in rows.items()}
    return rows


def _next_is_dev(rows: Mapping[str, Mapping[str, str]], where: str) -> list[Fold]:
    groups = sorted({row["fold"] for row in rows.values()}, key=_as_counted)
    if len(groups) < len(PARTS):
        raise SercliError(f"{where} has {len(groups)} folds, wanted at least 3 (train, dev, test)")
    folds = []
    for index, left_out in enumerate(groups):
        dev = groups[(index + 1) % len(groups)]
        part = {left_out: "test", dev: "dev"}
        folds.append(
            Fold(index + 1, left_out, dev, {utt_id: part.get(row["fold"], "train") for utt_id, row in rows.items()})
        )
    return folds


def _as_counted(name: str) -> list[str | int]:
    """Sort key by which fold 10 comes after fold 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _as_listed(rows: Mapping[str, Mapping[str, str]], _: str) -> list[Fold]:
    names = list(next(iter(rows.values())))
    return [
        Fold(index + 1, name, f"dev of {name}", {utt_id: row[name] for utt_id, row in rows.items() if row[name] != "-"})
        for index, name in enumerate(names)
    ]


def _check_whole(fold: Fold, where: str) -> None:
    for part in PARTS:
        if not fold.part(part):
            raise SercliError(
                f"{where}: fold {fold.number} ({fold.left_out}) has no {part} utterance of this task; mend the file"
            )


def _check_speakers(fold: Fold, utterances: Sequence[Utterance], where: str) -> None:
    """Also those of whom a part is left out: a test speaker's utterances are not picked."""
    parts = (*PARTS, "-")
    speakers = {part: {u.speaker for u in utterances if fold.parts.get(u.utt_id, "-") == part} for part in parts}
    for one, other in combinations(parts, 2):
        for shared in sorted(speakers[one] & speakers[other], key=c_order):
            there = "no part" if other == "-" else other
            raise SercliError(
                f"{where} puts {shared} into {one} and {there} of fold {fold.number} ({fold.left_out}); mend the file, or say "
                "--protocol speaker-dependent-file, which marks every score made with it"
            )
