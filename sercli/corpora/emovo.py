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

from ..data.emotions import look_up
from ..data.utterances import Utterance

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
NAME = r"(?P<id>(?P<code>[a-z]{3})-(?P<speaker>(?P<gender>[fm])[1-3])-(?P<sentence>[bdln]\d))"
FORM = "gio-f2-b2.wav (emotion, speaker, sentence)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender=GENDERS[match["gender"]],
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        extra={"sentence": match["sentence"]},
    )
