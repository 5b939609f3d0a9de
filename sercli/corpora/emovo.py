"""EMOVO, an Italian emotional speech corpus: fourteen sentences acted in seven states by six actors.

Size: 588 recordings
Speakers: 6 (3 women, 3 men)
Labels: neutral, disgust, happiness, fear, anger, surprise, sadness 84 each
Rate: 48 kHz
Licence: CC BY-NC-SA 4.0, by a secondary source
Source: http://voice.fub.it/activities/corpora/emovo/index.html

Names: `f2/gio-f2-b2.wav` = emotion gio, woman 2, sentence b2. The codes are those of the Italian words: neu neutral, dis disgust,
gio happiness (joy), pau fear, rab anger, sor surprise, tri sadness. The sentences are b1 to b3, d1, d2, l1 to l4 and n1 to n5.
Costantini, Iaderola, Paoloni, Todisco: EMOVO Corpus: an Italian Emotional Speech Database, LREC 2014.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ..data.emotions import look_up
from ..data.utterances import Count, Scan, Utterance
from .base import counts_of_emotions, names_fit, scan_names

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {"f2/gio-f2-b2.wav": "f2 happiness", "f2/pau-f2-n5.wav": "f2 fear", "m3/tri-m3-l4.wav": "m3 sadness"}
EMOTIONS = {
    "neu": "neutral",
    "dis": "disgust",
    "gio": "happiness",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
COUNTS = dict.fromkeys(EMOTIONS.values(), 84)
GENDERS = {"f": "female", "m": "male"}
_NAME = r"(?P<id>(?P<code>[a-z]{3})-(?P<speaker>(?P<gender>[fm])[1-3])-(?P<sentence>[bdln]\d))"


def recognises(folder: Path) -> bool:
    return names_fit(folder, _NAME)


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder. Raises SercliError if none is named as EMOVO names them."""
    return scan_names(folder, _NAME, "gio-f2-b2.wav (emotion, speaker, sentence)", _utterance)


def _utterance(name: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=name["id"],
        path=path,
        speaker=name["speaker"],
        gender=GENDERS[name["gender"]],
        style="acted",
        emotion=look_up(name["code"], EMOTIONS),
        emotion_code=name["code"],
        extra={"sentence": name["sentence"]},
    )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many recordings there are of each emotion."""
    return counts_of_emotions(utterances, COUNTS)
