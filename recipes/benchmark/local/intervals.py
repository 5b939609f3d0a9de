"""How often 95 % intervals hold the true score, and how often tests at 5 % reject what is true, or find what is there.

usage: python intervals.py [TRIALS]

Every corpus is simulated: clusters of one or two speakers whose log-odds of a right answer differ, in seven classes of unequal size.
The true score is that of 20 000 clusters. The percentile bootstrap over clusters or speakers stands beside the jackknife's t interval,
McNemar's test and the bootstrap of the difference beside the permutation test.
"""

import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sercli.evaluation import jackknife, metrics, permutation

Counts = npt.NDArray[np.int64]
Generator = np.random.Generator
SHARES = np.array([127, 81, 69, 71, 79, 62, 46]) / 535  # EMO-DB's seven classes
EASE = np.linspace(1, -1, 7)  # log-odds by which classes differ
SCORES = {"UA": metrics.uar_of_counts, "WA": metrics.accuracy_of_counts, "F1": metrics.macro_f1_of_counts}
RESAMPLES, SEEDS = 500, 3


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{trials} trials each, of exact tests of equal systems four times as many.")
    print("\nIntervals: how many of 100 hold the true score (jackknife t / bootstrap)")
    for text, n, options in settings():
        print(
            f"{text:44}", *(f"{name} {j:5.1f} / {b:4.1f}  " for name, j, b in coverage(n, trials, options)), flush=True
        )
    print("\nTests: how many of 100 pairs are said to differ, at 5 %")
    print(f"{'':44}permutation  McNemar  bootstrap")
    for advantage in (0.0, 0.5):
        for n_utterances in (34, 553):
            for spread in (0.0, 0.5, 1.0):
                for n in (6, 10, 24) if n_utterances == 34 else (10,):
                    text = f"{n} clusters of {n_utterances}, advantage {advantage} ± {spread}"
                    is_cheap = (
                        not advantage and n <= permutation.MOST_EXACT
                    )  # where the level is at stake, and no set is drawn
                    shares = rejections(n, n_utterances, advantage, spread, (4 if is_cheap else 1) * trials)
                    print(f"{text:44}{'{:11.1f}  {:7.1f}  {:9.1f}'.format(*shares)}", flush=True)
    print(
        "\nTables: how many of 100 have a corrected p of at most 5 % somewhere, and none of its systems differs from the reference"
    )
    for n, n_systems in ((6, 5), (10, 5), (10, 20), (24, 20)):
        print(
            f"{f'{n} clusters, {n_systems} systems and a reference':44}{false_claims(n, n_systems, -(-trials // 4)):11.1f}",
            flush=True,
        )


def settings() -> Iterator[tuple[str, int, dict[str, float]]]:
    """What is simulated: a text, the number of clusters, and options of `cluster_counts`."""
    for n in (4, 5, 10, 24):
        for likeness in (0.0, 0.3, 0.6):
            yield f"{n} sessions, likeness of two speakers {likeness}", n, {"likeness": likeness}
        yield f"{n} speakers", n, {"speakers": 1}
        yield f"{n} speakers, classes by chance", n, {"speakers": 1, "concentration": 5}
        yield f"{n} speakers, UA of 94 %", n, {"speakers": 1, "ease": 3.2}


def cluster_counts(
    n: int,
    generator: Generator,
    *,
    speakers: int = 2,
    likeness: float = 0.0,
    ease: float = 1.0,
    concentration: float = 0.0,
) -> Counts:
    """Confusion matrices (n, SEEDS, 7, 7). With `concentration`, the shares of the classes differ by speaker, so that some are missing."""
    common = np.sqrt(likeness) * generator.normal(size=(n, 1, 1))
    apart = np.sqrt(1 - likeness) * generator.normal(size=(n, speakers, 1))
    log_odds = ease + EASE + 0.7 * (common + apart) + 0.3 * generator.normal(size=(n, speakers, 7))
    shares = generator.dirichlet(concentration * SHARES, size=(n, speakers)) if concentration else SHARES
    n_utterances = generator.multinomial(54, shares, size=None if concentration else (n, speakers))
    return np.stack([answers(n_utterances, log_odds, generator).sum(axis=1) for _ in range(SEEDS)], axis=1)


