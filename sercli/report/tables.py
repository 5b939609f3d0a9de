"""The score tables that `sercli evaluate` prints."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

_EXPLANATION = (
    "WA: accuracy. UA: mean recall of the classes, pooled over folds; ± standard deviation over seeds; 95 %: bootstrap over speakers.\n"
    "Chance is what ignoring the speech gives: UA by guessing, WA by always naming the commonest class."
)
_SCORES = {
    "accuracy": "WA %",
    "uar": "UA %",
    "macro_f1": "macro F1 %",
    "weighted_f1": "weighted F1 %",
    "dev_uar": "dev UA %",
}
_ROOM_FOR_ALL = 120  # columns; a narrower terminal is shown WA and UA alone


def score_tables(groups: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """A row a system, best UA first; what saw more than it should, or is incomplete, in a second table below.

    `width` is that of the terminal; without one, the tables are as wide as they need.
    """
    honest = [group for group in groups if not group["marks"]]
    marked = [group for group in groups if group["marks"]]
    parts = []
    for title, chosen in (("Scores on test utterances", honest), ("Marked, not to be compared with others", marked)):
        for task in dict.fromkeys(group["task"] for group in chosen):
            rows = [group for group in chosen if group["task"] == task]
            parts.append(_table(f"{title}: {task}", rows, bool(rows[0]["marks"]), width))
    return "\n".join([*parts, _EXPLANATION])


def _table(title: str, groups: Sequence[Mapping[str, Any]], marked: bool, width: int | None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = list(_SCORES) if width is None or width >= _ROOM_FOR_ALL else ["accuracy", "uar"]
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("system", *(["marks"] if marked else [])):
        table.add_column(heading, overflow="fold", min_width=8)
    for heading in ("seeds", "n", *(_SCORES[key] for key in shown), "UA 95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in sorted(groups, key=lambda group: -group["uar"]["mean"]):
        marks = [Text(" ".join(group["marks"]))] if marked else []
        scores = [_percent(group[key]) for key in shown]
        cells = [str(len(group["seeds"])), str(group["n_utterances"]), *scores, _interval(group["uar_ci95"])]
        table.add_row(Text(group["system"]), *marks, *cells)
    chance = {key: f"{100 * value:.1f}" for key, value in groups[0]["chance"].items()}
    table.add_section()
    table.add_row("chance", *([""] if marked else []), "", "", *(chance.get(key, "") for key in shown), "")
    buffer = io.StringIO()
    Console(file=buffer, width=width or 1000, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _percent(score: Mapping[str, float | None]) -> str:
    if score["mean"] is None:
        return ""
    return f"{100 * score['mean']:.1f}" + ("" if score["std"] is None else f" ± {100 * score['std']:.1f}")


def _interval(bounds: Sequence[float | None]) -> str:
    """Empty with a single speaker, of whom there is none."""
    return " to ".join(f"{100 * bound:.1f}" for bound in bounds if bound is not None)
