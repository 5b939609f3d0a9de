"""RESULTS.md of the recipe: what each system scores at home, out of domain, and on the corpus left out of both.

usage: python recipes/cross-corpus/local/results.py FOLDER [--quick] > RESULTS.md
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sercli.stages.evaluate import read_scores
from sercli.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2]))
from results import made_with, percent

HERE = Path(__file__).parent
CORPORA = ("emodb", "synthetic")
SYSTEMS = tuple(f"{kind}.{mode}" for mode in ("train", "speaker") for kind in ("ae-lstm", "functionals"))
QUICK = ("functionals.train",)
HEAD = ("tested on", "trained on", "system", "marks", "n", "WA", "UA", "95 %", "recall")


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
    print("\n".join([*lines, "", (HERE / "notes.md").read_text(encoding="utf-8").rstrip(), "", *made_with()]))


def rows(folder: Path, systems: Sequence[str]) -> Iterator[list[str]]:
    """One a corpus, a way to train and a system; chance after each corpus."""
    both = Store(folder / "both")
    for corpus in CORPORA:
        store = Store(folder / corpus)
        (other,) = (name for name in CORPORA if name != corpus)
        for system in systems:
            home = read_scores(store, f"results/{system}")
            yield row(
                corpus,
                "its other speakers",
                system,
                {**home, "uar": single(home["uar"]), "accuracy": single(home["accuracy"])},
            )
        for system in systems:
            yield row(corpus, other, system, read_scores(store, f"cross-corpus/{other}.{system}/scores"))
        for system in systems:
            yield row(corpus, f"{other}, in the store of both", system, left_out(both, system, corpus))
        chance = home["chance"]
        yield [corpus, "", "chance", "", "", *(f"{100 * chance[key]:.1f}" for key in ("accuracy", "uar")), "", ""]


def single(score: float) -> dict[str, float | None]:
    return {"mean": score, "std": None}


def left_out(both: Store, system: str, corpus: str) -> dict[str, Any]:
    """Of the fold that leaves this corpus out; it has no interval of its own."""
    scores = read_scores(both, f"results/{system}")
    fold = next(one for one in scores["per_fold"] if one["left_out"] == corpus)
    confusion = scores["per_corpus"][corpus]["confusion"]
    recall = {label: row[k] / sum(row) for k, (label, row) in enumerate(zip(scores["labels"], confusion, strict=True))}
    found = {"marks": scores["marks"], "n_utterances": fold["n_utterances"], "recall": recall, "uar_ci95": []}
    return {**found, "uar": single(fold["uar"]), "accuracy": single(fold["accuracy"])}


def row(tested: str, trained: str, system: str, scores: Mapping[str, Any]) -> list[str]:
    bounds = " to ".join(f"{100 * bound:.1f}" for bound in scores["uar_ci95"] if bound is not None)
    recall = ", ".join(f"{label} {100 * share:.0f}" for label, share in scores["recall"].items() if share is not None)
    marks, n = ", ".join(scores["marks"]), str(scores["n_utterances"])
    return [
        tested,
        trained,
        f"`{system}`",
        marks,
        n,
        percent(scores["accuracy"]),
        f"**{percent(scores['uar'])}**",
        bounds,
        recall,
    ]


if __name__ == "__main__":
    main()
