"""The tables that `sercli evaluate` and `sercli compare` print."""

import io
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..text import printable
from .formats import interval, percent, signed, spread

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_EXPLANATION = (
    "WA: accuracy. UA: mean recall of the classes, pooled over folds; ± standard deviation over seeds; 95 %: bootstrap over speakers.\n"
    "Few speakers make it too narrow: it holds the true score about 9 times of 10 with ten speakers, 8 times of 10 with four.\n"
    "Chance is what ignoring the speech gives: UA by guessing, WA by always naming the commonest class."
)
_ENTANGLED = (
    "ENTANGLED: most utterances are by speakers who have one label only, so that a voice and a label cannot be told apart here:\n"
    "speaker-independent scores of this corpus say little about emotion."
)
_ELSEWHERE = (
    "Every model (one a fold of the other store) labels all utterances here, none of which it has seen: mean ± standard deviation\n"
    "over models; 95 %: bootstrap over the speakers of this store. Confusions are summed over models."
)
_PAIRED = (
    "Differences in points; 95 %: bootstrap over speakers, the same drawn for A and B. Each was trained once: other seeds are not in it.\n"
    "Few speakers make it too narrow: it holds the true difference 9 times of 10 with ten speakers, 8 times of 10 with four.\n"
    "McNemar's test takes utterances as independent, which those of one speaker are not: where the two disagree, trust the interval."
)
_SCORES = {
    "accuracy": "WA %",
    "uar": "UA %",
    "macro_f1": "macro F1 %",
    "weighted_f1": "weighted F1 %",
    "dev_uar": "dev UA %",
}
_FEW = 3  # systems of a task whose confusions are all shown; of more, that of the best on dev
_BAR = 8  # characters
_EIGHTHS = " ▏▎▍▌▋▊▉"
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
            parts.append(recall_table(rows, width))
            shown = rows if len(rows) <= _FEW else [_best_on_dev(rows)]
            parts += [confusion_table(group, width, len(shown) < len(rows)) for group in shown]
    entangled = any("ENTANGLED" in group["marks"] for group in groups)
    return "\n".join([*parts, _EXPLANATION, *([_ENTANGLED] if entangled else [])])


def _table(title: str, groups: Sequence[Mapping[str, Any]], marked: bool, width: int | None) -> str:
    from rich import box
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
        scores = [spread(group[key]) for key in shown]
        cells = [str(len(group["seeds"])), str(group["n_utterances"]), *scores, interval(group["uar_ci95"])]
        table.add_row(Text(group["system"]), *marks, *cells)
    chance = {key: f"{100 * value:.1f}" for key, value in groups[0]["chance"].items()}
    table.add_section()
    table.add_row("chance", *([""] if marked else []), "", "", *(chance.get(key, "") for key in shown), "")
    return printed(table, width)


