"""The score tables that `sercli evaluate` prints."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

_EXPLANATION = (
    "WA: accuracy. UA: mean recall of the classes, pooled over folds; ± standard deviation over seeds; [ ] 95 % interval by a bootstrap "
    "over speakers.\nChance is what ignoring the speech gives: UA by guessing, WA by always naming the commonest class."
)


def score_tables(groups: Sequence[Mapping[str, Any]]) -> str:
    """A row a system, best UA first; what saw more than it should, or is incomplete, in a second table below."""
    honest = [group for group in groups if not group["marks"]]
    marked = [group for group in groups if group["marks"]]
    parts = []
    for title, chosen in (("Scores on speakers never seen", honest), ("Not to be compared with the above", marked)):
        for task in dict.fromkeys(group["task"] for group in chosen):
            rows = [group for group in chosen if group["task"] == task]
            parts.append(_table(f"{title}: {task}", rows, bool(rows[0]["marks"])))
    return "\n".join([*parts, _EXPLANATION])


def _table(title: str, groups: Sequence[Mapping[str, Any]], marked: bool) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("system", *(["marks"] if marked else [])):
        table.add_column(heading, no_wrap=True)
    for heading in ("seeds", "utterances", "WA %", "UA %", "95 %", "macro F1 %", "weighted F1 %", "dev UA %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in sorted(groups, key=lambda group: -group["uar"]["mean"]):
        marks = [Text(" ".join(group["marks"]))] if marked else []
        low, high = group["uar_ci95"]  # None with a single speaker
        interval = "" if low is None else f"{100 * low:.1f} to {100 * high:.1f}"
        scores = [_percent(group[key]) for key in ("accuracy", "uar", "macro_f1", "weighted_f1", "dev_uar")]
        cells = [str(len(group["seeds"])), str(group["n_utterances"]), *scores[:2], interval, *scores[2:]]
        table.add_row(Text(group["system"]), *marks, *cells)
    chance = groups[0]["chance"]
    blank = [""] if marked else []
    table.add_section()
    table.add_row(
        "chance", *blank, "", "", f"{100 * chance['accuracy']:.1f}", f"{100 * chance['uar']:.1f}", "", "", "", ""
    )
    buffer = io.StringIO()
    Console(file=buffer, width=200, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _percent(score: Mapping[str, float | None]) -> str:
    mean = f"{100 * (score['mean'] or 0):.1f}"
    return mean if score["std"] is None else f"{mean} ± {100 * score['std']:.1f}"
