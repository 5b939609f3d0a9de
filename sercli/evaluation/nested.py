"""What choosing among systems by dev scores gives: nested evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.utterances import Utterance
from ..tasks.folds import Folds
from .results import Result, score_classifier
from .scores import Prediction


@dataclass(frozen=True)
class NestedResult:
    """Test scores of one seed when each fold is scored by the candidate that was `chosen` for it."""

    result: Result  # of no single classifier: its name is empty
    chosen: Mapping[int, str]  # fold -> name of the candidate


def nested(
    candidates: Mapping[str, Sequence[Result]],
    read_predictions: Callable[[str], Sequence[Prediction]],
    folds: Folds,
    utterances: Sequence[Utterance],
) -> Iterator[NestedResult]:
    """Choose, in each fold, the candidate with the best UA on its dev part, mean over seeds (the first of equals); score it on test.

    `candidates` has the results of each system, one per seed, all over the same folds; `read_predictions` reads those of a classifier.
    Yields one result per seed that every chosen candidate has.
    """
    first = next(iter(candidates.values()))[0]
    chosen = _choose(candidates)
    facts = replace(first.system, classifier="")
    for seed in sorted({result.system.seed for results in candidates.values() for result in results}):
        of_seed = {name: [r for r in candidates[name] if r.system.seed == seed] for name in set(chosen.values())}
        if not all(of_seed.values()):
            continue
        rows = {name: read_predictions(results[0].system.classifier) for name, results in of_seed.items()}
        picked = [row for fold, name in chosen.items() for row in rows[name] if row["fold"] == str(fold)]
        result = score_classifier(replace(facts, seed=seed), first.marks, folds, first.folds, picked, utterances)
        yield NestedResult(result, chosen)


def _choose(candidates: Mapping[str, Sequence[Result]]) -> dict[int, str]:
    """For each fold the candidate with the best dev UA, mean over seeds."""
    dev = {
        name: np.mean(np.array([[fold.dev.uar for fold in result.per_fold] for result in results], float), axis=0)
        for name, results in candidates.items()
    }
    numbers = next(iter(candidates.values()))[0].folds
    return {fold: max(dev, key=lambda name: float(dev[name][k])) for k, fold in enumerate(numbers)}
