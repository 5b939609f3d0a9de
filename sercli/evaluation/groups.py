"""A system over its seeds: mean scores, their spread, and an interval over clusters of the mean.

Each fit counts once. Copies, which have the seeds of another fit under another name, are left out; so are further seeds of a classifier in
closed form, which no seed changes. Classifiers that read one autoencoder are not independent: their mean is one value of the spread.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import Any, NamedTuple

import numpy as np

from ..text import c_order
from .calibration import Calibration
from .endings import Endings, endings_to_json, together
from .marks import Mark
from .metrics import Counts, Interval
from .results import Result, SystemFacts, chance_to_json
from .scores import FourScores, MeanScores, Spread, chance, intervals, matrix, mean_over, spreads

SystemKey = Callable[[str], Hashable]  # name of a classifier -> what all seeds of its system have in common


class Beside(NamedTuple):
    """A system beside the reference of its table. Both are None for the reference itself and where test utterances differ."""

    reference: str  # name
    difference: float | None  # in UA
    p: float | None  # corrected for the number of systems; also None with one cluster, and where folds are missing


@dataclass(frozen=True)
class Group:
    """The results of one system, one per fit, and their mean."""

    results: tuple[Result, ...]  # by the seeds of autoencoder and classifier
    copies: tuple[str, ...]  # further classifiers, with the seeds of one of these
    test: MeanScores
    intervals: FourScores[Interval]
    fold_mean: FourScores[Spread]
    dev: FourScores[Spread]
    posteriors: Calibration  # mean over seeds
    beside: Beside | None = None

    @classmethod
    def of(cls, results: Sequence[Result]) -> Group:
        """The group of results that differ in their seeds alone; all have the same test utterances."""
        fits: dict[Hashable, Result] = {}
        for result in sorted(results, key=lambda r: (r.system.seeds, c_order(r.system.classifier))):
            fits.setdefault(result.system.seeds, result)
        chosen = tuple(fits.values())
        units = _independent(chosen)
        balanced = _balanced(units)
        return cls(
            results=chosen,
            copies=tuple(r.system.classifier for r in results if r not in chosen),
            test=replace(
                mean_over([result.test for result in balanced]),
                **vars(_over(units, lambda result: result.test)),
                confusion=matrix(np.sum([result.test.confusion for result in chosen], axis=0)),
            ),
            intervals=intervals(_counts(balanced)),
            fold_mean=_over(units, lambda result: result.fold_mean),
            dev=_over(units, lambda result: result.dev),  # type: ignore[arg-type, return-value]
            posteriors=Calibration.mean([result.posteriors for result in chosen]),
        )

    @property
    def name(self) -> str:
        """The name of the classifier with the lowest seeds."""
        return self.system.classifier

    @property
    def system(self) -> SystemFacts:
        """The facts of the first seed."""
        return self.results[0].system

    @property
    def classifiers(self) -> list[str]:
        return [result.system.classifier for result in self.results]

    @property
    def seeds(self) -> list[int]:
        return [result.system.seed for result in self.results]

    @property
    def names(self) -> list[str]:
        """All names of its fits, those of copies too."""
        return [*self.classifiers, *self.copies]

    @property
    def n_independent(self) -> int:
        """Number of fits that share no autoencoder: the spread is over so many values."""
        return len(_independent(self.results))

    @property
    def balanced(self) -> list[Result]:
        """The results, repeated so that independent fits have as many each: plain means over them are those of the group."""
        return _balanced(_independent(self.results))

    @property
    def counts(self) -> list[Counts]:
        """For each cluster the confusion matrices (seeds, C, C) of the balanced results."""
        return _counts(self.balanced)

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self.results[0].marks

    @property
    def endings(self) -> Endings:
        """How many of the fits the limit of epochs ended, over seeds and folds."""
        names = [(result.system.classifier, result.system.autoencoder or "") for result in self.results]
        return together(dict(zip(names, (result.endings for result in self.results), strict=True)))

    @property
    def cluster(self) -> str:
        """What intervals are over: "session" or "speaker"."""
        return self.results[0].cluster

    @property
    def n_clusters(self) -> int:
        return len(self.results[0].per_cluster)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.results[0].labels

    @property
    def n_utterances(self) -> int:
        return self.results[0].test.n_utterances

    @property
    def chance(self) -> FourScores[float]:
        return chance(self.test.confusion)

    def to_json(self) -> dict[str, Any]:
        """One of `groups` of `sercli evaluate --json`."""
        facts = (
            "model",
            "latent_dim",
            "task",
            "target",
            "subset",
            "bins",
            "protocol",
            "folds",
            "normalise",
            "condition",
        )
        return {
            "system": self.name,
            "classifiers": self.classifiers,
            "seeds": self.seeds,
            "copies": self.copies,
            "n_fits": len(self.results),
            "n_independent": self.n_independent,
            **{name: getattr(self.system, name) for name in facts},
            "marks": list(self.marks),
            "chance": chance_to_json(self.results[0].chance),
            "n_utterances": self.n_utterances,
            "epoch_limit": endings_to_json(self.endings),
            "cluster": self.cluster,
            "n_clusters": self.n_clusters,
            "labels": self.labels,
            **self.test.to_json(),
            **self.fold_mean.to_json(after="_fold_mean"),
            **self.dev.to_json("dev_"),
            **self.intervals.to_json(after="_ci95"),
            **dict(zip(("reference", "difference", "p_adjusted"), self.beside or (None,) * 3, strict=True)),
            **self.test.classes_to_json(),
            "posteriors": self.posteriors.to_json(),
        }


def _independent(results: Sequence[Result]) -> list[list[Result]]:
    """The results by the seed of their autoencoder or, without one, each alone."""
    units: dict[Hashable, list[Result]] = {}
    for result in results:
        system = result.system
        units.setdefault(system.seeds if system.autoencoder is None else system.autoencoder_seed, []).append(result)
    return list(units.values())


def _balanced(units: Sequence[Sequence[Result]]) -> list[Result]:
    n = lcm(*map(len, units))
    return [result for unit in units for result in unit for _ in range(n // len(unit))]


def _over(units: Sequence[Sequence[Result]], scores_of: Callable[[Result], FourScores[float]]) -> FourScores[Spread]:
    """Mean and standard deviation over units, each the mean of its results."""

    def mean(unit: Sequence[Result]) -> FourScores[float]:
        return FourScores.each(lambda name: float(np.mean([getattr(scores_of(result), name) for result in unit])))

    return spreads(list(map(mean, units)))


def _counts(results: Sequence[Result]) -> list[Counts]:
    return [np.array([result.per_cluster[name] for result in results]) for name in results[0].per_cluster]


def group_by_system(results: Sequence[Result], key_of: SystemKey) -> list[Group]:
    """The results of each system together, in the order of its first result.

    Seeds of which other folds are done make a group of their own, since their test speakers are others.
    """
    systems: dict[tuple[Hashable, tuple[int, ...]], list[Result]] = {}
    for result in results:
        systems.setdefault((key_of(result.system.classifier), result.folds), []).append(result)
    return [Group.of(members) for members in systems.values()]
