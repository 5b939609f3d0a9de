"""MSP-IMPROV: pairs of actors improvise around target sentences, read them, and talk in between, in English.

Size: 8438 turns
Speakers: 12 (6 women, 6 men), a pair in each of six sessions
Labels: anger 792, happiness 2644, sadness 885, neutral 3477, other 85, no agreement 555 (`X`: not labelled here);
    valence, arousal, dominance from 1 to 5
Rate: recorded at 48 kHz
Licence: of the University of Texas at Dallas, academic or commercial
Source: https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html

Names: `session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav` = sentence S01, the emotion that its scenario aims at (A, H, S, N: column
`target`), the woman of session 1, scenario (P natural: between the recordings; R the target sentence read; S improvised; T the
target sentence, improvised; only R and T fill the column `sentence`), turn. The label is that of the raters, in
`Evaluation.txt` (`Evalution.txt` in some copies), which calls the turn `UTD-IMPROV-S01A-F01-P-FM01.avi`. Every vote is in
`ratings.tsv`.
The default task leaves a session out, so that neither of its speakers is in training. Arousal (the corpus says activation) is kept
as written; if anger has less of it than sadness, `ingest` warns that the scale seems to be reversed.
Busso, Parthasarathy, Burmania, AbdelWahab, Sadoughi, Mower Provost: MSP-IMPROV: an acted corpus of dyadic interactions to study
emotion perception, IEEE Transactions on Affective Computing 8, 2017.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from ..data.emotions import look_up
from ..data.utterances import DIMENSIONS, Count, Rating, Reject, Scan, Utterance
from ..errors import SercliError
from .base import find_table, scan_names, without_sound

TASK = {
    "target": "emotion",
    "classes": ["neutral", "happiness", "sadness", "anger"],
    "protocol": "leave-one-session-out",
}
EXAMPLE = {
    "Evalution.txt": """UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.666667; V:3.000000; D:NaN ; N:4.000000;
20131008231240_a-p1; Neutral; Neutral,Concerned; A:3.000000; V:3.000000; D:NaN; N:4.000000;

UTD-IMPROV-S13N-M02-T-MF02.avi; H; A:3.333333; V:4.200000; D:3.000000 ; N:3.666667;
20131008231240_a-p2; Happy; Happy; A:3.000000; V:4.000000; D:3.000000; N:4.000000;

""",
    "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav": "F01 neutral",
    "session2/S13N/T/MSP-IMPROV-S13N-M02-T-MF02.wav": "M02 happiness",
}
EMOTIONS = {"A": "anger", "H": "happiness", "S": "sadness", "N": "neutral", "O": "other", "X": ""}  # X: no agreement
STYLES = {"P": "natural", "R": "read", "S": "improvised", "T": "target-improvised"}
COUNTS_BY_STYLE = {  # table 4 of the paper; columns in the order of EMOTIONS
    "natural": (38, 1372, 66, 1164, 11, 134),
    "read": (169, 88, 80, 241, 3, 39),
    "improvised": (470, 1048, 633, 1789, 70, 371),
    "target-improvised": (115, 136, 106, 283, 1, 11),
}
TABLES = ("Evaluation.txt", "Evalution.txt")

_TARGET_SPOKEN = ("R", "T")  # the other scenarios lead up to the target sentence, or away from it
_TURN = (
    r"S(?P<sentence>\d\d)(?P<target>[A-Z])-(?P<speaker>[FM](?P<session>\d\d))-(?P<scenario>[A-Z])-(?P<turn>[FM]{2}\d\d)"
)
NAME = rf"(?P<id>MSP-IMPROV-{_TURN})"
FORM = "MSP-IMPROV-S01A-F01-P-FM01.wav (sentence and target, speaker, scenario, turn)"
_NUMBER = r"(\d+(?:\.\d+)?|NaN)"
_VALUES = rf"A:{_NUMBER} ?; *V:{_NUMBER} ?; *D:{_NUMBER} ?; *N:{_NUMBER} ?;?\s*"  # activation, valence, dominance, naturalness
_HEADER = re.compile(rf"UTD-IMPROV-([\w-]+)\.avi; *(\w); *{_VALUES}", re.ASCII)
_VOTE = re.compile(rf"([\w-]+); *([^;]*); *(.*); *{_VALUES}", re.ASCII)


@dataclass
class _Labels:
    """One turn in the table: its name, the label, the means, and the votes."""

    utt_id: str
    code: str
    means: dict[str, str]
    votes: list[Rating] = field(default_factory=list)


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder that the table labels. Raises SercliError if the table is missing."""
    table = find_table(folder, *TABLES, levels=3)
    if table is None:
        fix = "copy it from the release, or choose another --corpus or folder"
        raise SercliError(f"no {TABLES[0]}, which holds the labels", place=folder, fix=fix)
    labels, broken = _evaluation(table)
    by_name = scan_names(folder, NAME, FORM, lambda match, path: _utterance(match, path, labels))
    whole = labels if table.is_relative_to(folder) else {}  # not if only one session was given
    return replace(
        by_name,
        rejects=[*by_name.rejects, *broken, *without_sound(whole, by_name, TABLES[0])],
        warnings=list(_reversed_scale(by_name.utterances)),
        ratings=[rating for u in by_name.utterances for rating in labels[u.utt_id].votes],
    )


