"""What single raters said about utterances: `corpus/ratings.tsv`, one row per rater and utterance.

| column | content |
|---|---|
| `utt_id` | the utterance |
| `rater` | who says it; the same name is the same person throughout the corpus |
| `kind` | `external`, or `self` for the speaker's own vote, which counts for nothing |
| `emotions` | canonical names, joined by `+` where a rater names several; empty for none |
| `valence`, `arousal`, `dominance` | on the scale of the table of utterances; empty for none |

Further columns are those of the corpus. A vote weighs one: several emotions share it equally.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DamagedProduct
from ..text import c_order
from .emotions import canonical
from .utterances import DIMENSIONS, SCALE, Rating, SideTable, Utterance, number_in, read_table

RATINGS = "ratings"  # name of the table
KINDS = ("external", "self")
COLUMNS = ("utt_id", "rater", "kind", "emotions", *DIMENSIONS)
_FIX = "correct it, or run the command that made it again with --overwrite"


def in_common_terms(ratings: Iterable[Rating], scale: tuple[float, float]) -> list[Rating]:
    """Votes with canonical emotions, each once, and with dimensions mapped linearly from the corpus's `scale` to SCALE.

    Of several votes of one rater on one utterance the first is kept.

    >>> in_common_terms([Rating("a", "r1", ("joy", "happy"), {"valence": 7.0})], (1.0, 7.0))
    [Rating(utt_id='a', rater='r1', emotions=('happiness',), values={'valence': 5.0}, is_own=False, extra={})]
    """
    (low, high), (lowest, highest) = scale, SCALE
    factor = (highest - lowest) / (high - low)
    first: dict[tuple[str, str], Rating] = {}
    for rating in ratings:
        names = dict.fromkeys(name for emotion in rating.emotions if (name := canonical(emotion)))
        values = {
            name: value if scale == SCALE else lowest + (value - low) * factor for name, value in rating.values.items()
        }
        first.setdefault((rating.utt_id, rating.rater), replace(rating, emotions=tuple(names), values=values))
    return list(first.values())


def ratings_table(ratings: Sequence[Rating], utterances: Iterable[Utterance]) -> SideTable:
    """The votes on these utterances as a table, in C order."""
    utt_ids = {utterance.utt_id for utterance in utterances}
    extra = list(dict.fromkeys(column for rating in ratings for column in rating.extra))
    rows = [_row(rating, extra) for rating in ratings if rating.utt_id in utt_ids]
    return SideTable((*COLUMNS, *extra), sorted(rows, key=lambda row: c_order("\t".join(row))))


def _row(rating: Rating, extra: Sequence[str]) -> list[str]:
    values = (f"{rating.values[name]:.6g}" if name in rating.values else "" for name in DIMENSIONS)
    more = (rating.extra.get(column, "") for column in extra)
    return [rating.utt_id, rating.rater, KINDS[rating.is_own], "+".join(rating.emotions), *values, *more]


def read_ratings(path: Path, utterances: Iterable[Utterance]) -> list[Rating]:
    """The votes in a table on these utterances. Raises DamagedProduct for a table that `ingest` cannot have written."""
    utt_ids = {utterance.utt_id for utterance in utterances}
    ratings: dict[tuple[str, str], Rating] = {}
    for number, row in enumerate(read_table(path), start=2):
        place = f"{path}: line {number}"
        if missing := [name for name in COLUMNS if name not in row]:
            raise DamagedProduct("a column is missing", place=path, expected=missing[0], fix=_FIX)
        rating = _rating(row, place)
        if rating.utt_id not in utt_ids:
            fix = "delete the row, or run `sercli ingest` again with --overwrite"
            raise DamagedProduct(
                "a vote on an utterance that the store does not have", place=place, seen=rating.utt_id, fix=fix
            )
        if ratings.setdefault((rating.utt_id, rating.rater), rating) is not rating:
            seen = f"{rating.rater} on {rating.utt_id}"
            raise DamagedProduct("two votes of one rater on one utterance", place=place, seen=seen, fix=_FIX)
    return list(ratings.values())


def _rating(row: dict[str, str], place: str) -> Rating:
    utt_id, rater, kind, emotions, *_ = (row.pop(name) for name in COLUMNS[:4])
    if not rater or kind not in KINDS:
        expected = f"a rater, and {' or '.join(KINDS)}"
        raise DamagedProduct("damaged row", place=place, seen=f"{rater!r}, {kind!r}", expected=expected, fix=_FIX)
    try:
        numbers = {name: number_in(row.pop(name)) for name in DIMENSIONS}
    except ValueError as error:
        raise DamagedProduct(str(error), place=place, fix=_FIX) from None
    values = {name: value for name, value in numbers.items() if value is not None}
    return Rating(utt_id, rater, tuple(filter(None, emotions.split("+"))), values, kind == KINDS[1], row)
