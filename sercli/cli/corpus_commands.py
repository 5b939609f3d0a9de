"""From a corpus folder to features and folds: ingest, featurize, combine, folds."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..data.utterances import SCALE
from .app import command
from .defaults import values_of_plugins
from .options import (
    Device,
    DeviceOption,
    MakeOptions,
    NameOption,
    RejectOption,
    RootOption,
    SetOption,
    StorePath,
    TaskOptions,
    WorkOptions,
    choices,
    split_classes,
)
from .output import print_json


@command("ingest", "Read a corpus and make a store", "sercli ingest speech/ store/")
class Ingest(RejectOption, WorkOptions):
    """Read a corpus folder and make a store: who says what, with which emotion, in which file."""

    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="The corpus as published, or a table of it (CSV or TSV).")
    ]
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The directory to make.")]
    kind: Annotated[
        str | None,
        typer.Option(
            "--corpus", metavar="KIND", help=f"Which corpus it is: {choices('corpora')}.", show_default="recognised"
        ),
    ] = None
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The folder that the paths of a table start from.", show_default="that of the table"
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Corpus name; used as prefix of speaker names.",
            show_default="the kind, or the name of the folder",
        ),
    ] = None
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Scale of valence, arousal and dominance in a table; they are converted to 1 to 5.",
            show_default="{:g},{:g}".format(*SCALE),
        ),
    ] = None
    verify: Annotated[
        bool, typer.Option("--verify", help="Exit with 1 unless all counts are those of the complete release.")
    ] = False

    def run(self) -> None:
        from ..stages import ingest

        scale = ingest.parse_scale(self.scale) if self.scale else None
        options = replace(self.fill(ingest.IngestOptions, sound_root=self.root), scale=scale)
        self.print_outcome(ingest.run(self.corpus, self.store, options, self.settings()))


@command("featurize", "Compute features, or import them", "sercli featurize store/ --frontend logmel")
class Featurize(SetOption, RejectOption, RootOption, NameOption, DeviceOption, WorkOptions):
    """Compute the features of every utterance, or import features made by another program."""

    store: StorePath
    frontend: Annotated[str, typer.Option(metavar="NAME", help=f"Front end: {choices('frontends')}.")] = "logmel"
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="With --frontend imported: a folder of <utt_id>.npy files or of *.ark files, or one Kaldi archive.",
        ),
    ] = None
    device: Device = "cpu"

    @classmethod
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        return values_of_plugins("frontends")

    def run(self) -> None:
        from ..stages import featurize

        options = self.fill(featurize.FeaturizeOptions, sound_root=self.root)
        self.print_outcome(featurize.run(self.store, options, self.settings()))


@command("combine", "Combine several stores into one", "sercli combine store/ other/ both/ --classes anger,neutral")
class Combine(MakeOptions):
    """Combine several stores into one: common labels, speakers kept apart by corpus, features copied."""

    stores: Annotated[
        list[Path], typer.Argument(metavar="STORE STORE… NEW", help="The stores to combine, and last the one to make.")
    ]
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B=C+D,…",
            help="Labels of the new store; B=C+D merges two labels into B.",
            show_default="the labels that all stores have",
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the new corpus.", show_default="the names joined by +"),
    ] = None

    def run(self) -> None:
        from ..stages import combine

        classes = split_classes(self.classes) if self.classes is not None else []
        options = self.fill(combine.CombineOptions, classes=classes)
        self.print_outcome(combine.run(self.stores[:-1], self.stores[-1], options, self.settings()))


@command(
    "folds", "Define a task and list its folds", "sercli folds store/ --classes anger,calm=neutral+sadness --details"
)
class Folds(TaskOptions, MakeOptions):
    """Cut the corpus into folds, write the task, and print the numbers of the folds (for shell loops)."""

    store: StorePath
    details: Annotated[
        bool,
        typer.Option(
            "--details", help="Print a table: who is tested, who is dev, and how many utterances each part has."
        ),
    ] = False

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
