"""What is said of latents, against latents of which the truth is known."""

import numpy as np
import numpy.typing as npt
import pytest

from sercli.evaluation import diagnostics
from sercli.stages.latents import _Probes, _Seen

Array = npt.NDArray[np.float64]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("k", [0, 1, 5, 16])
def test_active_units_are_counted(k: int, rng: np.random.Generator) -> None:
    means = np.concatenate([rng.normal(0, 1, (500, k)), rng.normal(3, 0.05, (500, 16 - k))], axis=1)
    assert diagnostics.active_units(means) == k  # a constant, however large, is not active


def test_kl_of_units(rng: np.random.Generator) -> None:
    means, stds = np.zeros((10, 3)), np.ones((10, 3))
    assert diagnostics.kl_of_units(means, stds).tolist() == [0, 0, 0]
    means[:, 1] = 2.0
    assert diagnostics.kl_of_units(means, stds) == pytest.approx([2.0, 0, 0])  # ½ μ², largest first


def test_kl_is_that_of_the_loss(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    from sercli.autoencoders.vae import kl

    means, log_variances = rng.normal(0, 1, (50, 4)), rng.normal(-1, 1, (50, 4))
    wanted = float(kl(torch.from_numpy(means), torch.from_numpy(log_variances)))
    assert diagnostics.kl_of_units(means, np.exp(0.5 * log_variances)).sum() == pytest.approx(wanted)


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
    assert diagnostics.judge(active, size, error, 1.0) == wanted


def test_the_lower_median_is_shown() -> None:
    assert diagnostics.lower_median({1: 5.0, 2: 1.0, 3: 3.0}) == 3
    assert diagnostics.lower_median({1: 5.0, 2: 1.0, 3: 3.0, 4: 4.0}) == 3
    assert diagnostics.at_quantiles([4.0, 0.0, 3.0, 1.0, 2.0], (0.0, 0.5, 1.0)) == [1, 4, 0]


def separable(rng: np.random.Generator, n: int = 60) -> tuple[Array, list[str]]:
    labels = [("anger", "neutral", "sadness")[i % 3] for i in range(n)]
    rows = rng.normal(0, 0.1, (n, 8))
    rows[np.arange(n), np.arange(n) % 3] += 5.0
    return rows, labels


def test_probe_reads_what_is_there(rng: np.random.Generator) -> None:
    (train, labels), (test, truth) = separable(rng), separable(rng)
    said = diagnostics.probe(train, labels, test)
    speakers = [f"s{i % 4}" for i in range(len(test))]
    scored = diagnostics.score_probe(truth, said, speakers)
    assert (scored["uar"], scored["uar_ci95"], scored["n"]) == (1.0, [1.0, 1.0], 60)
    assert scored["chance"] == pytest.approx(1 / 3)


def test_probe_of_noise_is_chance(rng: np.random.Generator) -> None:
    labels = [("anger", "neutral")[i % 2] for i in range(400)]
    said = diagnostics.probe(rng.normal(size=(400, 8)), labels, rng.normal(size=(400, 8)))
    assert diagnostics.score_probe(labels, said, ["a", "b"] * 200)["uar"] == pytest.approx(0.5, abs=0.1)


def test_probe_of_speakers(rng: np.random.Generator) -> None:
    rows, who = separable(rng)
    found = diagnostics.probe_of_speakers(np.append(rows, rows[:1], axis=0), [*who, "once"])
    assert found is not None
    assert (found["uar"], found["n"]) == (1.0, 60)  # who spoke but once cannot be known again
    assert diagnostics.probe_of_speakers(rows, ["one"] * 60) is None
    assert diagnostics.probe(rows, ["one"] * 60, rows[:2]) == ["one", "one"]


def test_principal_components_see_the_training_part_alone(rng: np.random.Generator) -> None:
    train, test = rng.normal(size=(40, 6)), rng.normal(size=(10, 6))
    both, moved = np.concatenate([train, test]), np.concatenate([train, 100 * test])
    first, second = diagnostics.principal(train, both), diagnostics.principal(train, moved)
    assert first is not None
    assert second is not None
    assert first[0][:40] == second[0][:40]
    assert first[1] == second[1]


@pytest.mark.parametrize("width", [1, 2, 6])
def test_maps_of_odd_shapes(width: int, rng: np.random.Generator) -> None:
    rows = rng.normal(size=(5, width))
    pca = diagnostics.principal(rows[:3], rows)
    assert pca is not None
    assert np.shape(pca[0]) == (5, 2)
    assert np.shape(diagnostics.neighbours(rows[:3], rows)) == (5, 2)
    still = np.ones((5, width))
    assert diagnostics.principal(still, still) is None
    assert diagnostics.neighbours(still, still) is None


def test_probes_are_fitted_without_the_labels_of_test(rng: np.random.Generator) -> None:
    """Permuted labels of test change the score, and no answer."""
    rows, labels = separable(rng)
    names = [f"u{i:02d}" for i in range(60)]
    seen = _Seen(utt_ids=names, latents=list(rows), features=list(rows))
    parts = {name: "test" if i < 20 else "dev" if i < 30 else "train" for i, name in enumerate(names)}
    truth = dict(zip(names, labels, strict=True))
    permuted = truth | dict(zip(names[:20], labels[1:21], strict=True))
    found = []
    for told in (truth, permuted):
        probes = _Probes()
        probes.fold(seen, parts, {"emotion": told})
        answers = [answer for _, _, answer in probes.said["emotion", "latents"]]
        found.append((answers, probes.scores(dict.fromkeys(names, "s01"))["emotion"]["latents"]["uar"]))
    assert found[0][0] == found[1][0]
    assert (found[0][1], found[1][1]) == (1.0, 0.0)
