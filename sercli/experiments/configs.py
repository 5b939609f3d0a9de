"""Configurations of autoencoders and classifiers: what all folds of a system share, as written in its `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, cast, get_args

from .. import plugins
from ..config import build, plain
from ..errors import UsageError, listed
from ..learning.inputs import Input, input_class
from ..learning.options import Normalise, TrainingConfig

RequestedCondition = Literal["marginal", "posterior", "posterior-segment", "oracle"]  # for a model that sees labels
Condition = Literal[RequestedCondition, "unconditional"]
UNCONDITIONAL: Condition = "unconditional"  # of a model that sees no labels
MARGINAL: Condition = "marginal"
Latents = Literal["mean,std", "mean", "sample"]
FitOn = Literal["train", "all"]


@dataclass(frozen=True)
class AutoencoderConfig:
    """What all folds of an autoencoder share. Raises UsageError for values that cannot work."""

    model: str = "vae"
    latent_dim: int = 128
    task: str = ""
    frontend: str = "logmel"
    segment_shift_ms: float = 100.0
    normalise: Normalise = "train"
    fit_on: FitOn = "train"
    reconstruction_threshold: float | None = None  # of the dev mean squared error per normalised feature
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latent_dim < 1:
            raise UsageError("too few latents", place="latent_dim", seen=self.latent_dim, expected="at least 1")

    @property
    def plugin(self) -> tuple[str, str]:
        """Package and name of its plug-in."""
        return "autoencoders", self.model

    @property
    def sees_labels(self) -> bool:
        """Whether training reads the labels of the training part."""
        return bool(plugins.attributes(*self.plugin, "Model")["uses_labels"])

    @property
    def has_std(self) -> bool:
        """Whether latents have a standard deviation."""
        return bool(plugins.attributes(*self.plugin, "Model")["has_std"])

    def defaults(self) -> AutoencoderConfig:
        """The same model, size and task with every other option at its default."""
        return AutoencoderConfig(
            model=self.model,
            latent_dim=self.latent_dim,
            task=self.task,
            training=plain(TrainingConfig()),
            options=plugins.defaults(*self.plugin),
        )

    def condition(self, requested: str | None) -> Condition:
        """The condition of its latents: the default one for None. Raises UsageError for one that the model does not have."""
        if not self.sees_labels:
            if requested not in (None, MARGINAL, UNCONDITIONAL):
                problem, fix = f"{self.model} sees no labels and has no such condition", "leave --condition out"
                raise UsageError(problem, place="--condition", seen=requested, fix=fix)
            return UNCONDITIONAL
        conditions = get_args(RequestedCondition)
        if requested not in (None, *conditions):
            raise UsageError("unknown condition", place="--condition", seen=requested, expected=listed(conditions))
        return cast(Condition, requested or MARGINAL)


@dataclass(frozen=True)
class ClassifierConfig:
    """What all folds of a classifier share. With an autoencoder, front end, segments and normalisation are those of it."""

    classifier: str = "lstm"
    autoencoder: str | None = None
    task: str = ""
    frontend: str = "logmel"
    segment_shift_ms: float = 100.0
    normalise: Normalise = "train"
    condition: Condition = UNCONDITIONAL
    latents: Literal[Latents, "none"] = "none"
    soft_labels: bool = False  # train on the distribution of the raters' votes in place of one label
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.autoencoder is None and (self.condition, self.latents) != (UNCONDITIONAL, "none"):
            raise UsageError("--condition and --latents need an autoencoder", fix="name one with --ae")
        if self.soft_labels and not takes_soft_labels(self.classifier):
            problem, fix = "the classifier cannot be trained on shares of classes", "leave --soft-labels out"
            raise UsageError(problem, place="--soft-labels", seen=self.classifier, fix=fix)

    @property
    def plugin(self) -> tuple[str, str]:
        """Package and name of its plug-in."""
        return "classifiers", self.classifier

    @property
    def input(self) -> type[Input]:
        """What the classifier reads. Raises UsageError where its plug-in names no input that exists."""
        return input_class(plugins.constants(*self.plugin).get("INPUT"), self.classifier)

    def defaults(self, autoencoder: AutoencoderConfig | None = None) -> ClassifierConfig:
        """The same classifier on the same input with every other option at its default."""
        config = ClassifierConfig(
            classifier=self.classifier,
            task=self.task,
            training=plain(training_defaults(self.classifier)),
            options=plugins.defaults(*self.plugin),
        )
        if autoencoder is None:
            return config
        return replace(config, autoencoder=self.autoencoder, **inherited(autoencoder))


SystemConfig = TypeVar("SystemConfig", AutoencoderConfig, ClassifierConfig)


def inherited(autoencoder: AutoencoderConfig) -> dict[str, Any]:
    """What a classifier takes from its autoencoder, by option."""
    return {
        "frontend": autoencoder.frontend,
        "segment_shift_ms": autoencoder.segment_shift_ms,
        "normalise": autoencoder.normalise,
        "condition": autoencoder.condition(None),
        "latents": "mean,std" if autoencoder.has_std else "mean",
        "seed": autoencoder.seed,
    }


def takes_soft_labels(classifier: str) -> bool:
    """Whether the classifier can be trained on the share of each class among the raters. Raises UsageError."""
    return bool(plugins.attributes("classifiers", classifier, "Model").get("takes_soft_labels"))


def training_defaults(classifier: str) -> TrainingConfig:
    """How a classifier trains by default: the `TRAINING` of the plug-in over the defaults of all. Raises UsageError."""
    return build(TrainingConfig, plugins.constants("classifiers", classifier).get("TRAINING", {}), classifier)
