"""CREMA-D, the crowd-sourced emotional multimodal actors dataset: twelve sentences acted in English.

Size: 7442 recordings
Speakers: 91 (43 women, 48 men)
Labels: anger, disgust, fear, happiness, sadness 1271 each, neutral 1087
Rate: 16 kHz mono
Licence: Open Database License, contents under the Database Contents License
Source: https://github.com/CheyneyComputerScience/CREMA-D

Names: `1001_DFA_ANG_XX.wav` = actor 1001, sentence DFA, emotion ANG (what was acted, not what listeners heard), level XX (LO low, MD
medium, HI high, XX unspecified; `1040_ITH_SAD_X` lacks a letter). The sound is in `AudioWAV`; sex, age, race and ethnicity
are from `VideoDemographics.csv`, in the folder given or beside it; listeners' votes on the sound alone from `finishedResponses.csv`,
which has one row per vote (`processedResults/tabulatedVotes.csv` has only their numbers). The sound files are kept with Git LFS: without
`git lfs pull` they are stubs, which are skipped. `featurize` skips 1076_MTI_SAD_XX, which is silent.
Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions
on Affective Computing 5(4), 2014.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..data.emotions import look_up
from ..data.utterances import Rating, Reject, Scan, Utterance
from ..formats import csv_files
from .base import find_table, scan_names

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
PEOPLE, VOTES = "VideoDemographics.csv", "finishedResponses.csv"
EXAMPLE = {
    PEOPLE: "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1040,42,Female,Caucasian,Not Hispanic\n",
    "finishedResponses.csv": "localid,queryType,clipName,respEmo,respLevel\n"
    "1,1,1001_DFA_ANG_XX,A,80\n2,1,1001_DFA_ANG_XX,D,35\n1,2,1001_DFA_ANG_XX,A,90\n1,1,1001_IEO_HAP_HI,H,66\n",
    "AudioWAV/1001_DFA_ANG_XX.wav": "1001 anger",
    "AudioWAV/1001_IEO_HAP_HI.wav": "1001 happiness",
    "AudioWAV/1040_ITH_SAD_X.wav": "1040 sadness",
}
EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
COUNTS = {emotion: 1087 if emotion == "neutral" else 1271 for emotion in EMOTIONS.values()}
RESPONSES = {"A": "anger", "D": "disgust", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness"}
VOICE = "1"  # what a listener was given: the voice, the face (2), or both (3)
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
NAME = r"(?P<id>(?P<speaker>10\d\d)_(?P<sentence>[A-Z]{3})_(?P<code>[A-Z]{3})_(?P<level>[A-Z]{1,2}))"
FORM = "1001_DFA_ANG_XX.wav (actor, sentence, emotion, level)"


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder, with what the tables say about its actor, and what listeners heard in it."""
    table = find_table(folder, PEOPLE)
    rows = csv_files.read_rows(table, ("actorid", "age", "sex", "race", "ethnicity")) if table else []
    people = {row.cells["actorid"]: row.cells for row in rows if not row.problem}
    by_name = scan_names(folder, NAME, FORM, lambda match, path: _utterance(match, path, people))
    unknown = sorted({utterance.speaker for utterance in by_name.utterances if not utterance.gender})
    reason = f"{PEOPLE} does not say" if people else f"no {PEOPLE} in the folder or beside it, which says"
    warnings = [f"{reason} whether {unknown[0]} is female or male ({len(unknown)} such actors)"] if unknown else []
    votes, problems = _votes(folder)
    utt_ids = {utterance.utt_id for utterance in by_name.utterances}
    ratings = [rating for rating in votes if rating.utt_id in utt_ids]
    return replace(by_name, rejects=[*by_name.rejects, *problems], warnings=warnings, ratings=ratings)


def _votes(folder: Path) -> tuple[list[Rating], list[Reject]]:
    """The votes on the voice, and a reject for each row that cannot be read."""
    table = find_table(folder, VOTES)
    votes: list[Rating] = []
    problems: list[Reject] = []
    for row in csv_files.read_rows(table, ("localid", "querytype", "clipname", "respemo")) if table else ():
        cells = row.cells
        if row.problem:
            problems.append(Reject(VOTES, f"line {row.line} {row.problem}"))
        elif cells["querytype"] == VOICE:
            emotion = RESPONSES.get(cells["respemo"], cells["respemo"])
            level = {"level": cells.get("resplevel", "")}
            votes.append(Rating(cells["clipname"], cells["localid"], (emotion,), extra=level))
    return votes, problems


def _utterance(match: re.Match[str], path: str, people: Mapping[str, Mapping[str, str]]) -> Utterance:
    person = people.get(match["speaker"], {})
    sex = person.get("sex", "").lower()
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        gender=sex if sex in ("female", "male") else "",
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        text=look_up(match["sentence"], SENTENCES, "sentence"),
        extra={
            "sentence": match["sentence"],
            "intensity": look_up(match["level"], LEVELS, "level"),
            **{column: person.get(column, "") for column in ("age", "race", "ethnicity")},
        },
    )
