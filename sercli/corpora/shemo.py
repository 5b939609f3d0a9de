"""ShEMO, the Sharif emotional speech database: semi-natural Persian speech from radio plays.

Size: 3000 recordings, 3 h 25 min
Speakers: 87 (31 women, 56 men)
Labels: anger, fear, happiness, neutral, sadness, surprise; in a listing of 2838: 1034, 29, 198, 1018, 360, 199
Rate: 44.1 kHz (121 at 22.05 kHz)
Licence: free for academic use; its Hugging Face card says Apache 2.0
Source: https://github.com/pariajm/sharif-emotional-speech-dataset

Names: `female/F03S02.wav` = woman 03, sadness, 02; the first letter is F or M for the speaker, the second A anger, F fear, H happiness,
N neutral, S sadness, W surprise. The listing of 2838 has the recordings with a transcript of the same name. Yazdani
(https://github.com/aliyzd95/modified_shemo) says that the names of 163 recordings have the wrong emotion; here the name counts.
Fear is rare: --classes can define a task without it.
Mohamad Nezami, Jamshid Lou, Karami: ShEMO: a large-scale validated database for Persian speech emotion detection, Language
Resources and Evaluation 53(1), 2019.
"""

import re
from collections.abc import Sequence

from ..data.emotions import look_up
from ..data.utterances import Count, Utterance

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
EXAMPLE = {"female/F03S02.wav": "F03 sadness", "female/F02F01.wav": "F02 fear", "male/M01A01.wav": "M01 anger"}
EMOTIONS = {"A": "anger", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness", "W": "surprise"}
GENDERS = {"F": "female", "M": "male"}
RECORDINGS, SPEAKERS = 3000, {"female": 31, "male": 56}
NAME = r"(?P<id>(?P<speaker>(?P<gender>[FM])\d\d)(?P<code>[A-Z])\d\d)"
FORM = "F03S02.wav (sex and number of the speaker, emotion, number)"


def utterance(match: re.Match[str], path: str) -> Utterance:
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender=GENDERS[match["gender"]],
        style="semi-natural",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
    )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many recordings there are, and how many women and men."""
    present = {gender: len({u.speaker for u in utterances if u.gender == gender}) for gender in SPEAKERS}
    people = [Count("", f"{gender} speakers", present[gender], number) for gender, number in SPEAKERS.items()]
    return [Count("", "recordings", len(utterances), RECORDINGS), *people]
