"""95 % intervals of scores over clusters: t intervals on the jackknife, which leaves out one cluster at a time.

Each of K clusters is left out of the pooled confusion matrix once. The jackknife's standard error is
:math:`\\sqrt{(K-1)/K \\sum_k (s_{(k)} - s)^2}`, and the interval reaches as many of them to each side as the t distribution with
K − 1 degrees of freedom has at 97.5 % (Cameron, Gelbach and Miller 2008; MacKinnon, Nielsen and Webb 2023, who call it CV3).
That of a score is taken on the logit scale, by the delta method: near 100 % scores are skewed, and the plain one falls short.
`recipes/benchmark/run.sh` (stage 16) measures how often these intervals, and the percentile bootstrap, hold the true score.

- Without the only cluster that has a class, the score is over the classes that are left. The change of scale adds to the error
  when that class is easier or harder than the others; how far that class varies, one cluster cannot tell.
- Where no cluster changes the score there is nothing to estimate an error from, and no interval: (None, None). So with one cluster.
- Fits of different folds share training data. No interval knows by how much that correlates them (Bengio and Grandvalet 2004).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .metrics import Counts, CountScore, Interval

_UPPER = 0.975  # quantile
_NOTHING = 1e-12  # an error that is rounding alone


def interval(counts: Sequence[Counts], score: CountScore) -> Interval:
    """The interval of a score. `counts` has one confusion matrix (C, C) per cluster; or (..., C, C) per cluster for the mean of
    the score over seeds, targets or both."""
    from scipy.special import expit, logit

    scores = _scores(counts, score)
    reach = _reach(scores)
    if reach is None:
        return None, None
    centre, reach = logit(scores[0]), reach / (scores[0] * (1 - scores[0]))
    return float(expit(centre - reach)), float(expit(centre + reach))


def paired_interval(counts_a: Sequence[Counts], counts_b: Sequence[Counts], score: CountScore) -> Interval:
    """The interval of the difference A − B; both have the same clusters in the same order."""
    assert len(counts_a) == len(counts_b), "the same clusters, in the same order"
    differences = _scores(counts_a, score) - _scores(counts_b, score)
    reach = _reach(differences)
    if reach is None:
        return None, None
    return max(-1.0, float(differences[0] - reach)), min(1.0, float(differences[0] + reach))


def _scores(counts: Sequence[Counts], score: CountScore) -> npt.NDArray[np.float64]:
    """The score of all clusters, then without each: (1 + K,), or (1,) of a single cluster."""
    stacked = np.stack(counts)
    pooled = stacked.sum(axis=0)
    without = [pooled - cluster for cluster in stacked] if len(stacked) > 1 else []
    scores = np.asarray(score(np.stack([pooled, *without])))
    means: npt.NDArray[np.float64] = scores.reshape(len(scores), -1).mean(axis=1)
    return means


def _reach(values: npt.NDArray[np.float64]) -> float | None:
    """How far the interval reaches to each side, from the value of all K clusters and the K values without one."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    n = len(values) - 1
    if n < 2:
        return None
    error = np.sqrt((n - 1) / n * np.sum((values[1:] - values[0]) ** 2))
    return float(stdtrit(n - 1, _UPPER) * error) if error > _NOTHING else None
