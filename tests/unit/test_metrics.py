"""Scores against scikit-learn, against hand-made cases, and against what must hold of them whatever the numbers."""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_sum_of_binomials(a: int, b: int) -> None:
    """Twice the smaller tail of a fair coin, at most 1."""
    tail = Fraction(sum(math.comb(a + b, k) for k in range(min(a, b) + 1)), 2 ** (a + b))
    assert metrics.mcnemar(a, b) == pytest.approx(float(min(2 * tail, Fraction(1))), rel=1e-9)
    assert metrics.mcnemar(b, a) == metrics.mcnemar(a, b)


def test_mcnemar_of_systems_that_never_differ() -> None:
    assert metrics.mcnemar(0, 0) == 1.0
