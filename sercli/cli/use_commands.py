"""Use of what a store holds: export, predict, export-features."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..experiments.configs import MARGINAL, AutoencoderConfig, RequestedCondition
from .app import command
from .options import (
    Device,
    DeviceOption,
    FoldOption,
    JobsOption,
    JsonOption,
    MakeOptions,
    RootOption,
    StorePath,
    WorkOptions,
)


@command("export", "Bundle a classifier for new audio", "sercli export store/ bundle/ --classifier cvae-32.lstm")
class Export(DeviceOption, WorkOptions):
    """Bundle a classifier with everything that it needs to label new audio, and a card with its scores."""

    store: StorePath
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder to make.")]
    classifier: Annotated[str, typer.Option(metavar="NAME", help="The classifier, as `sercli evaluate` names it.")]
    fold: Annotated[
        int | None,
        typer.Option(
            "--fold",
            metavar="K",
            help="Export the models of this fold.",
            show_default="models refitted on all speakers",
        ),
    ] = None

    def run(self) -> None:
        from ..stages import export

        self.print_outcome(export.run(self.store, self.classifier, self.bundle, self.fold, self.settings()))


@command("predict", "Label new recordings", "sercli predict bundle/ speech/")
class Predict(DeviceOption, JobsOption, JsonOption):
    """Label new recordings: emotion and posteriors of each file as TSV or JSON lines, in the order given."""

    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder that `sercli export` made.")]
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|FOLDER…", help="Sound files, folders of sound files, or - to read paths from stdin."
        ),
    ] = None
    nul: Annotated[
        bool, typer.Option("-0", "--nul", help="Read NUL-separated paths from stdin, as `find -print0` writes them.")
    ] = False
    stdin_audio: Annotated[bool, typer.Option("--stdin-audio", help="Read one sound file from stdin.")] = False
    window: Annotated[
        float | None, typer.Option(metavar="S", help="Label windows of this length (s) through each file.")
    ] = None
    shift: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="Distance between the starts of windows (s).", show_default="the length of a window"
        ),
    ] = None
    device: Device = "cpu"

    def run(self) -> None:
        from ..stages import predict

        predict.run(self.bundle, self.fill(predict.PredictOptions), self.settings())


@command("export-features", "Write features for other programs", "sercli export-features store/ features/ --format csv")
class ExportFeatures(RootOption, FoldOption, MakeOptions):
    """Write features, latents, posteriors or folds for other programs."""

    store: StorePath
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make, outside the store.")]
    file_format: Annotated[
        Literal["kaldi", "csv", "parquet"],
        typer.Option(
            "--format",
            help="kaldi: data directories and archives; csv and parquet: one row per frame.",
        ),
    ]
    frontend: Annotated[
        str | None, typer.Option(metavar="NAME", help="Features, by the name that `sercli featurize` gave them.")
    ] = None
    autoencoder: Annotated[
        str | None,
        typer.Option(
            "--ae", metavar="NAME", help="Instead of features: the latents of this autoencoder, one folder per fold."
        ),
    ] = None
    condition: Annotated[RequestedCondition | None, typer.Option(help="Which latents of a CVAE.")] = None
    classifier: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead of features: the posteriors of this classifier.")
    ] = None
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Instead of features: the folds of this task (train, dev and test)."),
    ] = None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "frontend": AutoencoderConfig.frontend, "condition": MARGINAL}

    def run(self) -> None:
        from ..stages import export_features

        options = self.fill(export_features.ExportFeaturesOptions)
        self.print_outcome(export_features.run(self.store, self.output, options, self.settings()))
