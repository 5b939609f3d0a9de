"""Agreement of raters: published examples, the definitions in their plainest form, properties."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sercli.data.utterances import Rating
from sercli.evaluation.agreement import fleiss_kappa, krippendorff_alpha, summarise_ratings

Items = list[list[int]]  # the votes on each item

# Fleiss' kappa in Wikipedia: 10 items, 14 raters, 5 categories; 0.210. statsmodels 0.14 gives 0.20993070442195527.
FOURTEEN_RATERS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
# "C" data of Krippendorff (1980), with missing values: nominal 0.743, interval 0.849 (kripp.alpha of the R package irr).
FOUR_OBSERVERS: Items = [
    [1, 1, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [5, 5, 5],
    [1, 1],
    [3],
]
votes = st.lists(st.lists(st.integers(0, 3), min_size=0, max_size=6), min_size=1, max_size=12)


def one_hot(items: Items, n: int = 6) -> list[npt.NDArray[np.float64]]:
    return [np.eye(n)[item] for item in items]


def values(items: Items) -> list[npt.NDArray[np.float64]]:
    return [np.array(item, float) for item in items]


def test_published_examples() -> None:
    counts = [np.repeat(np.eye(5), row, axis=0) for row in FOURTEEN_RATERS]
    assert fleiss_kappa(counts) == pytest.approx(0.20993070442195527, abs=1e-14)
    assert krippendorff_alpha(values(FOUR_OBSERVERS)) == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha(one_hot(FOUR_OBSERVERS)) == pytest.approx(0.743, abs=5e-4)


def plain_kappa(items: Items) -> float | None:
    """Fleiss, Levin and Paik (2003), section 18.3: the kappas of the categories, weighted by p q."""
    items = [item for item in items if len(item) > 1]
    if not items:
        return None
    sizes = [len(item) for item in items]
    mean_size = sum(sizes) / len(items)
    above = below = 0.0
    for category in {vote for item in items for vote in item}:
        p = sum(item.count(category) for item in items) / sum(sizes)
        disagreeing = sum(x * (m - x) / m for item, m in zip(items, sizes, strict=True) for x in [item.count(category)])
        above += disagreeing / (len(items) * (mean_size - 1))
        below += p * (1 - p)
    return 1 - above / below if below > 1e-12 else None


def plain_alpha(items: Items) -> float | None:
    """Krippendorff (2011): observed over expected disagreement, pair by pair."""
    items = [item for item in items if len(item) > 1]
    every = [vote for item in items for vote in item]
    expected = sum((a - b) ** 2 for a, b in itertools.permutations(every, 2))
    if not expected:
        return None
    observed = sum(sum((a - b) ** 2 for a, b in itertools.permutations(item, 2)) / (len(item) - 1) for item in items)
    return 1 - (observed / len(every)) / (expected / (len(every) * (len(every) - 1)))


@given(votes)
def test_as_defined(items: Items) -> None:
    assert fleiss_kappa(one_hot(items)) == pytest.approx(plain_kappa(items), abs=1e-9)
    assert krippendorff_alpha(values(items)) == pytest.approx(plain_alpha(items), abs=1e-9)


@given(votes, st.permutations(range(4)), st.floats(0.1, 10), st.floats(-100, 100))
def test_what_changes_nothing(items: Items, names: list[int], scale: float, shift: float) -> None:
    """Names of categories; the scale and the zero of values; the order of items; items with one vote."""
    kappa, alpha = fleiss_kappa(one_hot(items)), krippendorff_alpha(values(items))
    renamed = [[names[vote] for vote in item] for item in reversed(items)]
    assert fleiss_kappa(one_hot([*renamed, [0], [3]])) == pytest.approx(kappa, abs=1e-9)
    moved = [scale * item + shift for item in values(items)]
    assert krippendorff_alpha([*moved, np.array([1e3])]) == pytest.approx(alpha, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(2, 5)), min_size=2, max_size=9))
def test_perfect_agreement_is_one(items: list[tuple[int, int]]) -> None:
    same = [[vote] * n for vote, n in items]
    expected = 1.0 if len({vote for vote, _ in items}) > 1 else None
    assert fleiss_kappa(one_hot(same)) == pytest.approx(expected)
    assert krippendorff_alpha(values(same)) == pytest.approx(expected)


def test_chance_is_zero() -> None:
    drawn = np.random.default_rng(0).integers(0, 4, (20_000, 3)).tolist()
    assert fleiss_kappa(one_hot(drawn)) == pytest.approx(0, abs=0.01)
    assert krippendorff_alpha(values(drawn)) == pytest.approx(0, abs=0.01)


def test_a_vote_for_two_categories_is_half_a_vote_for_each() -> None:
    """Two such votes on the same two agree half of the time."""
    both, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.0, 1.0])
    kappa = fleiss_kappa([np.stack([both, both]), np.stack([other, other])])
    expected = 0.25**2 + 0.25**2 + 0.5**2
    assert kappa == pytest.approx(((0.5 + 1) / 2 - expected) / (1 - expected))


def test_the_summary_counts_what_the_figures_rest_on() -> None:
    ratings = [
        Rating("u", "ann", ("anger",), {"valence": 1.0}),
        Rating("u", "ben", ("anger",)),
        Rating("u", "the speaker", ("fear",), {"valence": 5.0}, is_own=True),
        Rating("v", "ann", ("fear", "anger"), {"valence": 2.0}),
        Rating("v", "cem", ("fear",), {"valence": 3.0}),
        Rating("w", "dee", ("fear",)),
        Rating("x", "dee"),
    ]
    summary = summarise_ratings(ratings)
    assert summary is not None
    assert (summary.n_votes, summary.n_utterances, summary.n_raters) == (5, 3, 4)
    basis = {name: (a.n_utterances, a.n_votes, a.n_raters) for name, a in summary.agreement.items()}
    assert basis == {"emotion": (2, 4, 3), "valence": (1, 2, 2)}
    assert summarise_ratings(ratings[2:3]) is None
