"""nEMO: sentences that cover the sounds of Polish, acted.

Size: 4481 recordings, over 3 h
Speakers: 9 (4 women, 5 men)
Labels: anger 749, fear 736, happiness 749, neutral 809, sadness 769, surprise 669
Rate: 24 kHz mono
Licence: CC BY-NC-SA 4.0
Source: https://huggingface.co/datasets/amu-cai/nEMO

Names: `samples/WR0_surprised_64.wav` = speaker WR0, emotion, sentence 64. Text, gender and age come from `data.tsv`, which lies
beside `samples`; where it is missing they stay empty. Give the release, or `samples`.
Christop: nEMO: dataset of emotional speech in Polish, LREC-COLING 2024.
"""

import re
from dataclasses import replace
from pathlib import Path

from ..data.emotions import look_up
from ..data.utterances import Scan, Utterance
from ..formats import csv_files
from .base import find_table, scan_names, without_sound

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "data.tsv": "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    "WR0_surprised_64.wav\tsurprised\tUcho wykrywa dźwięki.\tucho wykrywa dźwięki\t        WR0\tmale\t23\n"
    "EB0_neutral_13.wav\tneutral\tInteresuje mnie historia.\tinteresuje mnie historia\t        EB0\tfemale\t27\n",
    "samples/WR0_surprised_64.wav": "WR0 surprise",
    "samples/EB0_neutral_13.wav": "EB0 neutral",
}
EMOTIONS = {
    "anger": "anger",
    "fear": "fear",
    "happiness": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprised": "surprise",
}
COUNTS = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprise": 669}
TABLE = "data.tsv"
NAME = r"(?P<id>(?P<speaker>[A-Z]{2}\d)_(?P<code>[a-z]+)_(?P<sentence>\d{1,2}))"
FORM = "WR0_surprised_64.wav (speaker, emotion, sentence)"


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder, with its row of the table, if there is one."""
    table = find_table(folder, TABLE)
    rows = csv_files.read_rows(table, ("file_id", "raw_text", "gender", "age")) if table else []
    row_of = {row.cells.get("file_id", "").removesuffix(".wav"): row for row in rows}

    def utterance(match: re.Match[str], path: str) -> Utterance:
        row = row_of.get(match["id"])
        if row and row.problem:
            raise ValueError(f"line {row.line} of {TABLE} {row.problem}")
        if row_of and not row:
            raise ValueError(f"has no row in {TABLE}; copy that file again")
        cells = row.cells if row else {}
        return Utterance(
            utt_id=match["id"],
            path=path,
            speaker=match["speaker"],
            gender=cells.get("gender", ""),
            style="acted",
            emotion=look_up(match["code"], EMOTIONS),
            emotion_code=match["code"],
            text=cells.get("raw_text", ""),
            extra={"sentence": match["sentence"], "age": cells.get("age", "")},
        )

    by_name = scan_names(folder, NAME, FORM, utterance)
    return replace(by_name, rejects=[*by_name.rejects, *without_sound(row_of, by_name, TABLE)])
