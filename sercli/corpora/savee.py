"""SAVEE, the Surrey audio-visual expressed emotion database: 120 sentences acted in British English by each of four men.

Size: 480 recordings
Speakers: 4 (all men)
Labels: neutral 120; anger, disgust, fear, happiness, sadness, surprise 60 each
Rate: 44.1 kHz mono
Licence: for research, after registration
Source: http://kahlan.eps.surrey.ac.uk/savee/

Names: `DC/a01.wav`, or in one folder `DC_a01.wav` = speaker DC, emotion a, sentence 01 of that emotion; sa is sadness, su surprise.
Jackson, Haq: Surrey Audio-Visual Expressed Emotion (SAVEE) database, University of Surrey, 2014; Haq, Jackson: Speaker-dependent
audio-visual emotion recognition, AVSP 2009.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "AudioData/DC/a01.wav": "DC anger",
    "AudioData/DC/sa01.wav": "DC sadness",
    "AudioData/KL/su15.wav": "KL surprise",
}
EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
COUNTS = {emotion: 120 if emotion == "neutral" else 60 for emotion in EMOTIONS.values()}
NAME = r"(?P<speaker>DC|JE|JK|KL)[/_](?P<sentence>(?P<code>[a-z]{1,2})\d\d)"
FORM = "DC/a01.wav or DC_a01.wav (speaker DC, JE, JK or KL, emotion, sentence)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=f"{match['speaker']}_{match['sentence']}",
        path=path,
        speaker=match["speaker"],
        gender="male",
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        extra={"sentence": match["sentence"]},
    )
