"""`sercli sweep`: every point of a grid from features to scores; what points share is made once."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from .. import plugins
from ..config import build as build_config
from ..config import plain, write_yaml
from ..data.hashing import digest
from ..data.utterances import write_table
from ..errors import SercliError
from ..experiments.fitted import autoencoder_options, classifier_options, create_autoencoder
from ..experiments.grids import Grid, Point, points
from ..experiments.making import Failed, Outcome, Run, Work, build, survey
from ..experiments.resolve import (
    NO_AUTOENCODER,
    AutoencoderConfig,
    ClassifierConfig,
    categories,
    command,
    cut,
    reads_segments,
    resolve_autoencoder,
    resolve_classifier,
    sees_labels,
)
from ..experiments.systems import (
    autoencoder_fold,
    classifier_fold,
    features,
    features_key,
    latents_of,
    predictions_fold,
)
from ..learning.segments import shape_of
from ..machine.devices import devices_of_workers
from ..machine.progress import say
from ..machine.workers import NeedsFailed
from ..report.sweeps import Scored, draw, rows_of
from ..store.store import Product, Store
from ..tasks.folds import Folds
from ..tasks.task import Task
from ..text import size_of
from . import encode, evaluate, featurize, train_ae, train_classifier
from .folds import write_task

_BYTES = 4  # of a float32
_MAX_REJECTS = 0.1  # of `sercli featurize`
LOCK = "sweeps"  # of all sweeps of a store: one prunes what another may be about to read


@dataclass(frozen=True)
class System:
    """A point, resolved: which products it is made of."""

    point: Point
    classifier: str
    config: ClassifierConfig
    folds: Folds
    numbers: Sequence[int]

    @property
    def result(self) -> str:
        return f"results/{self.classifier}"


@dataclass
class Plan:
    """All products of a sweep, in an order that finishes one fold before it begins the next."""

    systems: list[System]
    keep_latents: bool
    tasks: dict[str, Task] = field(default_factory=dict)
    autoencoders: dict[str, AutoencoderConfig] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)  # what is to be made
    products: dict[str, Product] = field(default_factory=dict)  # all, made or not
    readers: dict[str, set[str]] = field(default_factory=dict)  # latents -> predictions that want them


def run(path: Path, grid: Grid, keep_latents: bool, run: Run) -> Outcome:
    """Raises UsageError for a grid with a point that cannot be, and SercliError, once all others are done, for points that failed."""
    store = Store(path)
    asked = list(points(grid))
    combinations = math.prod(map(len, grid.axes.values()))
    if len(asked) < combinations:
        say(
            f"{grid.name}: {combinations} combinations make {len(asked)} points: the others differ in nothing that matters to them"
        )
    if run.dry_run:
        return _tell(store, grid, make_plan(store, grid, asked, keep_latents, run), run)
    with store.lock([LOCK]):
        plan = make_plan(store, grid, asked, keep_latents, run)  # the grid is checked whole before anything runs
        wanted = [name for name in _frontends(plan) if not _is_fresh(store, name)]
        for frontend in wanted:
            _featurize(store, frontend, replace(run, device="cpu"))
        if wanted:
            store = Store(path)
            plan = make_plan(store, grid, asked, keep_latents, run)
        failed = _execute(store, grid, plan, run)
        outcome = _publish(store, grid, plan, run)
    _raise_for_points(store, grid, plan, failed)
    return outcome


# --- the plan


def make_plan(store: Store, grid: Grid, asked: Sequence[Point], keep_latents: bool, run: Run) -> Plan:
    """Which products the points are made of, and which of them are to be made. Nothing is written."""
    plan = Plan([], keep_latents)
    shared: dict[str, str] = {}
    for point in asked:
        try:
            plan.systems.append(_resolve(store, grid, point, plan, shared))
        except SercliError as error:
            raise error.at(f"{grid.where}: {point}") from None
    for system in plan.systems:
        for number in system.numbers:
            _plan_fold(store, system, number, plan, run)
    for system in plan.systems:
        numbers = _folds_to_score(store, system)
        work = evaluate.scores(store, system.classifier, system.config, system.folds, numbers)
        _add(store, plan, work, run, [f"predictions/{system.classifier}/fold-{number}" for number in numbers])
    plan.works = {key: plan.works[key] for key in _fold_by_fold(plan)}
    return plan


def _folds_to_score(store: Store, system: System) -> list[int]:
    """Those of the sweep, and those that another command has finished: a sweep of some folds takes nothing away."""
    name, config, folds = system.classifier, system.config, system.folds
    others = (fold.number for fold in folds.folds if fold.number not in system.numbers)
    done = [k for k in others if store.state(predictions_fold(store, name, config, folds, k)).name == "fresh"]
    return sorted([*system.numbers, *done])


def _frontend(point: Point) -> str:
    return str(
        (point.classifier if point.autoencoder is None else point.autoencoder).get(
            "frontend", ClassifierConfig.frontend
        )
    )


def _frontends(plan: Plan) -> list[str]:
    return sorted({system.config.frontend for system in plan.systems})


def _is_fresh(store: Store, frontend: str) -> bool:
    key = features_key(frontend)
    return store.provenance(key) is not None and store.state(features(store, frontend)).name == "fresh"


def _featurize(store: Store, name: str, run: Run) -> None:
    """Features that are missing or stale, with the options that they have."""
    options = dict(features(store, name).config)
    frontend = options.pop("frontend")
    settings = [f"{key}={json.dumps(value)}" for key, value in options.items()]
    featurize.run(store.path, frontend, name, settings, None, None, _MAX_REJECTS, run)


def _resolve(store: Store, grid: Grid, point: Point, plan: Plan, shared: dict[str, str]) -> System:
    """Names and configurations; an autoencoder that another target's point has is taken from it, if the folds are the same."""
    frontend = _frontend(point)
    if store.provenance(features_key(frontend)) is None:
        if plugins.defines("frontends", frontend, "Source"):
            features(store, frontend)  # nobody but the user can bring them in
        store.announce(features_key(frontend), {"frontend": frontend, **plugins.defaults("frontends", frontend)})
    given = dict(point.classifier)
    if point.autoencoder is None:
        given |= point.task
    else:
        name, config, task = resolve_autoencoder(store, {**point.task, **point.autoencoder})
        folds = cut(store, task)
        told = categories(store, task, folds) if sees_labels(config) else None
        alike = digest([plain(replace(config, task="")), folds.digest, told and [told[0], dict(told[1])]])
        name = shared.setdefault(alike, name)
        if name not in plan.autoencoders:
            _check_options(store, "autoencoders", name, config)
            store.announce(f"autoencoders/{name}", plain(config))
            plan.autoencoders[name], plan.tasks[config.task] = config, task
        named = {"task": point.task["task"]} if "task" in point.task else {}
        given |= {**plain(task), **named, "autoencoder": name}
    classifier, chosen, task = resolve_classifier(store, given)
    _check_options(store, "classifiers", classifier, chosen)
    store.announce(f"classifiers/{classifier}", plain(chosen))
    plan.tasks[chosen.task] = task
    folds = cut(store, task)
    return System(point, classifier, chosen, folds, folds.numbers(grid.folds))