def _evaluation(path: Path) -> tuple[dict[str, _Labels], list[Reject]]:
    """Labels by utt_id, and a reject for each line that cannot be read."""
    labels: dict[str, _Labels] = {}
    broken: list[Reject] = []
    last: _Labels | None = None  # of the turn that the next votes belong to
    for number, line in enumerate(
        path.read_text(encoding="utf-8-sig", errors="backslashreplace").splitlines(), start=1
    ):
        if header := _HEADER.fullmatch(line):
            utt_id, code, *values = header.groups()
            last = _Labels(f"MSP-IMPROV-{utt_id}", code, _named(values))
            if labels.setdefault(last.utt_id, last) is not last:
                broken.append(Reject(path.name, f"line {number}: {utt_id} is listed already"))
        elif last and (vote := _VOTE.fullmatch(line)):
            last.votes.append(_rating(last.utt_id, *vote.groups()))
        elif line.strip():
            broken.append(Reject(path.name, f"line {number}: damaged or cut short: {line[:60]!r}; copy it again"))
            last = None if line.startswith("UTD-") else last
    return labels, broken


def _rating(utt_id: str, rater: str, emotion: str, all_emotions: str, *values: str) -> Rating:
    """The vote is the one emotion that the rater chose for the turn; all that were heard in it are kept beside it."""
    named = _named(values)
    extra = {"all_emotions": all_emotions, "naturalness": named.pop("naturalness")}
    numbers = {name: float(value) for name, value in named.items() if value}
    return Rating(utt_id, rater, (emotion,), numbers, extra=extra)


def _named(values: Sequence[str]) -> dict[str, str]:
    """Values by name. The order in the table is activation, valence, dominance, naturalness; NaN is a missing value."""
    activation, valence, dominance, naturalness = ("" if value == "NaN" else value for value in values)
    return {"valence": valence, "arousal": activation, "dominance": dominance, "naturalness": naturalness}


def _utterance(match: re.Match[str], path: str, labels: Mapping[str, _Labels]) -> Utterance:
    style, target = look_up(match["scenario"], STYLES, "scenario"), look_up(match["target"], EMOTIONS, "target")
    turn = labels.get(match["id"])
    if turn is None:
        raise ValueError(f"has sound but no line in {TABLES[0]}; copy that file again")
    numbers = {key: float(turn.means[key]) if turn.means[key] else None for key in DIMENSIONS}
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        session=f"session{int(match['session'])}",
        gender="female" if match["speaker"][0] == "F" else "male",
        style=style,
        emotion=look_up(turn.code, EMOTIONS),
        emotion_code=turn.code,
        valence=numbers["valence"],
        arousal=numbers["arousal"],
        dominance=numbers["dominance"],
        extra={
            "sentence": match["sentence"] if match["scenario"] in _TARGET_SPOKEN else "",
            "target": target,
            "turn": match["turn"],
            "naturalness": turn.means["naturalness"],
        },
    )


def _reversed_scale(utterances: Sequence[Utterance]) -> Iterator[str]:
    values = {
        name: [u.arousal for u in utterances if u.emotion == name and u.arousal is not None]
        for name in ("anger", "sadness")
    }
    if all(values.values()) and (anger := fmean(values["anger"])) < (sadness := fmean(values["sadness"])):
        yield (
            f"arousal of anger is {anger:.2f} on average, that of sadness {sadness:.2f}: activation seems to be written "
            "from 1 (active) to 5 (calm); kept as it is"
        )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many turns there are of each emotion in each scenario."""
    cells = Counter((utterance.style, utterance.emotion) for utterance in utterances)
    return [
        Count("", f"{style}, {emotion or 'no agreement'}", cells[style, emotion], expected)
        for style, row in COUNTS_BY_STYLE.items()
        for emotion, expected in zip(EMOTIONS.values(), row, strict=True)
    ]
