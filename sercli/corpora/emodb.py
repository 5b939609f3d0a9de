"""EMO-DB, the Berlin database of emotional speech.

535 recordings, 16 kHz mono, 25 min; 10 speakers (5 women, 5 men) acting 10 German sentences in 7 emotions.
Names: `03a01Wa.wav` = speaker 03, text a01, emotion W, version a. W anger 127, L boredom 81, E disgust 46, A fear 69,
F happiness 71, T sadness 62, N neutral 79. Speaker 08 has no disgust.
Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A database of German emotional speech, Interspeech 2005. Published by its
makers for research; the second edition (Zenodo) is CC BY 4.0.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..errors import SercliError
from ..manifest import Count, Reject, Scan, Utterance, printable
from . import sound_files

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
COUNTS = {"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62}
MEN, WOMEN = ("03", "10", "11", "12", "15"), ("08", "09", "13", "14", "16")
_NAME = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<code>[A-Z])(?P<version>[a-z]?)")


def recognises(folder: Path) -> bool:
    return any(_NAME.fullmatch(path.stem) for path in sound_files(folder))


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder. Raises SercliError if none is named as EMO-DB names them."""
    utterances: list[Utterance] = []
    rejects: list[Reject] = []
    for path in sound_files(folder):
        relative = path.relative_to(folder).as_posix()
        name = _NAME.fullmatch(path.stem)
        if name is None:
            rejects.append(
                Reject(relative, "the name is not of the form 03a01Wa.wav (speaker, text, emotion, version)")
            )
        elif name["code"] not in EMOTIONS:
            known = ", ".join(f"{code} {emotion}" for code, emotion in EMOTIONS.items())
            rejects.append(Reject(relative, f"unknown emotion code {name['code']!r}; known are {known}"))
        elif name["speaker"] not in MEN + WOMEN:
            rejects.append(
                Reject(relative, f"unknown speaker {name['speaker']!r}; known are {', '.join(sorted(MEN + WOMEN))}")
            )
        else:
            gender = "male" if name["speaker"] in MEN else "female"
            emotion = EMOTIONS[name["code"]]
            utterances.append(
                Utterance(
                    utt_id=path.stem,
                    path=relative,
                    speaker=name["speaker"],
                    gender=gender,
                    style="acted",
                    emotion=emotion,
                    emotion_code=name["code"],
                    extra={"sentence": name["text"], "version": name["version"]},
                )
            )
    if not utterances:
        seen = f", such as {printable(rejects[0].path)}" if rejects else ""
        raise SercliError(
            f"{folder}: no EMO-DB recordings (03a01Wa.wav); {len(rejects)} other .wav files{seen}; choose another --corpus or folder"
        )
    return Scan(utterances, rejects)


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many recordings there are of each emotion."""
    found = Counter(utterance.emotion for utterance in utterances)
    return [Count("", emotion, found[emotion], expected) for emotion, expected in COUNTS.items()]
