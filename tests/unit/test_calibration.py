"""Quality of posteriors and temperatures: against scikit-learn and scipy, and what must hold of them whatever the numbers."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve
from support import results
from support.errors import raises

from sercli.evaluation import calibration
from sercli.evaluation.calibration import Calibration, Posteriors, PosteriorScores, Truth

N_CLASSES = 4
SEEDS = range(5)


def drawn(seed: int, n: int = 200, sharpness: float = 2.0) -> tuple[Posteriors, Truth]:
    """Truth that is drawn from posteriors which are then sharpened: overconfident ones for a sharpness above 1."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.ones(N_CLASSES), n)
    truth = np.array([random.choice(N_CLASSES, p=p) for p in honest])
    return calibration.calibrated(honest, 1 / sharpness), truth


# --- quality


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    posteriors, truth = drawn(seed)
    classes = range(N_CLASSES)
    assert calibration.log_loss(posteriors, truth) == pytest.approx(
        reference.log_loss(truth, posteriors, labels=classes)
    )
    brier = reference.brier_score_loss(truth, posteriors, labels=classes, scale_by_half=False)
    assert calibration.brier(posteriors, truth) == pytest.approx(brier)


@pytest.mark.parametrize("n_bins", [10, 15])
def test_bins_are_those_of_scikit_learn(n_bins: int) -> None:
    posteriors, truth = drawn(0)
    posteriors[:2] = [[0.4, 0.4, 0.1, 0.1], [1.0, 0.0, 0.0, 0.0]]  # on an edge
    bins = [b for b in calibration.reliability(posteriors, truth, n_bins) if b.n]
    right, confidence = calibration_curve(posteriors.argmax(1) == truth, posteriors.max(1), n_bins=n_bins)
    assert [b.accuracy for b in bins] == pytest.approx(list(right))
    assert [b.confidence for b in bins] == pytest.approx(list(confidence))
    assert sum(b.n for b in bins) == len(truth)


def test_zero_for_the_truth_costs_36_nats() -> None:
    posteriors, truth = np.array([[1.0, 0.0]]), np.array([1])
    assert calibration.log_loss(posteriors, truth) == pytest.approx(
        reference.log_loss(truth, posteriors, labels=[0, 1])
    )
    assert 36 < calibration.log_loss(posteriors, truth) < 37


def test_risk_by_hand() -> None:
    """Four answers, of which the least certain is wrong."""
    posteriors = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    scores = PosteriorScores.of(posteriors, np.array([0, 0, 1, 1]))
    risk = dict(zip(calibration.COVERAGES, scores.risk, strict=True))
    assert (risk[0.5], risk[0.75], risk[1.0]) == (0, 0, 0.25)
    assert scores.risk_area == 0.25 / 4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_utterances_does_not_matter(seed: int) -> None:
    """Nor that of equal posteriors, of which there are many here."""
    posteriors, truth = drawn(seed, 60)
    posteriors = posteriors.round(1)
    order = np.random.default_rng(seed).permutation(len(truth))
    original, shuffled = PosteriorScores.of(posteriors, truth), PosteriorScores.of(posteriors[order], truth[order])
    assert original.risk == pytest.approx(shuffled.risk)
    assert original.risk_area == pytest.approx(shuffled.risk_area)
    assert original.ece == pytest.approx(shuffled.ece)
    assert original.risk[-1] == pytest.approx(np.mean(posteriors.argmax(1) != truth))


def test_identical_posteriors_have_one_risk() -> None:
    scores = PosteriorScores.of(np.tile([0.6, 0.4], (8, 1)), np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    assert scores.risk == pytest.approx([0.25] * 20)
    assert scores.ece == pytest.approx(0.15)


# --- temperature


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_temperature_is_that_of_scipy(seed: int, sharpness: float) -> None:
    posteriors, truth = drawn(seed, sharpness=sharpness)
    fitted = calibration.fit_temperature(posteriors, truth)
    loss = lambda t: calibration.log_loss(calibration.calibrated(posteriors, t), truth)  # noqa: E731
    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-7})
    assert fitted.value == pytest.approx(best.x, rel=1e-3)
    assert loss(fitted.value) <= best.fun + 1e-12
    assert fitted.value == pytest.approx(sharpness, rel=0.3)
    assert (fitted.n_utterances, fitted.note) == (200, "")


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 3.0, 20.0])
def test_no_answer_changes(temperature: float) -> None:
    posteriors, _ = drawn(0)
    posteriors[0] = [1, 0, 0, 0]
    after = calibration.calibrated(posteriors, temperature)
    assert after.argmax(1).tolist() == posteriors.argmax(1).tolist()
    assert after.sum(1) == pytest.approx(np.ones(len(after)))
    assert np.isfinite(after).all()


