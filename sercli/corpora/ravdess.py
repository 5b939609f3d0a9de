"""RAVDESS, the Ryerson audio-visual database of emotional speech and song: two sentences acted in North American English.

Size: 1440 recordings of speech
Speakers: 24 (12 women, 12 men)
Labels: neutral 96; calm, happiness, sadness, anger, fear, disgust, surprise 192 each
Rate: 48 kHz mono (5 of them stereo)
Licence: CC BY-NC-SA 4.0
Source: https://zenodo.org/records/1188976

Names: `03-01-06-01-02-01-12.wav` = modality 03 (sound alone), channel 01 (speech), emotion 06, intensity 01 (normal; 02 strong, which
neutral lacks), statement 02, repetition 01, actor 12; women have even numbers. Songs and the sound of videos are skipped.
Some copies hold a second one in `audio_speech_actors_01-24/`: give that folder, or else half of the files are skipped as copies.
Livingstone, Russo: The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), PLoS ONE 13(5), 2018.
"""

import re

from ..data.emotions import look_up
from ..data.utterances import Utterance

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "Actor_01/03-01-02-01-01-01-01.wav": "01 calm",
    "Actor_12/03-01-06-01-02-01-12.wav": "12 fear",
    "Actor_12/03-01-08-02-02-02-12.wav": "12 surprise",
}
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
COUNTS = {emotion: 96 if emotion == "neutral" else 192 for emotion in EMOTIONS.values()}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
_SOUND_ALONE, _SPEECH = "03", "01"
NAME = (
    r"(?P<id>(?P<modality>\d\d)-(?P<channel>\d\d)-(?P<code>\d\d)-(?P<intensity>\d\d)-(?P<statement>\d\d)"
    r"-(?P<repetition>\d\d)-(?P<speaker>0[1-9]|1\d|2[0-4]))"
)
FORM = "03-01-06-01-02-01-12.wav (the last number an actor's, 01 to 24)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    if match["modality"] != _SOUND_ALONE:
        raise ValueError(f"modality {match['modality']}, a video's; wanted {_SOUND_ALONE}, sound alone")
    if match["channel"] != _SPEECH:
        raise ValueError(f"vocal channel {match['channel']}, song; wanted {_SPEECH}, speech")
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender="male" if int(match["speaker"]) % 2 else "female",
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        text=look_up(match["statement"], STATEMENTS, "statement"),
        extra={
            "intensity": look_up(match["intensity"], INTENSITIES, "intensity"),
            "sentence": match["statement"],
            "repetition": match["repetition"],
        },
    )
