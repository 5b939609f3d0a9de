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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from ..data.emotions import look_up
from ..data.utterances import DIMENSIONS, Count, Scan, Table, Utterance
from ..formats import csv_files
from .base import counts_of_emotions, files_below, names_fit, scan_names, without_sound

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
_NAME = r"(?P<id>(?P<language>DK|EN)_(?P<speaker>\d{3})_(?P<code>[A-Z])_(?P<sentence>\d))"

Votes = Mapping[str, Mapping[str, float | None]]  # by rater and dimension


def recognises(folder: Path) -> bool:
    return names_fit(folder, _NAME)


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder, with what the raters say of it. Raises SercliError if none is named as EmoTale names them,
    or if the table has not their columns."""
    above = folder.resolve().parent / TABLE
    tables = [path for path in files_below(folder, (".csv",)) if path.name == TABLE] or [above] * above.is_file()
    needed = ("file", *(f"{rater}_{column}" for rater in RATERS for column in (*COLUMNS.values(), "cat")))
    rows = csv_files.read_rows(tables[0], needed) if tables else []
    told = {row.cells.get("file", "").removesuffix(".wav"): row for row in rows}
    votes: dict[str, Votes] = {}

    def utterance(name: re.Match[str], path: str) -> Utterance:
        row = told.get(name["id"])
        if told and (not row or row.problem):
            raise ValueError(f"line {row.line} of {TABLE} {row.problem}" if row else f"has no row in {TABLE}")
        if row and row.cells.get("gt_emotion", name["code"]) != name["code"]:
            raise ValueError(f"the name says {name['code']}, line {row.line} of {TABLE} {row.cells['gt_emotion']}")
        emotion = look_up(name["code"], EMOTIONS)
        if row:
            votes[name["id"]] = _votes(row.cells)
        means = _means(votes.get(name["id"], {}))
        return Utterance(
            utt_id=name["id"],
            path=path,
            speaker=name["speaker"],
            style="acted",
            emotion=emotion,
            emotion_code=name["code"],
            valence=means.get("valence"),
            arousal=means.get("arousal"),
            dominance=means.get("dominance"),
            extra={"language": LANGUAGES[name["language"]], "sentence": name["sentence"]},
        )

    found = scan_names(folder, _NAME, "DK_004_A_5.wav (language, speaker, emotion, sentence)", utterance)
    ratings = Table(
        ["utt_id", "rater", "emotion", *DIMENSIONS],
        [row for utt_id, said in votes.items() for row in _ratings(utt_id, said, told[utt_id].cells)],
    )
    rejects = [*found.rejects, *without_sound(told, found, TABLE)]
    return replace(found, rejects=rejects, tables={"ratings": ratings} if votes else {})


def _votes(cells: Mapping[str, str]) -> Votes:
    """Raises ValueError with the reason for what is no number."""
    return {
        rater: {
            name: csv_files.number(f"{rater}_{letter}", cells[f"{rater}_{letter}"]) for name, letter in COLUMNS.items()
        }
        for rater in RATERS
    }


def _means(votes: Votes) -> dict[str, float]:
    """Of the raters who voted."""
    given = {name: [vote[name] for vote in votes.values()] for name in DIMENSIONS}
    kept = {name: [value for value in values if value is not None] for name, values in given.items()}
    return {name: round(fmean(values), 4) for name, values in kept.items() if values}


def _ratings(utt_id: str, votes: Votes, cells: Mapping[str, str]) -> Iterator[list[str]]:
    for rater, vote in votes.items():
        said = cells[f"{rater}_cat"]
        values = (vote[name] for name in DIMENSIONS)
        yield [utt_id, rater, EMOTIONS.get(said, said), *("" if value is None else f"{value:g}" for value in values)]


def counts(utterances: Sequence[Utterance]) -> list[Count]:
    """How many recordings there are of each emotion."""
    return counts_of_emotions(utterances, COUNTS)
