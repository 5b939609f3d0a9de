"""The catalogue of a store: its features, tasks, autoencoders and classifiers as objects, each read once.

All of it follows from tables, provenance and `config.yaml` files, so whether a product is stale is known without reading an
array or importing torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..config import build
from ..errors import Command, DamagedProduct, MissingInput, UsageError
from ..store import keys
from ..store.store import Store
from .configs import AutoencoderConfig, ClassifierConfig, SystemConfig
from .sources import Sources
from .systems import Autoencoder, Classifier


class Catalogue(Sources):
    """What a store holds: a snapshot. Make a new one after something was published."""

    def __init__(self, store: Store, planned_features: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__(store, planned_features)
        self._autoencoders: dict[str, Autoencoder] = {}
        self._classifiers: dict[str, Classifier] = {}

    def autoencoder(self, name: str) -> Autoencoder:
        """An autoencoder that exists. Raises MissingInput, DamagedProduct."""
        if name not in self._autoencoders:
            config = self._config(keys.autoencoder(name), AutoencoderConfig, "train-ae")
            self._autoencoders[name] = Autoencoder(self, name, config, self.task(config.task))
        return self._autoencoders[name]

    def classifier(self, name: str) -> Classifier:
        """A classifier that exists. Raises MissingInput, DamagedProduct."""
        if name not in self._classifiers:
            config = self._config(keys.classifier(name), ClassifierConfig, "train-lstm")
            autoencoder = None if config.autoencoder is None else self.autoencoder(config.autoencoder)
            self._classifiers[name] = Classifier(self, name, config, self.task(config.task), autoencoder)
        return self._classifiers[name]

    def fits(self, classifier: Classifier) -> list[Classifier]:
        """The fits of a classifier's system that have fresh scores of all folds, by their seeds; of copies the first by name.

        Raises MissingInput if the classifier itself has no such scores.
        """
        classifier.complete_result()
        fits: dict[tuple[int, int], Classifier] = {}
        for name in self.classifier_names:
            with suppress(MissingInput):
                other = self.classifier(name)
                if other.seedless_key == classifier.seedless_key:
                    other.complete_result()
                    fits.setdefault(other.seeds, other)
        return [fits[seeds] for seeds in sorted(fits)]

    def _config(self, key: str, cls: type[SystemConfig], verb: str) -> SystemConfig:
        config = self.store.config(key)
        kind, _, name = key.partition("/")
        if config is None:
            names = ", ".join(self.store.names(f"{kind}/*/config.yaml"))
            fix = Command(verb, self.store.path)
            problem = f"no such name among the {kind}"
            raise MissingInput(problem, place=self.store.path, seen=name, expected=names, fix=fix)
        path = self.store.location(key) / "config.yaml"
        try:
            return build(cls, config, str(path))
        except UsageError as error:
            advice = f"delete {path.parent} and run the command again that made it"
            raise DamagedProduct(error.problem, place=error.place or path, seen=error.seen, fix=advice) from None

    @property
    def autoencoder_names(self) -> list[str]:
        """Names of the autoencoders, fitted or not, in C order."""
        return self.store.names(f"{keys.autoencoder('*')}/config.yaml")

    @property
    def classifier_names(self) -> list[str]:
        """Names of the classifiers, fitted or not, in C order."""
        return self.store.names(f"{keys.classifier('*')}/config.yaml")
