"""`sercli evaluate`: predictions of dev and test with posteriors, and their scores, of every classifier of a store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..devices import resolve
from ..errors import MissingInput, SercliError
from ..manifest import c_order, digest, read_table, write_table
from ..products import (
    NO_AUTOENCODER,
    ClassifierConfig,
    classifier_config,
    classifier_fold,
    folds_of,
    latents_fold,
    result,
)
from ..progress import say
from ..results import describe, group
from ..store import Product, Store
from ..tasks import Folds
from ..workers import Unit
from . import Outcome, Run, make, processes
from .train_ae import PRELOAD


@dataclass(frozen=True)
class Evaluation:
    """Results and groups as JSON, beside what was made to get them."""

    outcome: Outcome
    results: list[dict[str, Any]]
    groups: list[dict[str, Any]]


def run(path: Path, names: Sequence[str], run: Run) -> Evaluation:
    """Score the named classifiers, all if none is named. Raises MissingInput if there is nothing to score."""
    store = Store(path)
    known = sorted((p.parent.name for p in (path / "classifiers").glob("*/config.yaml")), key=c_order)
    if not known:
        raise MissingInput(f"{path}: has no classifier yet; run `sercli train-lstm {path}` first")
    problems: dict[str, SercliError] = {}
    products: dict[str, Product] = {}
    all_folds: dict[str, Folds] = {}
    for name in names or known:
        try:
            config = classifier_config(store, name)
            all_folds[config.task] = folds = all_folds.get(config.task) or folds_of(store, config.task)
            done = _folds_done(store, name, config, folds)
            products[name] = result(store, name, config, folds, done)
        except SercliError as error:
            if names:
                raise
            problems[name] = error
    if not products:
        raise next(iter(problems.values()))
    for name, problem in problems.items():
        say(f"{name}: left out: {problem}")

    def unit(product: Product, built: Path) -> Unit:
        name = product.key.removeprefix("results/")
        done = [int(key.rpartition("-")[2]) for key in product.inputs if key.startswith(f"classifiers/{name}/")]
        folds = all_folds[str(product.config["task"])]
        return Unit(product.key, score, (path, name, folds, done, resolve(run.device), built))

    executor = processes(run, [*PRELOAD, "sklearn.metrics", "scipy.stats"])
    outcome = make(store, "evaluate", "results", list(products.values()), unit, executor, run, "classifier")
    if run.dry_run:
        return Evaluation(outcome, [], [])
    results = [
        json.loads(store.file(product.key, "scores.json").read_text(encoding="utf-8")) for product in products.values()
    ]
    return Evaluation(outcome, results, _remembered_groups(store, results))


def _folds_done(store: Store, name: str, config: ClassifierConfig, folds: Folds) -> list[Product]:
    """Folds whose classifier is there and fresh; what the others want is said."""
    done = []
    reasons = []
    for fold in folds.folds:
        product = classifier_fold(store, name, config, folds, fold.number)
        try:
            store.require(product)
            if config.autoencoder != NO_AUTOENCODER:
                store.require(latents_fold(store, config.autoencoder, config.condition, folds, fold.number))
            done.append(product)
        except MissingInput as error:
            reasons.append(str(error))
    if not done:
        raise MissingInput(reasons[0])
    if reasons:
        say(f"{name}: {len(done)} of {len(folds.folds)} folds; {reasons[0]}")
    return done


def score(path: Path, name: str, folds: Folds, done: Sequence[int], device: str, built: Path) -> None:
    """Write `predictions.tsv` and `scores.json` of one classifier into `built`."""
    from ..training import make_repeatable

    make_repeatable(device)
    store = Store(path)
    config = classifier_config(store, name)
    built.mkdir(exist_ok=True)
    header = ["utt_id", "speaker", "fold", "part", "truth", "prediction", *(f"p_{label}" for label in folds.classes)]
    speaker = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    rows = [row for number in done for row in predict_fold(store, name, config, folds, number, device)]
    write_table(built / "predictions.tsv", header, [[row[0], speaker[row[0]], *row[1:]] for row in rows])
    predictions = list(read_table(built / "predictions.tsv"))
    scores = describe(store, name, config, folds, done, predictions)
    (built / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def predict_fold(
    store: Store, name: str, config: ClassifierConfig, folds: Folds, number: int, device: str
) -> list[list[str]]:
    """Rows (utt_id, fold, part, truth, prediction, posteriors…) of the dev and test parts of one fold."""
    from ..sequences import ClassifierInput
    from .train_classifier import load

    model, trained, classes = load(store, name, number, device)
    source = ClassifierInput(store, config, number, trained)
    rows = []
    for part in ("dev", "test"):
        chosen = source.usable(folds.fold(number).part(part))
        if not chosen:
            continue
        unlabelled = dict.fromkeys(chosen, 0)  # nothing here may know a label
        posteriors = model.posteriors(source.read(chosen, unlabelled), device).numpy()
        for utt_id, p in zip(chosen, posteriors, strict=True):
            prediction = classes[int(np.argmax(p))]
            rows.append([utt_id, str(number), part, folds.labels[utt_id], prediction, *(f"{value:.9g}" for value in p)])
    return rows


def _remembered_groups(store: Store, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of these results, from `.cache` where they were made before: the bootstrap takes a second to import."""
    path = store.path / ".cache" / f"groups-{digest([__version__, results])[:16]}.json"
    try:
        remembered: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remembered = group(store, results)
        path.parent.mkdir(exist_ok=True)
        for outdated in path.parent.glob("groups-*.json"):
            outdated.unlink(missing_ok=True)
        draft = path.with_name(f".groups-{os.getpid()}.json")
        draft.write_text(json.dumps(remembered, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)
    return remembered
