"""`sercli sweep`: every point of a grid from features to scores; what points share is made once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from ..config import write_yaml
from ..data.utterances import write_table
from ..errors import SercliError
from ..evaluation.stored import read_result
from ..experiments.grids import Grid, points
from ..experiments.making import Failures, Job, Outcome, Settings, Work, build, failure_reason, make_here
from ..experiments.sources import Features
from ..experiments.systems import sweep_product
from ..experiments.task_files import write_task
from ..machine.progress import say
from ..machine.workers import NeedsFailed
from ..report.sweeps import ScoredPoint, curve_axis, draw, rows_of
from ..store import keys, publishing
from ..store.store import Store
from . import featurize
from .encode import TEMPORARY
from .sweep_plan import Plan, make_plan, report_plan

LOCK = "sweeps"  # of all sweeps of a store: one deletes latents that another may be about to read


def run(store_path: Path, grid: Grid, keep_latents: bool, settings: Settings) -> Outcome:
    """Run all points.

    Raises UsageError for a grid with an impossible point, and SercliError, once all others are done, for points that failed.
    """
    store = Store(store_path)
    requested = list(points(grid))
    combinations = math.prod(map(len, grid.axes.values()))
    if len(requested) < combinations:
        points_of = f"{combinations} combinations make {len(requested)} points"
        say(f"{grid.name}: {points_of}; the others do not differ in anything")
    if settings.dry_run:
        return report_plan(make_plan(store, grid, requested, keep_latents, settings), grid)
    with publishing.lock(store_path, LOCK):
        plan = make_plan(store, grid, requested, keep_latents, settings)  # checks the whole grid before anything runs
        if missing := plan.missing_features:
            for name in missing:
                _featurize(plan.catalogue.features(name), settings)
            plan = make_plan(store, grid, requested, keep_latents, settings)
        failures = _execute(plan, grid)
        outcome = _publish(plan, grid)
    _raise_for_points(plan, grid, failures)
    return outcome


# --- carrying it out


def _featurize(features: Features, settings: Settings) -> None:
    options = [f"{key}={json.dumps(value)}" for key, value in features.options.items()]
    requested = featurize.FeaturizeOptions(frontend=features.frontend, name=features.name, assignments=options)
    featurize.run(features.store.path, requested, replace(settings, device="cpu"))


def _execute(plan: Plan, grid: Grid) -> Failures:
    store = plan.store
    for task in plan.tasks.values():
        write_task(task, plan.settings)
    for autoencoder in plan.autoencoders.values():
        autoencoder.claim_name()
    for system in plan.systems:
        system.classifier.claim_name()
    finished = plan.finished
    for key in finished:
        publishing.tidy(store, plan.products[key])
    say(f"{grid.name}: {len(plan.systems)} points, {len(plan.works)} steps to do, {len(finished)} done already")
    readers = {key: predictions & plan.works.keys() for key, predictions in plan.readers.items()}

    def published(work: Work) -> None:
        for key, predictions in readers.items():
            if work.product.key in predictions:
                predictions.discard(work.product.key)
                _delete_read_latents(plan, key, predictions)

    job = Job(grid.name, list(plan.works.values()), "step")
    failures = build(store, job, plan.settings, published, lock=True)[0] if plan.works else []
    for key, predictions in readers.items():  # of a sweep that was killed between its predictions and here
        _delete_read_latents(plan, key, predictions)
    return failures


def _delete_read_latents(plan: Plan, key: str, readers: set[str]) -> None:
    """Delete latents that a sweep made and nobody needs any more. Latents of `sercli encode` stay."""
    store, product = plan.store, plan.products[key]
    if plan.keep_latents or readers or not publishing.is_fresh(store, product):
        return
    if store.attributes(key).get(TEMPORARY):
        publishing.prune(store, product)


def _raise_for_points(plan: Plan, grid: Grid, failures: Failures) -> None:
    """Report each failed step and point; one error at the end."""
    errors = {unit.name: error for unit, error in failures if not isinstance(error, NeedsFailed)}
    lost = {unit.name for unit, _ in failures}
    failed = [system for system in plan.systems if system.result_key in lost]
    if not errors:
        return
    for key, error in errors.items():
        say(f"failed: {key}: {failure_reason(error)}")
    for system in failed:
        say(f"not scored: {system.point}")
    raise SercliError(
        f"{len(failed)} of {len(plan.systems)} points failed, {failed[0].point} first",
        place=f"sweep {grid.name}",
        seen=failure_reason(next(iter(errors.values()))),
        fix=f"run the same command again; the other points are in {plan.store.path / keys.sweep(grid.name)}",
    )


# --- its table and figure


def _publish(plan: Plan, grid: Grid) -> Outcome:
    """`results.tsv`, the figure where sizes were compared, and the grid, of all points that have scores."""
    store = plan.store
    scored = [system for system in plan.systems if publishing.is_fresh(store, plan.products[system.result_key])]
    digests = {system.result_key: plan.products[system.result_key].digest for system in scored}
    outcome = Outcome(grid.name, str(store.path / keys.sweep(grid.name)))
    if scored:
        results = [ScoredPoint(system.point.labels, read_result(store, system.classifier.name)) for system in scored]
        product = sweep_product(plan.catalogue, grid.name, grid.content(), digests)
        outcome.add(make_here(store, product, plan.settings, lambda built: _fill(plan, grid, results, built)))
    outcome.say_if_nothing_to_do()
    outcome.made = [*plan.works, *outcome.made]
    outcome.reused = [*plan.finished, *outcome.reused]
    return outcome


def _fill(plan: Plan, grid: Grid, results: list[ScoredPoint], built: Path) -> None:
    write_yaml(built / "grid.yaml", {"name": grid.name, **grid.content()})
    rows = rows_of(plan.catalogue, results)
    write_table(built / "results.tsv", list(rows[0]), [list(row.values()) for row in rows])
    axis = curve_axis(grid.axes)
    if axis is None:
        say(f"{grid.name}: no figure, since none of latent_dim, train_speakers and train_share is an axis")
    else:
        draw(plan.catalogue, results, axis, built / "figure")
