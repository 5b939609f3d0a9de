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
from ..data.hashing import digest
from ..data.utterances import read_table, write_table
from ..errors import MissingInput, SercliError
from ..evaluation.scores import describe, group
from ..experiments.fitted import read_classifier
from ..experiments.making import Outcome, Run, Work, make
from ..experiments.resolve import NO_AUTOENCODER, ClassifierConfig, classifier_config
from ..experiments.systems import classifier_fold, folds_of, latents_of, predictions_fold, result
from ..machine.progress import say
from ..store.store import Store
from ..tasks.folds import Folds
from ..text import c_order
from .train_ae import PRELOAD

SCORING = [*PRELOAD, "sklearn.metrics", "scipy.stats"]
PREDICTIONS = "predictions.tsv"
_GROUPS = 2  # the form of what is remembered of groups


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
    predicted: list[Work] = []
    scored: list[Work] = []
    for name in names or known:
        try:
            config = classifier_config(store, name)
            folds = folds_of(store, config.task)
            done, missing = _folds_done(store, name, config, folds, run.overwrite)
        except SercliError as error:
            if names:
                raise
            problems[name] = error
            continue
        predicted += [prediction(store, name, config, folds, number) for number in missing]
        scored.append(scores(store, name, config, folds, done))
    if not scored:
        raise next(iter(problems.values()))
    for name, problem in problems.items():
        say(f"{name}: left out: {problem}")
    if predicted:
        make(store, "predictions", "predictions", predicted, run, PRELOAD)
    outcome = make(store, "evaluate", "results", scored, run, SCORING, "classifier")
    if run.dry_run:
        return Evaluation(outcome, [], [])
    results = [read_scores(store, work.product.key) for work in scored]
    return Evaluation(outcome, results, _remembered_groups(store, results))


def read_scores(store: Store, key: str) -> dict[str, Any]:
    """The scores of one result, as `score` wrote them."""
    found: dict[str, Any] = json.loads(store.file(key, "scores.json").read_text(encoding="utf-8"))
    return found


def read_predictions(store: Store, key: str) -> list[dict[str, str]]:
    """The predictions of one result: rows of dev and test, with the truth."""
    return list(read_table(store.file(key, PREDICTIONS)))


def _folds_done(
    store: Store, name: str, config: ClassifierConfig, folds: Folds, again: bool
) -> tuple[list[int], list[int]]:
    """Folds that can be scored, and those of them whose predictions are to be made; what the others want is said."""
    done: list[int] = []
    missing: list[int] = []
    reasons: list[str] = []
    for fold in folds.folds:
        try:
            store.require(classifier_fold(store, name, config, folds, fold.number))
            if again or store.state(predictions_fold(store, name, config, folds, fold.number)).name != "fresh":
                if config.autoencoder != NO_AUTOENCODER:
                    store.require(latents_of(store, config, fold.number))
                missing.append(fold.number)
            done.append(fold.number)
        except MissingInput as error:
            reasons.append(str(error))
    if not done:
        raise MissingInput(reasons[0])
    if reasons:
        say(f"{name}: {len(done)} of {len(folds.folds)} folds; {reasons[0]}")
    return done, missing


def prediction(store: Store, name: str, config: ClassifierConfig, folds: Folds, number: int) -> Work:
    """The posteriors of one fold, to be made."""
    product = predictions_fold(store, name, config, folds, number)
    return Work(product, predict_fold, (store.path, name, folds, number))


def scores(store: Store, name: str, config: ClassifierConfig, folds: Folds, done: Sequence[int]) -> Work:
    """The scores of a classifier over its folds `done`, to be made."""
    return Work(result(store, name, config, folds, done), score, (store.path, name, folds, done))


def predict_fold(path: Path, name: str, folds: Folds, number: int, built: Path, device: str) -> None:
    """Write rows (utt_id, part, prediction, posteriors…) of the dev and test parts of one fold into `built`."""
    from ..experiments.inputs import ClassifierInput
    from ..learning.training import make_repeatable

    make_repeatable(device)
    store = Store(path)
    weights = store.file(f"classifiers/{name}/fold-{number}", "model.safetensors")
    model, trained, config, classes = read_classifier(weights, device)
    source = ClassifierInput(store, config, number, trained)
    rows = []
    for part in ("dev", "test"):
        chosen = source.usable(folds.fold(number).part(part))
        if not chosen:
            continue
        unlabelled = dict.fromkeys(chosen, 0)  # nothing here may know a label
        posteriors = model.posteriors(source.read(chosen, unlabelled), device).numpy()
        for utt_id, p in zip(chosen, posteriors, strict=True):
            rows.append([utt_id, part, classes[int(np.argmax(p))], *(f"{value:.9g}" for value in p)])
    built.mkdir(exist_ok=True)
    write_table(built / PREDICTIONS, ["utt_id", "part", "prediction", *(f"p_{label}" for label in classes)], rows)


def score(path: Path, name: str, folds: Folds, done: Sequence[int], built: Path, device: str) -> None:
    """Write `predictions.tsv`, of all folds and with the truth, and `scores.json` of one classifier into `built`."""
    store = Store(path)
    speaker = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    predictions = [
        {
            "utt_id": (utt_id := row.pop("utt_id")),
            "speaker": speaker[utt_id],
            "fold": str(number),
            "part": row.pop("part"),
            "truth": folds.labels[utt_id],
            **row,
        }
        for number in done
        for row in read_table(store.file(f"predictions/{name}/fold-{number}", PREDICTIONS))
    ]
    scores = describe(store, name, classifier_config(store, name), folds, done, predictions)
    built.mkdir(exist_ok=True)
    write_table(built / PREDICTIONS, list(predictions[0]), [list(row.values()) for row in predictions])
    (built / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _remembered_groups(store: Store, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of these results, from `.cache` where they were made before: the bootstrap takes a second to import."""
    path = store.path / ".cache" / f"groups-{digest([__version__, _GROUPS, results])[:16]}.json"
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