def _check_options(store: Store, kind: str, name: str, config: AutoencoderConfig | ClassifierConfig) -> None:
    """Raises SercliError for values that cannot work, of what is not known to work already."""
    if store.shared_config(f"{kind}/{name}") is not None:
        return
    if isinstance(config, AutoencoderConfig):
        autoencoder_options(config)
    else:
        classifier_options(config)
    if isinstance(config, AutoencoderConfig) or reads_segments(config):
        shape_of(_frames(store, config.frontend).shift_ms, config.segment_shift_ms)


def _plan_fold(store: Store, system: System, number: int, plan: Plan, run: Run) -> None:
    name, config, folds = system.classifier, system.config, system.folds
    ae = config.autoencoder
    needs: list[str] = []
    if ae != NO_AUTOENCODER:
        needs = [f"autoencoders/{ae}/fold-{number}"]
        own, its = plan.autoencoders[ae], cut(store, plan.tasks[plan.autoencoders[ae].task])
        product = autoencoder_fold(store, ae, own, its, number)
        _add(store, plan, Work(product, train_ae.fit_fold, (store.path, own, its, number)), run)
    classifier = Work(
        classifier_fold(store, name, config, folds, number),
        train_classifier.fit_fold,
        (store.path, config, folds, number),
    )
    prediction = evaluate.prediction(store, name, config, folds, number)
    states = [_wanted(store, work.product, run) for work in (classifier, prediction)]
    if ae != NO_AUTOENCODER:
        latents = latents_of(store, config, number)
        plan.products[latents.key] = latents
        plan.readers.setdefault(latents.key, set()).add(prediction.product.key)
        if any(states) and latents.key not in plan.works and _wanted(store, latents, run):
            arguments = (store.path, ae, config.condition, its, number, plan.keep_latents)
            plan.works[latents.key] = Work(latents, encode.encode_fold, arguments, _to_make(plan, needs))
        needs = [latents.key]
    _add(store, plan, classifier, run, needs)
    _add(store, plan, prediction, run, [*needs, classifier.product.key])


def _wanted(store: Store, product: Product, run: Run) -> bool:
    return run.overwrite or store.state(product).name != "fresh"


