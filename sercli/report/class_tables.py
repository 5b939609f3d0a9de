"""The tables that `sercli evaluate` prints of each class, and of posteriors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.groups import Group
from ..evaluation.scores import BY_CLASS, ClassScores, MeanScores
from ..text import printable
from .formats import percent
from .terminal import new_table, printed

if TYPE_CHECKING:
    from rich.table import Table

_BAR = 8  # characters
_MEASURES = {"log_loss": "log loss", "ece": "ECE", "brier": "Brier score"}
_MEASURE, _NAME = 17, 16  # columns of a terminal for each, and for the name of a system
POSTERIORS = (
    "Posteriors, lower is better: log loss in nats; ECE: difference of confidence and accuracy over 15 bins of confidence. The\n"
    "temperature of a fold is fitted on its dev part."
)


def recall_table(groups: Sequence[Group], width: int | None = None) -> str:
    """Recall of each class, one row per system, as bars where there is room for them."""
    from rich.text import Text

    labels = groups[0].labels
    longest = max(len(group.name) for group in groups)
    has_room = width is None or width >= longest + sum(max(_BAR + 7, len(label) + 2) for label in labels)
    table = new_table(["system"], [], "Recall %")
    for label in labels:
        table.add_column(Text(printable(label)), justify="left" if has_room else "right", overflow="fold")
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        recalls = [group.test.recall[label] for label in labels]
        table.add_row(Text(group.name), *(_bar(recall) if has_room else percent(recall) for recall in recalls))
    return printed(table, width)


def class_table(heading: str, scores: ClassScores[Any], width: int | None = None) -> str:
    """Recall, precision and F1 of each class, as bars where there is room for them."""
    from rich.text import Text

    has_room = width is None or width >= max(map(len, scores.recall)) + len(BY_CLASS) * (_BAR + 9) + 2
    table = new_table([], [], f"Classes of {printable(heading)}, %")
    table.add_column("class", overflow="fold")
    for measure in ("recall", "precision", "F1"):
        table.add_column(measure, justify="left" if has_room else "right")
    for label in scores.recall:
        shares = [getattr(scores, name)[label] for name in BY_CLASS]
        table.add_row(Text(printable(label)), *(_bar(share) if has_room else percent(share) for share in shares))
    return printed(table, width)


def posterior_table(groups: Sequence[Group], width: int | None = None) -> str:
    """Quality of posteriors as they are and with the temperatures of the folds, one row per system; means over seeds."""
    from rich.text import Text

    names = list(_MEASURES)[: None if width is None else max(1, (width - _NAME) // _MEASURE)]
    table = new_table(["system"], [_MEASURES[name] for name in names], "Posteriors: raw → with temperature")
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        pairs = [(getattr(group.posteriors.raw, name), getattr(group.posteriors.calibrated, name)) for name in names]
        table.add_row(Text(group.name), *(f"{raw:.3f} → {calibrated:.3f}" for raw, calibrated in pairs))
    return printed(table, width)


def _bar(share: float | None) -> "Table":
    """A bar with the number behind it."""
    from rich.bar import Bar
    from rich.table import Table

    cell = Table.grid(padding=(0, 1, 0, 0))
    cell.add_column()
    cell.add_column(justify="right", width=5)
    cell.add_row(Bar(1, 0, share or 0, width=_BAR, color="cyan"), percent(share))
    return cell


def confusion_table(heading: str, scores: MeanScores, width: int | None = None) -> str:
    """Truth in rows, predictions in columns, summed over seeds; the shade of a cell is its share of the row."""
    from rich.text import Text

    labels = list(map(printable, scores.recall))
    table = new_table(["truth"], [])
    for label in labels:
        table.add_column(Text(label), justify="right", overflow="fold")
    for label, row in zip(labels, scores.confusion, strict=True):
        total = sum(row) or 1
        table.add_row(Text(label), *(Text(f" {n} ", _shade(n / total)) for n in row))
    never = [printable(label) for label in scores.never_predicted]
    lines = [f"Confusion of {heading}: truth in rows, predictions in columns", printed(table, width)]
    return "\n".join([*lines, *([f"Never predicted: {', '.join(never)}."] if never else [])])


def _shade(share: float) -> str:
    """From black to blue, white on it throughout."""
    return f"white on rgb({round(30 * share)},{round(20 + 90 * share)},{round(20 + 190 * share)})"
