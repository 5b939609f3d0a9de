"""ESD, the emotional speech database: 350 sentences of Mandarin and 350 of English, acted in five states.

Size: 35 000 recordings, 29 h
Speakers: 20 (10 women, 10 men): 0001 to 0010 speak Mandarin, 0011 to 0020 English
Labels: anger, happiness, neutral, sadness, surprise 7000 each
Rate: 16 kHz mono
Licence: for research, after signing a form
Source: https://github.com/HLTSingapore/Emotional-Speech-Data

Names: `0011/Angry/0011_000351.wav` = speaker 0011, anger, recording 351; the same 350 sentences are numbered on from emotion to
emotion, so that 1, 351, … 1401 are sentence 001 of a language. Some copies have `train`, `evaluation` and `test` below the
emotion, which is kept as `split`. Texts are from `0011/0011.txt`, some of which are in UTF-16 or GB 2312. The emotion is that of
the folder, also if that file says another; if a recording lies directly in its speaker's folder, it is that of the file.
To read only one language, give a folder with its ten speakers.
Zhou, Sisman, Liu, Li: Emotional voice conversion: theory, databases and ESD, Speech Communication 137, 2022.
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..data.emotions import look_up
from ..data.utterances import Scan, Utterance
from ..text import printable
from .base import files_below, scan_names

TASK = {"target": "emotion", "protocol": "leave-one-speaker-out"}
EXAMPLE = {
    "0001/0001.txt": "0001_001401\t打远一看，它们的确很是美丽，\t惊喜\n",
    "0001/Surprise/train/0001_001401.wav": "0001 surprise",
    "0011/0011.txt": "0011_000001\tThe nine the eggs, I keep.\tNeutral\n",
    "0011/0011_000001.wav": "0011 neutral",
    "0011/Angry/0011_000351.wav": "0011 anger",
}
EMOTIONS = {"Angry": "anger", "Happy": "happiness", "Neutral": "neutral", "Sad": "sadness", "Surprise": "surprise"}
COUNTS = dict.fromkeys(EMOTIONS.values(), 7000)
N_SENTENCES = 350  # of each language
IN_CHINESE = {"生气": "Angry", "快乐": "Happy", "中立": "Neutral", "伤心": "Sad", "惊喜": "Surprise"}
WOMEN = {"0001", "0002", "0003", "0007", "0009", "0015", "0016", "0017", "0018", "0019"}
_SPLIT = r"train|evaluation|test"
NAME = (
    rf"(?P<folder>(?!(?:{_SPLIT})/)[^/]+)/(?:(?P<split>{_SPLIT})/)?"
    r"(?P<id>(?P<speaker>00(?:0[1-9]|1\d|20))_\d{6})"
)
FORM = "0011/Angry/0011_000351.wav (speaker, emotion, speaker and number)"
_LINE = re.compile(r"(\d{4}_\d{6})\s+(.*\S)\s+(\S+)\s*", re.ASCII)


class _RecordingText(NamedTuple):
    """What a speaker's file says about one recording."""

    text: str
    code: str


def scan(folder: Path) -> Scan:
    """Every `.wav` below the folder, with the text of its speaker's file."""
    lines: dict[str, _RecordingText] = {}
    warnings = list(_read_texts(folder, lines))
    by_name = scan_names(folder, NAME, FORM, lambda match, path: _utterance(match, path, lines.get(match["id"])))
    return replace(by_name, warnings=[*warnings, *_contradicted(by_name.utterances, lines)])


def _utterance(match: re.Match[str], path: str, line: _RecordingText | None) -> Utterance:
    speaker, code = match["speaker"], match["folder"]
    language = "Mandarin" if speaker <= "0010" else "English"
    sentence = (int(match["id"][-6:]) - 1) % N_SENTENCES + 1
    if code == speaker:
        if line is None:
            raise ValueError(f"lies in no folder of an emotion, and {speaker}.txt does not name it")
        code = line.code
    return Utterance(
        utt_id=match["id"],
        path=path,
        speaker=speaker,
        gender="female" if speaker in WOMEN else "male",
        style="acted",
        emotion=look_up(code, EMOTIONS, "emotion"),
        emotion_code=code,
        text=line.text if line else "",
        extra={"language": language, "sentence": f"{language}-{sentence:03d}", "split": match["split"] or ""},
    )


def _read_texts(folder: Path, lines: dict[str, _RecordingText]) -> Iterator[str]:
    """Fill `lines` from the files of all speakers, and yield a warning for each part that cannot be read."""
    for path in files_below(folder, (".txt",)):
        where = printable(path.relative_to(folder).as_posix())
        if not re.fullmatch(r"\d{4}", path.stem, re.ASCII):
            continue
        text = _decoded(path.read_bytes())
        if text is None:
            yield f"{where}: neither UTF-8, UTF-16 nor GB 2312; its recordings are kept without text"
            continue
        matches = [_LINE.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
        lines |= {match[1]: _RecordingText(match[2], IN_CHINESE.get(match[3], match[3])) for match in matches if match}
        if matches.count(None):
            yield f"{where}: skipped {matches.count(None)} lines that are not a recording, its text and its emotion"


def _decoded(content: bytes) -> str | None:
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            pass
    return None


def _contradicted(utterances: Sequence[Utterance], lines: Mapping[str, _RecordingText]) -> Iterator[str]:
    """One warning for each speaker whose file says another emotion than the folder."""
    differing: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        line = lines.get(utterance.utt_id)
        if line and line.code != utterance.emotion_code:
            differing.setdefault(utterance.speaker, []).append(utterance)
    for speaker, (first, *others) in differing.items():
        more = f" ({len(others)} more are like it)" if others else ""
        code = lines[first.utt_id].code
        yield f"{speaker}.txt says {code} of {printable(first.path)}{more}; the folder counts"
