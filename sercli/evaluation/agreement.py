"""Do raters agree? Fleiss' κ for emotions, Krippendorff's α for dimensions.

Both are 1 for perfect agreement and 0 for what chance gives. Utterances with fewer than two votes count for neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.utterances import DIMENSIONS, Rating
from ..text import c_order

Array = npt.NDArray[np.float64]


def fleiss_kappa(votes: Sequence[Array]) -> float | None:
    r"""Fleiss' κ of items with any number of votes; `votes` has an array (m, C) per item, one row per vote. None where it is undefined.

    A row has a 1 for its category, or shares of several that sum to 1. :math:`P_i` is the share of pairs of votes on item i that
    agree (for shares: the mean of their product), and

    .. math:: \kappa = \frac{\bar P - P_e}{1 - P_e}, \quad \bar P = \frac{\sum_i (m_i - 1) P_i}{\sum_i (m_i - 1)}, \quad
        P_e = \sum_c \Big(\frac{\sum_i n_{ic}}{\sum_i m_i}\Big)^2

    For equal numbers of votes that is Fleiss (Psychological Bulletin 76, 1971); for unequal ones the weights :math:`m_i - 1` are
    those of Fleiss and Cuzick (Applied Psychological Measurement 3, 1979) for two categories, and of Fleiss, Levin and Paik
    (Statistical Methods for Rates and Proportions, 2003, section 18.3) for more. Items with fewer than two votes are left out.

    >>> fleiss_kappa([np.eye(2)[[0, 0, 0]], np.eye(2)[[1, 1]], np.eye(2)[[0, 1]]]).__round__(3)
    0.49
    """
    items = [item for item in votes if len(item) > 1]
    if not items:
        return None
    sizes = np.array([len(item) for item in items])
    totals = np.stack([item.sum(axis=0) for item in items])  # (I, C)
    alone = np.array([np.square(item).sum() for item in items])  # of each vote with itself
    agreeing = (np.square(totals).sum(axis=1) - alone) / sizes  # (m - 1) P
    observed = agreeing.sum() / (sizes - 1).sum()
    expected = float(np.square(totals.sum(axis=0) / sizes.sum()).sum())
    return None if np.isclose(expected, 1) else float((observed - expected) / (1 - expected))


def krippendorff_alpha(votes: Sequence[Array]) -> float | None:
    r"""Krippendorff's α with the interval metric; `votes` has an array (m,) of values per item. None where it is undefined.

    .. math:: \alpha = 1 - D_o / D_e, \quad D_o = \frac{1}{n} \sum_i \frac{1}{m_i - 1} \sum_{a \ne b} (v_{ia} - v_{ib})^2, \quad
        D_e = \frac{1}{n (n - 1)} \sum_{a \ne b} (v_a - v_b)^2

    over the n values of the items with two or more (Krippendorff: Computing Krippendorff's alpha-reliability, 2011). With
    rows (m, C) in place of values, squared distances of vectors; of vectors with a single 1 that is the nominal metric.

    >>> krippendorff_alpha([np.array([1.0, 1.0]), np.array([3.0, 4.0]), np.array([5.0])]).__round__(3)
    0.889
    """
    items = [item.reshape(len(item), -1) for item in votes if len(item) > 1]
    if not items:
        return None
    values = np.concatenate(items)
    centre = values.mean(axis=0)  # distances stay; sums lose no digits
    within = sum(_squared_distances(item - centre) / (len(item) - 1) for item in items) / len(values)
    overall = _squared_distances(values - centre) / (len(values) * (len(values) - 1))
    return None if np.isclose(overall, 0) else float(1 - within / overall)


def _squared_distances(values: Array) -> float:
    """The sum over all ordered pairs of rows (m, C)."""
    return float(2 * (len(values) * np.square(values).sum() - np.square(values.sum(axis=0)).sum()))


@dataclass(frozen=True)
class RaterAgreement:
    """How far raters agree on one question, and on how many votes that rests."""

    measure: str
    value: float | None  # None where no utterance has two votes, or all votes are the same
    n_utterances: int  # with two or more votes
    n_votes: int  # on these
    n_raters: int  # who gave these


@dataclass(frozen=True)
class RaterSummary:
    """The votes of a corpus, without those of the speakers themselves, and the agreement on emotion and on each dimension."""

    n_votes: int
    n_utterances: int
    n_raters: int
    agreement: Mapping[str, RaterAgreement]  # only of questions with votes

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise_ratings(ratings: Iterable[Rating]) -> RaterSummary | None:
    """None for a corpus without votes."""
    ratings = [rating for rating in ratings if not rating.is_own and (rating.emotions or rating.values)]
    if not ratings:
        return None
    agreement = {}
    names = sorted({name for rating in ratings for name in rating.emotions}, key=c_order)
    if names:
        row_of = dict(zip(names, np.eye(len(names)), strict=True))
        named = [rating for rating in ratings if rating.emotions]
        shares = [np.mean([row_of[name] for name in rating.emotions], axis=0) for rating in named]
        agreement["emotion"] = _agreement("Fleiss' κ", named, shares)
    for dimension in DIMENSIONS:
        if valued := [rating for rating in ratings if dimension in rating.values]:
            values = [np.array(rating.values[dimension]) for rating in valued]
            agreement[dimension] = _agreement("Krippendorff's α", valued, values)
    utt_ids, raters = {rating.utt_id for rating in ratings}, {rating.rater for rating in ratings}
    return RaterSummary(len(ratings), len(utt_ids), len(raters), agreement)


def _agreement(measure: str, ratings: Sequence[Rating], votes: Sequence[Array]) -> RaterAgreement:
    items: dict[str, list[Array]] = {}
    raters: dict[str, list[str]] = {}
    for rating, vote in zip(ratings, votes, strict=True):
        items.setdefault(rating.utt_id, []).append(vote)
        raters.setdefault(rating.utt_id, []).append(rating.rater)
    several = {utt_id: np.stack(rows) for utt_id, rows in items.items() if len(rows) > 1}
    function = fleiss_kappa if measure.startswith("Fleiss") else krippendorff_alpha
    return RaterAgreement(
        measure,
        function(list(several.values())),
        len(several),
        sum(map(len, several.values())),
        len({rater for utt_id in several for rater in raters[utt_id]}),
    )
