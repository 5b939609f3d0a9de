"""Scores and what they mean: evaluate, compare, report."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .app import command
from .options import DeviceOption, MakeOptions, StorePath, WorkOptions
from .output import print_json, terminal_width


@command("evaluate", "Score classifiers on unseen speakers", "sercli evaluate store/")
class Evaluate(DeviceOption, WorkOptions):
    """Score classifiers on the test part of each fold: WA, UA and F1 with intervals, next to chance."""

    store: StorePath
    classifier: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this classifier (repeatable).", show_default="all classifiers"),
    ] = None
    elsewhere: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="OTHER:CLASSIFIER",
            help="Instead: test a classifier of another store on this corpus, over the classes that both have (repeatable).",
        ),
    ] = None

    def run(self) -> None:
        if self.classifier and self.elsewhere:
            fix = "leave one of the two out"
            raise UsageError("a classifier is of this store or of another", place="--classifier, --with", fix=fix)
        if self.elsewhere:
            self._cross_corpus(self.elsewhere)
        else:
            self._own_corpus()

    def _own_corpus(self) -> None:
        from ..stages import evaluate

        evaluation = evaluate.run(self.store, self.classifier or [], self.settings())
        if self.dry_run:
            self.print_outcome(evaluation.outcome)
        elif self.as_json:
            print_json(evaluation.to_json())
        else:
            from ..report.tables import lines_by_corpus, score_tables

            tables = score_tables(evaluation.groups, terminal_width())
            print("\n".join([tables, *lines_by_corpus(evaluation.results)]))

    def _cross_corpus(self, references: list[str]) -> None:
        from ..stages import cross_corpus

        evaluation = cross_corpus.run(self.store, references, self.settings())
        if self.dry_run:
            self.print_outcome(evaluation.outcome)
        elif self.as_json:
            print_json(evaluation.to_json())
        else:
            from ..report.tables import cross_corpus_tables

            print(cross_corpus_tables(evaluation.results, terminal_width()))


@command("compare", "Compare two classifiers", "sercli compare store/ cvae-32.lstm logmel.functionals")
class Compare(MakeOptions):
    """Compare two classifiers on the same utterances: differences with intervals, and McNemar's exact test."""

    store: StorePath
    first: Annotated[str, typer.Argument(metavar="A", help="A classifier that `sercli evaluate` has scored.")]
    second: Annotated[str, typer.Argument(metavar="B", help="Another one, tested on the same utterances.")]

    def run(self) -> None:
        from ..stages import compare

        outcome, comparison = compare.run(self.store, self.first, self.second, self.settings())
        if self.dry_run or comparison is None:
            self.print_outcome(outcome)
        elif self.as_json:
            print_json({**outcome.as_json(), **comparison.to_json()})
        else:
            from ..report.tables import comparison_table

            print(comparison_table(comparison, terminal_width()))


@command("report", "Write the results as one HTML page", "sercli report store/ --output results.html")
class Report(WorkOptions):
    """Write one self-contained HTML page: scores, confusions, training curves, what latents encode, and commands."""

    store: StorePath
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.html", help="The file to write.", show_default="report.html in the store"
        ),
    ] = None

    def run(self) -> None:
        from ..stages import report

        self.print_outcome(report.run(self.store, self.output, self.settings()))