RIGHT = np.array([[0.6, 0.4], [0.3, 0.7]])


@pytest.mark.parametrize(
    ("posteriors", "truth", "value", "note"),
    [
        (np.empty((0, 2)), [], 1, "no dev utterance"),
        (np.full((4, 2), 0.5), [0, 0, 1, 1], 1, "uniform"),
        (RIGHT, [0, 1], 1, "every dev utterance is right"),
        (RIGHT, [1, 0], 20, "higher"),
        (np.array([[0.501, 0.499]] * 9 + [[0.499, 0.501]]), [0] * 10, 0.05, "lower"),
    ],
)
def test_what_dev_does_not_tell(posteriors: Posteriors, truth: list[int], value: float, note: str) -> None:
    fitted = calibration.fit_temperature(posteriors, np.array(truth, np.int64))
    assert (fitted.value, fitted.n_utterances) == (value, len(truth))
    assert note in fitted.note


def test_identical_posteriors_become_the_share_that_is_right() -> None:
    """Of a class that dev lacks nothing is known, and nothing is needed."""
    posteriors = np.tile([0.9, 0.05, 0.05], (10, 1))
    fitted = calibration.fit_temperature(posteriors, np.array([0] * 6 + [1] * 4))
    assert fitted.note == ""
    assert calibration.calibrated(posteriors, fitted.value)[0, 0] == pytest.approx(0.6)


# --- of a classifier


def test_each_fold_has_the_temperature_of_its_dev_part() -> None:
    """Everything that is wrong is of speaker 2, who is dev in fold 1: three of four wrong at a confidence of 0.8."""
    wrong = ["s2-anger-1", "s2-anger-2", "s2-sadness-1"]
    rows = results.predictions(wrong)
    test, dev = ([row for row in rows if row["part"] == part] for part in ("test", "dev"))
    quality = Calibration.of(test, dev, results.LABELS)
    assert [(t.fold, t.n_utterances) for t in quality.temperatures] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [t.value for t in quality.temperatures] == [20, 1, 1, 1]
    assert quality.temperatures[1].note == "every dev utterance is right"
    assert quality.raw.risk[-1] == quality.calibrated.risk[-1] == 3 / 16
    assert quality.raw.brier == pytest.approx((13 * 0.08 + 3 * 1.28) / 16)


def test_test_does_not_move_a_temperature() -> None:
    wrong = ["s1-anger-1"]
    before, after = results.result(wrong=wrong), results.result(wrong=[*wrong, "s3-anger-1"])
    assert before.posteriors.temperatures[2:] == after.posteriors.temperatures[2:]  # speaker 3 is dev in fold 2
    assert before.posteriors.raw != after.posteriors.raw


def test_the_mean_over_seeds() -> None:
    several = [results.result(wrong=w).posteriors for w in ([], ["s1-anger-1", "s1-anger-2"])]
    mean = Calibration.mean(several)
    for name in ("ece", "brier", "log_loss", "risk_area"):
        assert getattr(mean.raw, name) == pytest.approx(np.mean([getattr(s.raw, name) for s in several]))
    assert sum(b.n for b in mean.raw.reliability) == 32
    assert [b.accuracy for b in mean.raw.reliability if b.n] == [30 / 32]
    assert len(mean.temperatures) == 8


def test_what_is_not_finite_gives_no_answer() -> None:
    calibration.check_finite(np.array([0.0, 1.0]), "lstm: u1")
    with raises({"place": "lstm: u1", "seen": "nan"}):
        calibration.check_finite(np.array([np.nan, 1.0]), "lstm: u1")
