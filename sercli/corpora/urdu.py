"""URDU, a corpus of spontaneous emotional speech from Urdu talk shows.

Size: 400 recordings of 1 to 3 s
Speakers: 29 by the names of the files (11 women, 18 men); its description says 38
Labels: anger, happiness, neutral, sadness 100 each
Rate: 44.1 kHz mono
Licence: for research only
Source: https://github.com/siddiquelatif/URDU-Dataset

Labels and speakers are entangled: four men speak all anger, and one man 72 of the 100 neutral recordings, so a model may score by
recognising the speaker. 26 speakers have only one label, and nobody has all four: the default task tests a tenth of them at a time.
Names: `Angry/SM1_F19_A019.wav` = speaker SM1 (M man, F woman), file 19, emotion A, 19th of that emotion.
Latif, Qayyum, Usman, Qadir: Cross Lingual Speech Emotion Recognition: Urdu vs. Western Languages, FIT 2018.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
EXAMPLE = {
    "Angry/SM1_F19_A019.wav": "SM1 anger",
    "Neutral/SM5_F72_N0100.wav": "SM5 neutral",
    "Neutral/SF9_F1_N01.wav": "SF9 neutral",
}
EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
COUNTS = dict.fromkeys(EMOTIONS.values(), 100)
GENDERS = {"F": "female", "M": "male"}
NAME = r"(?P<id>(?P<speaker>S(?P<gender>[FM])\d{1,2})_(?P<file>F\d{1,3})_(?P<code>[A-Z])\d{1,4})"
FORM = "SM1_F19_A019.wav (speaker, file, emotion and number)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender=GENDERS[match["gender"]],
        style="spontaneous",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        extra={"file": match["file"]},
    )
