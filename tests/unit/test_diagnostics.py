"""Numbers about latents, against latents of which the truth is known."""

import numpy as np
import numpy.typing as npt
import pytest

from sercli.evaluation import latent_space, probes

Array = npt.NDArray[np.float64]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("k", [0, 1, 5, 16])
def test_active_units_are_counted(k: int, rng: np.random.Generator) -> None:
    means = np.concatenate([rng.normal(0, 1, (500, k)), rng.normal(3, 0.05, (500, 16 - k))], axis=1)
    assert latent_space.active_units(means) == k  # a constant, however large, is not active


def test_kl_of_units(rng: np.random.Generator) -> None:
    means, stds = np.zeros((10, 3)), np.ones((10, 3))
    assert latent_space.kl_of_units(means, stds).tolist() == [0, 0, 0]
    means[:, 1] = 2.0
    assert latent_space.kl_of_units(means, stds) == pytest.approx([2.0, 0, 0])  # ½ μ², largest first


def test_kl_is_that_of_the_loss(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    from sercli.autoencoders.vae import kl

    means, log_variances = rng.normal(0, 1, (50, 4)), rng.normal(-1, 1, (50, 4))
    wanted = float(kl(torch.from_numpy(means), torch.from_numpy(log_variances)))
    assert latent_space.kl_of_units(means, np.exp(0.5 * log_variances)).sum() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("active", "size", "error", "wanted"),
    [
        (0, 128, 0.5, "collapsed"),
        (1, 8, 0.5, "collapsed"),
        (6, 128, 0.5, "collapsed"),  # below a twentieth
        (7, 128, 0.5, "mostly closed"),
        (128, 128, 0.96, "no better than the mean"),
        (64, 128, 0.5, ""),
        (None, 128, 0.5, ""),
        (None, 128, 0.99, "no better than the mean"),
        (1, 1, 0.5, ""),
    ],
)
def test_judgement(active: int | None, size: int, error: float, wanted: str) -> None:
    assert latent_space.judge(active, size, error, 1.0) == wanted


def test_the_lower_median_is_shown() -> None:
    assert latent_space.lower_median({1: 5.0, 2: 1.0, 3: 3.0}) == 3
    assert latent_space.lower_median({1: 5.0, 2: 1.0, 3: 3.0, 4: 4.0}) == 3
    assert latent_space.indices_at_quantiles([4.0, 0.0, 3.0, 1.0, 2.0], (0.0, 0.5, 1.0)) == [1, 4, 0]


def separable(rng: np.random.Generator, n: int = 60) -> tuple[Array, list[str]]:
    labels = [("anger", "neutral", "sadness")[i % 3] for i in range(n)]
    rows = rng.normal(0, 0.1, (n, 8))
    rows[np.arange(n), np.arange(n) % 3] += 5.0
    return rows, labels


def answers(predictions: list[str], truth: list[str]) -> list[probes.Answer]:
    return [probes.Answer(f"u{i:03d}", *pair) for i, pair in enumerate(zip(truth, predictions, strict=True))]


def speakers(n: int) -> dict[str, str]:
    return {f"u{i:03d}": f"s{i % 4}" for i in range(n)}


def test_probe_reads_what_is_there(rng: np.random.Generator) -> None:
    (train, labels), (test, truth) = separable(rng), separable(rng)
    predictions = probes.fit_and_predict(train, labels, test)
    score = probes.score_answers(answers(predictions, truth), speakers(60))
    assert score == probes.ProbeScore(1.0, (None, None), 1 / 3, 60)


def test_probe_of_noise_is_chance(rng: np.random.Generator) -> None:
    labels = [("anger", "neutral")[i % 2] for i in range(400)]
    predictions = probes.fit_and_predict(rng.normal(size=(400, 8)), labels, rng.normal(size=(400, 8)))
    score = probes.score_answers(answers(predictions, labels), speakers(400))
    assert score is not None
    assert score.uar == pytest.approx(0.5, abs=0.1)


def test_a_class_that_test_lacks_counts_as_wrong_and_not_as_a_class() -> None:
    score = probes.score_answers(answers(["a", "c", "b", "b"], ["a", "a", "b", "b"]), speakers(4))
    assert score is not None
    assert (score.uar, score.chance) == (0.75, 0.5)
    assert probes.score_answers(answers(["a", "b"], ["a", "a"]), speakers(2)) is None


def test_probe_of_speakers(rng: np.random.Generator) -> None:
    rows, names = separable(rng)
    score = probes.score_speakers(np.append(rows, rows[:1], axis=0), [*names, "once"])
    assert score is not None
    assert (score.uar, score.n, score.interval) == (1.0, 60, (None, None))  # one utterance cannot be recognised again
    assert probes.score_speakers(rows, ["one"] * 60) is None
    assert probes.fit_and_predict(rows, ["one"] * 60, rows[:2]) == ["one", "one"]


def test_principal_components_see_the_training_part_alone(rng: np.random.Generator) -> None:
    train, test = rng.normal(size=(40, 6)), rng.normal(size=(10, 6))
    both, moved = np.concatenate([train, test]), np.concatenate([train, 100 * test])
    first, second = latent_space.principal_components(train, both), latent_space.principal_components(train, moved)
    assert first is not None
    assert second is not None
    assert first[0][:40] == second[0][:40]
    assert first[1] == second[1]


@pytest.mark.parametrize("width", [1, 2, 6])
def test_maps_of_odd_shapes(width: int, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(5, width))
    pca = latent_space.principal_components(rows[:3], rows)
    assert pca is not None
    assert np.shape(pca[0]) == (5, 2)
    assert np.shape(latent_space.tsne(rows[:3], rows)) == (5, 2)
    still = np.ones((5, width))
    assert latent_space.principal_components(still, still) is None
    assert latent_space.tsne(still, still) is None


def test_probes_are_fitted_without_the_labels_of_test(rng: np.random.Generator) -> None:
    """Permuted labels of test change the score, and no answer."""
    rows, labels = separable(rng)
    names = [f"u{i:02d}" for i in range(60)]
    vectors = dict(zip(names, rows, strict=True))
    parts = {name: "test" if i < 20 else "dev" if i < 30 else "train" for i, name in enumerate(names)}
    truth = dict(zip(names, labels, strict=True))
    permuted = truth | dict(zip(names[:20], labels[1:21], strict=True))
    honest, other = (probes.answer(vectors, each, parts) for each in (truth, permuted))
    assert [each.prediction for each in honest] == [each.prediction for each in other]
    scores = [probes.score_answers(each, dict.fromkeys(names, "s01")) for each in (honest, other)]
    assert [score and score.uar for score in scores] == [1.0, 0.0]
