"""EmoTale: five sentences acted in Danish and in English by the same people.

Size: 800 recordings (450 Danish, 350 English)
Speakers: 18 (12 women, 6 men)
Labels: anger, boredom, happiness, neutral, sadness, 160 each; valence, arousal, dominance from 1 to 5
Rate: 48 kHz stereo
Licence: none stated
Source: https://github.com/snehadas/EmoTale

Names: `DK_004_A_5.wav` = language (DK, EN), speaker, emotion (A anger, B boredom, H happiness, N neutral, S sadness), sentence;
the emotion is the one that was enacted. `annotations.csv` has the votes of three raters: arousal, valence and dominance, in
steps of 0.5, and an emotion each. Every vote is in `ratings.tsv`; valence, arousal and dominance are the means.
Hjuler, Skat-Rørdam, Clemmensen, Das: EmoTale: an enacted speech-emotion dataset in Danish, ASRU 2025.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from ..data.emotions import look_up
from ..data.utterances import DIMENSIONS, Rating, Scan, Utterance
from ..formats import csv_files
from .base import find_table, scan_names, without_sound

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "annotations.csv": "file,a1_A,a1_V,a1_D,a1_cat,a2_A,a2_V,a2_D,a2_cat,a3_A,a3_V,a3_D,a3_cat,gt_emotion\n"
    "DK_001_A_1.wav,4.0,1.5,4.5,A,4.0,2.5,5.0,A,5.0,1.0,4.5,A,A\n"
    "EN_019_B_4.wav,2.0,1.5,1.5,B,1.5,2.5,2.5,B,2.0,2.0,2.0,S,B\n",
    "audio/DK_001_A_1.wav": "001 anger",
    "audio/EN_019_B_4.wav": "019 boredom",
}
EMOTIONS = {"A": "anger", "B": "boredom", "H": "happiness", "N": "neutral", "S": "sadness"}
LANGUAGES = {"DK": "Danish", "EN": "English"}
COUNTS = dict.fromkeys(EMOTIONS.values(), 160)
TABLE = "annotations.csv"
RATERS = ("a1", "a2", "a3")
COLUMNS = {"valence": "v", "arousal": "a", "dominance": "d"}
NAME = r"(?P<id>(?P<language>DK|EN)_(?P<speaker>\d{3})_(?P<code>[A-Z])_(?P<sentence>\d))"
FORM = "DK_004_A_5.wav (language, speaker, emotion, sentence)"

Votes = Mapping[str, Mapping[str, float | None]]  # rater -> dimension -> value


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder, with the votes of the raters, if their table is there."""
    table = find_table(folder, TABLE)
    needed = ("file", *(f"{rater}_{column}" for rater in RATERS for column in (*COLUMNS.values(), "cat")))
    rows = csv_files.read_rows(table, needed) if table else []
    row_of = {row.cells.get("file", "").removesuffix(".wav"): row for row in rows}
    by_name = scan_names(folder, NAME, FORM, lambda match, path: _utterance(match, path, row_of))
    rejects = [*by_name.rejects, *without_sound(row_of, by_name, TABLE)]
    ids = dict.fromkeys(utterance.utt_id for utterance in by_name.utterances if row_of)
    ratings = [rating for utt_id in ids for rating in _ratings(utt_id, row_of[utt_id].cells)]
    return replace(by_name, rejects=rejects, ratings=ratings)


def _utterance(match: re.Match[str], path: str, row_of: Mapping[str, csv_files.Row]) -> Utterance:
    row = row_of.get(match["id"])
    if row_of and (not row or row.problem):
        raise ValueError(f"line {row.line} of {TABLE} {row.problem}" if row else f"has no row in {TABLE}")
    if row and row.cells.get("gt_emotion", match["code"]) != match["code"]:
        raise ValueError(f"the name says {match['code']}, line {row.line} of {TABLE} {row.cells['gt_emotion']}")
    means = _means(_votes(row.cells)) if row else {}
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=match["speaker"],
        style="acted",
        emotion=look_up(match["code"], EMOTIONS),
        emotion_code=match["code"],
        valence=means.get("valence"),
        arousal=means.get("arousal"),
        dominance=means.get("dominance"),
        extra={"language": LANGUAGES[match["language"]], "sentence": f"{match['language']}{match['sentence']}"},
    )


def _votes(cells: Mapping[str, str]) -> Votes:
    """Raises ValueError with the reason for a cell that is not a number."""
    return {
        rater: {
            name: csv_files.number(f"{rater}_{letter}", cells[f"{rater}_{letter}"]) for name, letter in COLUMNS.items()
        }
        for rater in RATERS
    }


def _means(votes: Votes) -> dict[str, float]:
    """Each dimension's mean over the raters who voted on it."""
    values = {name: [vote[name] for vote in votes.values()] for name in DIMENSIONS}
    given = {name: [value for value in column if value is not None] for name, column in values.items()}
    return {name: round(fmean(column), 4) for name, column in given.items() if column}


def _ratings(utt_id: str, cells: Mapping[str, str]) -> Iterator[Rating]:
    for rater, vote in _votes(cells).items():
        code = cells[f"{rater}_cat"]
        values = {name: value for name, value in vote.items() if value is not None}
        yield Rating(utt_id, rater, (EMOTIONS.get(code, code),), values)
