"""IEMOCAP, the interactive emotional dyadic motion capture database: improvised and scripted dialogues in English.

Size: 10 039 utterances, 12.4 h
Speakers: 10 (5 women, 5 men), a pair in each of five sessions
Labels: anger 1103, happiness 595, excited 1041, sadness 1084, neutral 1708, frustration 1849, surprise 107, fear 40, other 3,
    disgust 2, no agreement 2507 (`xxx`: not labelled here); valence, arousal, dominance from 1 to 5
Rate: 16 kHz mono
Licence: of the University of Southern California, for research
Source: https://sail.usc.edu/iemocap/

Valence, arousal (the corpus says activation) and dominance are means of the external raters' votes; seven labels lie outside
their scale, which the `…_of_votes` columns put right. Every vote is in `ratings.tsv`; kind `self` are the actors' own, which
count for no label.
The first letter of a name says who wore the motion-capture markers, the letter of its last part who speaks:
`Ses01F_impro01_M003` is the man of session 1. Give the release, its parent, or a folder with some of the sessions.
Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee, Narayanan: IEMOCAP: interactive emotional dyadic motion capture
database, Language Resources and Evaluation 42, 2008.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from statistics import fmean

from ..data.utterances import DIMENSIONS, Count, Reject, Scan, Table, Utterance
from ..errors import SercliError
from ..text import c_order, printable
from .base import files_below

FOUR_CLASSES = ("neutral", "happiness=happiness+excited", "sadness", "anger")
TASK = {"target": "emotion", "classes": list(FOUR_CLASSES), "protocol": "leave-one-session-out"}
EXAMPLE = {
    "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[0.0000 - 0.5000]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 3.0000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  3;\t()

[1.0000 - 1.5000]\tSes01F_impro01_M000\tang\t[1.5000, 4.0000, 4.0000]
C-E2:\tAnger;\t()

""",
    "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav": "Ses01F neutral",
    "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav": "Ses01M anger",
}
EMOTIONS = {
    "ang": "anger",
    "hap": "happiness",
    "exc": "excited",
    "sad": "sadness",
    "neu": "neutral",
    "fru": "frustration",
    "sur": "surprise",
    "fea": "fear",
    "dis": "disgust",
    "oth": "other",
    "xxx": "",  # no agreement
}
LOWEST, HIGHEST = 1.0, 5.0
SYNTHETIC = "SYNTHETIC.txt"  # in the sessions of a corpus that only has this form
RATINGS = ["utt_id", "rater", "kind", "emotions", *DIMENSIONS, "comment"]

_DIALOGUE = r"Ses0[1-5][FM]_(?:impro|script)\d\d[ab]?(?:_\d[ab]?)?"
_NAME = re.compile(rf"({_DIALOGUE})_[FM]\d{{3}}")
_UNLABELLED = re.compile(rf"{_DIALOGUE}_[FM]XX\d")
_INSIDE = re.compile(rf"{_DIALOGUE}(?:_[FM](?:\d{{3}}|XX\d))?|EmoEvaluation")
_NUMBER = r"-?\d+(?:\.\d+)?"
_HEADER = re.compile(
    rf"\[({_NUMBER}) - ({_NUMBER})\]\t(\S+)\t(\w+)\t\[({_NUMBER}), ({_NUMBER}), ({_NUMBER})\]\s*", re.ASCII
)
_RATER, _COMMENT = r"-([EFM]\w*):\t", r"\((.*)\)\s*"
_CATEGORIES = re.compile(rf"C{_RATER}(?:([^\t]*)\t)?{_COMMENT}", re.ASCII)
_ATTRIBUTES = re.compile(
    rf"A{_RATER}(?:val *({_NUMBER})?; *act *({_NUMBER})?; *dom *({_NUMBER})?;? *\t)?{_COMMENT}", re.ASCII
)
_SPOKEN = re.compile(rf"(\S+) \[({_NUMBER})-({_NUMBER})\]: ?(.*)", re.ASCII)
_COPY_AGAIN = "copy it again"

