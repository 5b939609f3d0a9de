"""MSP-Podcast: turns cut from English podcasts, each voted on by at least five people.

Size: depends on the release: 151 654 turns, 238 h in 1.11; 207 136 turns, 324 h in 1.12
Speakers: depends on the release; some turns are of unknown speakers
Labels: anger, happiness, sadness, neutral, surprise, fear, disgust, contempt, other, no agreement (`X`: not labelled here);
    valence, arousal, dominance from 1 to 7
Rate: 16 kHz mono
Licence: of the University of Texas at Dallas, academic or commercial
Source: https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html

`Labels/labels_consensus.csv` (`labels_concensus.csv` in older releases) has a row for each turn, `Audios` its sound. Valence,
arousal (the corpus says activation) and dominance are converted to 1 to 5; the corpus's own values are in further columns.
A turn of an unknown speaker is skipped, because that speaker may be in the training part too; if there are many, allow them with
`--max-rejects`. The sound of Test3, whose labels are not published, is skipped too. The column `split` has the makers' parts, which
are cut by speaker, except that the speakers of the test parts may overlap.
Lotfian, Busso: Building naturalistic emotionally balanced speech corpus by retrieving emotional speech from existing podcast
recordings, IEEE Transactions on Affective Computing 10, 2019.
"""

from pathlib import Path

from ..data.emotions import is_missing, look_up
from ..data.utterances import Reject, Scan, Utterance
from ..errors import SercliError
from ..formats import csv_files
from .base import files_below, nothing_usable

TASK = {"target": "emotion", "protocol": "speaker-10-fold"}
EXAMPLE = {
    "Labels/labels_concensus.csv": "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    "MSP-PODCAST_0001_0008.wav,N,2.2,4.0,2.6,30,Male,Test1\n"
    "MSP-PODCAST_0001_0009.wav,X,3.777778,3.555556,3.777778,39,Male,Test1\n"
    "MSP-PODCAST_0153_0201.wav,C,4.2,2.4,5.0,128,Female,Train\n",
    "Audios/MSP-PODCAST_0001_0008.wav": "30 neutral",
    "Audios/MSP-PODCAST_0001_0009.wav": "39 ",
    "Audios/MSP-PODCAST_0153_0201.wav": "128 contempt",
}
EMOTIONS = {
    "A": "anger",
    "H": "happiness",
    "S": "sadness",
    "N": "neutral",
    "U": "surprise",
    "F": "fear",
    "D": "disgust",
    "C": "contempt",
    "O": "other",
    "X": "",  # no agreement
}
GENDERS = {"male": "male", "female": "female"}
SCALE = (1.0, 7.0)
TABLES = ("labels_consensus.csv", "labels_concensus.csv")
NEEDED = ("filename", "emoclass", "emoact", "emoval", "emodom", "spkrid", "gender", "split_set")
INSIDE = ("Labels", "Audios", "Audio")


def recognises(folder: Path) -> bool:
    return _table(folder) is not None


def scan(folder: Path) -> Scan:
    """One utterance per row of the consensus. Raises SercliError if that table is missing, lacks a column, or fits no sound."""
    table = _table(folder)
    if table is None:
        fix = "give the folder of the release that holds Labels and Audios"
        raise SercliError(f"no Labels/{TABLES[0]}", place=folder, fix=fix)
    root = table.parents[1]
    sounds: dict[str, str] = {}
    utterances: list[Utterance] = []
    rejects: list[Reject] = []
    for sound in files_below(root):
        relative = sound.relative_to(root).as_posix()
        if sounds.setdefault(sound.name, relative) != relative:
            rejects.append(Reject(relative, f"has the name of {sounds[sound.name]}; remove one"))
    listed = set()
    for row in csv_files.read_rows(table, NEEDED):
        name = row.cells.get("filename", "")
        listed.add(name)
        try:
            utterances.append(_utterance(row, sounds.get(name, "")))
        except ValueError as error:
            rejects.append(
                Reject(sounds.get(name) or name or f"line {row.line}", f"line {row.line} of {table.name}: {error}")
            )
    rejects += [Reject(path, f"has no row in {table.name}") for name, path in sounds.items() if name not in listed]
    if not utterances:
        raise nothing_usable(folder, rejects)
    return Scan(utterances, rejects, scale=SCALE, sound_root=root)


def _table(folder: Path) -> Path | None:
    """The table of labels, if the folder is a release, holds one, or lies in one."""
    below = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    above = [folder.resolve().parent] if folder.name in INSIDE else []
    places = (base / "Labels" / name for base in (folder, *above, *below) for name in TABLES)
    return next((path for path in places if path.is_file()), None)


def _utterance(row: csv_files.Row, path: str) -> Utterance:
    """Raises ValueError with the reason."""
    if row.problem:
        raise ValueError(row.problem)
    if not path:
        raise ValueError("has a row but no sound; copy it again")
    cells = row.cells
    return Utterance(
        utt_id=cells["filename"].removesuffix(".wav"),
        path=path,
        speaker=cells["spkrid"],
        gender=GENDERS.get(cells["gender"].lower(), ""),
        style="natural",
        emotion=look_up(cells["emoclass"], EMOTIONS),
        emotion_code=cells["emoclass"],
        valence=_number("emoval", cells),
        arousal=_number("emoact", cells),
        dominance=_number("emodom", cells),
        extra={"split": cells["split_set"]},
    )


def _number(name: str, cells: dict[str, str]) -> float | None:
    return None if is_missing(cells[name]) else csv_files.number(name, cells[name])
