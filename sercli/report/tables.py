"""The tables that `sercli evaluate` and `sercli compare` print."""

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.comparison import Comparison
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.groups import Group
from ..evaluation.marks import Mark
from ..evaluation.results import Result
from ..evaluation.scores import FourScores, MeanScores
from ..text import printable
from .formats import interval, percent, signed, spread

if TYPE_CHECKING:
    from rich.table import Table

_EXPLANATION = (
    "WA: accuracy. UA: mean recall of the classes, pooled over folds; ± standard deviation over seeds; 95 %: bootstrap over speakers.\n"
    "With few speakers the interval is too narrow: it holds the true score about 9 times in 10 with ten speakers, 8 in 10 with four.\n"
    "Chance is what a system reaches that ignores the speech: UA by guessing, WA by always predicting the commonest class."
)
_CROSS_CORPUS = (
    "Each model (one per fold of the other store) labels all utterances here and has seen none of them: mean ± standard deviation\n"
    "over models; 95 %: bootstrap over the speakers of this store. Confusion matrices are summed over models."
)
_PAIRED = (
    "Differences in points; 95 %: bootstrap over speakers, the same drawn for A and B. Each was trained once: the interval leaves out\n"
    "that other seeds give other scores. With few speakers it is too narrow: it holds the true difference 9 times in 10 with ten\n"
    "speakers, 8 in 10 with four. McNemar's test takes utterances as independent, which those of one speaker are not: where the two\n"
    "disagree, trust the interval."
)
_HEADINGS = FourScores("WA %", "UA %", "macro F1 %", "weighted F1 %")
_ALL = ("accuracy", "uar", "macro_f1", "weighted_f1")
_FEW = 3  # systems of a task whose confusion matrices are all printed; of more systems, that of the best on dev
_BAR = 8  # characters
_WIDE = 120  # columns; a narrower terminal shows WA and UA alone


def score_tables(groups: Sequence[Group], width: int | None = None) -> str:
    """One row per system, best UA first; systems with marks stand in a second table below.

    `width` is that of the terminal; without one, the tables are as wide as they need.
    """
    parts = []
    for title, has_marks in (("Scores on test utterances", False), ("Marked, not to be compared with others", True)):
        chosen = [group for group in groups if bool(group.marks) == has_marks]
        for task in dict.fromkeys(group.system.task for group in chosen):
            rows = [group for group in chosen if group.system.task == task]
            parts.append(_score_table(f"{title}: {task}", rows, width))
            parts.append(recall_table(rows, width))
            shown = rows if len(rows) <= _FEW else [_best_on_dev(rows)]
            best = ", best on dev" if len(shown) < len(rows) else ""
            parts += [confusion_table(f"{group.name}{best}", group.test, width) for group in shown]
    entangled = any(Mark.ENTANGLED in group.marks for group in groups)
    return "\n".join([*parts, _EXPLANATION, *([f"ENTANGLED: {Mark.ENTANGLED.meaning}"] if entangled else [])])


def _score_table(title: str, groups: Sequence[Group], width: int | None) -> str:
    from rich.text import Text

    has_marks = bool(groups[0].marks)
    names = _scores_that_fit(width)
    dev = ["dev UA %"] if names == _ALL else []
    headings = [getattr(_HEADINGS, name) for name in names]
    table = _table(["system", *(["marks"] if has_marks else [])], ["seeds", "n", *headings, *dev, "UA 95 %"], title)
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        scores = [spread(getattr(group.test, name)) for name in names] + [spread(group.dev.uar) for _ in dev]
        cells = [str(len(group.seeds)), str(group.n_utterances), *scores, interval(group.intervals.uar)]
        table.add_row(Text(group.name), *([Text(" ".join(group.marks))] if has_marks else []), *cells)
    _add_chance(table, groups[0].chance, names, before=3 + has_marks)
    return printed(table, width)


def _scores_that_fit(width: int | None) -> Sequence[str]:
    return _ALL if width is None or width >= _WIDE else _ALL[:2]


def _add_chance(table: "Table", chance: FourScores[float], names: Sequence[str], before: int) -> None:
    """A last row with WA and UA, whose cells stand behind so many others."""
    shown = [percent(getattr(chance, name)) if name in ("accuracy", "uar") else "" for name in names]
    table.add_section()
    table.add_row("chance", *[""] * (before - 1), *shown)


def lines_by_corpus(results: Sequence[Result]) -> list[str]:
    """For each classifier that was tested on several corpora, a line with the UA on each."""
    lines = []
    for result in results:
        if len(by_corpus := result.per["corpus"]) > 1:
            scores = ", ".join(f"{corpus} {percent(subset.scores.uar)}" for corpus, subset in by_corpus.items())
            lines.append(printable(f"UA % of {result.system.classifier} by corpus: {scores}"))
    return lines


