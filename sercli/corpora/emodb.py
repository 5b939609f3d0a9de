"""EMO-DB, the Berlin database of emotional speech: ten sentences acted in German.

Size: 535 recordings, 25 min
Speakers: 10 (5 women, 5 men)
Labels: anger 127, boredom 81, disgust 46, fear 69, happiness 71, neutral 79, sadness 62
Rate: 16 kHz mono
Licence: CC BY 4.0 (second edition, Zenodo)
Source: http://emodb.bilderbar.info

Names: `03a01Wa.wav` = speaker 03, text a01, emotion W, version a. The letters are those of the German words: W anger, L boredom,
E disgust, A fear, F happiness, T sadness, N neutral. Speaker 08 has no disgust.
Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A database of German emotional speech, Interspeech 2005.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {"wav/03a01Wa.wav": "03 anger", "wav/08b10Tb.wav": "08 sadness", "wav/16a02Lb.wav": "16 boredom"}
EMOTIONS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"}
COUNTS = {"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62}
GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "male") | dict.fromkeys(
    ("08", "09", "13", "14", "16"), "female"
)
NAME = r"(?P<id>(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<code>[A-Z])(?P<version>[a-z]?))"
FORM = "03a01Wa.wav (speaker, text, emotion, version)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender=look_up(match["speaker"], GENDERS, "speaker"),
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        extra={"sentence": match["text"], "version": match["version"]},
    )
