"""TESS, the Toronto emotional speech set: 200 words, each after `Say the word`, acted in English by two women.

Size: 2800 recordings
Speakers: 2 (OAF, a woman of 64; YAF, a woman of 26)
Labels: anger, disgust, fear, happiness, neutral, sadness, surprise (pleasant: `ps`) 400 each
Rate: 24.414 kHz mono (OAF_food_fear at 96 kHz)
Licence: CC BY-NC-ND 4.0
Source: https://doi.org/10.5683/SP2/E8H2MF

Two speakers are too few for training, dev and test, so the default task is random-10-fold, which is SPEAKER-DEPENDENT: every score
has that mark.
Names: `OAF_back_angry.wav` = speaker, word, emotion, in folders of any name; `OA_bite_neutral.wav` is one of OAF. Some copies
hold everything twice: give one of the two folders, or else half of the files are skipped as copies.
Pichora-Fuller, Dupuis: Toronto emotional speech set (TESS), Scholars Portal Dataverse, 2020.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "random-10-fold"}
EXAMPLE = {
    "OAF_angry/OAF_back_angry.wav": "OAF anger",
    "OAF_neutral/OA_bite_neutral.wav": "OAF neutral",
    "YAF_pleasant_surprised/YAF_food_ps.wav": "YAF surprise",
}
EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
COUNTS = dict.fromkeys(EMOTIONS.values(), 400)
AGES = {"OAF": "64", "YAF": "26"}
NAME = r"(?P<speaker>OA|YA)F?_(?P<word>[A-Za-z]+)_(?P<code>[A-Za-z]+)"
FORM = "OAF_back_angry.wav (speaker OAF or YAF, word, emotion)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    speaker = f"{match['speaker']}F"
    return Utterance(
        utt_id=f"{speaker}_{match['word']}_{match['code']}",
        path=path,
        speaker=speaker,
        gender="female",
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        text=f"Say the word {match['word']}",
        extra={"sentence": match["word"].lower(), "age": AGES[speaker]},
    )
