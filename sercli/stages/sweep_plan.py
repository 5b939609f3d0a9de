"""The plan of a sweep: which products the points of a grid are made of, in which order, and how many bytes they take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from .. import plugins
from ..config import build, plain
from ..data.hashing import digest
from ..errors import SercliError
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import create_autoencoder, plugin_options
from ..experiments.fitting import check_input, fit_autoencoder_fold, fit_classifier_fold
from ..experiments.grids import Grid, Point
from ..experiments.making import Outcome, Settings, Work
from ..experiments.resolve import resolve_autoencoder, resolve_classifier
from ..experiments.sources import CorpusTask, Sources
from ..experiments.systems import Autoencoder, Classifier
from ..learning.segments import shape_of
from ..machine.devices import devices_of_workers
from ..machine.progress import say
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.store import Store
from ..text import size_of
from .encode import encode_fold
from .evaluate import prediction_work, score_work

_BYTES = 4  # of a float32


@dataclass(frozen=True)
class PlannedSystem:
    """A point of the grid, resolved, and the folds to run."""

    point: Point
    classifier: Classifier
    numbers: Sequence[int]

    @property
    def result_key(self) -> str:
        """Where its scores will lie."""
        return keys.result(self.classifier.name)


@dataclass
class Plan:
    """All products of a sweep, in an order that finishes one fold before it begins the next."""

    catalogue: Catalogue
    keep_latents: bool
    settings: Settings
    systems: list[PlannedSystem] = field(default_factory=list)
    autoencoders: dict[str, Autoencoder] = field(default_factory=dict)
    tasks: dict[str, CorpusTask] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)  # all, to be made or not
    works: dict[str, Work] = field(default_factory=dict)  # what is to be made
    readers: dict[str, set[str]] = field(default_factory=dict)  # latents -> predictions that need them

    @property
    def store(self) -> Store:
        """The store of the sweep."""
        return self.catalogue.store

    @property
    def frontends(self) -> list[str]:
        """Names of all features that the points read."""
        return sorted({system.classifier.config.frontend for system in self.systems})

    def is_wanting(self, product: Product) -> bool:
        """Whether the product must be made."""
        return self.settings.overwrite or not publishing.is_fresh(self.store, product)

    def add(self, work: Work, needs: Sequence[str] = ()) -> None:
        """A product that is made, if it must be, once what it needs is there."""
        key = work.product.key
        if key not in self.products:
            self.products[key] = work.product
            if self.is_wanting(work.product):
                self.works[key] = replace(work, needs=self.to_make(needs))

    def to_make(self, product_keys: Sequence[str]) -> tuple[str, ...]:
        """Those of the products that are to be made."""
        return tuple(key for key in product_keys if key in self.works)


def make_plan(store: Store, grid: Grid, points: Sequence[Point], keep_latents: bool, settings: Settings) -> Plan:
    """Which products the points are made of, and which of them are to be made. Nothing is written."""
    plan = Plan(Catalogue(store, _planned_features(store, points)), keep_latents, settings)
    shared: dict[str, Autoencoder] = {}
    for point in points:
        try:
            plan.systems.append(_resolve(plan, grid, point, shared))
        except SercliError as error:
            raise error.at(f"{grid.where}: {point}") from None
    for system in plan.systems:
        for number in system.numbers:
            _plan_fold(plan, system.classifier, number)
    for system in plan.systems:
        numbers = _folds_to_score(store, system)
        needs = [keys.predictions_fold(system.classifier.name, number) for number in numbers]
        plan.add(score_work(system.classifier, numbers), needs)
    plan.works = {key: plan.works[key] for key in _fold_by_fold(plan)}
    return plan


def has_features(catalogue: Catalogue, name: str) -> bool:
    """Whether features of this name are there and fresh."""
    is_published = catalogue.store.provenance(keys.features(name)) is not None
    return is_published and publishing.is_fresh(catalogue.store, catalogue.features(name).product)


def _planned_features(store: Store, points: Sequence[Point]) -> dict[str, dict[str, object]]:
    """Features that do not exist yet and that the sweep can make: with the default options of their front end."""
    names = {point.frontend for point in points}
    return {
        name: {"frontend": name, **plugins.defaults("frontends", name)}
        for name in names
        if store.provenance(keys.features(name)) is None
        and name in plugins.names("frontends")
        and not plugins.defines("frontends", name, "Source")  # only the user can bring these in
    }


# --- systems


def _resolve(plan: Plan, grid: Grid, point: Point, shared: dict[str, Autoencoder]) -> PlannedSystem:
    """An autoencoder that a point with another target has already is taken from that point, if the folds are the same."""
    catalogue = plan.catalogue
    if plan.store.provenance(keys.features(point.frontend)) is None:
        plugins.check_exists("frontends", point.frontend)
    options, autoencoder = dict(point.classifier), None
    if point.autoencoder is None:
        options |= point.task
    else:
        planned = resolve_autoencoder(catalogue, {**point.task, **point.autoencoder})
        autoencoder = shared.setdefault(_training_key(planned), planned)
        if autoencoder.name not in plan.autoencoders:
            _check_options(autoencoder)
            plan.autoencoders[autoencoder.name] = autoencoder
            plan.tasks[autoencoder.task.name] = autoencoder.task
        named = {"task": point.task["task"]} if "task" in point.task else {}
        options |= {**plain(planned.task.definition), **named}
    classifier = resolve_classifier(catalogue, options, autoencoder)
    _check_options(classifier)
    task = plan.tasks.setdefault(classifier.task.name, classifier.task)
    return PlannedSystem(point, classifier, task.folds.numbers(grid.folds))


def _training_key(autoencoder: Autoencoder) -> str:
    """Equal for autoencoders that are fitted on the same speech in the same way, whatever their task is called."""
    categories = autoencoder.task.categories if autoencoder.config.sees_labels else None
    seen = categories and [categories[0], dict(categories[1])]
    return digest([plain(replace(autoencoder.config, task="")), autoencoder.folds.digest, seen])


def _check_options(system: Autoencoder | Classifier) -> None:
    """Raises SercliError for values that cannot work, of a system that does not exist yet."""
    if system.is_stored:
        return
    plugin_options(system.config)
    if isinstance(system, Classifier):
        check_input(system)
    if isinstance(system, Autoencoder) or system.config.input.reads_segments:
        shape_of(_frame_shape(system.sources, system.config.frontend).shift_ms, system.config.segment_shift_ms)


def _folds_to_score(store: Store, system: PlannedSystem) -> list[int]:
    """Folds of the sweep, and folds that another command has finished: a sweep of some folds takes nothing away."""
    classifier = system.classifier
    others = [number for number in classifier.fold_numbers if number not in system.numbers]
    finished = [number for number in others if publishing.is_fresh(store, classifier.predictions(number))]
    return sorted([*system.numbers, *finished])


# --- products


def _plan_fold(plan: Plan, classifier: Classifier, number: int) -> None:
    store_path, autoencoder = plan.store.path, classifier.autoencoder
    fit = Work(classifier.fold(number), fit_classifier_fold, (store_path, classifier.name, number))
    prediction = prediction_work(classifier, number)
    needs: list[str] = []
    if autoencoder is not None:
        weights = autoencoder.fold(number)
        plan.add(Work(weights, fit_autoencoder_fold, (store_path, autoencoder.name, number)))
        latents = autoencoder.latents(number, classifier.config.condition)
        plan.products[latents.key] = latents
        plan.readers.setdefault(latents.key, set()).add(prediction.product.key)
        is_read = plan.is_wanting(fit.product) or plan.is_wanting(prediction.product)
        if is_read and latents.key not in plan.works and plan.is_wanting(latents):
            arguments = (store_path, autoencoder.name, classifier.config.condition, number, plan.keep_latents)
            plan.works[latents.key] = Work(latents, encode_fold, arguments, plan.to_make([weights.key]))
        needs = [latents.key]
    plan.add(fit, needs)
    plan.add(prediction, [*needs, fit.product.key])


def _fold_by_fold(plan: Plan) -> Iterator[str]:
    """The works of one autoencoder's fold together, so that its latents can be deleted before the next ones are made."""
    chains: dict[tuple[str, int], list[str]] = {}
    for system in plan.systems:
        classifier, autoencoder = system.classifier, system.classifier.autoencoder
        for number in system.numbers:
            owner = classifier if autoencoder is None else autoencoder
            chain = chains.setdefault((owner.key, number), [])
            if autoencoder is not None:
                latents = autoencoder.latents(number, classifier.config.condition)
                chain += [autoencoder.fold(number).key, latents.key]
            chain += [classifier.fold(number).key, classifier.predictions(number).key]
    in_order = [key for chain in chains.values() for key in chain] + [system.result_key for system in plan.systems]
    return (key for key in dict.fromkeys(in_order) if key in plan.works)


