"""IEMOCAP, the interactive emotional dyadic motion capture database: improvised and scripted dialogues in English.

Size: 10 039 utterances, 12.4 h
Speakers: 10 (5 women, 5 men), a pair in each of five sessions
Labels: anger 1103, happiness 595, excited 1041, sadness 1084, neutral 1708, frustration 1849, surprise 107, fear 40, other 3,
    disgust 2, no agreement 2507 (`xxx`: not labelled here); valence, arousal, dominance from 1 to 5
Rate: 16 kHz mono
Licence: of the University of Southern California, for research
Source: https://sail.usc.edu/iemocap/

Valence, arousal (the corpus says activation) and dominance are means of the external raters' votes; seven labels lie outside
their scale; the `…_of_votes` columns have the means of the votes. Every vote is in `ratings.tsv`; kind `self` are the actors' own votes,
which count for no label.
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

from ..data.utterances import DIMENSIONS, SCALE, Count, Rating, Reject, Scan, Utterance
from ..errors import SercliError
from ..text import c_order
from .base import files_below, nothing_usable

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
SYNTHETIC = "SYNTHETIC.txt"  # in the sessions of a synthetic corpus in the form of IEMOCAP

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

# The makers' counts: sessions 1 to 5, and all together.
COUNTS_BY_SESSION: Mapping[str, tuple[int, ...]] = {
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
OTHER_COUNTS: Mapping[str, int] = {
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
    """The vote of one rater on one utterance."""

    emotions: list[str] = field(default_factory=list)
    dimensions: list[str] = field(default_factory=lambda: [""] * len(DIMENSIONS))
    comments: list[str] = field(default_factory=list)


@dataclass
class _Turn:
    """One utterance in an evaluation file, with the place where it is listed."""

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
        """Path of its sound, relative to the corpus."""
        return str(self.file.parents[2] / "sentences" / "wav" / self.file.stem / f"{self.utt_id}.wav")

    @property
    def means_of_votes(self) -> list[str]:
        """The mean over the external raters for each dimension; missing values do not count."""
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
    """True also for a folder inside the release, so that `scan` can name the right one, unless it has a table."""
    table = any(entry.suffix.lower() in (".csv", ".tsv") for entry in _entries(folder))
    return bool(_sessions(folder)) or (not table and bool(_inside(folder)))


def scan(folder: Path) -> Scan:
    """Every utterance with labels and sound. Raises SercliError if there is no session or no such utterance."""
    sessions = _sessions(folder)
    if not sessions:
        seen = _inside(folder) or "no folder Session1 to Session5"
        release = _release_above(folder) or "IEMOCAP_full_release, or a folder with some of its sessions"
        raise SercliError("not a release of IEMOCAP", place=folder, seen=seen, fix=f"give {release}")
    present: set[str] = set()
    turns: list[_Turn] = []
    rejects: list[Reject] = []
    spoken: dict[str, _Spoken] = {}
    for session in sessions:
        present |= {path.relative_to(folder).as_posix() for path in files_below(session / "sentences" / "wav")}
        for path in _texts(session / "dialog" / "EmoEvaluation"):
            dialogue, broken = _evaluation(path, PurePosixPath(path.relative_to(folder)))
            turns += dialogue
            rejects += broken
        for path in _texts(session / "dialog" / "transcriptions"):
            spoken |= _transcript(path)
    usable, refused = _usable(turns, present)
    rejects += [*refused, *_without_labels(present - {turn.sound for turn in turns})]
    if not usable:
        raise nothing_usable(folder, rejects)
    times = {turn.utt_id: spoken.get(turn.utt_id, turn) for turn in usable}
    return Scan(
        [_utterance(turn, spoken.get(turn.utt_id)) for turn in usable],
        rejects,
        warnings=[*_out_of_range(usable), *_without_text(usable, spoken)],
        durations={utt_id: line.end - line.start for utt_id, line in times.items()},
        ratings=[rating for turn in usable for rating in _ratings(turn)],
        synthetic=any((session / SYNTHETIC).exists() for session in sessions),
    )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """The makers' table, cell by cell, beside the counts of these utterances."""
    cells = [(utterance.session, cell) for utterance in utterances for cell in _cells(utterance)]
    in_session, in_all = Counter(cells), Counter(cell for _, cell in cells)
    of_sessions = [
        Count(f"session {number}", cell, in_session[f"Ses0{number}", cell], expected[number - 1])
        for number in range(1, 6)
        for cell, expected in COUNTS_BY_SESSION.items()
    ]
    totals = {cell: expected[-1] for cell, expected in COUNTS_BY_SESSION.items()}
    totals |= OTHER_COUNTS
    for name, numbers in COUNTS_IN_BINS.items():
        totals |= {f"{name} {text}": expected for text, expected in zip(BINS, numbers, strict=True)}
    return [*of_sessions, *(Count("", cell, in_all[cell], expected) for cell, expected in totals.items())]