def by_corpus(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each classifier that was tested on several corpora, a line with the UA on each."""
    return [
        printable(
            f"UA % of {one['classifier']} by corpus: " + ", ".join(f"{k} {percent(v['uar'])}" for k, v in found.items())
        )
        for one in results
        if len(found := one["per_corpus"]) > 1
    ]


def elsewhere_table(results: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """A row a classifier of another store, a table for each set of classes; what was left out, and a confusion of each."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = list(_SCORES)[:-1] if width is None or width >= _ROOM_FOR_ALL else ["accuracy", "uar"]
    parts = []
    for labels in dict.fromkeys(tuple(one["labels"]) for one in results):
        rows = [one for one in results if tuple(one["labels"]) == labels]
        title = f"Trained elsewhere, over the classes both have: {printable(', '.join(labels))}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for heading in ("trained on", "system", "marks"):
            table.add_column(heading, overflow="fold")
        for heading in ("models", "n", *(_SCORES[key] for key in shown), "UA 95 %"):
            table.add_column(heading, justify="right", no_wrap=True)
        for one in rows:
            about = [Text(one["corpus"]), Text(one["classifier"]), Text(" ".join(one["marks"]))]
            cells = [str(one["folds_done"]), str(one["n_utterances"]), *(spread(one[key]) for key in shown)]
            table.add_row(*about, *cells, interval(one["uar_ci95"]))
        chance = {key: percent(value) for key, value in rows[0]["chance"].items()}
        table.add_section()
        table.add_row("chance", "", "", "", "", *(chance.get(key, "") for key in shown), "")
        parts += [printed(table, width), *(line for one in rows for line in _left_out(one))]
        parts += [confusion_table({**one, "system": one["classifier"]}, width) for one in rows]
    return "\n".join([*parts, _ELSEWHERE])


def _left_out(result: Mapping[str, Any]) -> list[str]:
    lines = []
    if result["classes_without_utterances"]:
        lines.append(
            f"{result['classifier']} knows {', '.join(result['classes_without_utterances'])} too, which nobody here shows."
        )
    if result["labels_without_class"]:
        told = ", ".join(f"{label} {n}" for label, n in result["labels_without_class"].items())
        lines.append(f"Left out, since {result['classifier']} does not know them: {told}.")
    return list(map(printable, lines))


def recall_table(groups: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """Recall of each class, a row a system, as bars where there is room for them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    labels = list(groups[0]["labels"])
    longest = max(len(group["system"]) for group in groups)
    has_room = width is None or width >= longest + sum(max(_BAR + 7, len(label) + 2) for label in labels)
    table = Table(title="Recall %", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("system", overflow="fold", min_width=8)
    for label in labels:
        table.add_column(Text(printable(label)), justify="left" if has_room else "right", overflow="fold")
    for group in sorted(groups, key=lambda group: -group["uar"]["mean"]):
        recalls = [group["recall"][label] for label in labels]
        cells = [_bar(recall) if has_room else percent(recall) for recall in recalls]
        table.add_row(Text(group["system"]), *cells)
    return printed(table, width)


def _bar(share: float | None) -> "Text":
    """In eighths of a character, with the number behind it."""
    from rich.text import Text

    eighths = round(8 * _BAR * (share or 0))
    full, part = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[part] if part else "")
    return Text.assemble((f"{drawn:<{_BAR}}", "cyan"), f" {percent(share):>5}")


def confusion_table(group: Mapping[str, Any], width: int | None = None, is_best: bool = False) -> str:
    """Truth in rows, prediction in columns, all seeds together; the shade of a cell is its share of the row."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    labels = [printable(label) for label in group["labels"]]
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("truth", overflow="fold")
    for label in labels:
        table.add_column(Text(label), justify="right", overflow="fold")
    for label, row in zip(labels, group["confusion"], strict=True):
        total = sum(row) or 1
        table.add_row(Text(label), *(Text(f" {n} ", _shade(n / total)) for n in row))
    never = [
        label for label, column in zip(labels, zip(*group["confusion"], strict=True), strict=True) if not any(column)
    ]
    heading = (
        f"Confusion of {group['system']}{', best on dev' if is_best else ''}: truth in rows, predictions in columns"
    )
    return "\n".join([heading, printed(table, width), *([f"Never predicted: {', '.join(never)}."] if never else [])])


def _shade(share: float) -> str:
    """From black to blue, white on it throughout."""
    return f"white on rgb({round(30 * share)},{round(20 + 90 * share)},{round(20 + 190 * share)})"


def _best_on_dev(groups: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Nothing is chosen by test."""
    return max(groups, key=lambda group: float(group["dev_uar"]["mean"]))


def comparison_table(comparison: Mapping[str, Any], width: int | None = None) -> str:
    """Two systems side by side, what that comes to in words, and what stands against it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    first, second, difference = comparison["first"], comparison["second"], comparison["difference"]
    labels = ", ".join(comparison["labels"])
    about = f"{comparison['n_utterances']} test utterances of {comparison['n_speakers']} speakers, {comparison['target']}: {labels}"
    names = [
        " ".join([f"{letter}:", side["classifier"], *side["marks"]]) for letter, side in (("A", first), ("B", second))
    ]
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", overflow="fold")
    for heading in ("A", "B", "A − B", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for key in ("accuracy", "uar", "macro_f1", "weighted_f1"):
        sides = [percent(side[key]) for side in (first, second)]
        table.add_row(_SCORES[key], *sides, signed(difference[key]), interval(difference[f"{key}_ci95"], signed))
    table.add_section()
    for label, recall in comparison["recall"].items():
        sides = [percent(recall[side]) for side in ("first", "second")]
        table.add_row(Text(f"recall of {label} %"), *sides, signed(recall["difference"]), "")
    right = comparison["right"]
    counts = (
        f"Right: both {right['both']}, A alone {right['only_first']}, B alone {right['only_second']}, neither {right['neither']}; "
        f"McNemar's exact p = {comparison['mcnemar_p']:.2g}."
    )
    warnings = [f"Warning: {warning}." for warning in comparison["warnings"]]
    return "\n".join([about, *names, printed(table, width), counts, _verdict(comparison), *warnings, _PAIRED])


def _verdict(comparison: Mapping[str, Any]) -> str:
    """What UA says, in a sentence."""
    first, second = comparison["first"]["classifier"], comparison["second"]["classifier"]
    ahead, bounds = comparison["difference"]["uar"], comparison["difference"]["uar_ci95"]
    if ahead < 0:
        first, second, ahead = second, first, -ahead
        bounds = [None if bound is None else -bound for bound in reversed(bounds)]
    said = f"{first} is ahead of {second}: {signed(ahead)} points UA"
    if not ahead:
        said = f"{first} and {second} have the same UA"
    low, high = bounds
    if low is None or high is None:
        return f"{said}; one speaker has no interval: no difference can be claimed."
    said = f"{said}, interval {interval(bounds, signed)}"
    if low <= 0 <= high:
        return f"{said} includes 0: no difference can be claimed on these speakers."
    return f"{said} excludes 0: more than the choice of speakers explains."


def printed(table: "Table", width: int | None) -> str:
    """A table as text: as wide as a terminal and in its colours; plain, and as wide as it needs, where there is none."""
    from rich.console import Console

    buffer = io.StringIO()
    colours = Console(file=sys.stdout).color_system if width is not None else None
    console = Console(file=buffer, width=width or 1000, color_system=colours, force_terminal=colours is not None)  # type: ignore[arg-type]
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