def _add(store: Store, plan: Plan, work: Work, run: Run, needs: Sequence[str] = ()) -> None:
    key = work.product.key
    if key not in plan.products:
        plan.products[key] = work.product
        if _wanted(store, work.product, run):
            plan.works[key] = replace(work, needs=_to_make(plan, needs))


def _to_make(plan: Plan, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if key in plan.works)


def _fold_by_fold(plan: Plan) -> Iterator[str]:
    """The works of one autoencoder's fold together, so that its latents can be let go of before the next one's are made."""
    chains: dict[tuple[str, int], list[str]] = {}
    last: list[str] = []
    for system in plan.systems:
        ae, name = system.config.autoencoder, system.classifier
        for number in system.numbers:
            own = f"autoencoders/{ae}" if ae != NO_AUTOENCODER else f"classifiers/{name}"
            chain = chains.setdefault((own, number), [f"autoencoders/{ae}/fold-{number}"])
            if ae != NO_AUTOENCODER:
                chain.append(f"arrays.zarr/latents/{ae}/{system.config.condition}/fold-{number}")
            chain += [f"{kind}/{name}/fold-{number}" for kind in ("classifiers", "predictions")]
        last.append(system.result)
    for key in dict.fromkeys([key for chain in chains.values() for key in chain] + last):
        if key in plan.works:
            yield key


# --- carrying it out


def _execute(store: Store, grid: Grid, plan: Plan, run: Run) -> Failed:
    for name, task in plan.tasks.items():
        write_task(store, name, task, run)
    for name, ae in plan.autoencoders.items():
        store.claim(f"autoencoders/{name}", plain(ae))
    for system in plan.systems:
        store.claim(f"classifiers/{system.classifier}", plain(system.config))
    done = [product for key, product in plan.products.items() if key not in plan.works]
    for product in done:
        store.tidy(product)
    say(f"{grid.name}: {len(plan.systems)} points, {len(plan.works)} steps to do, {len(done)} done already")
    readers = {key: set(predictions) & set(plan.works) for key, predictions in plan.readers.items()}

    def prune(key: str) -> None:
        """Of what somebody has encoded for himself, nothing goes."""
        done = not plan.keep_latents and not readers[key] and store.state(plan.products[key]).name == "fresh"
        if done and store.attributes(key).get(encode.PASSING):
            store.prune(plan.products[key])

    def published(work: Work) -> None:
        for key, predictions in readers.items():
            if work.product.key in predictions:
                predictions.discard(work.product.key)
                prune(key)

    failed: Failed = []
    if plan.works:
        failed, _ = build(
            store, grid.name, list(plan.works.values()), run, evaluate.SCORING, "step", published, lock=True
        )
    for key in readers:  # of a sweep that was killed between its predictions and here
        prune(key)
    return failed


def _raise_for_points(store: Store, grid: Grid, plan: Plan, failed: Failed) -> None:
    """One line a failed point, and an error at the end."""
    errors = {unit.name: error for unit, error in failed if not isinstance(error, NeedsFailed)}
    lost = {unit.name for unit, _ in failed}
    hit = [system for system in plan.systems if system.result in lost]
    if not errors:
        return
    for key, error in errors.items():
        say(f"failed: {key}: {_reason(error)}")
    for system in hit:
        say(f"not scored: {system.point}")
    raise SercliError(
        f"sweep {grid.name}: {len(hit)} of {len(plan.systems)} points failed, {hit[0].point} first "
        f"({_reason(next(iter(errors.values())))}); the others are in {store.path / 'sweeps' / grid.name}; "
        "run the same command again to go on"
    )


def _reason(error: BaseException) -> str:
    from concurrent.futures import BrokenExecutor

    if isinstance(error, BrokenExecutor):
        return "a worker process was killed, or ran out of memory"
    return " ".join(str(error).split()) or type(error).__name__


# --- what it would do


def _tell(store: Store, grid: Grid, plan: Plan, run: Run) -> Outcome:
    """The plan on stderr: steps of each kind, and bytes on disk."""
    outcome = Outcome(grid.name, str(store.path / "sweeps" / grid.name), made=list(plan.works))
    outcome.reused = [key for key in plan.products if key not in plan.works]
    outcome.stale = [key for key in plan.works if store.state(plan.products[key]).name == "stale"]
    for frontend in _frontends(plan):
        if not _is_fresh(store, frontend):
            outcome.made.insert(0, features_key(frontend))
            say(f"would make {features_key(frontend)}")
    weights = {name: _n_weights(store, config, plan.tasks[config.task]) for name, config in plan.autoencoders.items()}
    seconds = {name: _seconds(store, task) for name, task in plan.tasks.items()}
    sizes = {key: _size(plan, key, weights, seconds) for key in plan.products}
    say(f"{grid.name}: {len(plan.systems)} points")
    for kind in ("autoencoders", "arrays.zarr/latents", "classifiers", "predictions", "results"):
        keys = [key for key in plan.products if key.startswith(f"{kind}/")]
        todo = [key for key in keys if key in plan.works]
        size = f", about {size_of(sum(sizes[key] for key in todo))}" if any(sizes[key] for key in todo) else ""
        say(f"{kind.rpartition('/')[2]}: {len(keys)}, {len(todo)} to make{size}")
    latents = [sizes[key] for key in plan.works if key in plan.readers]
    if latents and not plan.keep_latents:
        n_workers = len(devices_of_workers(run.device, run.jobs, len(plan.works)))
        at_once = sum(sorted(latents)[-n_workers:])
        say(
            f"latents are let go of once read: at most about {size_of(at_once)} of them at once (--keep latents keeps all)"
        )
    say(f"free on this disk: {size_of(shutil.disk_usage(store.path).free)}")
    return outcome


