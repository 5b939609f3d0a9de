"""The plan of a sweep: which products the points of a grid are made of, in which order, and how many bytes they take."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .. import plugins
from ..config import build, plain
from ..data.hashing import digest
from ..errors import SercliError
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import plugin_options
from ..experiments.fitting import check_input, fit_autoencoder_fold, fit_classifier_fold
from ..experiments.grids import Grid, Point
from ..experiments.making import Outcome, Settings, Work
from ..experiments.resolve import resolve_autoencoder, resolve_classifier
from ..experiments.sources import CorpusTask, Features
from ..experiments.systems import Autoencoder, Classifier
from ..learning.segments import shape_of
from ..machine.devices import devices_of_workers
from ..machine.progress import say
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.store import Store
from ..text import size_of
from .encode import encode_fold, encode_temporarily
from .evaluate import prediction_work, score_work


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
    def finished(self) -> list[str]:
        """Keys of the products that need not be made."""
        return [key for key in self.products if key not in self.works]

    @property
    def missing_features(self) -> list[str]:
        """Names of the features that the points read and that are missing or stale."""
        names = sorted({system.classifier.config.frontend for system in self.systems})
        return [name for name in names if not self._has_features(name)]

    def _has_features(self, name: str) -> bool:
        is_published = self.store.provenance(keys.features(name)) is not None
        return is_published and publishing.is_fresh(self.store, self.catalogue.features(name).product)

    def is_wanting(self, product: Product) -> bool:
        """Whether the product must be made."""
        return self.settings.overwrite or not publishing.is_fresh(self.store, product)

    def add(self, work: Work, needs: Sequence[str] = (), is_read: bool = True) -> None:
        """A product that is made, if it must be and something reads it, once what it needs is there."""
        key = work.product.key
        if key not in self.works:
            self.products[key] = work.product
            if is_read and self.is_wanting(work.product):
                self.works[key] = replace(work, needs=tuple(key for key in needs if key in self.works))


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
        shape_of(_frame_shift_ms(system.features), system.config.segment_shift_ms)


def _frame_shift_ms(features: Features) -> float:
    """Of the published array, or of the front end that is to make it."""
    if features.store.provenance(features.key) is not None:
        return float(features.open().attributes["frame_shift_ms"])
    module = plugins.load("frontends", features.frontend)
    shift_ms: float = module.Extractor(build(module.Config, features.options, features.name)).frame_shift_ms
    return shift_ms


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
        plan.readers.setdefault(latents.key, set()).add(prediction.product.key)
        is_read = plan.is_wanting(fit.product) or plan.is_wanting(prediction.product)
        arguments = (store_path, autoencoder.name, classifier.config.condition, number)
        encode = encode_fold if plan.keep_latents else encode_temporarily
        plan.add(Work(latents, encode, arguments), [weights.key], is_read)
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
    outcome = Outcome(grid.name, str(store.path / keys.sweep(grid.name)), made=list(plan.works), reused=plan.finished)
    outcome.stale = [key for key in plan.works if publishing.state(store, plan.products[key]).name == "stale"]
    for name in plan.missing_features:
        outcome.made.insert(0, keys.features(name))
        say(f"would make {keys.features(name)}")
    say(f"{grid.name}: {len(plan.systems)} points")
    sizes = _sizes_of_latents(plan)
    for kind in (keys.AUTOENCODERS, "latents", keys.CLASSIFIERS, keys.PREDICTIONS, keys.RESULTS):
        product_keys = [key for key in plan.products if key.removeprefix(f"{keys.ARRAYS}/").startswith(f"{kind}/")]
        todo = [key for key in product_keys if key in plan.works]
        n_bytes = sum(sizes.get(key, 0) for key in todo)
        say(f"{kind}: {len(product_keys)}, {len(todo)} to make{f', about {size_of(n_bytes)}' if n_bytes else ''}")
    latents = sorted(sizes[key] for key in plan.works if key in sizes)
    if latents and not plan.keep_latents:
        workers = devices_of_workers(plan.settings.device, plan.settings.jobs, len(plan.works))
        at_once = f"at most about {size_of(sum(latents[-len(workers) :]))} at once"
        say(f"latents are deleted once they are read: {at_once} (--keep latents keeps all)")
    say(f"free on this disk: {size_of(shutil.disk_usage(store.path).free)}")
    return outcome


def _sizes_of_latents(plan: Plan) -> dict[str, int]:
    """Bytes of the latents (float32) of a plan, by key."""
    sizes: dict[str, int] = {}
    for autoencoder in plan.autoencoders.values():
        labels, config = autoencoder.folds.labels, autoencoder.config
        seconds = sum(u.duration for u in plan.store.utterances if u.utt_id in labels)
        n_segments = round(1000 * seconds / config.segment_shift_ms)
        n_bytes = 4 * n_segments * config.latent_dim * (2 if config.has_std else 1)
        sizes |= {key: n_bytes for key in plan.readers if key.startswith(keys.latents(autoencoder.name, ""))}
    return sizes
