"""Fitted models and their file: made with fresh weights, saved, and read back.

`model.safetensors` holds the weights (`model.*`), the normalisation fitted with them (`normalisation.mean`, `.std`) and, as
metadata, the configuration and what else the model must be rebuilt from; `history.tsv` beside it has one row per epoch.
With `refit: train+dev` these weights are fitted on train and dev, by the epochs of `history-refit.tsv`; `history.tsv` is of the fit
that dev watched, whose weights are in `model-dev.safetensors` (of a classifier, for its dev scores).
torch is imported by the functions that need it, so that finding nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import plugins
from ..config import build, plain
from ..data.utterances import write_table
from ..errors import DamagedProduct, UsageError
from .configs import AutoencoderConfig, ClassifierConfig, SystemConfig
from .systems import HISTORY, WEIGHTS

if TYPE_CHECKING:
    import torch

    from ..autoencoders.base import AutoencoderModel
    from ..classifiers.base import StandardisedClassifier
    from ..learning.normalisation import Statistics
    from ..learning.training import Losses

_MODEL, _MEAN, _STD = "model.", "normalisation.mean", "normalisation.std"


class FittedAutoencoder(NamedTuple):
    """An autoencoder, the normalisation fitted with it, and the categories whose labels it was trained with, in order."""

    model: AutoencoderModel
    trained: Statistics
    config: AutoencoderConfig
    categories: Sequence[str]

    @property
    def shape(self) -> dict[str, Any]:
        """What the model is rebuilt from, beside its configuration and weights."""
        return {"categories": list(self.categories), "n_inputs": self.model.n_inputs}


class FittedClassifier(NamedTuple):
    """A classifier, the normalisation fitted with it where it reads features, and its classes in order."""

    model: StandardisedClassifier
    trained: Statistics | None
    config: ClassifierConfig
    classes: Sequence[str]

    @property
    def shape(self) -> dict[str, Any]:
        """What the model is rebuilt from, beside its configuration and weights."""
        source = self.model.source.fitted
        return {"classes": list(self.classes), "n_features": len(self.model.mean), "input": source}


def plugin_options(config: AutoencoderConfig | ClassifierConfig) -> Any:
    """The plug-in's `Config`. Raises UsageError for values that cannot work."""
    return build(plugins.load(*config.plugin).Config, config.options, config.plugin[1])


def create_autoencoder(config: AutoencoderConfig, n_inputs: int, n_categories: int) -> AutoencoderModel:
    """With fresh weights."""
    network = plugins.load(*config.plugin).Model
    model: AutoencoderModel = network(n_inputs, config.latent_dim, n_categories, plugin_options(config))
    return model


def create_classifier(
    config: ClassifierConfig,
    n_features: int,
    n_classes: int,
    state: Mapping[str, torch.Tensor] | None = None,
    fitted_input: Mapping[str, int] | None = None,
) -> StandardisedClassifier:
    """For rows of `n_features`; with fresh weights, or those of a `state` and what its input was fitted to."""
    from ..classifiers.base import StandardisedClassifier

    plugin, options = plugins.load(*config.plugin), plugin_options(config)
    source = config.input(options, fitted_input)
    width = source.width(n_features)
    if state is None:
        return StandardisedClassifier(plugin.Model(width, n_classes, options), source, n_features)
    network = plugin.Model.from_state(width, n_classes, options, _within(state, "network."))
    model = StandardisedClassifier(network, source, n_features)
    model.load_state_dict(state)
    return model


def save(
    folder: Path,
    fitted: FittedAutoencoder | FittedClassifier,
    history: Sequence[Losses],
    about: Mapping[str, Any] | None = None,
    names: tuple[str, str] = (WEIGHTS, HISTORY),
) -> None:
    """Write both files into a folder; `about` is further metadata, for people."""
    import torch

    from ..learning import checkpoints

    state = {_MODEL + key: tensor for key, tensor in fitted.model.state_dict().items()}
    if fitted.trained is not None:
        state |= {_MEAN: torch.from_numpy(fitted.trained.mean), _STD: torch.from_numpy(fitted.trained.std)}
    checkpoints.write(folder / names[0], state, {**plain(fitted.config), **(about or {}), **fitted.shape})
    header = list(history[0])
    write_table(folder / names[1], header, [[f"{row[name]:.9g}" for name in header] for row in history])


def read_autoencoder(path: Path, device: str) -> FittedAutoencoder:
    """From its file. Raises DamagedProduct."""
    with _rebuilding(path) as (state, metadata):
        config = _config(AutoencoderConfig, metadata, path)
        model = create_autoencoder(config, metadata["n_inputs"], len(metadata["categories"]))
        model.load_state_dict(_within(state, _MODEL))
        trained = _statistics(state)
        if trained is None:
            raise ValueError("holds no normalisation")
        return FittedAutoencoder(model.to(device).eval(), trained, config, list(metadata["categories"]))


def read_classifier(path: Path, device: str) -> FittedClassifier:
    """From its file. Raises DamagedProduct."""
    with _rebuilding(path) as (state, metadata):
        config = _config(ClassifierConfig, metadata, path)
        weights, classes = _within(state, _MODEL), list(metadata["classes"])
        model = create_classifier(config, metadata["n_features"], len(classes), weights, metadata["input"])
        if not (model.std > 0).all():
            raise ValueError("a standard deviation is not above 0")
        return FittedClassifier(model.to(device).eval(), _statistics(state), config, classes)


@contextmanager
def _rebuilding(path: Path) -> Iterator[tuple[dict[str, torch.Tensor], dict[str, Any]]]:
    """State and metadata of a file; whatever does not fit together, while a model is rebuilt from it, is a DamagedProduct."""
    from ..learning import checkpoints

    state, metadata = checkpoints.read(path)
    try:
        for name, tensor in state.items():
            if not tensor.isfinite().all():
                raise ValueError(f"{name} holds numbers that are not finite")
        yield state, metadata
    except (RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError, UsageError) as error:
        reason = " ".join(str(error).split())
        fix = "run the command again that made it"
        raise DamagedProduct("the model cannot be rebuilt", place=path, seen=reason, fix=fix) from None


def _config(cls: type[SystemConfig], metadata: Mapping[str, Any], path: Path) -> SystemConfig:
    return build(cls, {key: value for key, value in metadata.items() if key in cls.__annotations__}, path)


def _within(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}


def _statistics(state: Mapping[str, torch.Tensor]) -> Statistics | None:
    from ..learning.normalisation import Statistics

    if _MEAN not in state:
        return None
    mean, std = state[_MEAN].numpy(), state[_STD].numpy()
    if mean.ndim != 1 or mean.shape != std.shape or not (std > 0).all():
        shapes = f"mean {mean.shape} and std {std.shape}"
        raise ValueError(f"normalises by {shapes}, expected equal lengths and a std above 0")
    return Statistics(mean, std)
