"""Autoencoders and classifiers of a store as objects: configuration, folds, products and what products depend on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic

from .. import plugins
from ..config import plain
from ..data.hashing import digest
from ..errors import Command, MissingInput, listed
from ..machine.progress import say
from ..store import keys, publishing
from ..store.publishing import Product
from ..tasks.folds import Fold, Folds
from ..text import c_order
from . import naming
from .configs import MARGINAL, UNCONDITIONAL, AutoencoderConfig, ClassifierConfig, SystemConfig
from .dialogues import places_in_dialogues
from .sources import CorpusTask, Features, Sources

WEIGHTS, HISTORY = "model.safetensors", "history.tsv"
# With `refit`: weights of a classifier that was not fitted on dev, and the epochs of the second fit.
DEV_WEIGHTS, REFIT_HISTORY = "model-dev.safetensors", "history-refit.tsv"
_DIAGNOSTICS_FORM = "5"  # of the content of diagnostics, and of how it is drawn
SCORES_FORM = "2"  # of the content of scores
_COMPARISON_FORM = "2"  # of the content of comparisons


class _System(Generic[SystemConfig]):
    """What autoencoders and classifiers have in common. One fold is one product."""

    def __init__(self, sources: Sources, name: str, config: SystemConfig, task: CorpusTask) -> None:
        self.sources, self.store, self.name, self.task = sources, sources.store, name, task
        self.config: SystemConfig = config
        self._products: dict[int, Product] = {}

    @property
    def key(self) -> str:
        """Where everything of it lies."""
        raise NotImplementedError

    @property
    def folds(self) -> Folds:
        """Folds of its task."""
        return self.task.folds

    @property
    def fold_numbers(self) -> list[int]:
        """All folds of its task."""
        return [fold.number for fold in self.folds.folds]

    @property
    def features(self) -> Features:
        """The features that it reads, or that its autoencoder reads. Raises MissingInput."""
        return self.sources.features(self.config.frontend)

    def fold(self, number: int) -> Product:
        """The weights of one fold, fitted on its training part."""
        if number not in self._products:
            self._products[number] = self._fold(self.folds.fold(number))
        return self._products[number]

    def _fold(self, fold: Fold) -> Product:
        raise NotImplementedError

    def all_folds(self) -> list[Product]:
        """The weights of all folds. Raises MissingInput unless the task is fresh."""
        self.task.require()
        return [self.fold(number) for number in self.fold_numbers]

    @property
    def fresh_folds(self) -> list[int]:
        """Folds whose weights are there and up to date."""
        return [k for k in self.fold_numbers if publishing.is_fresh(self.store, self.fold(k))]

    def weights(self, number: int) -> Path:
        """The checked file of weights of one fold. Raises DamagedProduct."""
        return self.store.file(keys.fold(self.key, number), WEIGHTS)

    @property
    def is_refitted(self) -> bool:
        """Whether the weights of a fold were fitted on train and dev."""
        return bool(self.config.training.get("refit", "none") != "none")

    def history(self, number: int) -> Path:
        """The checked training history of one fold, of the fit that dev watched. Raises DamagedProduct."""
        return self.store.file(keys.fold(self.key, number), HISTORY)

    def complete_folds(self, require: Callable[[int], None]) -> list[int]:
        """Folds for which `require` finds everything that it needs; reports what the others lack.

        Raises MissingInput if there is none.
        """
        numbers: list[int] = []
        reasons: list[MissingInput] = []
        for number in self.fold_numbers:
            try:
                require(number)
                numbers.append(number)
            except MissingInput as error:
                reasons.append(error)
        if not numbers:
            raise reasons[0]
        if reasons:
            say(f"{self.name}: {len(numbers)} of {len(self.fold_numbers)} folds; {reasons[0]}")
        return numbers

    @property
    def is_stored(self) -> bool:
        """Whether its name is taken, that is, `config.yaml` exists."""
        return self.store.config(self.key) is not None

    def check_name_is_free(self) -> None:
        """Raises SercliError if its name belongs to another configuration."""
        stored = self.store.config(self.key)
        if stored is not None:
            publishing.check_same_config(self.store.location(self.key), stored, plain(self.config))

    def claim_name(self) -> None:
        """Write `config.yaml`. Raises SercliError if its name belongs to another configuration."""
        publishing.write_config_once(self.store, self.key, plain(self.config))

    def _training_inputs(self, fold: Fold, further: Sequence[str] = ()) -> dict[str, str]:
        """Digests of the features of train and dev, and of the folds."""
        utt_ids = [*fold.part("train"), *fold.part("dev"), *further]
        return {**self.features.inputs(utt_ids, self.config.normalise), "folds": self.folds.digest}

    def _weights(self, verb: str, words: Sequence[str], fold: Fold, inputs: Mapping[str, str]) -> Product:
        words = [*words, "--task", self.config.task, "--name", self.name]
        config = {**plain(self.config), "fold": fold.number}
        return Product(keys.fold(self.key, fold.number), config, inputs, self._command(verb, words, fold.number))

    def _command(self, verb: str, words: Sequence[str], fold: int | None = None) -> Command:
        return Command(verb, self.store.path, tuple(words), fold)


class Autoencoder(_System[AutoencoderConfig]):
    """An autoencoder of a store, fitted or only planned."""

    @property
    def key(self) -> str:
        """Where everything of it lies."""
        return keys.autoencoder(self.name)

    @cached_property
    def seedless_key(self) -> str:
        """Equal for autoencoders that differ in their seed only."""
        return json.dumps({**plain(self.config), "seed": None}, sort_keys=True)

    def _fold(self, fold: Fold) -> Product:
        further = self._all_further_training(fold)
        inputs = self._training_inputs(fold, further)
        if self.config.sees_labels:
            _, labels = self.task.categories
            with_further = replace(fold, parts={**fold.parts, **dict.fromkeys(further, "train")})
            inputs["labels"] = with_further.training_labels_digest(labels)
        if self.config.fit_on == "all":
            inputs["further training utterances"] = digest(further)
        words = naming.options_of(self.config, self.config.defaults())
        words += ["--model", self.config.model, "--latent-dim", str(self.config.latent_dim)]
        return self._weights("train-ae", words, fold, inputs)

    def further_training(self, fold: Fold) -> list[str]:
        """With `fit_on: all`: utterances outside the task by speakers of the training part who are in no other part.

        None of them shares a value with a test utterance in a column that the task sets apart.
        """
        if self.config.fit_on != "all":
            return []
        parts: dict[str, set[str]] = {}
        for utterance in self.store.utterances:
            if part := fold.parts.get(utterance.utt_id):
                parts.setdefault(utterance.speaker, set()).add(part)
        others = [u for u in self.store.utterances if u.utt_id not in self.folds.labels]
        further = [u.utt_id for u in others if parts.get(u.speaker) == {"train"}]
        shared = self.task.shared_with_test(fold, further)
        return [utt_id for utt_id in further if utt_id not in shared]

    def _all_further_training(self, fold: Fold) -> list[str]:
        """The same of all fits of a fold: in a refit speakers of dev are speakers of the training part."""
        return self.further_training(fold.without_dev() if self.is_refitted else fold)

    def fitted_on(self, number: int) -> set[str]:
        """All utterances that one fold is trained or stopped on."""
        fold = self.folds.fold(number)
        return {*fold.part("train"), *fold.part("dev"), *self._all_further_training(fold)}

    def latents(self, number: int, condition: str | None = None) -> Product:
        """The latents of one fold, under the default condition unless given. Raises UsageError for an unknown condition."""
        condition = self.config.condition(condition)
        parts = self.folds.fold(number).parts
        inputs = {
            self.key: self.fold(number).digest,
            **self.features.inputs(list(parts), self.config.normalise),
            "utterances": digest([[u.utt_id, u.utt_id in parts] for u in self.store.utterances]),
            "folds": self.folds.digest,
        }
        if condition == "oracle":
            inputs["labels"] = self.task.categories_digest
        words = ["--ae", self.name, *([] if condition in (UNCONDITIONAL, MARGINAL) else ["--condition", condition])]
        key = keys.fold(keys.latents(self.name, condition), number)
        return Product(key, {"condition": condition, "fold": number}, inputs, self._command("encode", words, number))

    def diagnostics(self, numbers: Sequence[int]) -> Product:
        """What the latents keep, over these folds."""
        inputs = {product.key: product.digest for product in map(self.fold, numbers)}
        utt_ids = sorted({utt_id for fold in self.folds.folds for utt_id in fold.parts})
        inputs |= self.features.inputs(utt_ids, self.config.normalise)
        inputs |= {**self.task.truth_inputs, "folds": self.folds.digest, "form": _DIAGNOSTICS_FORM}
        if self.config.sees_labels:
            inputs["categories"] = self.task.categories_digest
        return Product(keys.diagnostics(self.name), {"autoencoder": self.name}, inputs, self._command("report", []))


class Classifier(_System[ClassifierConfig]):
    """A classifier of a store, fitted or only planned, on latents of its `autoencoder` or (None) on features."""

    @property
    def key(self) -> str:
        """Where everything of it lies."""
        return keys.classifier(self.name)

    def __init__(
        self, sources: Sources, name: str, config: ClassifierConfig, task: CorpusTask, autoencoder: Autoencoder | None
    ) -> None:
        super().__init__(sources, name, config, task)
        self.autoencoder = autoencoder

    @cached_property
    def seedless_key(self) -> str:
        """Equal for systems that differ in their seed only, that of the autoencoder included."""
        config = {**plain(self.config), "seed": None, "autoencoder": None}
        return json.dumps([config, self.autoencoder and self.autoencoder.seedless_key], sort_keys=True)

    @property
    def is_closed_form(self) -> bool:
        """Whether its own seed changes nothing: it neither draws in its fit nor reads latents that are drawn."""
        return self.config.latents != "sample" and bool(plugins.constants(*self.config.plugin).get("CLOSED_FORM"))

    @property
    def seeds(self) -> tuple[int, int]:
        """What tells fits of one system apart: the seed of the autoencoder and its own, −1 for one that has no effect."""
        return (
            -1 if self.autoencoder is None else self.autoencoder.config.seed,
            -1 if self.is_closed_form else self.config.seed,
        )

    def _fold(self, fold: Fold) -> Product:
        inputs = {**self._training_inputs(fold), "labels": fold.training_labels_digest(self.folds.labels)}
        if self.config.soft_labels:
            fitted_on = sorted([*fold.part("train"), *fold.part("dev")])
            inputs["votes"] = digest(self.task.soft_labels(fitted_on))
        inputs |= self._dialogue_inputs
        if self.autoencoder is not None:
            inputs[self.autoencoder.key] = self.autoencoder.fold(fold.number).digest
        defaults = self.config.defaults(self.autoencoder.config if self.autoencoder else None)
        words = ["--classifier", self.config.classifier, "--ae", self.config.autoencoder or "none"]
        words += naming.options_of(self.config, defaults)
        return self._weights("train-classifier", words, fold, inputs)

    def heard_test_speakers(self, number: int) -> list[str]:
        """Speakers of the test part of a fold on whose speech its autoencoder was trained or stopped, in C order.

        The folds of an autoencoder may hold other utterances than those of its classifiers.
        """
        if self.autoencoder is None:
            return []
        fitted, tested = self.autoencoder.fitted_on(number), set(self.folds.fold(number).part("test"))
        heard = {u.speaker for u in self.store.utterances if u.utt_id in fitted}
        return sorted({u.speaker for u in self.store.utterances if u.utt_id in tested} & heard, key=c_order)

    def dev_weights(self, number: int) -> Path:
        """The checked file of those weights of one fold that were not fitted on dev. Raises DamagedProduct."""
        return self.store.file(keys.fold(self.key, number), DEV_WEIGHTS if self.is_refitted else WEIGHTS)

    def latents(self, number: int) -> Product | None:
        """The latents that one fold reads; None without an autoencoder."""
        return self.autoencoder.latents(number, self.config.condition) if self.autoencoder else None

    def predictions(self, number: int) -> Product:
        """Posteriors of a fold's dev and test utterances. They depend on no label of these, and once made need no latents."""
        fold = self.folds.fold(number)
        inputs = {
            self.key: self.fold(number).digest,
            **self.features.inputs([*fold.part("dev"), *fold.part("test")], self.config.normalise),
            **self._dialogue_inputs,
        }
        config = {"classifier": self.name, "fold": number}
        return Product(keys.predictions_fold(self.name, number), config, inputs, self._evaluate)

    @cached_property
    def _dialogue_inputs(self) -> dict[str, str]:
        """Digest of who speaks after whom, of a classifier that reads neighbouring utterances."""
        if not self.config.input.needs_dialogues:
            return {}
        return {"dialogues": digest(sorted(places_in_dialogues(self.store.utterances).items()))}

    def result(self, numbers: Sequence[int]) -> Product:
        """The scores over these folds."""
        inputs = {product.key: product.digest for product in map(self.predictions, numbers)}
        inputs |= {**self.task.truth_inputs, "folds": self.folds.digest, "form": SCORES_FORM}
        inputs |= {"synthetic": "true"} if self.store.is_synthetic else {}
        inputs |= {"shared sentences": "true"} if self.task.shares_text else {}
        if heard := {number: speakers for number in numbers if (speakers := self.heard_test_speakers(number))}:
            inputs["test speakers that the autoencoder has heard"] = digest(heard)
        return Product(keys.result(self.name), plain(self.config), inputs, self._evaluate)

    @property
    def _evaluate(self) -> Command:
        return self._command("evaluate", ["--classifier", self.name])

    @property
    def scored_folds(self) -> list[int]:
        """The folds that its published scores were made from."""
        inputs = (self.store.provenance(keys.result(self.name)) or {"inputs": {}})["inputs"]
        return [k for k in self.fold_numbers if keys.predictions_fold(self.name, k) in inputs]

    def published_result(self) -> Product:
        """The scores over the folds that they were made from. Raises MissingInput unless they are fresh."""
        self.task.require()
        product = self.result(self.scored_folds)
        publishing.require(self.store, product)
        return product

    def bundle(self, number: int | None) -> Product:
        """What labels new recordings: models of one fold, or (None) models that were fitted on all speakers."""
        inputs = {keys.result(self.name): self.published_result().digest}
        command = self._command("export", ["--classifier", self.name, "BUNDLE"], number)
        config = {"classifier": self.name, "fold": "all" if number is None else f"fold-{number}"}
        return Product(keys.bundle(self.name, number), config, inputs, command)

    def complete_result(self) -> Product:
        """The scores over all folds. Raises MissingInput unless they are fresh, and where folds are missing."""
        product, missing = self.published_result(), sorted({*self.fold_numbers} - {*self.scored_folds})
        if missing:
            fits = [self.fold(number).command for number in missing if number not in self.fresh_folds]
            fit = fits if len(fits) < 2 else [fits[0].for_all_folds()]
            raise MissingInput(
                "the scores are PARTIAL, and nothing is claimed from them",
                place=self.store.location(keys.result(self.name)),
                seen=f"no score of the folds {listed(missing)}",
                expected=f"all {len(self.fold_numbers)} folds",
                fix=(*fit, self._evaluate),
            )
        return product


