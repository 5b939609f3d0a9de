"""Exact permutation tests: two systems are swapped within clusters.

If two systems are equally good, either of them could have given its answers for a cluster. So a difference must be judged among
those that come from exchanging A and B in any set of clusters: all 2^n sets of up to 14 clusters, otherwise 20 000 seeded draws. The
two-sided p is the share of sets whose difference is as far from 0 as the one that was seen. It needs no formula for errors and
holds its level however much the advantage of a system varies from cluster to cluster, unlike McNemar's test, which counts
utterances (Durkalski et al. 2003; `recipes/benchmark/run.sh`, stage 16, measures both). With n clusters no p is below 2 / 2^n.

As everywhere, fits of different folds share training data, which no test allows for.
"""

from collections.abc import Sequence
from math import lcm

import numpy as np
import numpy.typing as npt

from .metrics import Counts, CountScore

LEVEL = 0.05  # p of a difference that may be claimed
MOST_EXACT, DRAWS = 14, 20_000
_ROUNDING = 1e-9
_CHUNK = 1024  # sets at once
Floats = npt.NDArray[np.float64]


def smallest_p(n_clusters: int) -> float:
    """The smallest p that a test over so many clusters can reach.

    >>> smallest_p(5)
    0.0625
    """
    return 2.0 ** (1 - n_clusters) if n_clusters <= MOST_EXACT else 1 / (DRAWS + 1)


def swaps(n_clusters: int) -> npt.NDArray[np.bool_]:
    """Sets of clusters to swap, (P, n), the empty one first.

    If exact, the first cluster stays: the other half of the sets has the same differences with the other sign.

    >>> swaps(3).astype(int).tolist()
    [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]
    """
    if n_clusters <= MOST_EXACT:
        return (np.arange(2 ** (n_clusters - 1))[:, None] >> np.arange(n_clusters)[::-1] & 1).astype(bool)
    drawn = np.random.default_rng(0).integers(2, size=(DRAWS, n_clusters)).astype(bool)
    return np.concatenate([np.zeros((1, n_clusters), bool), drawn])


def p_value(counts_a: Sequence[Counts], counts_b: Sequence[Counts], score: CountScore) -> float:
    """The two-sided p that two systems are equally good; the statistic is the difference of their pooled scores, means over seeds.

    Both have one confusion matrix (C, C) per cluster, or (seeds, C, C) with any number of seeds, of the same clusters in the same order.
    All seeds of a system are swapped together.
    """
    assert len(counts_a) == len(counts_b), "the same clusters, in the same order"
    a, b = _as_many_seeds(np.stack(counts_a), np.stack(counts_b))  # (n, seeds, C, C)
    both, gain = (a + b).sum(axis=0), (b - a).reshape(len(a), -1)
    sets = swaps(len(a)).astype(np.float64)  # products of floats are fast, and exact for counts
    differences = []
    for start in range(0, len(sets), _CHUNK):
        gains = sets[start : start + _CHUNK] @ gain
        first = a.sum(axis=0) + gains.reshape(-1, *both.shape)
        differences.append((score(first) - score(both - first)).mean(axis=1))
    distances = np.abs(np.concatenate(differences))
    return float((distances >= distances[0] - _ROUNDING).mean())


def _as_many_seeds(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    """Both as (n, seeds, C, C): the seeds of each repeated until there are as many, which changes no mean over them."""
    a, b = (counts.reshape(len(counts), -1, *counts.shape[-2:]) for counts in (a, b))
    n = lcm(a.shape[1], b.shape[1])
    return np.tile(a, (1, n // a.shape[1], 1, 1)), np.tile(b, (1, n // b.shape[1], 1, 1))


def adjusted_p_values(counts: Sequence[Sequence[Counts]], reference: Sequence[Counts]) -> list[float]:
    """The p of each system's difference in UA from a reference, corrected for the number of systems.

    Counts are those of `p_value`, one list per system. Step-down max-T of Westfall and Young (1993): all systems are swapped with the
    reference in the same sets of clusters, so that the correction knows how alike they are; it costs less than Holm's, which would
    need a p of 0.05 / systems, out of reach with few clusters. Differences are divided by their root sum of squares over clusters,
    which no swap changes, so that no system weighs more than another. A single system gets the p of `p_value`.
    """
    base = _shares_of_uar(reference)
    differences = np.array([_shares_of_uar(system) - base for system in counts])  # (M, n)
    scale = np.sqrt((differences**2).sum(axis=1))
    signs = 1.0 - 2.0 * swaps(len(reference))
    distances = np.abs(signs @ differences.T) / np.where(scale > _ROUNDING, scale, 1.0)  # (P, M)
    order = np.argsort(-distances[0], kind="stable")
    farthest = np.maximum.accumulate(distances[:, order[::-1]], axis=1)[:, ::-1]  # of a system and all that are nearer
    farthest[0] = distances[0, order]
    p = np.maximum.accumulate((farthest >= farthest[0] - _ROUNDING).mean(axis=0))
    return [float(p[place]) for place in np.argsort(order, kind="stable")]


def _shares_of_uar(counts: Sequence[Counts]) -> Floats:
    """What each cluster adds to the pooled UA, mean over seeds: (n,)."""
    stacked = np.stack(counts)
    means = stacked.reshape(len(stacked), -1, *stacked.shape[-2:]).mean(axis=1)  # (n, C, C)
    support = means.sum(axis=(0, 2))
    right = np.diagonal(means, axis1=1, axis2=2)[:, support > 0]
    shares: Floats = (right / support[support > 0]).mean(axis=1)
    return shares
