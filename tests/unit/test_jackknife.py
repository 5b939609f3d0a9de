"""Intervals over clusters: by hand and against scipy, what must hold of them, and how often they hold the true score."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats
from support.confusions import simulated

from sercli.evaluation import jackknife, metrics

UAR = metrics.uar_of_counts
SCORES = pytest.mark.parametrize("score", metrics.SCORES.values(), ids=metrics.SCORES)


def clusters(n: int, seed: int = 0) -> list[metrics.Counts]:
    return list(simulated(n, np.random.default_rng(seed)))


def bounds(matrices: Sequence[metrics.Counts], score: metrics.CountScore = UAR) -> tuple[float, float]:
    low, high = jackknife.interval(matrices, score)
    assert low is not None
    assert high is not None
    return low, high


def width(matrices: Sequence[metrics.Counts], score: metrics.CountScore = UAR) -> float:
    low, high = bounds(matrices, score)
    return high - low


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


@SCORES
def test_by_hand(score: metrics.CountScore) -> None:
    """One cluster is left out at a time; the error is taken to the logit scale by its derivative."""
    matrices = clusters(7)
    whole = float(score(np.sum(matrices, axis=0)))
    without = [float(score(np.sum([m for m in matrices if m is not left_out], axis=0))) for left_out in matrices]
    error = np.sqrt(6 / 7 * sum((value - whole) ** 2 for value in without))
    reach = stats.t.ppf(0.975, df=6) * error / (whole * (1 - whole))
    assert [logit(bound) for bound in bounds(matrices, score)] == pytest.approx(
        [logit(whole) - reach, logit(whole) + reach]
    )


def test_equal_clusters_give_the_t_interval_of_their_differences() -> None:
    """Where all clusters are of one size, the jackknife of a mean is the textbook's standard error."""
    right_a, right_b = np.array([5, 7, 8, 4, 6]), np.array([4, 7, 5, 5, 3])
    a, b = ([np.array([[n, 10 - n], [0, 10]]) for n in right] for right in (right_a, right_b))
    differences = (right_a - right_b) / 20
    wanted = stats.t.interval(0.95, 4, differences.mean(), stats.sem(differences))
    assert jackknife.paired_interval(a, b, metrics.accuracy_of_counts) == pytest.approx(wanted)


@SCORES
def test_interval_holds_the_score_and_lies_within_0_and_1(score: metrics.CountScore) -> None:
    for seed in range(20):
        matrices = clusters(2 + seed % 9, seed)
        low, high = bounds(matrices, score)
        assert 0 <= low < score(np.sum(matrices, axis=0)) < high <= 1


@SCORES
def test_interval_shrinks_with_more_clusters(score: metrics.CountScore) -> None:
    assert width(clusters(64), score) < width(clusters(16), score) < width(clusters(4), score)


def test_interval_is_over_clusters_not_utterances() -> None:
    """Ten times the utterances of the same few people are not ten times the evidence."""
    assert width([10 * matrix for matrix in clusters(6)]) == pytest.approx(width(clusters(6)))


def test_one_cluster_has_no_interval() -> None:
    (alone,) = clusters(1)
    assert jackknife.interval([alone], UAR) == (None, None)
    assert jackknife.paired_interval([alone], [alone], UAR) == (None, None)


def test_clusters_all_alike_say_nothing_of_an_error() -> None:
    for alike in ([np.diag([4, 4, 4])] * 5, [np.array([[3, 1], [2, 2]])] * 5):
        assert jackknife.interval(alike, UAR) == (None, None)
    assert jackknife.paired_interval(clusters(6), clusters(6), UAR) == (None, None)


def test_interval_over_seeds_is_of_their_mean() -> None:
    """Seeds that agree give the interval of one; seeds that differ give one around their mean."""
    first, second = clusters(10), clusters(10, seed=1)
    assert bounds([np.stack([matrix, matrix]) for matrix in first]) == pytest.approx(bounds(first))
    low, high = bounds([np.stack(both) for both in zip(first, second, strict=True)])
    assert low < np.mean([UAR(np.sum(matrices, axis=0)) for matrices in (first, second)]) < high


def test_interval_over_targets_and_seeds() -> None:
    """(targets, seeds, C, C) a cluster: the same as all of them in a row."""
    flat = [np.stack(matrices) for matrices in zip(*(clusters(8, seed) for seed in range(6)), strict=True)]
    nested = [matrices.reshape(2, 3, 4, 4) for matrices in flat]
    assert bounds(nested, metrics.macro_f1_of_counts) == pytest.approx(bounds(flat, metrics.macro_f1_of_counts))


def test_a_class_that_only_one_cluster_has() -> None:
    """Without that cluster the score is over the classes that are left."""
    matrices = [np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])] * 4 + [np.diag([3, 3, 3])]
    for score in metrics.SCORES.values():
        low, high = bounds(matrices, score)
        assert 0 < low < high <= 1


def test_the_difference_turns_its_sign_with_the_systems() -> None:
    first, second = clusters(6), clusters(6, seed=1)
    low, high = jackknife.paired_interval(first, second, UAR)
    assert low is not None
    assert high is not None
    assert jackknife.paired_interval(second, first, UAR) == pytest.approx((-high, -low))


def test_pairing_removes_what_clusters_have_in_common() -> None:
    """B gets one utterance more right than A in every cluster but one: nearly certain, however much clusters differ."""
    worse = [matrix for matrix in clusters(10) if matrix[0, 1] > 0]
    more = np.array([[1, -1, 0, 0], *[[0, 0, 0, 0]] * 3])
    better = [matrix + more for matrix in worse[1:]]
    low, high = jackknife.paired_interval([worse[0], *better], worse, UAR)
    assert low is not None
    assert high is not None
    assert 0 < high - low < width(worse) / 4


@pytest.mark.parametrize("likeness", [0.0, 0.6])
@pytest.mark.parametrize("n", [4, 5, 10, 24])
def test_nine_and_a_half_of_ten_intervals_hold_the_true_score(n: int, likeness: float) -> None:
    """The full measurement is a stage of the benchmark recipe; here the nominal 95 % less twice the error of so few trials."""
    generator = np.random.default_rng(n)
    truth = float(UAR(simulated(50_000, generator, likeness=likeness).sum(axis=0)))
    hits = 0
    for _ in range(400):
        low, high = bounds(list(simulated(n, generator, likeness=likeness)))
        hits += low <= truth <= high
    assert hits / 400 >= 0.93
