"""Exact permutation tests: against scipy, what must hold of them, and how often they reject what is true."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from support.confusions import simulated_pair

from sercli.evaluation import metrics
from sercli.evaluation.permutation import DRAWS, adjusted_p_values, p_value, smallest_p, swaps

SCORES = pytest.mark.parametrize("score", metrics.SCORES.values(), ids=metrics.SCORES)
UAR = metrics.uar_of_counts
Pair = tuple[list[metrics.Counts], list[metrics.Counts]]


def pair(n: int, seed: int = 0, **options: float) -> Pair:
    a, b = simulated_pair(n, np.random.default_rng(seed), **options)
    return list(a), list(b)


@SCORES
def test_it_is_that_of_scipy(score: metrics.CountScore) -> None:
    """`permutation_type="samples"` swaps the values of a pair: here, the numbers of two confusion matrices."""
    a, b = pair(7)
    matrices = np.stack([*a, *b])

    def statistic(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:  # type: ignore[type-arg]
        first, second = (matrices[np.moveaxis(numbers, axis, 0)].sum(axis=0) for numbers in (x, y))
        return np.asarray(score(first) - score(second))

    numbers = (np.arange(7), np.arange(7, 14))
    wanted = stats.permutation_test(numbers, statistic, permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert p_value(a, b, score) == pytest.approx(wanted.pvalue)


def test_by_hand() -> None:
    """Of three clusters A is better by 3, 1 and 1 utterances: of the 8 sets, only none and all are as far from 0."""
    a = [np.array([[5 + gain, 5 - gain], [0, 10]]) for gain in (3, 1, 1)]
    b = [np.array([[5, 5], [0, 10]])] * 3
    assert p_value(a, b, metrics.accuracy_of_counts) == 2 / 8
    b[1], b[2] = (
        a[1] + [[1, -1], [0, 0]],
        a[2] + [[1, -1], [0, 0]],
    )  # now 3, −1, −1: sums 1, 5, 3, 3 and their negatives
    assert p_value(a, b, metrics.accuracy_of_counts) == 1


@given(st.integers(1, 8), st.integers(0, 10_000), st.sampled_from(sorted(metrics.SCORES)))
def test_properties(n: int, seed: int, name: str) -> None:
    """p lies between the smallest and 1, is the same the other way round and in any order, and 1 for a system and itself."""
    (a, b), score = pair(n, seed), metrics.SCORES[name]
    p = p_value(a, b, score)
    assert smallest_p(n) <= p <= 1
    assert p == p_value(b, a, score) == p_value(a[::-1], b[::-1], score)
    assert p * 2 ** (n - 1) == pytest.approx(round(p * 2 ** (n - 1)))
    assert p_value(a, a, score) == 1


def test_a_difference_in_every_cluster_has_the_smallest_p() -> None:
    a, b = [np.diag([10, 10])] * 5, [np.array([[8, 2], [1, 9]])] * 5
    assert p_value(a, b, UAR) == smallest_p(5) == 0.0625
    assert p_value(a[:1], b[:1], UAR) == smallest_p(1) == 1


def test_many_clusters_are_drawn() -> None:
    assert swaps(14).shape == (2**13, 14)
    assert swaps(15).shape == (DRAWS + 1, 15)
    assert not swaps(15)[0].any()
    assert p_value([np.diag([9, 9])] * 24, [np.array([[8, 1], [0, 9]])] * 24, UAR) == smallest_p(24) == 1 / (DRAWS + 1)
    a, b = pair(15)
    assert p_value(a, b, UAR) == p_value(a, b, UAR)
    differences = np.array([np.diag(x - y) @ (1 / np.sum(a, axis=(0, 2))) for x, y in zip(a, b, strict=True)])
    signs = np.array([1 - 2.0 * (np.arange(2**15) >> k & 1) for k in range(15)])
    exact = (np.abs(differences @ signs) >= abs(differences.sum()) - 1e-9).mean()
    assert p_value(a, b, UAR) == pytest.approx(exact, abs=0.015)


def test_seeds_are_swapped_together() -> None:
    """Seeds that agree give the p of one, whatever their number; means over seeds are compared."""
    a, b = pair(8)
    several = [np.stack([matrix] * 3) for matrix in a]
    two = [np.stack([matrix] * 2) for matrix in b]
    for score in metrics.SCORES.values():
        assert p_value(several, two, score) == p_value(several, b, score) == p_value(a, b, score)
    a, others, b = families(8, 3, np.random.default_rng(5))
    mixed = [np.stack(both) for both in zip(a, others, strict=True)]
    assert p_value(mixed, b, UAR) == pytest.approx(
        p_value([x + y for x, y in zip(a, others, strict=True)], [2 * x for x in b], UAR)
    )


# --- several systems and one reference


def families(n: int, systems: int, generator: np.random.Generator, **options: float) -> list[Sequence[metrics.Counts]]:
    return [list(counts) for counts in simulated_pair(n, generator, systems=systems, **options)]


def test_one_difference_needs_no_correction() -> None:
    a, b = pair(9)
    assert adjusted_p_values([b], a) == [p_value(b, a, UAR)]


def test_corrections_by_hand() -> None:
    """Two copies of one system cost nothing, a system equal to the reference has p = 1, and no p is below its own."""
    reference, *others = families(10, 6, np.random.default_rng(3), spread=0.5)
    single = [p_value(system, reference, UAR) for system in others]
    assert adjusted_p_values([others[0]] * 4, reference) == pytest.approx([single[0]] * 4)
    adjusted = adjusted_p_values([*others, reference], reference)
    assert adjusted[-1] == 1
    assert all(own <= corrected <= 1 for own, corrected in zip(single, adjusted, strict=False))
    assert min(adjusted) <= min(1, len(others) * min(single))


def test_the_order_of_systems_changes_nothing() -> None:
    reference, *others = families(7, 5, np.random.default_rng(4))
    assert adjusted_p_values(others[::-1], reference)[::-1] == adjusted_p_values(others, reference)


# --- the level


@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize("n", [6, 10])
def test_at_most_six_of_a_hundred_true_hypotheses_are_rejected(n: int, spread: float) -> None:
    """Equal systems whose advantage varies from cluster to cluster. The full measurement is a stage of the benchmark recipe."""
    generator = np.random.default_rng(n)
    p = [p_value(*map(list, simulated_pair(n, generator, spread=spread)), UAR) for _ in range(600)]
    assert np.mean(np.array(p) <= 0.05) <= 0.06


def test_of_several_equal_systems_hardly_ever_one_is_found_to_differ() -> None:
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(300):
        reference, *others = families(10, 6, generator, spread=0.7)
        rejected += min(adjusted_p_values(others, reference)) <= 0.05
    assert rejected / 300 <= 0.06