# --- what a dry run reports


def report_plan(plan: Plan, grid: Grid) -> Outcome:
    """Report the steps of each kind, and bytes on disk."""
    store = plan.store
    outcome = Outcome(grid.name, str(store.path / keys.sweep(grid.name)), made=list(plan.works))
    outcome.reused = [key for key in plan.products if key not in plan.works]
    outcome.stale = [key for key in plan.works if publishing.state(store, plan.products[key]).name == "stale"]
    for name in plan.frontends:
        if not has_features(plan.catalogue, name):
            outcome.made.insert(0, keys.features(name))
            say(f"would make {keys.features(name)}")
    sizes = _Sizes(plan).of_all()
    say(f"{grid.name}: {len(plan.systems)} points")
    folders = {"autoencoders": "", "latents": f"{keys.ARRAYS}/", "classifiers": "", "predictions": "", "results": ""}
    for kind, parent in folders.items():
        product_keys = [key for key in plan.products if key.startswith(f"{parent}{kind}/")]
        todo = [key for key in product_keys if key in plan.works]
        n_bytes = sum(sizes[key] for key in todo)
        say(f"{kind}: {len(product_keys)}, {len(todo)} to make{f', about {size_of(n_bytes)}' if n_bytes else ''}")
    latents = sorted(sizes[key] for key in plan.works if key in plan.readers)
    if latents and not plan.keep_latents:
        at_once = sum(latents[-len(devices_of_workers(plan.settings.device, plan.settings.jobs, len(plan.works))) :])
        say(
            f"latents are deleted once they are read: at most about {size_of(at_once)} at once (--keep latents keeps all)"
        )
    say(f"free on this disk: {size_of(shutil.disk_usage(store.path).free)}")
    return outcome


