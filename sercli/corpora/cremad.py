"""CREMA-D, the crowd-sourced emotional multimodal actors dataset: twelve sentences acted in English.

Size: 7442 recordings
Speakers: 91 (43 women, 48 men)
Labels: anger, disgust, fear, happiness, sadness 1271 each, neutral 1087
Rate: 16 kHz mono
Licence: Open Database License, contents under the Database Contents License
Source: https://github.com/CheyneyComputerScience/CREMA-D

Names: `1001_DFA_ANG_XX.wav` = actor 1001, sentence DFA, emotion ANG (what was acted, not what listeners heard), level XX (LO low, MD
medium, HI high, XX none asked for; `1040_ITH_SAD_X` lacks a letter). The sound is in `AudioWAV`; sex, age, race and ethnicity
are from `VideoDemographics.csv`, in the folder given or beside it. The sound files are kept with Git LFS: without
`git lfs pull` they are stubs, which are set aside. 1076_MTI_SAD_XX is silent, and set aside by `featurize`.
Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions
on Affective Computing 5(4), 2014.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..data.emotions import look_up
from ..data.utterances import Count, Scan, Utterance
from ..formats import csv_files
from .base import counts_of_emotions, files_below, names_fit, scan_names

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
PEOPLE = "VideoDemographics.csv"
EXAMPLE = {
    PEOPLE: "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1040,42,Female,Caucasian,Not Hispanic\n",
    "AudioWAV/1001_DFA_ANG_XX.wav": "1001 anger",
    "AudioWAV/1001_IEO_HAP_HI.wav": "1001 happiness",
    "AudioWAV/1040_ITH_SAD_X.wav": "1040 sadness",
}
EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
COUNTS = {emotion: 1087 if emotion == "neutral" else 1271 for emotion in EMOTIONS.values()}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
SENTENCES = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
_NAME = r"(?P<id>(?P<speaker>10\d\d)_(?P<sentence>[A-Z]{3})_(?P<code>[A-Z]{3})_(?P<level>[A-Z]{1,2}))"


def recognises(folder: Path) -> bool:
    return names_fit(folder, _NAME)


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder. Raises SercliError if none is named as CREMA-D names them, or for a table of other columns."""
    people = _people(folder)
    found = scan_names(
        folder,
        _NAME,
        "1001_DFA_ANG_XX.wav (actor, sentence, emotion, level)",
        lambda name, path: _utterance(name, path, people.get(name["speaker"], {})),
    )
    unknown = sorted({utterance.speaker for utterance in found.utterances if not utterance.gender})
    told = f"{PEOPLE} does not say" if people else f"no {PEOPLE} in the folder or beside it, which says"
    warnings = [f"{told} whether {unknown[0]} is female or male ({len(unknown)} such actors)"] if unknown else []
    return replace(found, warnings=warnings)


def _people(folder: Path) -> dict[str, dict[str, str]]:
    """What the corpus says of each actor: age, sex, race, ethnicity."""
    beside = folder.resolve().parent / PEOPLE
    tables = [path for path in (*files_below(folder, (".csv",)), beside) if path.name == PEOPLE and path.is_file()]
    rows = csv_files.read_rows(tables[0], ("actorid", "age", "sex", "race", "ethnicity")) if tables else []
    return {row.cells["actorid"]: row.cells for row in rows if not row.problem}


def _utterance(name: re.Match[str], path: str, person: Mapping[str, str]) -> Utterance:
    sex = person.get("sex", "").lower()
    return Utterance(
        utt_id=name["id"],
        path=path,
        speaker=name["speaker"],
        gender=sex if sex in ("female", "male") else "",
        style="acted",
        emotion=look_up(name["code"], EMOTIONS),
        emotion_code=name["code"],
        text=look_up(name["sentence"], SENTENCES, "sentence"),
        extra={
            "sentence": name["sentence"],
            "intensity": look_up(name["level"], LEVELS, "level"),
            **{column: person.get(column, "") for column in ("age", "race", "ethnicity")},
        },
    )


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many recordings there are of each emotion."""
    return counts_of_emotions(utterances, COUNTS)
