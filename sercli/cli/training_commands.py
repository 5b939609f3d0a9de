"""Autoencoders, latents, classifiers and grids of them: train-ae, encode, train-lstm, train-classifier, sweep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from typer import Argument, Option

from .. import plugins
from ..config import assignments, plain
from ..experiments.configs import (
    MARGINAL,
    AutoencoderConfig,
    ClassifierConfig,
    FitOn,
    Latents,
    RequestedCondition,
    training_defaults,
)
from ..learning.options import TrainingConfig
from .app import command
from .defaults import merged_words, values_of_plugins, without_flags, words_of
from .option_groups import (
    STORE,
    DeviceOption,
    FileOptions,
    FoldOption,
    InputOptions,
    NameOption,
    TaskOptions,
    TrainingOptions,
    WorkOptions,
    choices,
    option,
)

_NO_AUTOENCODER = "none"  # on the command line; elsewhere None


class _FittingOptions(
    TaskOptions, InputOptions, TrainingOptions, FileOptions, FoldOption, DeviceOption, WorkOptions, NameOption
):
    """What the commands that fit a model have in common."""

    store: Path = STORE


@command("train-ae", "Train an autoencoder in each fold", "sercli train-ae store/ --model cvae --latent-dim 32")
class TrainAeCommand(_FittingOptions):
    """Fit an autoencoder on the 100 ms segments of the training part of each fold."""

    panel = "Model"
    model: str | None = option(choices("autoencoders"), metavar="MODEL")
    latent_dim: int | None = option("Number of latents per segment.", metavar="N")
    fit_on: FitOn | None = option(
        "Fit on the training part of the task, or on all utterances of the training speakers."
    )
    reconstruction_threshold: float | None = option(
        "Stop when the mean squared error per feature on dev falls below this.", metavar="MSE", unset="off"
    )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), **plain(AutoencoderConfig()), **plain(TrainingConfig())}

    @classmethod
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        return {**values_of_plugins("autoencoders"), "training": without_flags(words_of(plain(TrainingConfig())))}

    def run(self) -> None:
        from ..stages import train_ae

        self.print_outcome(train_ae.run(self.store, self.requested(), self.folds or [], self.settings()))


@command("encode", "Compute latents with an autoencoder", "sercli encode store/ --ae cvae-32")
class EncodeCommand(FoldOption, DeviceOption, WorkOptions):
    """Compute the latents of every utterance of the task with the autoencoder of each fold."""

    store: Path = STORE
    autoencoder: str = Option(
        ..., "--ae", metavar="NAME", help="The autoencoder, as `sercli train-ae` printed its name."
    )
    condition: RequestedCondition | None = option(
        "What stands for the unknown label in a CVAE: all labels by their frequency, by how well they explain the utterance "
        "(posterior) or each segment, or the true one (oracle: to study the paper)."
    )

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "condition": MARGINAL}

    def run(self) -> None:
        from ..stages import encode

        folds = self.folds or []
        self.print_outcome(encode.run(self.store, self.autoencoder, self.condition, folds, self.settings()))


class _ClassifierOptions(_FittingOptions):
    panel = "Model"
    autoencoder: str | None = option(
        "Read the latents of this autoencoder, made of its features and segments; none: read features.",
        "--ae",
        metavar="NAME",
        unset=_NO_AUTOENCODER,
    )
    condition: RequestedCondition | None = option("Which latents of a CVAE are read.")
    latents: Latents | None = option(
        "Which parameters of the posterior q(z|x) are read, or samples of it.",
        unset="mean,std if the autoencoder has a std",
    )
    soft_labels: bool | None = option(
        "Train on the share of each class among the raters' votes, in place of one label; dev and test keep one label.",
        "--soft-labels",
    )

    @classmethod
    def classifiers(cls) -> list[str]:
        """The classifiers that the command can fit."""
        return plugins.names("classifiers")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        config = plain(ClassifierConfig())
        values = {**super().defaults(), **config, **cls._training(), "classifier": None, "condition": MARGINAL}
        return {**values, "seed": f"that of the autoencoder, or {config['seed']}"}

    @classmethod
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        return {**values_of_plugins("classifiers", cls.classifiers()), "training": without_flags(cls._training())}

    @classmethod
    def _training(cls) -> dict[str, str]:
        """Defaults of training: one value, or one for each classifier where they differ."""
        return merged_words({name: plain(training_defaults(name)) for name in cls.classifiers()})

    def requested(self) -> dict[str, Any]:
        values = super().requested()
        if values.get("autoencoder") == _NO_AUTOENCODER:
            del values["autoencoder"]
        return values

    def fit(self, requested: Mapping[str, Any]) -> None:
        from ..stages import train_classifier

        self.print_outcome(train_classifier.run(self.store, requested, self.folds or [], self.settings()))


@command("train-lstm", "Train the LSTM in each fold", "sercli train-lstm store/ --ae cvae-32 --set pooling=attention")
class TrainLstmCommand(_ClassifierOptions):
    """Fit the two-layer LSTM of the paper on latents or features: train-classifier with --classifier lstm."""

    @classmethod
    def classifiers(cls) -> list[str]:
        return ["lstm"]

    def run(self) -> None:
        self.fit({**self.requested(), "classifier": "lstm"})


@command(
    "train-classifier", "Train any classifier in each fold", "sercli train-classifier store/ --classifier functionals"
)
class TrainClassifierCommand(_ClassifierOptions):
    """Fit a classifier on the latents, or the features, of the training part of each fold."""

    panel = "Model"
    classifier: str = Option(..., metavar="KIND", help=choices("classifiers"))

    def run(self) -> None:
        self.fit(self.requested())


@command("sweep", "Run a grid of experiments", "sercli sweep store/ grid.yaml --dry-run")
class SweepCommand(FoldOption, DeviceOption, WorkOptions):
    """Run every point of a grid from features to scores, make shared work once, and write tables and a figure."""

    store: Path = STORE
    grid: Path = Argument(
        ...,
        metavar="GRID.yaml",
        help="YAML: `name`, `fixed` (options), `axes` (options with lists, or named settings).",
    )
    name: str | None = option("Name of the sweep.", metavar="NAME", unset="the `name` in the grid, or its file name")
    assignments: list[str] | None = option(
        "Replace an option or an axis of the grid (repeatable); a list is an axis: seed=[0,1].",
        "--set",
        metavar="KEY=VALUE",
    )
    keep: Literal["latents"] | None = option(
        "Keep the latents of every point.", unset="delete them after the predictions"
    )

    def run(self) -> None:
        from ..experiments.grids import read_grid
        from ..stages import sweep

        grid = read_grid(self.grid, self.name, assignments(self.assignments or []), self.folds or [])
        self.print_outcome(sweep.run(self.store, grid, self.keep is not None, self.settings()))
