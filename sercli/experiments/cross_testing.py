"""A classifier of another store on this store's corpus: labels that both have, and products."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..config import plain
from ..data.hashing import digest
from ..errors import Command
from ..store import keys
from ..store.publishing import Product
from ..tasks.classes import label_cross_corpus
from ..tasks.confounds import shares_text_with
from ..tasks.task import Task
from .catalogue import Catalogue
from .sources import truth_inputs
from .systems import SCORES_FORM, Classifier


class CrossCorpusTest:
    """The utterances of `catalogue` as the test set of a classifier that was trained in another store.

    `classes` are those of the classifier's classes that occur in this corpus, `labels` gives the class of each utterance
    that has one of them, `key` is where the products lie.
    """

    def __init__(self, catalogue: Catalogue, classifier: Classifier) -> None:
        self.catalogue, self.store, self.classifier = catalogue, catalogue.store, classifier
        origin, task = classifier.store, classifier.task
        self.key = keys.cross_corpus(f"{origin.name}.{classifier.name}")
        merges = Task(classes=tuple(origin.corpus_names("classes"))).merges if origin.is_combined else []
        renamed = {source: name for name, sources in merges for source in sources}
        labelled = label_cross_corpus(task.definition, task.folds.classes, self.store.utterances, renamed)
        self.classes, self.labels = labelled

    def predictions(self, number: int) -> Product:
        """Posteriors of all labelled utterances by one fold's models."""
        fitted = self.classifier.fold(number)
        features = self.catalogue.features(self.classifier.config.frontend)
        inputs = {
            fitted.key: fitted.digest,
            **features.inputs(sorted(self.labels), self.classifier.config.normalise),
            "classes": digest(self.classes),
        }
        config = {"corpus": self.classifier.store.name, "classifier": self.classifier.name, "fold": number}
        return Product(keys.fold(self.key, number), config, inputs, self._command)

    def result(self, numbers: Sequence[int]) -> Product:
        """The scores by the models of these folds."""
        inputs = {product.key: product.digest for product in map(self.predictions, numbers)}
        inputs |= {**truth_inputs(self.store, self.labels), "form": SCORES_FORM}
        inputs |= {"synthetic": "true"} if self.store.is_synthetic or self.classifier.store.is_synthetic else {}
        inputs |= {"shared sentences": "true"} if self.shares_text else {}
        config = {"corpus": self.classifier.store.name, **plain(self.classifier.config)}
        return Product(keys.scores(self.key), config, inputs, self._command)

    @cached_property
    def shares_text(self) -> bool:
        """Whether most utterances here repeat a text that the classifier was trained on."""
        origin = self.classifier.store.utterances
        trained = (utterance for utterance in origin if utterance.utt_id in self.classifier.folds.labels)
        return shares_text_with((u for u in self.store.utterances if u.utt_id in self.labels), trained)

    @property
    def _command(self) -> Command:
        reference = f"{self.classifier.store.path}:{self.classifier.name}"
        return Command("evaluate", self.store.path, ("--with", reference))