class _Sizes:
    """Bytes of the large products of a plan: weights of autoencoders, and latents."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def of_all(self) -> dict[str, int]:
        """By key; 0 for what is small beside them."""
        sizes = dict.fromkeys(self.plan.products, 0)
        for autoencoder in self.plan.autoencoders.values():
            for key in sizes:
                if key.startswith(f"{autoencoder.key}/"):
                    sizes[key] = self._weights[autoencoder.name] * _BYTES
                elif key.startswith(f"{keys.latents(autoencoder.name, '')}"):
                    sizes[key] = self._latents(autoencoder)
        return sizes

    @cached_property
    def _weights(self) -> dict[str, int]:
        return {name: _n_weights(autoencoder) for name, autoencoder in self.plan.autoencoders.items()}

    def _latents(self, autoencoder: Autoencoder) -> int:
        labels, config = autoencoder.folds.labels, autoencoder.config
        seconds = sum(u.duration for u in self.plan.store.utterances if u.utt_id in labels)
        n_segments = round(1000 * seconds / config.segment_shift_ms)
        return n_segments * config.latent_dim * (2 if config.has_std else 1) * _BYTES


def _n_weights(autoencoder: Autoencoder) -> int:
    """Counted on a model that takes no memory."""
    import torch

    config = autoencoder.config
    frames = _frame_shape(autoencoder.sources, config.frontend)
    n_inputs = shape_of(frames.shift_ms, config.segment_shift_ms).size * frames.n_features
    categories = autoencoder.task.categories[0] if config.sees_labels else []
    with torch.device("meta"):
        return sum(
            parameter.numel() for parameter in create_autoencoder(config, n_inputs, len(categories)).parameters()
        )


class _FrameShape(NamedTuple):
    """Time between the starts of two frames (ms), and their width F."""

    shift_ms: float
    n_features: int


def _frame_shape(sources: Sources, name: str) -> _FrameShape:
    """Of the published array, or of the front end that is to make it."""
    features = sources.features(name)
    if sources.store.provenance(features.key) is not None:
        array = features.open()
        return _FrameShape(float(array.attributes["frame_shift_ms"]), array.width("frames"))
    options = {key: value for key, value in features.config.items() if key != "frontend"}
    module = plugins.load("frontends", features.frontend)
    extractor = module.Extractor(build(module.Config, options, name))
    return _FrameShape(extractor.frame_shift_ms, extractor.n_features)


def settings_of(features_config: Mapping[str, object]) -> tuple[str, list[str]]:
    """The front end of features, and its options as `--set` takes them."""
    options = {key: value for key, value in features_config.items() if key != "frontend"}
    return str(features_config["frontend"]), [f"{key}={json.dumps(value)}" for key, value in options.items()]
