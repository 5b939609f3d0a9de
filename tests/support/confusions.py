"""Confusion matrices of simulated clusters: utterances of speakers who differ, in classes of unequal size."""

import numpy as np
import numpy.typing as npt

CLASSES = 4
SHARES = np.array([0.4, 0.3, 0.2, 0.1])  # of the classes among the utterances


def simulated(
    n_clusters: int,
    generator: np.random.Generator,
    *,
    likeness: float = 0.0,
    sd: float = 0.7,
    n_utterances: int = 34,
    mean: float = 1.0,
) -> npt.NDArray[np.int64]:
    """Counts (n_clusters, C, C) of clusters of two speakers. `mean` and `sd` are of the speakers' log-odds of a right answer, of
    whose variance the two share `likeness`; classes differ by up to two in log-odds."""
    shared = np.sqrt(likeness) * generator.normal(size=(n_clusters, 1, 1))
    alone = np.sqrt(1 - likeness) * generator.normal(size=(n_clusters, 2, 1))
    log_odds = mean + np.linspace(-1, 1, CLASSES) + sd * (shared + alone)
    n = generator.multinomial(n_utterances, SHARES, size=(n_clusters, 2))
    right = generator.binomial(n, 1 / (1 + np.exp(-log_odds)))
    return _confusions(n.sum(axis=1), right.sum(axis=1), generator)


def _confusions(
    n: npt.NDArray[np.int64], right: npt.NDArray[np.int64], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Counts (n_clusters, C, C) from numbers of utterances and of right answers, (n_clusters, C) both."""
    counts = np.zeros((*n.shape, CLASSES), np.int64)
    for label in range(CLASSES):
        shares = np.roll([0, 0.6, 0.2, 0.2], label)  # an error is mostly the next class
        counts[:, label] = generator.multinomial((n - right)[:, label], shares)
        counts[:, label, label] = right[:, label]
    return counts


def simulated_pair(
    n_clusters: int,
    generator: np.random.Generator,
    *,
    spread: float = 0.5,
    advantage: float = 0.0,
    systems: int = 2,
    n_utterances: int = 68,
) -> list[npt.NDArray[np.int64]]:
    """Counts (n_clusters, C, C) of several systems on the same utterances. In each cluster each system has its own advantage in
    log-odds, N(0, spread²); the first has `advantage` more."""
    n = generator.multinomial(n_utterances, SHARES, size=n_clusters)
    easiness = 1 + np.linspace(-1, 1, CLASSES) + 0.7 * generator.normal(size=(n_clusters, 1))
    several = []
    for number in range(systems):
        log_odds = easiness + spread * generator.normal(size=(n_clusters, 1)) + (advantage if number == 0 else 0)
        several.append(_confusions(n, generator.binomial(n, 1 / (1 + np.exp(-log_odds))), generator))
    return several
