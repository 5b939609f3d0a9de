"""A system over its seeds: mean scores, their spread, and an interval over clusters of the mean."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .calibration import Calibration
from .endings import Endings, endings_to_json, together
from .marks import Mark
from .metrics import Interval
from .results import Result, SystemFacts, chance_to_json
from .scores import FourScores, MeanScores, Spread, chance, intervals, mean_over, spreads

SystemKey = Callable[[str], Hashable]  # name of a classifier -> what all seeds of its system have in common


@dataclass(frozen=True)
class Group:
    """The results of one system, one per seed, and their mean."""

    results: tuple[Result, ...]
    test: MeanScores
    intervals: FourScores[Interval]
    fold_mean: FourScores[Spread]
    dev: FourScores[Spread]
    posteriors: Calibration  # mean over seeds

    @classmethod
    def of(cls, results: Sequence[Result]) -> Group:
        """The group of results that differ in their seed alone; all have the same test utterances."""
        names = results[0].per_cluster
        counts = [np.array([result.per_cluster[name] for result in results]) for name in names]
        return cls(
            results=tuple(results),
            test=mean_over([result.test for result in results]),
            intervals=intervals(counts),
            fold_mean=spreads([result.fold_mean for result in results]),
            dev=spreads([result.dev for result in results]),  # type: ignore[misc]
            posteriors=Calibration.mean([result.posteriors for result in results]),
        )

    @property
    def name(self) -> str:
        """The name of the classifier with the lowest seed."""
        return min(self.results, key=lambda result: result.system.seed).system.classifier

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
            **self.test.classes_to_json(),
            "posteriors": self.posteriors.to_json(),
        }


def group_by_system(results: Sequence[Result], key_of: SystemKey) -> list[Group]:
    """The results of each system together, in the order of its first result.

    Seeds of which other folds are done make a group of their own, since their test speakers are others.
    """
    systems: dict[tuple[Hashable, tuple[int, ...]], list[Result]] = {}
    for result in results:
        systems.setdefault((key_of(result.system.classifier), result.folds), []).append(result)
    return [Group.of(members) for members in systems.values()]
