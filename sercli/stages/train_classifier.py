"""`sercli train-classifier` and `sercli train-lstm`: one classifier per fold, on latents or on features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..experiments.catalogue import Catalogue
from ..experiments.fitted import plugin_options
from ..experiments.fitting import check_input, check_segments, fit_classifier_fold
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.resolve import resolve_classifier
from ..experiments.task_files import write_task
from ..machine.devices import resolve_all
from ..store import publishing
from ..store.store import Store


def run(store_path: Path, requested: Mapping[str, Any], folds: Sequence[int], settings: Settings) -> Outcome:
    """Fit the classifier that the options define, on these folds or (if empty) on all. Raises SercliError, UsageError."""
    store = Store(store_path)
    classifier = resolve_classifier(Catalogue(store), requested)
    publishing.require(store, classifier.features.product)
    if not classifier.is_stored:  # values that cannot work take no name
        plugin_options(classifier.config)
        check_input(classifier)
        if classifier.autoencoder is None and classifier.config.input.reads_segments:
            check_segments(classifier)
        resolve_all(settings.device)
    numbers = classifier.folds.numbers(folds)
    for number in numbers:
        latents = classifier.latents(number)
        if latents and (settings.overwrite or not publishing.is_fresh(store, classifier.fold(number))):
            publishing.require(store, latents)  # a fold that is fitted may have pruned latents
    write_task(classifier.task, settings)
    if not settings.dry_run:
        classifier.claim_name()
    works = [Work(classifier.fold(k), fit_classifier_fold, (store_path, classifier.name, k)) for k in numbers]
    return make(store, classifier.key, Job(classifier.name, works), settings)
