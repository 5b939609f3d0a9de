"""Names of emotions: the words of corpora and tables, and their canonical names. Only this module knows synonyms."""

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
_MISSING = {"", "?", "n/a", "na", "nan", "none", "unknown"}
_UNLABELLED = _MISSING - {"none"} | {"no agreement", "unlabeled", "unlabelled", "xxx"}
_CANONICAL = {
    word: name for name, synonyms in _SYNONYMS.items() for word in (name, *map(str.strip, synonyms.split(",")))
}

T = TypeVar("T")


def canonical(raw: str) -> str:
    """The canonical name of an emotion; empty for a word that means that there is no label.

    An unknown word stays as it is, but the signs `=+,` become a slash, because --classes is written with them.

    >>> canonical("ANG"), canonical("Pleasant_Surprise"), canonical("xxx"), canonical("awe")
    ('anger', 'surprise', '', 'awe')
    """
    word = _plain(raw)
    return "" if word in _UNLABELLED else _CANONICAL.get(word, re.sub(r"[=+,]+", "/", raw.strip()))


def is_known(name: str) -> bool:
    """Whether a name is canonical, or empty."""
    return not name or name in _SYNONYMS


def is_missing(text: str) -> bool:
    """Whether a cell means that the value is missing, such as `?` or `N/A`."""
    return _plain(text) in _MISSING


def nearest(raw: str) -> str | None:
    """The canonical name with the nearest spelling, or with a synonym of the nearest spelling; None if there is none near.

    >>> nearest("angery"), nearest("xyzzy")
    ('anger', None)
    """
    matches = difflib.get_close_matches(_plain(raw), _CANONICAL, n=1)
    return _CANONICAL[matches[0]] if matches else None


def spelling_hint(raw: str, names: Collection[str]) -> str:
    """The name that an unknown word probably means, for the end of an error; empty if there is none near.

    >>> spelling_hint("joy", ["anger", "happiness"])
    " (is 'happiness' meant?)"
    """
    likely = [canonical(raw), nearest(raw) or "", *difflib.get_close_matches(raw, names, n=1)]
    return next((f" (is {name!r} meant?)" for name in likely if name in names), "")


def look_up(code: str, table: Mapping[str, T], kind: str = "emotion code") -> T:
    """The meaning of a corpus's own code. Raises ValueError, with the nearest and all valid codes, for one outside the table.

    >>> look_up("W", {"W": "anger", "T": "sadness"})
    'anger'
    """
    if code in table:
        return table[code]
    by_folded = {key.casefold(): key for key in table}
    matches = difflib.get_close_matches(code.casefold(), by_folded, n=1)
    hint = f"the nearest is {by_folded[matches[0]]}; " if matches else ""
    valid = ", ".join(key if str(value) == key else f"{key} {value}" for key, value in table.items())
    raise ValueError(f"unknown {kind} {code!r}; {hint}valid are {valid}")


def _plain(raw: str) -> str:
    return re.sub(r"[\s_-]+", " ", raw).strip().casefold()