def answers(n_utterances: Counts, log_odds: npt.NDArray[np.float64], generator: Generator) -> Counts:
    """Confusion matrices (..., 7, 7) from numbers of utterances and log-odds (..., 7): an error is mostly the next class."""
    right = generator.binomial(n_utterances, 1 / (1 + np.exp(-log_odds)))
    counts = np.zeros((*right.shape, 7), np.int64)
    for label in range(7):
        shares = np.roll([0, 0.5, *[0.1] * 5], label)
        counts[..., label, :] = generator.multinomial((n_utterances - right)[..., label], shares)
        counts[..., label, label] = right[..., label]
    return counts


def coverage(n: int, trials: int, options: dict[str, float]) -> list[tuple[str, float, float]]:
    """For each score, in %: how many jackknife and bootstrap intervals hold the true one."""
    generator = np.random.default_rng(n)
    parts = [cluster_counts(2000, generator, **options).sum(axis=0) for _ in range(10)]  # type: ignore[arg-type]
    population = np.sum(parts, axis=0)
    truth = {name: float(score(population).mean()) for name, score in SCORES.items()}
    hits = {name: [0, 0] for name in SCORES}
    for _ in range(trials):
        counts = cluster_counts(n, generator, **options)  # type: ignore[arg-type]
        draws = generator.integers(n, size=(RESAMPLES, n))
        for name, score in SCORES.items():
            low, high = jackknife.interval(list(counts), score)
            hits[name][0] += low is not None and high is not None and low <= truth[name] <= high
            low, high = np.quantile(score(counts[draws].sum(axis=1)).mean(axis=1), [0.025, 0.975])
            hits[name][1] += low <= truth[name] <= high
    return [(name, 100 * jackknifed / trials, 100 * drawn / trials) for name, (jackknifed, drawn) in hits.items()]


def systems(
    n: int, n_systems: int, n_utterances: int, advantage: float, spread: float, generator: Generator
) -> list[Counts]:
    """Systems on the same utterances, (n, 7, 7) each, each with its own luck in each cluster. The first is better by `advantage`."""
    truth = generator.multinomial(n_utterances, SHARES, size=n)
    ease = 1 + EASE + 0.7 * generator.normal(size=(n, 1))
    luck = spread / np.sqrt(2) * generator.normal(size=(n_systems, n, 1))
    luck[0] += advantage
    return [answers(truth, ease + each, generator) for each in luck]


def rejections(n: int, n_utterances: int, advantage: float, spread: float, trials: int) -> tuple[float, float, float]:
    """In %: how often the permutation test, McNemar's test and the bootstrap interval of the difference say that two systems differ."""
    generator = np.random.default_rng([n, n_utterances])
    hits = np.zeros(3)
    for _ in range(trials):
        a, b = systems(n, 2, n_utterances, advantage, spread, generator)
        right_a, right_b = (np.trace(each, axis1=1, axis2=2) for each in (a, b))
        both = generator.hypergeometric(
            right_a, a.sum(axis=(1, 2)) - right_a, right_b
        )  # given the cluster, errors are independent
        draws = generator.integers(n, size=(RESAMPLES, n))
        score = metrics.uar_of_counts
        low, high = np.quantile(score(a[draws].sum(axis=1)) - score(b[draws].sum(axis=1)), [0.025, 0.975])
        hits += [
            permutation.p_value(list(a), list(b), score) <= permutation.LEVEL,
            metrics.mcnemar(int((right_a - both).sum()), int((right_b - both).sum())) <= permutation.LEVEL,
            low > 0 or high < 0,
        ]
    first, second, third = (100 * hits / trials).tolist()
    return first, second, third


def false_claims(n: int, n_systems: int, trials: int) -> float:
    """In %: tables of equal systems with a corrected p of at most 5 %."""
    generator = np.random.default_rng([n, n_systems])
    claims = 0
    for _ in range(trials):
        reference, *others = map(list, systems(n, 1 + n_systems, 54, 0.0, 0.7, generator))
        claims += min(permutation.adjusted_p_values(others, reference)) <= permutation.LEVEL
    return 100 * claims / trials


if __name__ == "__main__":
    main()
