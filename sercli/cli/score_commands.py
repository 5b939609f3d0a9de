"""Scores and what they mean: evaluate, compare, report."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from typer import Argument

from ..errors import UsageError
from .app import command
from .option_groups import STORE, DeviceOption, JsonOption, MakeOptions, WorkOptions, option
from .output import print_json, terminal_width


@command("evaluate", "Score classifiers on unseen speakers", "sercli evaluate store/")
class EvaluateCommand(DeviceOption, WorkOptions):
    """Score classifiers on the test part of each fold: WA, UA and F1 with intervals, next to chance."""

    store: Path = STORE
    classifier: list[str] | None = option("Only this classifier (repeatable).", metavar="NAME", unset="all classifiers")
    references: list[str] | None = option(
        "Instead: test a classifier of another store on the classes that both have (repeatable).",
        "--with",
        metavar="OTHER:CLASSIFIER",
    )
    reference: str | None = option(
        "Differences in UA are from the system of this classifier.",
        metavar="NAME",
        unset="functionals without an autoencoder, else the first by name",
    )

    def run(self) -> None:
        if self.classifier and self.references:
            fix = "leave one of the two out"
            raise UsageError("a classifier is of this store or of another", place="--classifier, --with", fix=fix)
        self._test(self.references) if self.references else self._score()

    def _test(self, references: list[str]) -> None:
        from ..stages import cross_corpus

        outcome, results = cross_corpus.run(self.store, references, self.settings())
        if self.dry_run:
            self.print_outcome(outcome)
            return
        from ..report.footers import digest_line
        from ..report.tables import cross_corpus_tables, split_by_classes

        record = partial(cross_corpus.record, self.store)
        if self.as_json:
            tables = [
                {"systems": [r.system.classifier for r in rows], "digest": record(rows)}
                for rows in split_by_classes(results)
            ]
            print_json({"results": [result.to_json() for result in results], "tables": tables})
        else:
            print(cross_corpus_tables(results, terminal_width(), lambda rows: digest_line(record(rows), self.store)))

    def _score(self) -> None:
        from ..stages import evaluate

        outcome, results, groups = evaluate.run(self.store, self.classifier or [], self.settings(), self.reference)
        if self.dry_run:
            self.print_outcome(outcome)
            return
        from ..evaluation.references import tables
        from ..report.footers import digest_line
        from ..report.tables import lines_by_corpus, score_tables

        record, humans = evaluate.recorder(self.store), evaluate.score_raters(self.store, groups)
        if self.as_json:
            recorded = [{"systems": [g.name for g in rows], "digest": record(rows)} for rows in tables(groups)]
            values: dict[str, Sequence[Any]] = {"results": results, "groups": groups, "human_references": humans}
            lists = {name: [value.to_json() for value in listed] for name, listed in values.items()}
            print_json({**lists, "tables": recorded})
        else:
            text = score_tables(groups, terminal_width(), humans, lambda rows: digest_line(record(rows), self.store))
            print(text, *lines_by_corpus(results), sep="\n")


@command("compare", "Compare two systems", "sercli compare store/ cvae-32.lstm logmel.functionals")
class CompareCommand(MakeOptions):
    """Compare two systems, each over all its seeds, by an exact permutation test that swaps them within sessions or speakers."""

    store: Path = STORE
    first: str = Argument(
        ..., metavar="A", help="A classifier that `sercli evaluate` has scored: its system, with all scored seeds."
    )
    second: str = Argument(..., metavar="B", help="One of another system, tested on the same utterances.")

    def run(self) -> None:
        from ..stages import compare

        outcome, comparison = compare.run(self.store, self.first, self.second, self.settings())
        if self.dry_run or comparison is None:
            self.print_outcome(outcome)
        elif self.as_json:
            digest = compare.record(self.store, comparison)
            print_json({**outcome.as_json(), **comparison.to_json(), "digest": digest})
        else:
            from ..report.footers import digest_line
            from ..report.tables import comparison_table

            line = digest_line(compare.record(self.store, comparison), self.store)
            print(comparison_table(comparison, terminal_width()), line, sep="\n")


@command("report", "Write the results as one HTML page", "sercli report store/ --output results.html")
class ReportCommand(WorkOptions):
    """Write one self-contained HTML page: scores, confusions, training curves, what latents encode, and commands."""

    store: Path = STORE
    output: Path | None = option(
        "The file to write.", "--output", "-o", metavar="FILE.html", unset="report.html in the store"
    )

    def run(self) -> None:
        from ..stages import report

        self.print_outcome(report.run(self.store, self.output, self.settings()))


@command("verify", "Check a printed table by its digest", "sercli verify store/ 3f2a9c01d2e4")
class VerifyCommand(JsonOption):
    """Check that a store still holds what a printed table shows: folds, labels, predictions and versions of its systems; score
    them again and compare. Exits with 1, and names what changed, unless all is the same."""

    store: Path = STORE
    digest: str = Argument(
        ..., metavar="DIGEST", help="The digest under the table, or the first 8 characters or more of it."
    )

    def run(self) -> None:
        from ..stages import verify

        verification = verify.run(self.store, self.digest)
        print_json(verification.as_json()) if self.as_json else print(verification.text())
        verification.require_same()
