"""`sercli sweep`: every point of a grid from features to scores; what points share is made once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import write_yaml
from ..data.utterances import write_table
from ..errors import SercliError
from ..evaluation.stored import read_result
from ..experiments.grids import Grid, points
from ..experiments.making import Failures, Job, Outcome, Settings, Work, build, failure_reason, make_here
from ..experiments.systems import sweep_product
from ..experiments.task_files import write_task
from ..machine.progress import say
from ..machine.workers import NeedsFailed
from ..report.sweeps import ScoredPoint, draw, rows_of
from ..store import keys, publishing
from ..store.store import Store
from . import featurize
from .encode import TEMPORARY
from .sweep_plan import Plan, has_features, make_plan, report_plan, settings_of

LOCK = "sweeps"  # of all sweeps of a store: one deletes latents that another may be about to read


def run(store_path: Path, grid: Grid, keep_latents: bool, settings: Settings) -> Outcome:
    """Run all points.

    Raises UsageError for a grid with an impossible point, and SercliError, once all others are done, for points that failed.
    """
    store = Store(store_path)
    requested = list(points(grid))
    combinations = math.prod(map(len, grid.axes.values()))
    if len(requested) < combinations:
        say(
            f"{grid.name}: {combinations} combinations make {len(requested)} points; the others do not differ in anything"
        )
    if settings.dry_run:
        return report_plan(make_plan(store, grid, requested, keep_latents, settings), grid)
    with publishing.lock(store_path, LOCK):
        plan = make_plan(
            store, grid, requested, keep_latents, settings
        )  # the grid is checked whole before anything runs
        missing = [name for name in plan.frontends if not has_features(plan.catalogue, name)]
        for name in missing:
            frontend, options = settings_of(plan.catalogue.features(name).config)
            on_cpu = replace(settings, device="cpu")
            wanted = featurize.FeaturizeOptions(frontend=frontend, name=name, assignments=options)
            featurize.run(store_path, wanted, on_cpu)
        if missing:
            plan = make_plan(store, grid, requested, keep_latents, settings)
        failures = _execute(plan, grid)
        outcome = _publish(plan, grid)
    _raise_for_points(plan, grid, failures)
    return outcome


# --- carrying it out


def _execute(plan: Plan, grid: Grid) -> Failures:
    store = plan.store
    for task in plan.tasks.values():
        write_task(task, plan.settings)
    for autoencoder in plan.autoencoders.values():
        autoencoder.claim_name()
    for system in plan.systems:
        system.classifier.claim_name()
    finished = [product for key, product in plan.products.items() if key not in plan.works]
    for product in finished:
        publishing.tidy(store, product)
    say(f"{grid.name}: {len(plan.systems)} points, {len(plan.works)} steps to do, {len(finished)} done already")
    readers = {key: predictions & plan.works.keys() for key, predictions in plan.readers.items()}

    def published(work: Work) -> None:
        for key, predictions in readers.items():
            if work.product.key in predictions:
                predictions.discard(work.product.key)
                _delete_read_latents(plan, key, predictions)

    failures: Failures = []
    if plan.works:
        job = Job(grid.name, list(plan.works.values()), "step")
        failures, _ = build(store, job, plan.settings, published, lock=True)
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
    """`results.tsv`, the figure where latent sizes were compared, and the grid, of all points that have scores."""
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
    outcome.reused = [*(key for key in plan.products if key not in plan.works), *outcome.reused]
    return outcome


def _fill(plan: Plan, grid: Grid, results: list[ScoredPoint], built: Path) -> None:
    write_yaml(built / "grid.yaml", {"name": grid.name, **grid.content()})
    rows = rows_of(plan.catalogue, results)
    write_table(built / "results.tsv", list(rows[0]), [list(row.values()) for row in rows])
    axis = next((axis for axis, values in grid.axes.items() if len(_latent_sizes(values)) > 1), None)
    if axis is None:
        say(f"{grid.name}: no figure, latent_dim is not an axis")
    else:
        draw(plan.catalogue, results, axis, built / "figure")


def _latent_sizes(values: Mapping[str, Mapping[str, Any]]) -> set[Any]:
    """The latent sizes on an axis."""
    return {options[key] for options in values.values() for key in ("latent_dim", "ae.latent_dim") if key in options}