def _cells(utterance: Utterance) -> Iterator[str]:
    """Names of the cells in which an utterance counts."""
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
    below = [sessions for entry in _entries(folder) if (sessions := _sessions_in(entry))]
    return _sessions_in(folder) or (below[0] if len(below) == 1 else [])


def _sessions_in(folder: Path) -> list[Path]:
    entries = [entry for entry in _entries(folder) if re.fullmatch("Session[1-5]", entry.name)]
    return [entry for entry in entries if (entry / "dialog").is_dir() or (entry / "sentences").is_dir()]


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, without junk; empty if it is not a folder."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(entry for entry in entries if not entry.name.startswith("."))


def _texts(folder: Path) -> list[Path]:
    """Text files directly in the folder; those in its sub-folders are something else."""
    return [entry for entry in _entries(folder) if entry.suffix == ".txt" and entry.is_file()]


def _inside(folder: Path) -> str:
    """The sign that a folder is part of a release: where it lies, or what it holds. Empty if there is none."""
    if folder.is_dir() and _release_above(folder):
        return "a folder inside a release"
    names = (entry.name for entry in _entries(folder) if _INSIDE.fullmatch(entry.stem))
    return next((f"a folder from inside a release, it holds {name}" for name in names), "")


def _release_above(folder: Path) -> Path | None:
    return next((parent for parent in folder.resolve().parents if _sessions_in(parent)), None)


# --- files


def _evaluation(path: Path, file: PurePosixPath) -> tuple[list[_Turn], list[Reject]]:
    """The turns of one dialogue, and a reject for each line that cannot be read."""
    if not re.fullmatch(_DIALOGUE, file.stem):
        return [], [Reject(str(file), "the name is not that of a dialogue, such as Ses01F_impro01.txt; remove it")]
    turns: list[_Turn] = []
    broken: list[Reject] = []
    votes: dict[str, _Vote] = {}
    for number, line in enumerate(_lines(path), start=1):
        if header := _HEADER.fullmatch(line):
            start, end, utt_id, code, *values = header.groups()
            votes = {}
            turns.append(_Turn(file, number, utt_id, float(start), float(end), code, list(map(float, values)), votes))
        elif vote := _CATEGORIES.fullmatch(line) or _ATTRIBUTES.fullmatch(line):
            _add(vote, votes.setdefault(vote[1], _Vote()))
        elif line.strip() and not line.startswith("%"):
            broken.append(Reject(str(file), f"line {number}: damaged or cut short: {line[:60]!r}; {_COPY_AGAIN}"))
            if line.startswith("["):
                votes = {}  # the votes that follow belong to no turn
    return turns, broken


def _add(line: re.Match[str], vote: _Vote) -> None:
    """Add a line to a vote: emotions, or attributes. Each has a comment of its own."""
    _, *values, comment = line.groups(default="")
    if line.re is _ATTRIBUTES:
        vote.dimensions = values
    else:
        names = (name.strip().lower().removesuffix(" state") for name in values[0].split(";"))  # "Neutral state"
        vote.emotions += [name for name in names if name]
    vote.comments += [comment.strip()] if comment.strip() else []


def _transcript(path: Path) -> dict[str, _Spoken]:
    """Lines by utt_id. Lines of another form are stray remarks."""
    lines = (_SPOKEN.fullmatch(line) for line in _lines(path))
    return {line[1]: _Spoken(float(line[2]), float(line[3]), line[4].strip()) for line in lines if line}


