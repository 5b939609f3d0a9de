"""The tables that `sercli evaluate` and `sercli compare` print."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..evaluation.comparison import Comparison
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.groups import Group
from ..evaluation.human_reference import HumanReference
from ..evaluation.marks import Mark, marks_apart
from ..evaluation.results import Result
from ..evaluation.scores import FourScores
from ..text import printable
from .class_tables import POSTERIORS, class_table, confusion_table, posterior_table, recall_table
from .footers import epoch_limit_lines
from .formats import interval, percent, signed, spread
from .raters import human_heading, human_text
from .terminal import new_table, printed

if TYPE_CHECKING:
    from rich.table import Table

_EXPLANATION = (
    "WA: accuracy. UA: mean recall of the classes, pooled over folds; ± standard deviation over seeds; 95 %: t interval over\n"
    "sessions or, where there are none, speakers. Models of different folds share training data, which no interval allows for.\n"
    "Chance is what a system reaches that ignores the speech: UA by guessing, WA by always predicting the commonest class."
)
_CROSS_CORPUS = (
    "Each model (one per fold of the other store) labels all utterances here and has seen none of them: mean ± standard deviation\n"
    "over models; 95 %: t interval over the sessions, else the speakers, of this store. Confusion matrices are summed over models."
)
_PAIRED = (
    "Differences in points; 95 %: t interval over speakers. Each was trained once: the interval leaves out that other seeds give\n"
    "other scores. McNemar's test takes utterances as independent, which those of one speaker are not: where the two\n"
    "disagree, trust the interval."
)
_HEADINGS = FourScores("WA %", "UA %", "macro F1 %", "weighted F1 %")
_ALL = ("accuracy", "uar", "macro_f1", "weighted_f1")
_FEW = 3  # systems of a task whose confusion matrices are all printed; of more systems, that of the best on dev
_WIDE = 120  # columns; a narrower terminal shows WA and UA alone


def split_into_tables(groups: Sequence[Group]) -> Iterator[tuple[str, list[Group]]]:
    """Titles and rows: a table for each task, and a second one for the systems that marks set apart."""
    for title, is_apart in (("Scores on test utterances", False), ("Marked, not to be compared with others", True)):
        chosen = [group for group in groups if bool(marks_apart(group.marks)) == is_apart]
        for task in dict.fromkeys(group.system.task for group in chosen):
            yield f"{title}: {task}", [group for group in chosen if group.system.task == task]


def score_tables(
    groups: Sequence[Group],
    width: int | None = None,
    humans: Sequence[HumanReference] = (),
    footer: Callable[[Sequence[Group]], str] | None = None,
) -> str:
    """One row per system, best UA first, below them chance and one rater; a second table has the systems that marks set apart.

    `width` is that of the terminal; without one, the tables are as wide as they need. `footer` gives the last line of a table.
    """
    parts = []
    for title, rows in split_into_tables(groups):
        people = [human for human in humans if human.task == rows[0].system.task]
        parts.append(_score_table(title, rows, width, people))
        parts += [*epoch_limit_lines(rows), *([footer(rows)] if footer else []), ""]
        parts += [recall_table(rows, width), posterior_table(rows, width)]
        shown = rows if len(rows) <= _FEW else [_best_on_dev(rows)]
        best = ", best on dev" if len(shown) < len(rows) else ""
        for group in shown:
            heading = f"{group.name}{best}"
            parts += [class_table(heading, group.test, width), confusion_table(heading, group.test, width)]
    parts += [_EXPLANATION, *map(human_text, humans), POSTERIORS]
    return "\n".join([*parts, *_meanings(group.marks for group in groups)])


def _meanings(of_systems: Iterable[Sequence[Mark]]) -> list[str]:
    """A line for each mark of a corpus or task among those of the systems."""
    of_corpus = {mark for marks in of_systems for mark in marks if not mark.apart}
    return [f"{mark}: {mark.meaning}" for mark in Mark if mark in of_corpus]


def _score_table(title: str, groups: Sequence[Group], width: int | None, humans: Sequence[HumanReference]) -> str:
    from rich.text import Text

    has_marks = any(group.marks for group in groups)
    names = _scores_that_fit(width)
    dev = ["dev UA %"] if names == _ALL else []
    headings = [getattr(_HEADINGS, name) for name in names]
    table = new_table(["system", *(["marks"] if has_marks else [])], ["seeds", "n", *headings, *dev, "UA 95 %"], title)
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        scores = [spread(getattr(group.test, name)) for name in names] + [spread(group.dev.uar) for _ in dev]
        cells = [str(len(group.seeds)), str(group.n_utterances), *scores, interval(group.intervals.uar)]
        table.add_row(Text(group.name), *([Text(" ".join(group.marks))] if has_marks else []), *cells)
    _add_chance(table, groups[0].chance, names, before=3 + has_marks)
    for human in humans:
        if human.scores is not None:
            scores = [percent(getattr(human.scores, name)) for name in names]
            table.add_row(human_heading(human), *[""] * (1 + has_marks), str(human.n_votes), *scores)
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


def split_by_classes(results: Sequence[CrossCorpusResult]) -> list[list[CrossCorpusResult]]:
    """The rows of a table for each set of classes."""
    return [[r for r in results if r.labels == labels] for labels in dict.fromkeys(r.labels for r in results)]


def cross_corpus_tables(
    results: Sequence[CrossCorpusResult],
    width: int | None = None,
    footer: Callable[[Sequence[CrossCorpusResult]], str] | None = None,
) -> str:
    """One row per classifier of another store, one table per set of classes; labels that were left out, and confusion matrices."""
    from rich.text import Text

    names = _scores_that_fit(width)
    parts = []
    for rows in split_by_classes(results):
        title = f"Trained on other corpora, over the classes of both: {printable(', '.join(rows[0].labels))}"
        headings = ["models", "n", *(getattr(_HEADINGS, name) for name in names), "UA 95 %"]
        table = new_table(["trained on", "system", "marks"], headings, title)
        for result in rows:
            about = [Text(result.corpus), Text(result.system.classifier), Text(" ".join(result.marks))]
            scores = [spread(getattr(result.test, name)) for name in names]
            counts = [str(len(result.per_fold)), str(result.n_utterances)]
            table.add_row(*about, *counts, *scores, interval(result.intervals.uar))
        _add_chance(table, rows[0].chance, names, before=5)
        parts += [printed(table, width), *(line for result in rows for line in _left_out(result))]
        parts += [footer(rows), ""] if footer else []
        parts += [confusion_table(result.system.classifier, result.test, width) for result in rows]
    return "\n".join([*parts, _CROSS_CORPUS, *_meanings(result.marks for result in results)])


def _left_out(result: CrossCorpusResult) -> list[str]:
    name, lines = result.system.classifier, []
    if result.classes_without_utterances:
        lines.append(f"No utterance here has these classes of {name}: {', '.join(result.classes_without_utterances)}.")
    if result.labels_without_class:
        labels = ", ".join(f"{label} {n}" for label, n in result.labels_without_class.items())
        lines.append(f"Left out, since {name} does not have these labels: {labels}.")
    return list(map(printable, lines))


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
    table = new_table([""], ["A", "B", "A − B", "95 %"])
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