def cross_corpus_tables(results: Sequence[CrossCorpusResult], width: int | None = None) -> str:
    """One row per classifier of another store, one table per set of classes; labels that were left out, and confusion matrices."""
    from rich.text import Text

    names = _scores_that_fit(width)
    parts = []
    for labels in dict.fromkeys(result.labels for result in results):
        rows = [result for result in results if result.labels == labels]
        title = f"Trained on other corpora, over the classes of both: {printable(', '.join(labels))}"
        headings = ["models", "n", *(getattr(_HEADINGS, name) for name in names), "UA 95 %"]
        table = _table(["trained on", "system", "marks"], headings, title)
        for result in rows:
            about = [Text(result.corpus), Text(result.system.classifier), Text(" ".join(result.marks))]
            scores = [spread(getattr(result.test, name)) for name in names]
            counts = [str(len(result.per_fold)), str(result.n_utterances)]
            table.add_row(*about, *counts, *scores, interval(result.intervals.uar))
        _add_chance(table, rows[0].chance, names, before=5)
        parts += [printed(table, width), *(line for result in rows for line in _left_out(result))]
        parts += [confusion_table(result.system.classifier, result.test, width) for result in rows]
    return "\n".join([*parts, _CROSS_CORPUS])


def _left_out(result: CrossCorpusResult) -> list[str]:
    name, lines = result.system.classifier, []
    if result.classes_without_utterances:
        lines.append(f"No utterance here has these classes of {name}: {', '.join(result.classes_without_utterances)}.")
    if result.labels_without_class:
        labels = ", ".join(f"{label} {n}" for label, n in result.labels_without_class.items())
        lines.append(f"Left out, since {name} does not have these labels: {labels}.")
    return list(map(printable, lines))


def recall_table(groups: Sequence[Group], width: int | None = None) -> str:
    """Recall of each class, one row per system, as bars where there is room for them."""
    from rich.text import Text

    labels = groups[0].labels
    longest = max(len(group.name) for group in groups)
    has_room = width is None or width >= longest + sum(max(_BAR + 7, len(label) + 2) for label in labels)
    table = _table(["system"], [], "Recall %")
    for label in labels:
        table.add_column(Text(printable(label)), justify="left" if has_room else "right", overflow="fold")
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        recalls = [group.test.recall[label] for label in labels]
        table.add_row(Text(group.name), *(_bar(recall) if has_room else percent(recall) for recall in recalls))
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
    table = _table(["truth"], [])
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


def _best_on_dev(groups: Sequence[Group]) -> Group:
    """Systems are chosen by dev, never by test."""
    return max(groups, key=lambda group: group.dev.uar.mean)


def comparison_table(comparison: Comparison, width: int | None = None) -> str:
    """Two systems side by side, what that comes to in words, and what stands against it."""
    from rich.text import Text

    first, second = comparison.first, comparison.second
    labels = ", ".join(comparison.labels)
    about = (
        f"{comparison.n_utterances} test utterances of {comparison.n_speakers} speakers, {comparison.target}: {labels}"
    )
    sides = [" ".join([f"{letter}:", side.classifier, *side.marks]) for letter, side in (("A", first), ("B", second))]
    table = _table([""], ["A", "B", "A − B", "95 %"])
    for name in _ALL:
        scores = [percent(getattr(side.scores, name)) for side in (first, second)]
        bounds = interval(getattr(comparison.intervals, name), signed)
        table.add_row(getattr(_HEADINGS, name), *scores, signed(getattr(comparison.difference, name)), bounds)
    table.add_section()
    for label, recall in comparison.recall.items():
        cells = [percent(recall.first), percent(recall.second), signed(recall.difference), ""]
        table.add_row(Text(f"recall of {label} %"), *cells)
    right = comparison.right
    counts = (
        f"Right: both {right.both}, A alone {right.only_first}, B alone {right.only_second}, neither {right.neither}; "
        f"McNemar's exact p = {comparison.mcnemar_p:.2g}."
    )
    warnings = [f"Warning: {warning}." for warning in comparison.warnings]
    return "\n".join([about, *sides, printed(table, width), counts, verdict(comparison), *warnings, _PAIRED])


def verdict(comparison: Comparison) -> str:
    """What the difference in UA says, in a sentence."""
    if comparison.difference.uar < 0:
        return verdict(comparison.swapped)
    ahead, bounds = comparison.difference.uar, comparison.intervals.uar
    names = comparison.first.classifier, comparison.second.classifier
    sentence = "{} is ahead of {}: ".format(*names) + f"{signed(ahead)} points UA"
    if not ahead:
        sentence = "{} and {} have the same UA".format(*names)
    if bounds[0] is None:
        return f"{sentence}; one speaker has no interval: no difference can be claimed."
    sentence = f"{sentence}, interval {interval(bounds, signed)}"
    if comparison.better is None:
        return f"{sentence} includes 0: no difference can be claimed on these speakers."
    return f"{sentence} excludes 0: more than the choice of speakers explains."


def _table(texts: Sequence[str], numbers: Sequence[str], title: str | None = None) -> "Table":
    """A table with columns of text, which fold, and of numbers, which do not."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in texts:
        table.add_column(heading, overflow="fold", min_width=8 if heading == "system" else None)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def printed(table: "Table", width: int | None) -> str:
    """A table as text: as wide as the terminal and in its colours; plain, and as wide as it needs, where `width` is None."""
    from rich.console import Console

    buffer = io.StringIO()
    colours: Any = Console(file=sys.stdout).color_system if width is not None else None
    console = Console(file=buffer, width=width or 1000, color_system=colours, force_terminal=colours is not None)
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