def comparison_product(first: Sequence[Classifier], second: Sequence[Classifier]) -> Product:
    """The comparison of two systems, each over the classifiers of its seeds. Raises MissingInput unless all have fresh scores."""
    inputs = {keys.result(c.name): c.complete_result().digest for c in (*first, *second)} | {"form": _COMPARISON_FORM}
    names = first[0].name, second[0].name
    command = Command("compare", first[0].store.path, names)
    config = dict(zip(("first", "second"), names, strict=True))
    return Product(keys.comparison(keys.pair(*names)), config, inputs, command)


def fold_difference(folds: Folds, other: Folds) -> str:
    """The first utterance or count by which folds do not lie within other folds; empty where they do."""
    if folds.digest == other.digest:
        return ""
    if len(folds.folds) != len(other.folds):
        return f"{len(folds.folds)} and {len(other.folds)} folds"
    for fold, counterpart in zip(folds.folds, other.folds, strict=True):
        for utt_id, part in fold.parts.items():
            if counterpart.parts.get(utt_id) != part:
                return f"in fold {fold.number} {utt_id} is {part} and {counterpart.parts.get(utt_id, 'absent')}"
    return ""


def sweep_product(sources: Sources, name: str, grid: Mapping[str, Any], results: Mapping[str, str]) -> Product:
    """The table of a grid: `grid` is what was requested, `results` the digest of each result in the table by its key."""
    command = Command("sweep", sources.store.path, (f"{sources.store.path / keys.sweep(name)}/grid.yaml",))
    return Product(keys.sweep(name), {"name": name}, {"grid": digest(grid), **results}, command)
