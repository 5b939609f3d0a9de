"""Autoencoders, latents, classifiers and grids of them: train-ae, encode, train-lstm, train-classifier, sweep."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

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
from .options import (
    DeviceOption,
    FeatureOptions,
    FileOptions,
    FoldOption,
    NameOption,
    StorePath,
    TaskOptions,
    TrainingOptions,
    WorkOptions,
    choices,
)

_NO_AUTOENCODER = "none"  # on the command line; elsewhere None


@dataclass(kw_only=True)
class _FittingOptions(
    TaskOptions, FeatureOptions, TrainingOptions, FileOptions, FoldOption, DeviceOption, WorkOptions, NameOption
):
    """What the commands that fit a model have in common."""

    store: StorePath


@command("train-ae", "Train an autoencoder in each fold", "sercli train-ae store/ --model cvae --latent-dim 32")
class TrainAutoencoder(_FittingOptions):
    """Fit an autoencoder on the 100 ms segments of the training part of each fold."""

    panel = "Model"
    model: Annotated[str | None, typer.Option(metavar="MODEL", help=f"{choices('autoencoders')}.")] = None
    latent_dim: Annotated[int | None, typer.Option(metavar="N", help="Number of latents per segment.")] = None
    fit_on: Annotated[
        FitOn | None,
        typer.Option(help="Fit on the training part of the task, or on all utterances of the training speakers."),
    ] = None
    reconstruction_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="MSE",
            help="Stop when the mean squared error per normalised feature on dev falls below this.",
            show_default="off",
        ),
    ] = None

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
class Encode(FoldOption, DeviceOption, WorkOptions):
    """Compute the latents of every utterance of the task with the autoencoder of each fold."""

    store: StorePath
    autoencoder: Annotated[
        str, typer.Option("--ae", metavar="NAME", help="The autoencoder, as `sercli train-ae` printed its name.")
    ]
    condition: Annotated[
        RequestedCondition | None,
        typer.Option(
            help="How a CVAE replaces the label, which is unknown at test: averages over labels (marginal, posterior), "
            "or the true label (oracle: only for studying the paper)."
        ),
    ] = None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "condition": MARGINAL}

    def run(self) -> None:
        from ..stages import encode

        folds = self.folds or []
        self.print_outcome(encode.run(self.store, self.autoencoder, self.condition, folds, self.settings()))


@dataclass(kw_only=True)
class _ClassifierOptions(_FittingOptions):
    panel = "Model"
    autoencoder: Annotated[
        str | None,
        typer.Option(
            "--ae",
            metavar="NAME",
            help="Read the latents of this autoencoder, which also decides features, segments and normalisation; "
            "none: read the features.",
            show_default=_NO_AUTOENCODER,
        ),
    ] = None
    condition: Annotated[RequestedCondition | None, typer.Option(help="Which latents of a CVAE are read.")] = None
    latents: Annotated[
        Latents | None,
        typer.Option(
            help="Which parameters of the posterior q(z|x) are read, or samples of it.",
            show_default="mean,std if the autoencoder has a std",
        ),
    ] = None

    @classmethod
    def classifiers(cls) -> list[str]:
        """The classifiers that the command can fit."""
        return plugins.names("classifiers")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        config = plain(ClassifierConfig())
        seed = f"that of the autoencoder, or {config['seed']}"
        return {
            **super().defaults(),
            **config,
            **cls._training(),
            "classifier": None,
            "condition": MARGINAL,
            "seed": seed,
        }

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
class TrainLstm(_ClassifierOptions):
    """Fit the two-layer LSTM of the paper on latents or features: train-classifier with --classifier lstm."""

    @classmethod
    def classifiers(cls) -> list[str]:
        return ["lstm"]

    def run(self) -> None:
        self.fit({**self.requested(), "classifier": "lstm"})


@command(
    "train-classifier",
    "Train any classifier in each fold",
    "sercli train-classifier store/ --classifier functionals --set C=10",
)
class TrainClassifier(_ClassifierOptions):
    """Fit a classifier on the latents, or the features, of the training part of each fold."""

    panel = "Model"
    classifier: Annotated[str, typer.Option(metavar="KIND", help=f"{choices('classifiers')}.")]

    def run(self) -> None:
        self.fit(self.requested())


@command("sweep", "Run a grid of experiments", "sercli sweep store/ grid.yaml --dry-run")
class Sweep(FoldOption, DeviceOption, WorkOptions):
    """Run every point of a grid from features to scores, make shared work once, and write tables and a figure."""

    store: StorePath
    grid: Annotated[
        Path,
        typer.Argument(
            metavar="GRID.yaml",
            help="YAML with `name`, `fixed` (options) and `axes` (options with lists of values, or named settings).",
        ),
    ]
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the sweep.", show_default="the `name` in the grid, or its file name"
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a fixed option or an axis of the grid (repeatable); a list makes an axis: seed=[0,1].",
        ),
    ] = None
    keep: Annotated[
        Literal["latents"] | None,
        typer.Option(
            help="Keep the latents of every point.", show_default="delete latents once the predictions are made"
        ),
    ] = None

    def run(self) -> None:
        from ..experiments.grids import read_grid
        from ..stages import sweep

        grid = read_grid(self.grid, self.name, assignments(self.assignments or []), self.folds or [])
        self.print_outcome(sweep.run(self.store, grid, self.keep is not None, self.settings()))
