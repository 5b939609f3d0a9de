"""Use of what a store holds: export, predict, export-features."""

from pathlib import Path
from typing import Any, Literal

from typer import Argument, Option

from ..experiments.configs import MARGINAL, AutoencoderConfig, RequestedCondition
from .app import command
from .option_groups import (
    STORE,
    DeviceOption,
    FoldOption,
    JobsOption,
    JsonOption,
    MakeOptions,
    RootOption,
    WorkOptions,
    device_option,
    option,
)


@command("export", "Bundle a classifier for new audio", "sercli export store/ bundle/ --classifier cvae-32.lstm")
class ExportCommand(DeviceOption, WorkOptions):
    """Bundle a classifier with everything that it needs to label new audio, and a card with its scores."""

    store: Path = STORE
    bundle: Path = Argument(..., metavar="BUNDLE", help="The folder to make.")
    classifier: str = Option(..., metavar="NAME", help="The classifier, as `sercli evaluate` names it.")
    fold: int | None = option(
        "Export the models of this fold.", "--fold", metavar="K", unset="models refitted on all speakers"
    )

    def run(self) -> None:
        from ..stages import export

        self.print_outcome(export.run(self.store, self.classifier, self.bundle, self.fold, self.settings()))


@command("predict", "Label new recordings", "sercli predict bundle/ speech/")
class PredictCommand(DeviceOption, JobsOption, JsonOption):
    """Label new recordings: emotion and calibrated posteriors of each file as TSV or JSON lines, in the order given."""

    bundle: Path = Argument(..., metavar="BUNDLE", help="The folder that `sercli export` made.")
    paths: list[str] | None = Argument(
        None, metavar="FILE|FOLDER…", help="Sound files, folders of sound files, or - to read paths from stdin."
    )
    nul: bool = Option(False, "-0", "--nul", help="Read NUL-separated paths from stdin, as `find -print0` writes them.")
    stdin_audio: bool = Option(False, "--stdin-audio", help="Read one sound file from stdin.")
    window: float | None = option("Label windows of this length (s) through each file.", metavar="S")
    shift: float | None = option(
        "Distance between the starts of windows (s).", metavar="S", unset="the length of a window"
    )
    reject: float | None = option(
        "Give no answer (an empty prediction, null in JSON) where the confidence is lower than that of this share of the dev utterances.",
        metavar="SHARE",
        unset="every recording gets an answer",
    )
    device: str = device_option("cpu")

    def run(self) -> None:
        from ..stages import predict

        predict.run(self.bundle, self.fill(predict.PredictOptions), self.settings())


@command("export-features", "Write features for other programs", "sercli export-features store/ features/ --format csv")
class ExportFeaturesCommand(RootOption, FoldOption, MakeOptions):
    """Write features, latents, posteriors or folds for other programs."""

    store: Path = STORE
    output: Path = Argument(..., metavar="OUT", help="The folder to make, outside the store.")
    file_format: Literal["kaldi", "csv", "parquet"] = Option(
        ..., "--format", help="kaldi: data directories and archives; csv and parquet: one row per frame."
    )
    frontend: str | None = option("Features, by the name that `sercli featurize` gave them.", metavar="NAME")
    autoencoder: str | None = option(
        "Instead of features: the latents of this autoencoder, one folder per fold.", "--ae", metavar="NAME"
    )
    condition: RequestedCondition | None = option("Which latents of a CVAE.")
    classifier: str | None = option("Instead of features: the posteriors of this classifier.", metavar="NAME")
    task: str | None = option("Instead of features: the folds of this task (train, dev and test).", metavar="NAME")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "frontend": AutoencoderConfig.frontend, "condition": MARGINAL}

    def run(self) -> None:
        from ..stages import export_features

        options = self.fill(export_features.ExportFeaturesOptions)
        self.print_outcome(export_features.run(self.store, self.output, options, self.settings()))
