"""Scores against scikit-learn, against hand-made cases, and against what must hold of them whatever the numbers."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn import metrics as reference

from sercli.evaluation import metrics

LABELS = ["anger", "neutral", "sadness"]
Pairs = list[tuple[str, str]]
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=50)


def split(rows: Pairs) -> tuple[list[str], list[str]]:
    return [truth for truth, _ in rows], [prediction for _, prediction in rows]


def counts(rows: Pairs, labels: Sequence[str] = LABELS) -> metrics.Counts:
    return metrics.confusion(*split(rows), labels)


@given(pairs)
def test_scores_are_those_of_scikit_learn(rows: Pairs) -> None:
    truth, prediction = split(rows)
    present = sorted(set(truth))
    recalls = reference.recall_score(truth, prediction, labels=present, average=None, zero_division=0)
    assert metrics.confusion(truth, prediction, LABELS).tolist() == (
        reference.confusion_matrix(truth, prediction, labels=LABELS).tolist()
    )
    assert metrics.accuracy(truth, prediction, LABELS) == pytest.approx(reference.accuracy_score(truth, prediction))
    assert metrics.uar(truth, prediction, LABELS) == pytest.approx(recalls.mean())
    for score, average in ((metrics.macro_f1, "macro"), (metrics.weighted_f1, "weighted")):
        assert score(truth, prediction, LABELS) == pytest.approx(
            reference.f1_score(truth, prediction, labels=present, average=average, zero_division=0)
        )


def test_by_hand() -> None:
    """Two of three anger right, the one neutral wrong, no sadness at all."""
    rows = [("anger", "anger"), ("anger", "anger"), ("anger", "sadness"), ("neutral", "anger")]
    assert counts(rows).tolist() == [[2, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert metrics.accuracy(*split(rows), LABELS) == 2 / 4
    assert metrics.recalls(counts(rows)) == pytest.approx([2 / 3, 0.0, np.nan], nan_ok=True)
    assert metrics.uar(*split(rows), LABELS) == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.macro_f1(*split(rows), LABELS) == pytest.approx((2 / 3 + 0) / 2)
    assert metrics.weighted_f1(*split(rows), LABELS) == pytest.approx((3 * 2 / 3 + 0) / 4)


@given(pairs, st.sampled_from(LABELS), st.integers(2, 5))
def test_duplicating_a_class_leaves_uar_unchanged(rows: Pairs, label: str, times: int) -> None:
    more = rows + (times - 1) * [row for row in rows if row[0] == label]
    assert metrics.uar_of_counts(counts(more)) == pytest.approx(metrics.uar_of_counts(counts(rows)))


@given(pairs, st.randoms(use_true_random=False))
def test_neither_row_order_nor_label_order_matters(rows: Pairs, order: object) -> None:
    shuffled = order.sample(rows, len(rows))  # type: ignore[attr-defined]
    one, other = counts(rows), counts(shuffled, LABELS[::-1])
    for score in metrics.SCORES.values():
        assert score(one) == pytest.approx(score(other))
    assert np.array_equal(one[::-1, ::-1], other)


def test_chance_and_perfection() -> None:
    always = [(label, "anger") for label in LABELS for _ in range(5)]
    assert metrics.uar_of_counts(counts(always)) == pytest.approx(1 / 3)
    perfect = counts([(label, label) for label in LABELS])
    assert {float(score(perfect)) for score in metrics.SCORES.values()} == {1.0}


def test_an_absent_class_is_no_class() -> None:
    """EMO-DB's speaker 08 has no disgust: the mean recall is over the classes that are there."""
    rows = [("anger", "anger"), ("neutral", "anger")]
    assert metrics.uar_of_counts(counts(rows)) == 0.5
    assert metrics.uar_of_counts(counts(rows, LABELS[:2])) == 0.5
    assert np.isnan(metrics.recalls(counts(rows))[2])


def test_many_matrices_at_once() -> None:
    stacked = np.stack([counts([("anger", "anger")]), counts([("anger", "neutral"), ("neutral", "neutral")])])
    assert metrics.uar_of_counts(stacked).tolist() == [1.0, 0.5]
    assert metrics.recalls(stacked).shape == (2, 3)


