"""`sercli train-ae`: one autoencoder per fold, fitted on the training part of that fold only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..experiments.catalogue import Catalogue
from ..experiments.fitted import plugin_options
from ..experiments.fitting import check_segments, fit_autoencoder_fold
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.resolve import resolve_autoencoder
from ..experiments.task_files import write_task
from ..machine.devices import resolve_all
from ..store import publishing
from ..store.store import Store


def run(store_path: Path, requested: Mapping[str, Any], folds: Sequence[int], settings: Settings) -> Outcome:
    """Fit the autoencoder that the options define, on these folds or (if empty) on all. Raises SercliError, UsageError."""
    store = Store(store_path)
    autoencoder = resolve_autoencoder(Catalogue(store), requested)
    publishing.require(store, autoencoder.features.product)
    if not autoencoder.is_stored:  # values that cannot work take no name
        plugin_options(autoencoder.config)
        check_segments(autoencoder)
        resolve_all(settings.device)
    numbers = autoencoder.folds.numbers(folds)
    write_task(autoencoder.task, settings)
    if not settings.dry_run:
        autoencoder.claim_name()
    works = [Work(autoencoder.fold(k), fit_autoencoder_fold, (store_path, autoencoder.name, k)) for k in numbers]
    return make(store, autoencoder.key, Job(autoencoder.name, works), settings)
