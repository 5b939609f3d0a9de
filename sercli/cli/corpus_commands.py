"""From a corpus folder to features and folds: ingest, featurize, combine, folds."""

from dataclasses import replace
from pathlib import Path

from typer import Argument, Option

from ..data.utterances import SCALE
from .app import command
from .defaults import values_of_plugins
from .option_groups import (
    STORE,
    DeviceOption,
    MakeOptions,
    NameOption,
    RejectOption,
    RootOption,
    SetOption,
    TaskOptions,
    WorkOptions,
    choices,
    device_option,
    option,
    split_classes,
)
from .output import print_json


@command("ingest", "Read a corpus and make a store", "sercli ingest speech/ store/")
class IngestCommand(RejectOption, WorkOptions):
    """Read a corpus folder and make a store: who says what, with which emotion, in which file."""

    corpus: Path = Argument(..., metavar="CORPUS", help="The corpus as published, or a table of it (CSV or TSV).")
    store: Path = Argument(..., metavar="STORE", help="The directory to make.")
    kind: str | None = option(
        f"Which corpus it is: {choices('corpora')}.", "--corpus", metavar="KIND", unset="recognised"
    )
    root: Path | None = option(
        "The folder that the paths of a table start from.", metavar="FOLDER", unset="that of the table"
    )
    name: str | None = option(
        "Corpus name; used as prefix of speaker names.", metavar="NAME", unset="the kind, or the name of the folder"
    )
    scale: str | None = option(
        "Scale of valence, arousal and dominance in a table; they are converted to 1 to 5.",
        metavar="LOW,HIGH",
        unset="{:g},{:g}".format(*SCALE),
    )
    verify: bool = Option(False, "--verify", help="Exit with 1 unless all counts are those of the complete release.")

    def run(self) -> None:
        from ..stages import ingest

        scale = ingest.parse_scale(self.scale) if self.scale else None
        options = replace(self.fill(ingest.IngestOptions, sound_root=self.root), scale=scale)
        self.print_outcome(ingest.run(self.corpus, self.store, options, self.settings()))


@command("featurize", "Compute features, or import them", "sercli featurize store/ --frontend logmel")
class FeaturizeCommand(SetOption, RejectOption, RootOption, NameOption, DeviceOption, WorkOptions):
    """Compute the features of every utterance, or import features made by another program."""

    store: Path = STORE
    frontend: str = Option("logmel", metavar="NAME", help=f"Front end: {choices('frontends')}.")
    source: Path | None = option(
        "With --frontend imported: a folder of <utt_id>.npy or *.ark files, or one archive.",
        "--from",
        metavar="PATH",
    )
    device: str = device_option("cpu")

    @classmethod
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        return values_of_plugins("frontends")

    def run(self) -> None:
        from ..stages import featurize

        options = self.fill(featurize.FeaturizeOptions, sound_root=self.root)
        self.print_outcome(featurize.run(self.store, options, self.settings()))


@command("combine", "Combine several stores into one", "sercli combine store/ other/ both/ --classes anger,neutral")
class CombineCommand(MakeOptions):
    """Combine several stores into one: common labels, speakers kept apart by corpus, features copied."""

    stores: list[Path] = Argument(
        ..., metavar="STORE STORE… NEW", help="The stores to combine, and last the one to make."
    )
    classes: str | None = option(
        "Labels of the new store; B=C+D merges two labels into B.",
        metavar="A,B=C+D,…",
        unset="the labels that all stores have",
    )
    name: str | None = option("Name of the new corpus.", metavar="NAME", unset="the names joined by +")

    def run(self) -> None:
        from ..stages import combine

        classes = split_classes(self.classes) if self.classes is not None else []
        options = self.fill(combine.CombineOptions, classes=classes)
        self.print_outcome(combine.run(self.stores[:-1], self.stores[-1], options, self.settings()))


@command("folds", "Define a task and list its folds", "sercli folds store/ --classes anger,calm=neutral+sadness")
class FoldsCommand(TaskOptions, MakeOptions):
    """Cut the corpus into folds, write the task, and print the numbers of the folds (for shell loops)."""

    store: Path = STORE
    details: bool = Option(
        False, "--details", help="Print a table: who is tested, who is dev, and how many utterances each part has."
    )

    def run(self) -> None:
        from ..stages import folds

        outcome, made = folds.run(self.store, self.requested(), self.settings())
        rows = folds.describe(made)
        if self.as_json:
            print_json({**outcome.as_json(), "classes": made.classes, "folds": rows})
        elif self.details:
            for row in [dict.fromkeys(rows[0]), *rows]:
                print("\t".join(str(key if value is None else value) for key, value in row.items()))
        else:
            print("\n".join(str(row["fold"]) for row in rows))
