"""RESULTS.md of a recipe: tables of systems, from the scores that lie in the store.

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

_LEGEND = (
    "WA: accuracy; UA: mean recall of the classes; both pooled over the folds, in %. ± is the standard deviation over seeds. "
    "95 %: bootstrap over speakers of the UA (mean over seeds). UA/fold: the mean of the folds' UA. Dev UA is what a choice may look at; "
    "it is flattered, since dev also stopped the training."
)


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
    lines = [f"# {arguments.title}", "", f"Made by `{arguments.command}`.", ""]
    for heading, regex in arguments.table:
        chosen = [group for group in groups if re.search(regex, group["system"])]
        lines += [f"## {heading}", "", *(table(chosen) if chosen else ["Not run: the store holds no such system."]), ""]
    lines += [_LEGEND, "", *made_with(), ""]
    if arguments.notes:
        lines += [arguments.notes.read_text(encoding="utf-8").rstrip(), ""]
    print("\n".join(lines).rstrip())


def table(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A Markdown table, best UA first, chance last."""
    marked = any(group["marks"] for group in groups)
    head = [
        "system",
        *(["marks"] if marked else []),
        "seeds",
        "n",
        "WA",
        "UA",
        "95 %",
        "macro F1",
        "weighted F1",
        "UA/fold",
        "dev UA",
    ]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * head.index("seeds") + "--:|" * (len(head) - head.index("seeds"))
    for group in sorted(groups, key=lambda group: -group["uar"]["mean"]):
        marks = [", ".join(group["marks"])] if marked else []
        bounds = [f"{100 * bound:.1f}" for bound in group["uar_ci95"] if bound is not None]  # none of a single speaker
        interval = " to ".join(bounds)
        accuracy, uar, *rest = (
            percent(group[key]) for key in ("accuracy", "uar", "macro_f1", "weighted_f1", "uar_fold_mean", "dev_uar")
        )
        seeds = ", ".join(map(str, group["seeds"]))
        row = [
            f"`{group['system']}`",
            *marks,
            seeds,
            str(group["n_utterances"]),
            accuracy,
            f"**{uar}**",
            interval,
            *rest,
        ]
        yield "| " + " | ".join(row) + " |"
    chance = groups[0]["chance"]
    row = [
        "chance",
        *([""] if marked else []),
        "",
        "",
        f"{100 * chance['accuracy']:.1f}",
        f"{100 * chance['uar']:.1f}",
        *[""] * 5,
    ]
    yield "| " + " | ".join(row) + " |"


def percent(score: Mapping[str, float | None]) -> str:
    mean = f"{100 * (score['mean'] or 0):.1f}"
    return mean if score["std"] is None else f"{mean} ± {100 * score['std']:.1f}"


def made_with() -> Iterator[str]:
    names = ("sercli", "torch", "numpy", "scikit-learn", "scipy", "zarr")
    yield f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names) + "."


if __name__ == "__main__":
    main()