def _seconds(store: Store, task: Task) -> float:
    """Of all that is said in a task."""
    labels = cut(store, task).labels
    return sum(u.duration for u in store.utterances if u.utt_id in labels)


def _size(plan: Plan, key: str, weights: Mapping[str, int], seconds: Mapping[str, float]) -> int:
    """Bytes of an autoencoder's weights, or of latents; 0 for what is small beside them."""
    if key in plan.readers:
        config = plan.autoencoders[key.split("/")[2]]
        has_std = plugins.attributes("autoencoders", config.model, "Model")["has_std"]
        n_segments = round(1000 * seconds[config.task] / config.segment_shift_ms)
        return n_segments * config.latent_dim * (2 if has_std else 1) * _BYTES
    kind, name, *_ = key.split("/")
    return weights[name] * _BYTES if kind == "autoencoders" else 0


def _n_weights(store: Store, config: AutoencoderConfig, task: Task) -> int:
    """Counted on a model that takes no memory."""
    import torch

    frames = _frames(store, config.frontend)
    n_inputs = shape_of(frames.shift_ms, config.segment_shift_ms).size * frames.n_features
    told = categories(store, task, cut(store, task))[0] if sees_labels(config) else []
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in create_autoencoder(config, n_inputs, told).parameters())


class _Frames(NamedTuple):
    """How far apart they begin (ms), and their width F."""

    shift_ms: float
    n_features: int


@lru_cache(maxsize=16)
def _frames(store: Store, frontend: str) -> _Frames:
    """Of the published array, or of the front end that is to make it."""
    if store.provenance(features_key(frontend)) is not None:
        array = store.ragged(features_key(frontend))
        return _Frames(float(array.attributes["frame_shift_ms"]), array.width("frames"))
    front = dict(features(store, frontend).config)
    module = plugins.load("frontends", front.pop("frontend"))
    extractor = module.Extractor(build_config(module.Config, front, frontend))
    return _Frames(extractor.frame_shift_ms, extractor.n_features)


# --- what came of it


def _publish(store: Store, grid: Grid, plan: Plan, run: Run) -> Outcome:
    """`results.tsv`, the figure where latent sizes were compared, and the grid, of all points that have scores."""
    scored = [system for system in plan.systems if store.state(plan.products[system.result]).name == "fresh"]
    results = [Scored(system.point.labels, evaluate.read_scores(store, system.result)) for system in scored]
    inputs = {"grid": digest(grid.asked())}
    inputs |= {system.result: plan.products[system.result].digest for system in scored}
    run_again = command(store, "sweep", [grid.where])
    product = Product(f"sweeps/{grid.name}", {"name": grid.name}, inputs, run_again)
    outcome, todo = survey(store, grid.name, product.key, [product], run)
    outcome.made, outcome.reused = (
        [*(key for key in plan.works if key in plan.products), *outcome.made],
        [*(key for key in plan.products if key not in plan.works), *outcome.reused],
    )
    if todo and results:
        built = store.staged(product) / "product"
        built.mkdir(exist_ok=True)
        write_yaml(built / "grid.yaml", {"name": grid.name, **grid.asked()})
        rows = rows_of(store, results, lambda name: evaluate.read_predictions(store, f"results/{name}"))
        write_table(built / "results.tsv", list(rows[0]), [list(row.values()) for row in rows])
        axis = next((axis for axis, values in grid.axes.items() if len(_sizes_of(values)) > 1), None)
        if axis is None:
            say(f"{grid.name}: no figure, latent_dim is no axis")
        else:
            draw(store, results, axis, built / "figure")
        store.publish(product, built)
    return outcome


def _sizes_of(values: Mapping[str, Mapping[str, Any]]) -> set[Any]:
    """The latent sizes on an axis."""
    return {options[key] for options in values.values() for key in ("latent_dim", "ae.latent_dim") if key in options}