# Of the release: sessions 1 to 5, and all.
COUNTS: Mapping[str, tuple[int, ...]] = {
    "all": (1819, 1811, 2136, 2103, 2170, 10039),
    "female": (873, 859, 1048, 987, 1033, 4800),
    "male": (946, 952, 1088, 1116, 1137, 5239),
    "improvised": (759, 788, 1044, 1060, 1133, 4784),
    "scripted": (1060, 1023, 1092, 1043, 1037, 5255),
    "anger": (229, 137, 240, 327, 170, 1103),
    "happiness": (135, 117, 135, 65, 143, 595),
    "excited": (143, 210, 151, 238, 299, 1041),
    "sadness": (194, 197, 305, 143, 245, 1084),
    "neutral": (384, 362, 320, 258, 384, 1708),
    "frustration": (280, 325, 382, 481, 381, 1849),
    "no agreement": (415, 436, 572, 564, 520, 2507),
    "four classes": (1085, 1023, 1151, 1031, 1241, 5531),
    "four classes, improvised": (521, 530, 627, 534, 731, 2943),
    "four classes, scripted": (564, 493, 524, 497, 510, 2588),
}
COUNTS_OF_ALL: Mapping[str, int] = {
    "surprise": 107,
    "fear": 40,
    "other": 3,
    "disgust": 2,
    "neutral, improvised": 1099,
    "excited, improvised": 663,
    "sadness, improvised": 608,
    "anger, improvised": 289,
    "happiness, improvised": 284,
}
BINS = ("below 2.5", "below 3", "of 3", "above 3", "from 3.5")  # the edges of both ways to cut a dimension
COUNTS_IN_BINS: Mapping[str, tuple[int, ...]] = {
    "valence": (3421, 5526, 1607, 2906, 2826),
    "arousal": (1281, 3348, 2559, 4132, 3889),
    "dominance": (1293, 3136, 2167, 4736, 4588),
}


@dataclass
class _Vote:
    """What one rater said of one utterance."""

    emotions: list[str] = field(default_factory=list)
    dimensions: list[str] = field(default_factory=lambda: [""] * len(DIMENSIONS))
    comments: list[str] = field(default_factory=list)


@dataclass
class _Labels:
    """What an evaluation file says of one utterance, and where."""

    file: PurePosixPath  # relative to the corpus
    line: int
    utt_id: str
    start: float  # s, in the dialogue
    end: float  # s
    code: str
    dimensions: list[float]
    votes: dict[str, _Vote] = field(default_factory=dict)  # by rater: E external, F and M the actors

    @property
    def sound(self) -> str:
        """Where its sound lies, relative to the corpus."""
        return str(self.file.parents[2] / "sentences" / "wav" / self.file.stem / f"{self.utt_id}.wav")

    @property
    def means_of_votes(self) -> list[str]:
        """Of the external raters, one a dimension; a missing value has no say."""
        external = [vote.dimensions for rater, vote in self.votes.items() if rater.startswith("E")]
        given = [[float(value) for value in values if value] for values in zip(*external, strict=True)]
        return [f"{fmean(values):.4f}" if values else "" for values in given] or [""] * len(DIMENSIONS)


@dataclass(frozen=True)
class _Spoken:
    """A line of a transcript."""

    start: float  # s, in the dialogue
    end: float  # s
    text: str


def recognises(folder: Path) -> bool:
    """Also a folder inside the release, so that `scan` can say which one to give; one with a table is the table's."""
    table = any(entry.suffix.lower() in (".csv", ".tsv") for entry in _entries(folder))
    return bool(_sessions(folder)) or (not table and bool(_inside(folder)))


