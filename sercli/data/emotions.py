"""Names of emotions: whatever a corpus or a table calls one, to its canonical name. The only place that knows synonyms."""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import TypeVar

_SYNONYMS = {
    "amusement": "amused",
    "anger": "ang, angry, angr, angray, hot anger, mad, rage, furious, fury",
    "anxiety": "anxious, nervous, worried, worry",
    "boredom": "bor, bored, boring",
    "calm": "calmness, relaxed",
    "confusion": "confused",
    "contempt": "con, contemptuous, scorn",
    "disappointment": "disappointed",
    "disgust": "dis, disg, disgusted",
    "excited": "exc, excitement",
    "fear": "fea, fearful, fright, frightened, scared, afraid",
    "frustration": "fru, frustrated",
    "happiness": "hap, happy, joy, joyful, cheerful, glad, enjoyment",
    "neutral": "neu, neutrality, normal",
    "other": "oth, others",
    "pride": "proud",
    "sadness": "sad, sorrow, sorrowful, unhappy",
    "sarcasm": "sarcastic",
    "shame": "ashamed",
    "surprise": "sur, surp, surprised, pleasant surprise, pleasant surprised",
    "tenderness": "tender",
    "tiredness": "tired",
}
_UNKNOWN = {"", "?", "n/a", "na", "nan", "none", "unknown"}
_UNLABELLED = _UNKNOWN - {"none"} | {"no agreement", "unlabeled", "unlabelled", "xxx"}
_KNOWN = {word: name for name, synonyms in _SYNONYMS.items() for word in (name, *map(str.strip, synonyms.split(",")))}

T = TypeVar("T")


def canonical(raw: str) -> str:
    """The canonical name, empty for what says that there is no label; an unknown word stays as it is, but for the signs that
    --classes is written in, which become a slash."""
    word = _plain(raw)
    return "" if word in _UNLABELLED else _KNOWN.get(word, re.sub(r"[=+,]+", "/", raw.strip()))


def is_known(name: str) -> bool:
    """Whether it is a canonical name, or empty."""
    return not name or name in _SYNONYMS


def is_nothing(text: str) -> bool:
    """Whether it says that nothing is known."""
    return _plain(text) in _UNKNOWN


def nearest(raw: str) -> str | None:
    """The canonical name whose spelling, or that of a synonym, is nearest to an unknown word; None if it is like none."""
    found = difflib.get_close_matches(_plain(raw), _KNOWN, n=1)
    return _KNOWN[found[0]] if found else None


def known_as(raw: str, among: Collection[str]) -> str:
    """What a word that is not `among` these names is called there, for the end of an error line; empty if it is like none."""
    likely = [canonical(raw), nearest(raw) or "", *difflib.get_close_matches(raw, among, n=1)]
    return next((f" (is {name!r} meant?)" for name in likely if name in among), "")


def look_up(code: str, table: Mapping[str, T], what: str = "emotion code") -> T:
    """What a corpus's own code stands for. Raises ValueError, with the nearest known and all others, for one outside the table."""
    if code in table:
        return table[code]
    near = difflib.get_close_matches(code.casefold(), {known.casefold(): known for known in table}, n=1)
    likely = [known for known in table if near and known.casefold() == near[0]]
    hint = f"the nearest known is {likely[0]}; " if likely else ""
    known = ", ".join(key if str(value) == key else f"{key} {value}" for key, value in table.items())
    raise ValueError(f"unknown {what} {code!r}; {hint}known are {known}")


def _plain(raw: str) -> str:
    return re.sub(r"[\s_-]+", " ", raw).strip().casefold()
