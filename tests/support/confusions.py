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
    right = generator.binomial(n, 1 / (1 + np.exp(-log_odds))).sum(axis=1)
    wrong = n.sum(axis=1) - right
    counts = np.zeros((n_clusters, CLASSES, CLASSES), np.int64)
    for label in range(CLASSES):
        counts[:, label, label] = right[:, label]
        shares = np.roll([0, 0.6, 0.2, 0.2], label)  # an error is mostly the next class
        counts[:, label] += generator.multinomial(wrong[:, label], shares)
    return counts