def scan(folder: Path) -> Scan:
    """Every utterance with labels and sound. Raises SercliError for a folder without sessions, or without any such."""
    sessions = _sessions(folder)
    if not sessions:
        raise SercliError(_no_session(folder))
    present: set[str] = set()
    listed: list[_Labels] = []
    rejects: list[Reject] = []
    spoken: dict[str, _Spoken] = {}
    for session in sessions:
        present |= {path.relative_to(folder).as_posix() for path in files_below(session / "sentences" / "wav")}
        for path in _texts(session / "dialog" / "EmoEvaluation"):
            labels, broken = _evaluation(path, PurePosixPath(path.relative_to(folder)))
            listed += labels
            rejects += broken
        for path in _texts(session / "dialog" / "transcriptions"):
            spoken |= _transcript(path)
    kept, refused = _usable(listed, present)
    rejects += [*refused, *_without_labels(present - {labels.sound for labels in listed})]
    if not kept:
        first = f"; the first: {printable(rejects[0].path)}: {rejects[0].reason}" if rejects else ""
        raise SercliError(f"{folder}: no utterance has labels and sound, {len(rejects)} were set aside{first}")
    times = {labels.utt_id: spoken.get(labels.utt_id, labels) for labels in kept}
    return Scan(
        [_utterance(labels, spoken.get(labels.utt_id)) for labels in kept],
        rejects,
        [*_out_of_range(kept), *_without_text(kept, spoken)],
        {utt_id: said.end - said.start for utt_id, said in times.items()},
        {"ratings": Table(RATINGS, [row for labels in kept for row in _ratings(labels)])},
        any((session / SYNTHETIC).exists() for session in sessions),
    )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """The makers' table, cell by cell, over these utterances."""
    cells = [(utterance.session, cell) for utterance in utterances for cell in _cells(utterance)]
    in_session, in_all = Counter(cells), Counter(cell for _, cell in cells)
    of_sessions = [
        Count(f"session {number}", cell, in_session[f"Ses0{number}", cell], expected[number - 1])
        for number in range(1, 6)
        for cell, expected in COUNTS.items()
    ]
    totals = {cell: expected[-1] for cell, expected in COUNTS.items()}
    totals |= COUNTS_OF_ALL
    for name, numbers in COUNTS_IN_BINS.items():
        totals |= {f"{name} {text}": expected for text, expected in zip(BINS, numbers, strict=True)}
    return [*of_sessions, *(Count("", cell, in_all[cell], expected) for cell, expected in totals.items())]


def _cells(utterance: Utterance) -> Iterator[str]:
    """Every cell of the tables above in which an utterance counts."""
    yield from ("all", utterance.gender, utterance.style, utterance.emotion or "no agreement")
    if utterance.emotion in ("neutral", "happiness", "excited", "sadness", "anger"):
        yield from ("four classes", f"four classes, {utterance.style}", f"{utterance.emotion}, {utterance.style}")
    for name in DIMENSIONS:
        value = getattr(utterance, name)
        inside = (value < 2.5, value < 3, value == 3, value > 3, value >= 3.5)
        yield from (f"{name} {text}" for text, is_in in zip(BINS, inside, strict=True) if is_in)


# --- folders


def _sessions(folder: Path) -> list[Path]:
    """The sessions in a folder, or in the one folder in it that has some."""
    below = [found for entry in _entries(folder) if (found := _sessions_in(entry))]
    return _sessions_in(folder) or (below[0] if len(below) == 1 else [])


def _sessions_in(folder: Path) -> list[Path]:
    entries = [entry for entry in _entries(folder) if re.fullmatch("Session[1-5]", entry.name)]
    return [entry for entry in entries if (entry / "dialog").is_dir() or (entry / "sentences").is_dir()]


