"""The tables that `sercli evaluate` and `sercli compare` print."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ..evaluation.comparison import Comparison, Side
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.groups import Group
from ..evaluation.human_reference import HumanReference
from ..evaluation.marks import Mark, marks_apart
from ..evaluation.references import tables
from ..evaluation.results import Result
from ..evaluation.scores import FourScores
from ..text import printable
from .class_tables import POSTERIORS, class_table, confusion_table, posterior_table, recall_table
from .footers import epoch_limit_lines, reference_lines
from .formats import difference_cells, interval, p_value, percent, plural, seeds_of, signed, spread
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
    "Scores are means over all seeds of both systems. p: exact permutation test, which swaps the two systems within whole sessions or,\n"
    "where there are none, speakers. 95 %: t interval of the difference over the same; it decides nothing. Models of different folds\n"
    "share training data, which neither allows for."
)
_HEADINGS = FourScores("WA %", "UA %", "macro F1 %", "weighted F1 %")
_ALL = ("accuracy", "uar", "macro_f1", "weighted_f1")
_FEW = 3  # systems of a task whose confusion matrices are all printed; of more systems, that of the best on dev
_WIDE = 120  # columns; a narrower terminal shows WA and UA alone


def score_tables(
    groups: Sequence[Group],
    width: int | None = None,
    humans: Sequence[HumanReference] = (),
    footer: Callable[[Sequence[Group]], str] | None = None,
) -> str:
    """One row per system, best UA first, below them chance and one rater; systems that marks set apart have tables of their own.

    `width` is that of the terminal; without one, the tables are as wide as they need. `footer` gives the last line of a table.
    """
    parts = []
    for rows in tables(groups):
        task, apart = rows[0].system.task, " ".join(marks_apart(rows[0].marks))
        title = f"Marked {apart}, not to be compared with others" if apart else "Scores on test utterances"
        people = [human for human in humans if human.task == task]
        parts.append(_score_table(f"{title}: {task}", rows, width, people))
        parts += [*reference_lines(rows), *epoch_limit_lines(rows), *([footer(rows)] if footer else []), ""]
        parts += [recall_table(rows, width), posterior_table(rows, width)]
        shown = rows if len(rows) <= _FEW else [_best_on_dev(rows)]
        best = ", best on dev" if len(shown) < len(rows) else ""
        for group in shown:
            heading = f"{group.name}{best}"
            parts += [class_table(heading, group.test, width), confusion_table(heading, group.test, width)]
    parts += [_EXPLANATION, *map(human_text, humans), POSTERIORS]
    return "\n".join([*parts, *_meanings(group.marks for group in groups)])


def _meanings(of_systems: Iterable[Sequence[Mark]]) -> list[str]:
    """A line for each mark of the systems."""
    shown = {mark for marks in of_systems for mark in marks}
    return [f"{mark}: {mark.meaning}" for mark in Mark if mark in shown]


def _score_table(title: str, groups: Sequence[Group], width: int | None, humans: Sequence[HumanReference]) -> str:
    from rich.text import Text

    has_marks = any(group.marks for group in groups)
    names = _scores_that_fit(width)
    dev = ["dev UA %"] if names == _ALL else []
    headings = [getattr(_HEADINGS, name) for name in names]
    against = ["Δ UA", "p corrected"] if len(groups) > 1 else []
    numbers = ["seeds", "n", *headings, *dev, "UA 95 %", *against]
    table = new_table(["system", *(["marks"] if has_marks else [])], numbers, title)
    for group in sorted(groups, key=lambda group: -group.test.uar.mean):
        scores = [spread(getattr(group.test, name)) for name in names] + [spread(group.dev.uar) for _ in dev]
        cells = [seeds_of(group), str(group.n_utterances), *scores, interval(group.intervals.uar)]
        cells += difference_cells(group) if against else []
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
    clusters, labels = plural(comparison.n_clusters, comparison.cluster), ", ".join(comparison.labels)
    about = f"{comparison.n_utterances} test utterances of {clusters}, {comparison.target}: {labels}"
    sides = [f"{letter}: {_about_side(side)}" for letter, side in (("A", first), ("B", second))]
    table = new_table([""], ["A", "B", "A − B", "95 %", "p"])
    for name in _ALL:
        scores = [percent(getattr(side.scores, name)) for side in (first, second)]
        bounds = interval(getattr(comparison.intervals, name), signed)
        p = "" if comparison.n_clusters < 2 else p_value(getattr(comparison.p, name))
        table.add_row(getattr(_HEADINGS, name), *scores, signed(getattr(comparison.difference, name)), bounds, p)
    table.add_section()
    for label, recall in comparison.recall.items():
        cells = [percent(recall.first), percent(recall.second), signed(recall.difference), "", ""]
        table.add_row(Text(f"recall of {label} %"), *cells)
    warnings = [f"Warning: {warning}." for warning in comparison.warnings]
    return "\n".join([about, *sides, printed(table, width), verdict(comparison), *warnings, _PAIRED])


def _about_side(side: Side) -> str:
    seeds = f" (seeds {', '.join(map(str, side.seeds))})" if len(side.seeds) > 1 else ""
    return " ".join([f"{side.system}{seeds}", *side.marks])


def verdict(comparison: Comparison) -> str:
    """What the difference in UA says, in a sentence."""
    if comparison.difference.uar < 0:
        return verdict(comparison.swapped)
    names = [_with_marks(side) for side in (comparison.first, comparison.second)]
    ahead = "{} is ahead of {} by ".format(*names) + f"{signed(comparison.difference.uar)} points UA"
    if not comparison.difference.uar:
        ahead = "{} and {} have the same UA".format(*names)
    n, unit, p = comparison.n_clusters, comparison.cluster, f"p = {p_value(comparison.p.uar)}"
    if n < 2:
        return f"{ahead}. One {unit} cannot tell a difference from chance: nothing can be claimed."
    smallest = f"{plural(n, unit)}: the smallest attainable p is {p_value(comparison.smallest_p)}"
    if not comparison.can_claim:
        return f"{ahead}, {p}. {smallest}, so nothing can be claimed."
    claim = (
        f"no difference can be claimed on these {unit}s" if comparison.better is None else "more than chance explains"
    )
    return f"{ahead}, {p}: {claim} ({smallest})."


def _with_marks(side: Side) -> str:
    """The name of a system, with the marks that set it apart."""
    marks = marks_apart(side.marks)
    return f"{side.system} ({', '.join(marks)})" if marks else side.system
