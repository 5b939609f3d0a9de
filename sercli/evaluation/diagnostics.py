"""What the latents of an autoencoder keep, and what they forget: active units, probes, maps. Arrays in, plain numbers out.

Shapes: M segments, U utterances, Z latents, D columns of whatever stands for an utterance. Nothing that is fitted here is
given a label or a latent of the test part.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import metrics

ACTIVE = 0.01  # variance of a unit's posterior mean (Burda, Grosse, Salakhutdinov 2016, section 5.2)
FEWEST_ACTIVE, FEWEST_SHARE = 2, 0.05  # below either, of Z, the posterior has collapsed
NO_BETTER = 0.95  # of the error of always answering the training mean
SPLITS = 5  # of the speaker probe
_PERPLEXITY, _STEPS = 30.0, 500  # of t-SNE
_MOST_ITERATIONS = 1000

Array = npt.NDArray[Any]
Judgement = Literal["collapsed", "no better than the mean", "mostly closed", ""]


def active_units(means: Array) -> int:
    """Units whose posterior mean (M, Z) moves with the input: variance over segments above 0.01 (Burda et al. 2016)."""
    return int((means.var(axis=0, dtype=np.float64) > ACTIVE).sum())


def kl_of_units(means: Array, stds: Array) -> npt.NDArray[np.float64]:
    """KL[N(μ, σ²) || N(0, 1)] of each unit (nats), mean over segments: (M, Z) twice -> (Z,), largest first."""
    variances = np.square(stds, dtype=np.float64)
    of_each = 0.5 * (np.square(means, dtype=np.float64) + variances - 1 - np.log(np.maximum(variances, 1e-30)))
    found: npt.NDArray[np.float64] = np.sort(of_each.mean(axis=0))[::-1]
    return found


def judge(n_active: int | None, latent_dim: int, error: float, error_of_mean: float) -> Judgement:
    """Whether latents say anything of their input. `n_active` is None for a model without a posterior, which cannot collapse.

    Errors are squared, per normalised feature, of segments that were not fitted; `error_of_mean` is that of always
    answering the training mean.
    """
    if n_active is not None and (n_active < min(FEWEST_ACTIVE, latent_dim) or n_active < FEWEST_SHARE * latent_dim):
        return "collapsed"
    if error > NO_BETTER * error_of_mean:
        return "no better than the mean"
    return "mostly closed" if n_active is not None and n_active < latent_dim / 2 else ""


def lower_median(losses: Mapping[int, float]) -> int:
    """The key of the median value; of the two in the middle, the lower one's."""
    in_order = sorted(losses, key=lambda key: (losses[key], key))
    return in_order[(len(in_order) - 1) // 2]


def at_quantiles(errors: Sequence[float], shares: Sequence[float]) -> list[int]:
    """For each share, the index of the error that so many lie below."""
    order = np.argsort(np.asarray(errors), kind="stable")
    return [int(order[round(share * (len(order) - 1))]) for share in shares]


# --- maps


def principal(train: Array, all_of_them: Array) -> tuple[list[list[float]], list[float]] | None:
    """Two principal components of rows (U, D), and the shares of variance that they explain; standardised and fitted on
    `train` (U', D). None where nothing varies."""
    from sklearn.decomposition import PCA

    fitted, rows = _standardised(train, all_of_them)
    n = min(2, *fitted.shape)
    if not (fitted.std(axis=0) > 0).any():
        return None
    pca = PCA(n, svd_solver="full").fit(fitted)
    points = np.zeros((len(rows), 2))
    points[:, :n] = pca.transform(rows)
    return _rounded(points), _rounded(pca.explained_variance_ratio_)


def neighbours(train: Array, all_of_them: Array) -> list[list[float]] | None:
    """t-SNE (van der Maaten and Hinton 2008) of rows (U, D), standardised by `train`: a picture only, since it sees every
    row. None for fewer than four, or where nothing varies."""
    from sklearn.manifold import TSNE

    _, rows = _standardised(train, all_of_them)
    if len(rows) < 4 or not (rows.std(axis=0) > 0).any():
        return None
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    init = "pca" if rows.shape[1] > 1 else "random"
    points: list[list[float]] = _rounded(
        TSNE(2, perplexity=perplexity, init=init, random_state=0, max_iter=_STEPS, n_jobs=1).fit_transform(rows)
    )
    return points


def _standardised(train: Array, others: Array) -> tuple[Array, Array]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.astype(np.float64))
    return scaler.transform(train.astype(np.float64)), scaler.transform(others.astype(np.float64))


def _rounded(values: Array) -> Any:
    return np.round(np.asarray(values, np.float64), 3).tolist()


# --- probes


def _classifier() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", solver="newton-cg", max_iter=_MOST_ITERATIONS)
    )


def probe(train: Array, labels: Sequence[str], test: Array) -> list[str]:
    """What a linear classifier, fitted on standardised rows (U', D) and their labels, says of rows (U, D)."""
    if len(set(labels)) < 2:
        return [labels[0]] * len(test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it would go on after 1000 steps
        fitted = _classifier().fit(train.astype(np.float64), np.array(labels))
    return [str(label) for label in fitted.predict(test.astype(np.float64))]


def probe_of_speakers(rows: Array, speakers: Sequence[str]) -> dict[str, Any] | None:
    """How well a linear classifier knows speakers again in other utterances of theirs: stratified cross-validation over
    rows (U, D). Speakers with fewer than five utterances are left out; None unless two are left."""
    from sklearn.model_selection import StratifiedKFold

    known = sorted({speaker for speaker in speakers if speakers.count(speaker) >= SPLITS})
    if len(known) < 2:
        return None
    chosen = [index for index, speaker in enumerate(speakers) if speaker in known]
    rows, truth = rows[chosen], np.array([speakers[index] for index in chosen])
    said = np.empty_like(truth)
    for train, test in StratifiedKFold(SPLITS, shuffle=True, random_state=0).split(rows, truth):
        said[test] = probe(rows[train], truth[train].tolist(), rows[test])
    counts = metrics.confusion(truth.tolist(), said.tolist(), known)
    return {
        "uar": float(metrics.uar_of_counts(counts)),
        "uar_ci95": [None, None],
        "chance": 1 / len(known),
        "n": len(chosen),
    }


def score_probe(truth: Sequence[str], said: Sequence[str], speakers: Sequence[str]) -> dict[str, Any]:
    """UA of a probe over test utterances (U,) of all folds, its 95 % interval over speakers, and chance."""
    labels = sorted(set(truth))
    counts = []
    for speaker in sorted(set(speakers)):
        theirs = [index for index, one in enumerate(speakers) if one == speaker]
        counts.append(metrics.confusion([truth[i] for i in theirs], [said[i] for i in theirs], labels))
    pooled = np.sum(counts, axis=0)
    right = np.sum([a == b for a, b in zip(truth, said, strict=True)])
    assert np.trace(pooled) == right
    return {
        "uar": float(metrics.uar_of_counts(pooled)),
        "uar_ci95": list(metrics.interval(counts, metrics.uar_of_counts)),
        "chance": 1 / len(labels),
        "n": len(truth),
    }
