"""RESULTS.md of the recipe: what each system scores on its own corpus, on the other one, and on a corpus left out of both.

usage: python recipes/cross-corpus/local/page.py FOLDER [--quick] > RESULTS.md
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sercli.evaluation import jackknife
from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.evaluation.metrics import SCORES, Interval
from sercli.evaluation.scores import ClassShares, Spread
from sercli.evaluation.stored import read_cross_corpus_result, read_result
from sercli.experiments.catalogue import Catalogue
from sercli.report.formats import interval, percent, spread
from sercli.store import keys
from sercli.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2]))
from results import versions

HERE = Path(__file__).parent
CORPORA = ("emodb", "synthetic")
SYSTEMS = tuple(f"{kind}.{mode}" for mode in ("train", "speaker") for kind in ("ae-lstm", "functionals"))
QUICK = ("functionals.train",)
HEAD = ("tested on", "trained on", "system", "marks", "n", "WA", "UA", "95 %", "recall")


@dataclass(frozen=True)
class Scored:
    """What the table shows of a system that was tested on one corpus: means over seeds, and an interval over clusters."""

    marks: Sequence[Mark]
    n: int
    accuracy: Spread
    uar: Spread
    recall: Mapping[str, float]
    uar_interval: Interval = (None, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    command = "bash recipes/cross-corpus/run.sh EMODB_FOLDER" + (" --quick" if arguments.quick else "")
    lines = ["# Across corpora: EMO-DB and synthetic speech", "", f"Made by `{command}`.", ""]
    if arguments.quick:
        lines += ["**A QUICK LOOK (`--quick`), to see that all works. No number here is a result.**", ""]
    lines += [f"| {' | '.join(HEAD)} |", f"|{'---|' * 4}{'--:|' * 4}---|"]
    systems = QUICK if arguments.quick else SYSTEMS
    lines += [f"| {' | '.join(row)} |" for row in rows(arguments.folder, systems)]
    print("\n".join([*lines, "", (HERE / "notes.md").read_text(encoding="utf-8").rstrip(), "", *versions()]))


def rows(folder: Path, systems: Sequence[str]) -> Iterator[list[str]]:
    """One row per corpus, training corpus and system; chance after each corpus."""
    both = Store(folder / "both")
    for corpus in CORPORA:
        store = Store(folder / corpus)
        (other,) = (name for name in CORPORA if name != corpus)
        for system in systems:
            yield row(corpus, "its other speakers", system, own_corpus(store, system))
        for system in systems:
            yield row(corpus, other, system, other_corpus(store, Store(folder / other), system))
        for system in systems:
            yield row(corpus, f"{other}, in the store of both", system, left_out(both, system, corpus))
        chance = read_result(store, names(store, systems[-1])[0]).chance
        yield [corpus, "", "chance", "", "", percent(chance.accuracy), percent(chance.uar), "", ""]


def names(store: Store, system: str) -> list[str]:
    """The classifiers of a system, one per seed."""
    return [name for name in Catalogue(store).classifier_names if re.sub(r"\.seed-\d+$", "", name) == system]


def own_corpus(store: Store, system: str) -> Scored:
    """By the folds of its own corpus."""
    group = Group.of([read_result(store, name) for name in names(store, system)])
    test = group.test
    return Scored(group.marks, group.n_utterances, test.accuracy, test.uar, shares(test.recall), group.intervals.uar)


def other_corpus(store: Store, origin: Store, system: str) -> Scored:
    """By the models that were trained on the other corpus: means over the models of its folds, then over seeds.

    All models label the same utterances, so the UA of their summed confusion is the mean of their UA.
    """
    keys_of = [keys.cross_corpus(f"{origin.path.name}.{name}") for name in names(origin, system)]
    results = [read_cross_corpus_result(store, key) for key in keys_of]
    first = results[0]
    counts = [np.sum([[r.per_cluster[name]] for r in results], axis=0) for name in first.per_cluster]
    accuracy, uar = (Spread.of([getattr(r.test, name).mean for r in results]) for name in ("accuracy", "uar"))
    recall = mean_recall([shares(r.test.recall) for r in results])
    return Scored(first.marks, first.n_utterances, accuracy, uar, recall, jackknife.interval(counts, SCORES["uar"]))


def left_out(both: Store, system: str, corpus: str) -> Scored:
    """By the fold that leaves this corpus out; it has no interval of its own."""
    results = [read_result(both, name) for name in names(both, system)]
    folds = [next(fold for fold in result.per_fold if fold.left_out == corpus) for result in results]
    confusions = [result.per["corpus"][corpus].confusion for result in results]
    recall = mean_recall(
        [
            {label: row[k] / sum(row) for k, (label, row) in enumerate(zip(results[0].labels, confusion, strict=True))}
            for confusion in confusions
        ]
    )
    accuracy, uar = (Spread.of([getattr(fold.test, name) for fold in folds]) for name in ("accuracy", "uar"))
    return Scored(results[0].marks, folds[0].n_utterances, accuracy, uar, recall)


def shares(recall: ClassShares) -> dict[str, float]:
    """The recall of the classes that have utterances."""
    return {label: share for label, share in recall.items() if share is not None}


def mean_recall(of_seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean over seeds, by class."""
    return {label: float(np.mean([recall[label] for recall in of_seeds])) for label in of_seeds[0]}


def row(tested: str, trained: str, system: str, scored: Scored) -> list[str]:
    recall = ", ".join(f"{label} {100 * share:.0f}" for label, share in scored.recall.items())
    scores = [spread(scored.accuracy), f"**{spread(scored.uar)}**", interval(scored.uar_interval)]
    return [tested, trained, f"`{system}`", ", ".join(scored.marks), str(scored.n), *scores, recall]


if __name__ == "__main__":
    main()