def _lines(path: Path) -> list[str]:
    """Lines with any line ends; bytes that are not text become escapes."""
    return path.read_text(encoding="utf-8", errors="backslashreplace").split("\n")


# --- utterances


def _usable(turns: Sequence[_Turn], present: set[str]) -> tuple[list[_Turn], list[Reject]]:
    twins: dict[str, list[_Turn]] = {}
    for turn in turns:
        twins.setdefault(turn.sound, []).append(turn)
    reasons = [(turn, _refusal(turn, twins[turn.sound], present)) for turn in turns]
    rejects = [Reject(str(t.file), f"line {t.line}: {t.utt_id}: {reason}") for t, reason in reasons if reason]
    return [turn for turn, reason in reasons if not reason], rejects


def _refusal(turn: _Turn, twins: Sequence[_Turn], present: set[str]) -> str:
    """The reason why a turn cannot be used, or empty; `twins` are all turns of its file with its name."""
    name = _NAME.fullmatch(turn.utt_id)
    if name is None:
        return "the name is not of the form Ses01F_impro01_F000"
    if name[1] != turn.file.stem:
        return f"belongs to dialogue {name[1]}; {_COPY_AGAIN}"
    if turn.code not in EMOTIONS:
        nearest = difflib.get_close_matches(turn.code, EMOTIONS, n=1, cutoff=0)[0]
        return f"unknown label {turn.code!r}, the nearest is {nearest!r}; valid are {', '.join(EMOTIONS)}"
    if any((twin.code, twin.dimensions) != (turn.code, turn.dimensions) for twin in twins):
        return f"listed with different labels in lines {', '.join(str(twin.line) for twin in twins)}; {_COPY_AGAIN}"
    if turn is not twins[0]:
        return f"listed in line {twins[0].line} already, with the same labels"
    if turn.sound not in present:
        return f"has labels but no sound, {turn.sound} is missing; {_COPY_AGAIN}"
    return ""


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


def _utterance(turn: _Turn, spoken: _Spoken | None) -> Utterance:
    session, letter = turn.utt_id[:5], turn.utt_id[-4]
    valence, arousal, dominance = turn.dimensions
    of_votes = zip(DIMENSIONS, turn.means_of_votes, strict=True)
    return Utterance(
        utt_id=turn.utt_id,
        path=turn.sound,
        speaker=f"{session}{letter}",  # the letter of the last part: the first is that of the markers
        session=session,
        gender="female" if letter == "F" else "male",
        style="improvised" if "_impro" in turn.utt_id else "scripted",
        emotion=EMOTIONS[turn.code],
        emotion_code=turn.code,
        valence=valence,
        arousal=arousal,
        dominance=dominance,
        text=spoken.text if spoken else "",
        extra={
            "dialogue": turn.file.stem,
            "start_in_dialogue": f"{turn.start:.4f}",
            "end_in_dialogue": f"{turn.end:.4f}",
            **{f"{name}_of_votes": mean for name, mean in of_votes},
        },
    )


def _ratings(turn: _Turn) -> Iterator[Rating]:
    for rater, vote in turn.votes.items():
        values = {name: float(value) for name, value in zip(DIMENSIONS, vote.dimensions, strict=True) if value}
        comment = {"comment": " / ".join(vote.comments)}
        yield Rating(turn.utt_id, rater, tuple(vote.emotions), values, not rater.startswith("E"), comment)


def _out_of_range(turns: Sequence[_Turn]) -> Iterator[str]:
    for turn in turns:
        for name, value, mean in zip(DIMENSIONS, turn.dimensions, turn.means_of_votes, strict=True):
            if not SCALE[0] <= value <= SCALE[1]:
                votes = f"the raters' own votes have a mean of {mean}" if mean else "there are no votes"
                yield f"{turn.utt_id}: {name} is {value:g}, outside {SCALE[0]:g} to {SCALE[1]:g}; kept, {votes}"


def _without_text(turns: Sequence[_Turn], spoken: Mapping[str, _Spoken]) -> Iterator[str]:
    silent = [turn for turn in turns if turn.utt_id not in spoken]
    if silent:
        yield f"{len(silent)} utterances have no line in dialog/transcriptions, the first is {silent[0].utt_id}; kept without text"
