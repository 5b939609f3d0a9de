"""`--apart`: folds in which train and dev share no value of a column, such as the sentence, with a test utterance."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ..data.utterances import COLUMNS, Utterance
from ..errors import SercliError, listed
from ..text import c_order
from .confounds import shared_value
from .folds import PARTS, Fold

_MOST_GROUPS = 10  # of values of a column, by which a fold is divided
_MOST_LOST = 0.5  # of a training part, before folds are divided
_MOST_NAMED = 4  # values in the name of a fold
_NO_COLUMNS = {"utt_id", "path", "start", "end", "duration", "sample_rate", "channels", "digest"}

Values = frozenset[tuple[str, str]]  # (column, value)


def values_of(utterance: Utterance, columns: Iterable[str]) -> Values:
    """The values of an utterance in these columns. An empty one is none: it is shared with nobody."""
    pairs = ((column, shared_value(utterance, column)) for column in columns)
    return frozenset((column, value) for column, value in pairs if value)


def values_of_test(fold: Fold, values: Mapping[str, Values]) -> Values:
    """All values of the test part of a fold; `values` maps utt_id to those of an utterance."""
    return frozenset(chain.from_iterable(values[utt_id] for utt_id in fold.part("test")))


def set_apart(folds: Sequence[Fold], utterances: Sequence[Utterance], columns: Sequence[str]) -> list[Fold]:
    """Folds without the train and dev utterances that share a value with a test utterance.

    Where everybody says the same sentences, that would leave little or nothing: if any fold would lose more than half of its
    training part, each fold is divided into one fold per value that its test part has. The values of a column with more than ten
    are dealt into ten groups first, in the order of their hashes, and there is one fold per group. With several columns there
    is one fold per combination. The other test utterances have no part in such a fold.

    Raises SercliError for a column in which no utterance has a value, and if a part becomes empty.
    """
    for column in columns:
        _check_column(column, utterances)
    values = {utterance.utt_id: values_of(utterance, columns) for utterance in utterances}
    reduced = [_without_shared(fold, values) for fold in folds]
    pairs = zip(folds, reduced, strict=True)
    if any(len(after.part("train")) < _MOST_LOST * len(before.part("train")) for before, after in pairs):
        group_of = {
            column: _groups({v for own in values.values() for c, v in own if c == column}) for column in columns
        }
        divided = [part for fold in folds for part in _divided(fold, values, group_of)]
        reduced = [replace(_without_shared(fold, values), number=k) for k, fold in enumerate(divided, 1)]
    for fold in reduced:
        _check_parts(fold, columns)
    return reduced


def _check_column(column: str, utterances: Sequence[Utterance]) -> None:
    names = [*(name for name in COLUMNS if name not in _NO_COLUMNS), *sorted({n for u in utterances for n in u.extra})]
    usable = [name for name in names if any(shared_value(utterance, name) for utterance in utterances)]
    if column not in usable:
        raise SercliError(
            "no utterance of the task has a value in this column",
            place=f"--apart {column}",
            expected=listed(usable),
            fix="choose one of these columns",
        )


def _without_shared(fold: Fold, values: Mapping[str, Values]) -> Fold:
    tested = values_of_test(fold, values)
    parts = {u: part for u, part in fold.parts.items() if part == "test" or tested.isdisjoint(values[u])}
    return replace(fold, parts=parts)


def _groups(values: Collection[str]) -> dict[str, int]:
    """Each value by itself, or one of ten groups."""
    in_order = sorted(values, key=lambda value: hashlib.sha256(c_order(value)).digest())
    return {value: index % _MOST_GROUPS for index, value in enumerate(in_order)}


def _divided(fold: Fold, values: Mapping[str, Values], group_of: Mapping[str, Mapping[str, int]]) -> list[Fold]:
    """One fold for each combination of groups among the test utterances; their values make its name."""
    members: dict[tuple[int | None, ...], list[str]] = {}
    for utt_id in fold.part("test"):
        value_of = dict(values[utt_id])
        key = tuple(groups[value_of[column]] if column in value_of else None for column, groups in group_of.items())
        members.setdefault(key, []).append(utt_id)
    divided = []
    for utt_ids in members.values():
        own = frozenset(chain.from_iterable(values[utt_id] for utt_id in utt_ids))
        parts = {u: part for u, part in fold.parts.items() if part != "test"} | dict.fromkeys(utt_ids, "test")
        divided.append(replace(fold, left_out=f"{fold.left_out}, {_named(own, group_of)}", parts=parts))
    return sorted(divided, key=lambda part: c_order(part.left_out))


def _named(values: Values, columns: Iterable[str]) -> str:
    """`sentence a01`, or `sentence a01+a02`, or `12 values of text`."""
    names = []
    for column in columns:
        own = sorted((value for name, value in values if name == column), key=c_order)
        some = "+".join(own) if own else "none"
        names.append(f"{column} {some}" if len(own) <= _MOST_NAMED else f"{len(own)} values of {column}")
    return ", ".join(names)


def _check_parts(fold: Fold, columns: Sequence[str]) -> None:
    for part in PARTS:
        if not fold.part(part):
            what = "training data" if part == "train" else f"{part} data"
            raise SercliError(
                f"no {what} is left: every utterance shares a value with the test part",
                place=f"--apart {', '.join(columns)}",
                seen=f"fold {fold.number} ({fold.left_out})",
                fix="choose another column, or fewer of them",
            )