def _entries(folder: Path) -> list[Path]:
    """What a folder holds but for junk; nothing of what is no folder."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(entry for entry in entries if not entry.name.startswith("."))


def _texts(folder: Path) -> list[Path]:
    """Not those of the sub-folders, which are something else."""
    return [entry for entry in _entries(folder) if entry.suffix == ".txt" and entry.is_file()]


def _inside(folder: Path) -> str:
    """By what a folder is known to be one inside the release: where it lies, or what it holds. Empty if it is none."""
    if folder.is_dir() and _release_above(folder):
        return "lies inside a release of IEMOCAP"
    names = (entry.name for entry in _entries(folder) if _INSIDE.fullmatch(entry.stem))
    return next((f"is a folder from inside IEMOCAP, it holds {name}" for name in names), "")


def _release_above(folder: Path) -> Path | None:
    return next((parent for parent in folder.resolve().parents if _sessions_in(parent)), None)


def _no_session(folder: Path) -> str:
    wanted = _release_above(folder) or "IEMOCAP_full_release, or a folder with some of its sessions"
    return f"{folder}: {_inside(folder) or 'holds no folder Session1 to Session5'}; give {wanted}"


# --- files


def _evaluation(path: Path, file: PurePosixPath) -> tuple[list[_Labels], list[Reject]]:
    """Labels and votes of one dialogue, and the lines that cannot be read."""
    if not re.fullmatch(_DIALOGUE, file.stem):
        return [], [Reject(str(file), "the name is not that of a dialogue, such as Ses01F_impro01.txt; remove it")]
    found: list[_Labels] = []
    broken: list[Reject] = []
    votes: dict[str, _Vote] = {}
    for number, line in enumerate(_lines(path), start=1):
        if header := _HEADER.fullmatch(line):
            start, end, utt_id, code, *values = header.groups()
            votes = {}
            found.append(_Labels(file, number, utt_id, float(start), float(end), code, list(map(float, values)), votes))
        elif vote := _CATEGORIES.fullmatch(line) or _ATTRIBUTES.fullmatch(line):
            _add(vote, votes.setdefault(vote[1], _Vote()))
        elif line.strip() and not line.startswith("%"):
            broken.append(Reject(str(file), f"line {number}: damaged or cut short: {line[:60]!r}; {_COPY_AGAIN}"))
            if line.startswith("["):
                votes = {}  # those that follow are nobody's
    return found, broken


def _add(line: re.Match[str], vote: _Vote) -> None:
    """Emotions and attributes have a line each, and a comment each."""
    _, *said, comment = line.groups(default="")
    if line.re is _ATTRIBUTES:
        vote.dimensions = said
    else:
        names = (name.strip().lower().removesuffix(" state") for name in said[0].split(";"))  # "Neutral state"
        vote.emotions += [name for name in names if name]
    vote.comments += [comment.strip()] if comment.strip() else []


def _transcript(path: Path) -> dict[str, _Spoken]:
    """utt_id -> what was said. Lines of another form are stray remarks."""
    lines = (_SPOKEN.fullmatch(line) for line in _lines(path))
    return {line[1]: _Spoken(float(line[2]), float(line[3]), line[4].strip()) for line in lines if line}


def _lines(path: Path) -> list[str]:
    """Line ends of any system; bytes that are no text as escapes."""
    return path.read_text(encoding="utf-8", errors="backslashreplace").split("\n")


# --- utterances


def _usable(listed: Sequence[_Labels], present: set[str]) -> tuple[list[_Labels], list[Reject]]:
    twins: dict[str, list[_Labels]] = {}
    for labels in listed:
        twins.setdefault(labels.sound, []).append(labels)
    kept: list[_Labels] = []
    rejects: list[Reject] = []
    for labels in listed:
        reason = _refusal(labels, twins[labels.sound], present)
        if reason is None:
            kept.append(labels)
        else:
            rejects.append(Reject(str(labels.file), f"line {labels.line}: {labels.utt_id}: {reason}"))
    return kept, rejects


def _refusal(labels: _Labels, twins: Sequence[_Labels], present: set[str]) -> str | None:
    """Why an utterance cannot be used; `twins` are the lines of its file with its name, itself among them."""
    name = _NAME.fullmatch(labels.utt_id)
    if name is None:
        return "the name is not of the form Ses01F_impro01_F000"
    if name[1] != labels.file.stem:
        return f"belongs to dialogue {name[1]}; {_COPY_AGAIN}"
    if labels.code not in EMOTIONS:
        nearest = difflib.get_close_matches(labels.code, EMOTIONS, n=1, cutoff=0)[0]
        return f"unknown label {labels.code!r}, the nearest is {nearest!r}; known are {', '.join(EMOTIONS)}"
    if any((twin.code, twin.dimensions) != (labels.code, labels.dimensions) for twin in twins):
        return f"listed with different labels in lines {', '.join(str(twin.line) for twin in twins)}; {_COPY_AGAIN}"
    if labels is not twins[0]:
        return f"listed in line {twins[0].line} already, with the same labels"
    if labels.sound not in present:
        return f"has labels but no sound, {labels.sound} is missing; {_COPY_AGAIN}"
    return None


def _without_labels(sounds: set[str]) -> Iterator[Reject]:
    for sound in sorted(sounds, key=c_order):
        path = PurePosixPath(sound)
        labels = f"dialog/EmoEvaluation/{path.parent.name}.txt"
        if _UNLABELLED.fullmatch(path.stem):
            yield Reject(sound, "the corpus has no labels for it")
        elif _NAME.fullmatch(path.stem):
            yield Reject(sound, f"has sound but no labels in {labels}; copy that file again")
        else:
            yield Reject(sound, "the name is not of the form Ses01F_impro01_F000.wav")


def _utterance(labels: _Labels, spoken: _Spoken | None) -> Utterance:
    session, letter = labels.utt_id[:5], labels.utt_id[-4]
    valence, arousal, dominance = labels.dimensions
    of_votes = zip(DIMENSIONS, labels.means_of_votes, strict=True)
    return Utterance(
        utt_id=labels.utt_id,
        path=labels.sound,
        speaker=f"{session}{letter}",  # the letter of the last part: the first is that of the markers
        session=session,
        gender="female" if letter == "F" else "male",
        style="improvised" if "_impro" in labels.utt_id else "scripted",
        emotion=EMOTIONS[labels.code],
        emotion_code=labels.code,
        valence=valence,
        arousal=arousal,
        dominance=dominance,
        text=spoken.text if spoken else "",
        extra={
            "dialogue": labels.file.stem,
            "start_in_dialogue": f"{labels.start:.4f}",
            "end_in_dialogue": f"{labels.end:.4f}",
            **{f"{name}_of_votes": mean for name, mean in of_votes},
        },
    )


def _ratings(labels: _Labels) -> Iterator[list[str]]:
    for rater, vote in labels.votes.items():
        kind = "external" if rater.startswith("E") else "self"
        yield [labels.utt_id, rater, kind, "+".join(vote.emotions), *vote.dimensions, " / ".join(vote.comments)]


def _out_of_range(kept: Sequence[_Labels]) -> Iterator[str]:
    for labels in kept:
        for name, value, mean in zip(DIMENSIONS, labels.dimensions, labels.means_of_votes, strict=True):
            if not LOWEST <= value <= HIGHEST:
                votes = f"the raters' own votes have a mean of {mean}" if mean else "no rater's vote is there"
                yield f"{labels.utt_id}: {name} is {value:g}, outside {LOWEST:g} to {HIGHEST:g}; kept, {votes}"


def _without_text(kept: Sequence[_Labels], spoken: Mapping[str, _Spoken]) -> Iterator[str]:
    silent = [labels for labels in kept if labels.utt_id not in spoken]
    if silent:
        yield f"{len(silent)} utterances have no line in dialog/transcriptions, the first is {silent[0].utt_id}; kept without text"
