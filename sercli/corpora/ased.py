"""ASED, the Amharic speech emotion dataset: sentences in four dialects of Amharic, acted by volunteers.

Size: 2474 recordings of 2 to 4 s
Speakers: 65 (25 women, 40 men)
Labels: neutral 522, fear 510, happiness 486, sadness 470, anger 486
Rate: 16 kHz
Licence: none stated; the makers ask to be cited
Source: https://github.com/Ethio2021/ASED_V1

Names: `05Angry/a5-03-01-02-50.wav` = emotion and number of its folder, sentence 03, repetition 01, gender (01 woman, 02 man),
speaker 50. Five of the numbers serve a woman and a man, so that a speaker is gender and number, `M50`. One name of the release
begins with a capital, `S4-04-02-01-29`.
Retta, Almekhlafi, Sutcliffe, Mhamed, Ali, Feng: A new Amharic speech emotion dataset and classification benchmark, ACM
Transactions on Asian and Low-Resource Language Information Processing 22, 2023.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
EXAMPLE = {
    "01Neutral/n1-01-01-01-09.wav": "F09 neutral",
    "04Sad/s4-01-02-02-09.wav": "M09 sadness",
    "04Sad/S4-04-02-01-29.wav": "F29 sadness",
    "05Angry/a5-03-01-02-50.wav": "M50 anger",
}
EMOTIONS = {"n": "neutral", "f": "fear", "h": "happiness", "s": "sadness", "a": "anger"}
COUNTS = {"neutral": 522, "fear": 510, "happiness": 486, "sadness": 470, "anger": 486}
GENDERS = {"01": "female", "02": "male"}
NAME = r"(?P<code>[A-Za-z])\d-(?P<sentence>\d\d)-(?P<repetition>\d\d)-(?P<gender>\d\d)-(?P<number>\d\d)"
FORM = "a5-03-01-02-50.wav (emotion, sentence, repetition, gender, speaker)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    code, gender = match["code"].lower(), look_up(match["gender"], GENDERS, "gender")
    return Utterance(
        utt_id=match[0].rpartition("/")[2].lower(),
        path=path,
        speaker=f"{gender[0].upper()}{match['number']}",
        gender=gender,
        style="acted",
        emotion=look_up(code, EMOTIONS),
        emotion_code=code,
        extra={"sentence": match["sentence"], "repetition": match["repetition"]},
    )
