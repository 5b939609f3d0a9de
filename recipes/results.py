"""RESULTS.md of a recipe: tables of systems, from the scores of a store.

usage: python recipes/results.py STORE --title TITLE --command COMMAND --table HEADING REGEX … [--notes FILE] > RESULTS.md
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sercli.evaluation.scores import Spread
from sercli.evaluation.table_records import record_table
from sercli.experiments.catalogue import Catalogue
from sercli.report.footers import digest_line
from sercli.report.formats import interval, p_value, percent, signed, spread
from sercli.store.store import Store

_LEGEND = (
    "WA: accuracy; UA: mean recall of the classes; both pooled over the folds, in %. ± is the standard deviation over seeds. "
    "95 %: t interval of the UA (mean over seeds) over sessions or, where there are none, speakers. UA/fold: the mean of the folds' UA. "
    "Systems may be chosen by dev UA; it is too high, since dev also stopped the training. Epoch limit: how many folds of autoencoder, "
    "classifier it stopped, and not dev. Δ UA: points beyond the reference; p: exact permutation test that swaps the two within sessions "
    "or speakers, corrected for all systems of the task that the same marks set apart (max-T). Models of different folds share training "
    "data, which neither intervals nor p allow for."
)
_PARTS, _NOT_FITTED = ("autoencoder", "classifier"), "–"
_SCORES = ("accuracy", "uar", "macro_f1", "weighted_f1", "uar_fold_mean", "dev_uar")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--title", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--table", nargs=2, action="append", required=True, metavar=("HEADING", "REGEX"))
    parser.add_argument("--notes", type=Path)
    arguments = parser.parse_args()
    words = [sys.executable, "-m", "sercli", "evaluate", str(arguments.store), "--json"]
    groups = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["groups"]
    catalogue = Catalogue(Store(arguments.store))
    lines = [f"# {arguments.title}", "", f"Made by `{arguments.command}`.", ""]
    for heading, regex in arguments.table:
        chosen = [group for group in groups if re.search(regex, group["system"])]
        lines += [f"## {heading}", "", *(table(chosen) if chosen else ["Not run: the store has no such system."]), ""]
        if references := sorted({group["reference"] for group in chosen if group["reference"] != group["system"]}):
            named = " or ".join(f"`{name}`" for name in references)
            lines += [f"Δ UA is from {named}, of the same task and marks.", ""]
        lines += [f"`{digest_line(record_table(catalogue, systems_of(chosen)))}`", ""] if chosen else []
    lines += [_LEGEND, "", *versions(), ""]
    if arguments.notes:
        lines += [arguments.notes.read_text(encoding="utf-8").rstrip(), ""]
    print("\n".join(lines).rstrip())


def systems_of(groups: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The classifiers of each system."""
    return {group["system"]: group["classifiers"] for group in groups}


def table(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A table of groups as `sercli evaluate --json` prints them, best UA first, chance last."""
    has_marks = any(group["marks"] for group in groups)
    head = ["system", *(["marks"] if has_marks else []), "seeds", "n"]
    rows = []
    for group in sorted(groups, key=lambda group: -group["uar"]["mean"]):
        accuracy, uar, *others = (spread(Spread(**group[name])) for name in _SCORES)
        names = [f"`{group['system']}`", *([", ".join(group["marks"])] if has_marks else [])]
        seeds = ", ".join(map(str, dict.fromkeys(group["seeds"])))
        scores = [accuracy, f"**{uar}**", interval(group["uar_ci95"]), *_difference(group), *others]
        limits = group["epoch_limit"]
        limited = [
            f"{limits[part]['limited']}/{limits[part]['folds']}" if part in limits else _NOT_FITTED for part in _PARTS
        ]
        rows.append([*names, seeds, str(group["n_utterances"]), *scores, ", ".join(limited)])
    chance = [percent(groups[0]["chance"][name]) for name in ("accuracy", "uar")]
    rows.append(["chance", *[""] * (len(head) - 1), *chance, *[""] * 8])
    headings = [*head, "WA", "UA", "95 %", "Δ UA", "p", "macro F1", "weighted F1", "UA/fold", "dev UA", "epoch limit"]
    return markdown(headings, rows, n_text=len(head) - 2)


def _difference(group: Mapping[str, Any]) -> list[str]:
    """Difference in UA from the reference, and its corrected p; the reference itself says so."""
    if group["reference"] == group["system"]:
        return ["reference", ""]
    difference, p = group["difference"], group["p_adjusted"]
    return ["–" if difference is None else signed(difference), "" if p is None else p_value(p)]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], n_text: int) -> Iterator[str]:
    """The lines of a Markdown table; the first `n_text` columns are aligned to the left, the others to the right."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * n_text + "--:|" * (len(head) - n_text)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def versions() -> Iterator[str]:
    """A line with the versions of Python and the libraries."""
    names = ("sercli", "torch", "numpy", "scikit-learn", "scipy", "zarr")
    yield f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names) + "."


if __name__ == "__main__":
    main()
