"""What a space of latents is like: active units, KL, judgement, and maps in two dimensions. Arrays in, plain numbers out.

Shapes: M segments, U utterances, Z latents, D columns of whatever describes an utterance. Nothing here sees a label.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

ACTIVE = 0.01  # variance of a unit's posterior mean (Burda, Grosse, Salakhutdinov 2016, section 5.2)
FEWEST_ACTIVE, FEWEST_SHARE = 2, 0.05  # with fewer active units, or a smaller share of Z, the posterior has collapsed
NO_BETTER = 0.95  # of the error of always answering the training mean
_PERPLEXITY, _STEPS = 30.0, 500  # of t-SNE

Array = npt.NDArray[Any]
Points = tuple[tuple[float, ...], ...]  # (U, 2)
LatentVerdict = Literal["collapsed", "no better than the mean", "mostly closed", ""]


def active_units(means: Array) -> int:
    """Number of units whose posterior mean (M, Z) moves with the input: variance over segments above 0.01 (Burda et al. 2016)."""
    return int((means.var(axis=0, dtype=np.float64) > ACTIVE).sum())


def kl_of_units(means: Array, stds: Array) -> npt.NDArray[np.float64]:
    """KL[N(μ, σ²) || N(0, 1)] of each unit (nats), mean over segments: (M, Z), (M, Z) -> (Z,), largest first.

    >>> kl_of_units(np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]])).tolist()
    [2.0, 0.0]
    """
    variances = np.square(stds, dtype=np.float64)
    kl = 0.5 * (np.square(means, dtype=np.float64) + variances - 1 - np.log(np.maximum(variances, 1e-30)))
    descending: npt.NDArray[np.float64] = np.sort(kl.mean(axis=0))[::-1]
    return descending


def judge(n_active: int | None, latent_dim: int, error: float, error_of_mean: float) -> LatentVerdict:
    """Whether latents carry information about their input. `n_active` is None for a model without a posterior, which cannot collapse.

    Errors are squared, per normalised feature, of segments that were not fitted; `error_of_mean` is that of always
    answering the training mean.
    """
    if n_active is not None and (n_active < min(FEWEST_ACTIVE, latent_dim) or n_active < FEWEST_SHARE * latent_dim):
        return "collapsed"
    if error > NO_BETTER * error_of_mean:
        return "no better than the mean"
    return "mostly closed" if n_active is not None and n_active < latent_dim / 2 else ""


def lower_median(losses: Mapping[int, float]) -> int:
    """The key of the median value; of two values in the middle, the key of the lower one.

    >>> lower_median({1: 5.0, 2: 1.0, 3: 3.0, 4: 4.0})
    3
    """
    ascending = sorted(losses, key=lambda key: (losses[key], key))
    return ascending[(len(ascending) - 1) // 2]


def indices_at_quantiles(values: Sequence[float], shares: Sequence[float]) -> list[int]:
    """For each share, the index of the value below which that share of the values lies.

    >>> indices_at_quantiles([4.0, 0.0, 3.0, 1.0, 2.0], [0.0, 0.5, 1.0])
    [1, 4, 0]
    """
    order = np.argsort(np.asarray(values), kind="stable")
    return [int(order[round(share * (len(order) - 1))]) for share in shares]


def principal_components(train: Array, rows: Array) -> tuple[Points, tuple[float, ...]] | None:
    """Two principal components of `rows` (U, D), and the shares of variance that they explain.

    Standardisation and components are fitted on `train` (U', D) alone. None where nothing varies.
    """
    from sklearn.decomposition import PCA

    fitted, standardised = _standardised(train, rows)
    n = min(2, *fitted.shape)
    if not (fitted.std(axis=0) > 0).any():
        return None
    pca = PCA(n, svd_solver="full").fit(fitted)
    points = np.zeros((len(standardised), 2))
    points[:, :n] = pca.transform(standardised)
    return _points(points), tuple(np.round(pca.explained_variance_ratio_, 3).tolist())


def tsne(train: Array, rows: Array) -> Points | None:
    """t-SNE (van der Maaten and Hinton 2008) of `rows` (U, D), standardised by `train` (U', D).

    A picture only, since it sees every row. None for fewer than four rows, or where nothing varies.
    """
    from sklearn.manifold import TSNE

    _, standardised = _standardised(train, rows)
    if len(standardised) < 4 or not (standardised.std(axis=0) > 0).any():
        return None
    perplexity = min(_PERPLEXITY, (len(standardised) - 1) / 3)
    init = "pca" if standardised.shape[1] > 1 else "random"
    model = TSNE(2, perplexity=perplexity, init=init, random_state=0, max_iter=_STEPS, n_jobs=1)
    return _points(model.fit_transform(standardised))


def _standardised(train: Array, rows: Array) -> tuple[Array, Array]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.astype(np.float64))
    return scaler.transform(train.astype(np.float64)), scaler.transform(rows.astype(np.float64))


def _points(values: Array) -> Points:
    return tuple(map(tuple, np.round(np.asarray(values, np.float64), 3).tolist()))
