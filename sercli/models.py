"""Models of a configuration: with fresh weights, or back from the file in which a fit was kept.

Torch is imported by the functions that need it, so that finding nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import plugins
from .config import build
from .configurations import AutoencoderConfig, ClassifierConfig
from .errors import DamagedProduct

if TYPE_CHECKING:
    import torch

    from .autoencoders import Autoencoder
    from .classifiers import StandardisedClassifier
    from .normalisation import Statistics


class FittedAutoencoder(NamedTuple):
    """An autoencoder, the normalisation that was fitted with it, and what its file says of it."""

    model: Autoencoder
    trained: Statistics
    config: AutoencoderConfig
    metadata: Mapping[str, Any]


class FittedClassifier(NamedTuple):
    """A classifier, the normalisation fitted with it where it reads features, its classes in order, and what its file says."""

    model: StandardisedClassifier
    trained: Statistics | None
    config: ClassifierConfig
    classes: Sequence[str]


def autoencoder_options(config: AutoencoderConfig) -> Any:
    """The plug-in's own `Config`. Raises SercliError for values that cannot work."""
    return build(plugins.load("autoencoders", config.model).Config, config.options, config.model)


def classifier_options(config: ClassifierConfig) -> Any:
    """The plug-in's own `Config`. Raises SercliError for values that cannot work."""
    return build(plugins.load("classifiers", config.classifier).Config, config.options, config.classifier)


def create_autoencoder(config: AutoencoderConfig, n_inputs: int, categories: Sequence[str]) -> Autoencoder:
    """With fresh weights."""
    network = plugins.load("autoencoders", config.model).Model
    model: Autoencoder = network(n_inputs, config.latent_dim, len(categories), autoencoder_options(config))
    return model


def create_classifier(config: ClassifierConfig, n_features: int, n_classes: int) -> StandardisedClassifier:
    """With fresh weights."""
    from .classifiers import StandardisedClassifier

    network = plugins.load("classifiers", config.classifier).Model(n_features, n_classes, classifier_options(config))
    return StandardisedClassifier(network, n_features)


def read_autoencoder(path: Path, device: str) -> FittedAutoencoder:
    """Raises DamagedProduct."""
    from . import checkpoints

    state, metadata = checkpoints.read(path)
    config = build(
        AutoencoderConfig, {k: v for k, v in metadata.items() if k in AutoencoderConfig.__annotations__}, str(path)
    )
    try:
        model = create_autoencoder(config, metadata["n_inputs"], metadata["categories"])
        model.load_state_dict({key.removeprefix("model."): v for key, v in state.items() if key.startswith("model.")})
    except (RuntimeError, KeyError, TypeError) as error:
        raise DamagedProduct(f"{path}: {' '.join(str(error).split())}") from None
    trained = _statistics(state)
    if trained is None:
        raise DamagedProduct(f"{path}: holds no normalisation")
    return FittedAutoencoder(model.to(device).eval(), trained, config, metadata)


def read_classifier(path: Path, device: str) -> FittedClassifier:
    """Raises DamagedProduct."""
    from . import checkpoints

    state, metadata = checkpoints.read(path)
    config = build(
        ClassifierConfig, {k: v for k, v in metadata.items() if k in ClassifierConfig.__annotations__}, str(path)
    )
    weights = {key.removeprefix("model."): tensor for key, tensor in state.items() if key.startswith("model.")}
    network = {key.removeprefix("network."): tensor for key, tensor in weights.items() if key.startswith("network.")}
    try:
        model = create_classifier(config, metadata["n_features"], len(metadata["classes"]))
        model.network.load_state_dict(network)
        model.mean.copy_(weights["mean"])
        model.std.copy_(weights["std"])
    except (RuntimeError, KeyError, TypeError) as error:
        raise DamagedProduct(f"{path}: {' '.join(str(error).split())}") from None
    return FittedClassifier(model.to(device).eval(), _statistics(state), config, list(metadata["classes"]))


def _statistics(state: Mapping[str, torch.Tensor]) -> Statistics | None:
    from .normalisation import Statistics

    if "normalisation.mean" not in state:
        return None
    return Statistics(state["normalisation.mean"].numpy(), state["normalisation.std"].numpy())
