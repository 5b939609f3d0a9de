"""RESULTS.md of the recipe: what each system scores on its own corpus, on the other one, and on a corpus left out of both.

usage: python recipes/cross-corpus/local/page.py FOLDER [--quick] > RESULTS.md
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sercli.evaluation.marks import Mark
from sercli.evaluation.metrics import Interval
from sercli.evaluation.stored import read_cross_corpus_result, read_result
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
    """What the table shows of a system that was tested on one corpus."""

    marks: Sequence[Mark]
    n: int
    accuracy: str
    uar: str
    recall: Mapping[str, float | None]
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
            yield row(corpus, other, system, other_corpus(store, other, system))
        for system in systems:
            yield row(corpus, f"{other}, in the store of both", system, left_out(both, system, corpus))
        chance = read_result(store, systems[-1]).chance
        yield [corpus, "", "chance", "", "", percent(chance.accuracy), percent(chance.uar), "", ""]


def own_corpus(store: Store, system: str) -> Scored:
    """By the folds of its own corpus."""
    result = read_result(store, system)
    test = result.test
    accuracy, uar = percent(test.accuracy), percent(test.uar)
    return Scored(result.marks, test.n_utterances, accuracy, uar, test.recall, result.intervals.uar)


def other_corpus(store: Store, other: str, system: str) -> Scored:
    """By the models that were trained on the other corpus."""
    result = read_cross_corpus_result(store, keys.cross_corpus(f"{other}.{system}"))
    accuracy, uar = spread(result.test.accuracy), spread(result.test.uar)
    return Scored(result.marks, result.n_utterances, accuracy, uar, result.test.recall, result.intervals.uar)


def left_out(both: Store, system: str, corpus: str) -> Scored:
    """By the fold that leaves this corpus out; it has no interval of its own."""
    result = read_result(both, system)
    fold = next(fold for fold in result.per_fold if fold.left_out == corpus)
    confusion = result.per["corpus"][corpus].confusion
    recall = {label: row[k] / sum(row) for k, (label, row) in enumerate(zip(result.labels, confusion, strict=True))}
    return Scored(result.marks, fold.n_utterances, percent(fold.test.accuracy), percent(fold.test.uar), recall)


def row(tested: str, trained: str, system: str, scored: Scored) -> list[str]:
    recall = ", ".join(f"{label} {100 * share:.0f}" for label, share in scored.recall.items() if share is not None)
    scores = [scored.accuracy, f"**{scored.uar}**", interval(scored.uar_interval)]
    return [tested, trained, f"`{system}`", ", ".join(scored.marks), str(scored.n), *scores, recall]


if __name__ == "__main__":
    main()