@given(pairs, pairs)
def test_confusions_alone_give_the_scores_of_scikit_learn(one: Pairs, other: Pairs) -> None:
    """To the last digits, and of many at once as of each."""
    stacked = np.stack([[counts(one)], [counts(other)]])
    for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        together = metrics.SCORES[name](stacked)
        assert together.shape == (2, 1)
        for found, rows in zip(together[:, 0], (one, other), strict=True):
            truth, prediction = split(rows)
            present = sorted(set(truth))
            wanted = reference.f1_score(truth, prediction, labels=present, average=average, zero_division=0)
            assert found == pytest.approx(wanted, abs=1e-12)
    for found, rows in zip(metrics.accuracy_of_counts(stacked)[:, 0], (one, other), strict=True):
        assert found == pytest.approx(reference.accuracy_score(*split(rows)), abs=1e-12)
    for found, rows in zip(metrics.uar_of_counts(stacked)[:, 0], (one, other), strict=True):
        wanted = reference.recall_score(*split(rows), labels=sorted({t for t, _ in rows}), average="macro")
        assert found == pytest.approx(wanted, abs=1e-12)


# --- the interval over speakers


def speakers(n: int, rates: tuple[float, float] = (0.5, 0.8), seed: int = 0) -> list[metrics.Counts]:
    """One confusion matrix a speaker, of 20 utterances a class; speakers differ."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        right = generator.binomial(20, generator.uniform(*rates, size=3))
        matrix = np.diag(right)
        matrix[np.arange(3), (np.arange(3) + 1) % 3] = 20 - right
        found.append(matrix)
    return found


def bounds(
    matrices: Sequence[metrics.Counts], score: metrics.CountScore = metrics.uar_of_counts
) -> tuple[float, float]:
    low, high = metrics.interval(matrices, score)
    assert low is not None
    assert high is not None
    return low, high


def width(matrices: Sequence[metrics.Counts], score: metrics.CountScore = metrics.uar_of_counts) -> float:
    low, high = bounds(matrices, score)
    return high - low


@pytest.mark.parametrize("score", metrics.SCORES.values(), ids=metrics.SCORES)
def test_interval_is_that_of_scipy(score: metrics.CountScore) -> None:
    stacked = np.stack(speakers(7))

    def statistic(drawn: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float64]:
        return np.asarray(score(stacked[np.moveaxis(drawn, axis, 0)].sum(axis=0)))

    wanted = bootstrap(
        (np.arange(7),),
        statistic,
        n_resamples=metrics.RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert bounds(list(stacked), score) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


@pytest.mark.parametrize("score", metrics.SCORES.values(), ids=metrics.SCORES)
def test_interval_holds_the_score_and_is_repeatable(score: metrics.CountScore) -> None:
    matrices = speakers(10)
    low, high = bounds(matrices, score)
    assert low < score(np.sum(matrices, axis=0)) < high
    assert bounds(matrices, score) == (low, high)


@pytest.mark.parametrize("score", metrics.SCORES.values(), ids=metrics.SCORES)
def test_interval_shrinks_with_more_speakers(score: metrics.CountScore) -> None:
    assert width(speakers(64), score) < width(speakers(16), score) < width(speakers(4), score)


def test_interval_is_over_speakers_not_utterances() -> None:
    """Ten times the utterances of the same few people are not ten times the evidence."""
    matrices = speakers(6)
    assert width([10 * matrix for matrix in matrices]) == pytest.approx(width(matrices))


def test_speakers_all_alike_leave_no_doubt() -> None:
    assert bounds([np.diag([4, 4, 4])] * 5) == (1.0, 1.0)


def test_one_speaker_has_no_interval() -> None:
    alone = [np.diag([4, 4, 4])]
    assert metrics.interval(alone, metrics.uar_of_counts) == (None, None)
    assert metrics.paired_interval(alone, alone, metrics.uar_of_counts) == (None, None)


def test_interval_over_seeds_is_of_their_mean() -> None:
    """Seeds that agree give the interval of one; seeds that differ give one around their mean."""
    one, other = speakers(10), speakers(10, rates=(0.8, 0.95), seed=1)
    assert bounds([np.stack([matrix, matrix]) for matrix in one]) == pytest.approx(bounds(one))
    low, high = bounds([np.stack(both) for both in zip(one, other, strict=True)])
    assert low < np.mean([metrics.uar_of_counts(np.sum(matrices, axis=0)) for matrices in (one, other)]) < high


def test_interval_over_targets_and_seeds() -> None:
    """(targets, seeds, C, C) a speaker: the same as all of them in a row, or as a score that averages by itself."""
    several = [speakers(8, seed=seed) for seed in range(6)]
    flat = [np.stack(matrices) for matrices in zip(*several, strict=True)]
    nested = [matrices.reshape(2, 3, 3, 3) for matrices in flat]
    assert bounds(nested, metrics.macro_f1_of_counts) == pytest.approx(bounds(flat, metrics.macro_f1_of_counts))
    assert bounds(nested, lambda counts: metrics.macro_f1_of_counts(counts).mean(axis=(-2, -1))) == pytest.approx(
        bounds(flat, metrics.macro_f1_of_counts)
    )


def test_a_class_that_only_one_speaker_has() -> None:
    """Resamples without that speaker are scored on the classes that are left."""
    matrices = [np.diag([3, 3, 0])] * 4 + [np.diag([3, 3, 3])]
    for score in metrics.SCORES.values():
        assert bounds(matrices, score) == (1.0, 1.0)


# --- two systems on the same utterances


def test_a_system_does_not_differ_from_itself() -> None:
    matrices = speakers(6)
    assert metrics.paired_interval(matrices, matrices, metrics.uar_of_counts) == (0.0, 0.0)


def test_the_difference_turns_its_sign_with_the_systems() -> None:
    one, other = speakers(6), speakers(6, seed=1)
    low, high = metrics.paired_interval(one, other, metrics.uar_of_counts)
    assert low is not None
    assert high is not None
    assert metrics.paired_interval(other, one, metrics.uar_of_counts) == pytest.approx((-high, -low))


def test_pairing_removes_what_speakers_have_in_common() -> None:
    """B gets one more of each class right than A, of every speaker: certain, however much speakers differ."""
    better = [matrix for matrix in speakers(10) if (np.diagonal(matrix) < 20).all()]
    worse = [matrix - np.eye(3, dtype=int) + np.roll(np.eye(3, dtype=int), 1, axis=1) for matrix in better]
    assert metrics.paired_interval(better, worse, metrics.uar_of_counts) == pytest.approx((1 / 20, 1 / 20))
    assert width(better) > 0.02


def test_seeds_are_averaged_before_the_difference() -> None:
    one, other = speakers(6), speakers(6, seed=1)
    twice = [np.stack([matrix, matrix]) for matrix in one]
    assert metrics.paired_interval(twice, other, metrics.uar_of_counts) == pytest.approx(
        metrics.paired_interval(one, other, metrics.uar_of_counts)
    )


@pytest.mark.parametrize(("n", "held"), [(4, 0.8), (10, 0.9)])
def test_few_speakers_make_the_interval_too_narrow(n: int, held: float) -> None:
    """As `sercli compare` says of it: how often it holds the true difference, here 0, of systems drawn alike."""
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        seeds = generator.integers(2**32, size=2)
        low, high = metrics.paired_interval(*(speakers(n, seed=seed) for seed in seeds), metrics.uar_of_counts)
        assert low is not None
        assert high is not None
        hits += low <= 0 <= high
    assert hits / 300 == pytest.approx(held, abs=0.04)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_sum_of_binomials(a: int, b: int) -> None:
    """Twice the smaller tail of a fair coin, at most 1."""
    tail = Fraction(sum(math.comb(a + b, k) for k in range(min(a, b) + 1)), 2 ** (a + b))
    assert metrics.mcnemar(a, b) == pytest.approx(float(min(2 * tail, Fraction(1))), rel=1e-9)
    assert metrics.mcnemar(b, a) == metrics.mcnemar(a, b)


def test_mcnemar_of_systems_that_never_differ() -> None:
    assert metrics.mcnemar(0, 0) == 1.0
