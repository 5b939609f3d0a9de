"""Dialogues of a corpus: which utterances follow each other."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.utterances import Utterance
from ..errors import SercliError
from ..text import c_order


def places_in_dialogues(utterances: Sequence[Utterance]) -> dict[str, tuple[int, int]]:
    """The number of each utterance's dialogue, and its place there in order of time.

    A dialogue is what the column `dialogue` says, or else the session. Time is `start_in_dialogue`, or else `start`; where
    these are equal or absent the order is that of names. Raises SercliError for an utterance without a dialogue.
    """
    dialogues: dict[str, list[tuple[float, bytes, str]]] = {}
    for u in utterances:
        dialogue = u.text_of("dialogue") or u.session
        if not dialogue:
            fix = "add a column `session` to the corpus, or choose a classifier that reads no dialogues"
            raise SercliError("the utterance belongs to no dialogue", place=u.utt_id, fix=fix)
        dialogues.setdefault(dialogue, []).append((_start(u), c_order(u.utt_id), u.utt_id))
    return {
        utt_id: (number, place)
        for number, dialogue in enumerate(dialogues.values())
        for place, (_, _, utt_id) in enumerate(sorted(dialogue))
    }


def _start(u: Utterance) -> float:
    text = u.text_of("start_in_dialogue")
    try:
        return float(text) if text else u.start or 0.0
    except ValueError:
        raise SercliError("not a time", place=f"{u.utt_id}: start_in_dialogue", seen=text, expected="seconds") from None
