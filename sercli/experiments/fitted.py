"""Models of a configuration: with fresh weights, or back from the file in which a fit was kept.

Torch is imported by the functions that need it, so that finding nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import plugins
from ..config import build
from ..errors import DamagedProduct, UsageError
from .configs import AutoencoderConfig, ClassifierConfig

if TYPE_CHECKING:
    import torch

    from ..autoencoders.base import Autoencoder
    from ..classifiers.base import StandardisedClassifier
    from ..learning.normalisation import Statistics


C = TypeVar("C", AutoencoderConfig, ClassifierConfig)


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
    from ..classifiers.base import StandardisedClassifier

    network = plugins.load("classifiers", config.classifier).Model(n_features, n_classes, classifier_options(config))
    return StandardisedClassifier(network, n_features)


def read_autoencoder(path: Path, device: str) -> FittedAutoencoder:
    """Raises DamagedProduct."""
    with _rebuilt(path) as (state, metadata):
        config = _config(AutoencoderConfig, metadata, path)
        model = create_autoencoder(config, metadata["n_inputs"], metadata["categories"])
        model.load_state_dict(_within(state, "model."))
        trained = _statistics(state)
        if trained is None:
            raise ValueError("holds no normalisation")
    return FittedAutoencoder(model.to(device).eval(), trained, config, metadata)


def read_classifier(path: Path, device: str) -> FittedClassifier:
    """Raises DamagedProduct."""
    with _rebuilt(path) as (state, metadata):
        config = _config(ClassifierConfig, metadata, path)
        model = create_classifier(config, metadata["n_features"], len(metadata["classes"]))
        weights = _within(state, "model.")
        model.network.load_state_dict(_within(weights, "network."))
        model.mean.copy_(weights["mean"])
        model.std.copy_(weights["std"])
        if not (model.std > 0).all():
            raise ValueError("a standard deviation is not above 0")
        trained = _statistics(state)
    return FittedClassifier(model.to(device).eval(), trained, config, list(metadata["classes"]))


@contextmanager
def _rebuilt(path: Path) -> Iterator[tuple[dict[str, torch.Tensor], dict[str, Any]]]:
    """State and metadata of a file; whatever does not fit together, once it is rebuilt, is a DamagedProduct."""
    from ..learning import checkpoints

    state, metadata = checkpoints.read(path)
    try:
        for name, tensor in state.items():
            if not tensor.isfinite().all():
                raise ValueError(f"{name} holds numbers that are not finite")
        yield state, metadata
    except (RuntimeError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError, UsageError) as error:
        raise DamagedProduct(f"{path}: cannot be rebuilt: {' '.join(str(error).split())}") from None


def _config(cls: type[C], metadata: Mapping[str, Any], path: Path) -> C:
    return build(cls, {key: value for key, value in metadata.items() if key in cls.__annotations__}, str(path))


def _within(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}


def _statistics(state: Mapping[str, torch.Tensor]) -> Statistics | None:
    from ..learning.normalisation import Statistics

    if "normalisation.mean" not in state:
        return None
    mean, std = state["normalisation.mean"].numpy(), state["normalisation.std"].numpy()
    if mean.ndim != 1 or mean.shape != std.shape or not (std > 0).all():
        raise ValueError(
            f"normalises by mean {mean.shape} and std {std.shape}, wanted two of one length, the std above 0"
        )
    return Statistics(mean, std)
