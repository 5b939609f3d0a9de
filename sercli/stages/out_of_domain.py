"""`sercli evaluate STORE --with OTHER:CLASSIFIER`: what classifiers that were trained elsewhere score on this corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.utterances import first_shared, read_table, write_table
from ..errors import MissingInput, SercliError, UsageError
from ..evaluation.scores import describe_elsewhere
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.making import Outcome, Run, Work, make, report_fraction
from ..experiments.resolve import (
    NO_AUTOENCODER,
    ClassifierConfig,
    autoencoder_config,
    classifier_config,
    cut,
    task_of,
)
from ..experiments.systems import (
    OUT_OF_DOMAIN,
    autoencoder_fold,
    classifier_fold,
    features,
    labels_elsewhere,
    predictions_elsewhere,
    result_elsewhere,
)
from ..machine.progress import say
from ..store.store import Product, Store
from .evaluate import PREDICTIONS, SCORING, Evaluation, read_scores
from .train_ae import PRELOAD


def run(path: Path, asked: Sequence[str], run: Run) -> Evaluation:
    """`asked` are `OTHER-STORE:CLASSIFIER`. Raises SercliError where a score would not be out of domain, or of one class."""
    store = Store(path)
    predicted: list[Work] = []
    scored: list[Work] = []
    for one in asked:
        other, name = _named(one)
        config = classifier_config(other, name)
        _refuse_unfit(store, other, name, config)
        done = _folds_done(other, name, config)
        for number in done:
            product = predictions_elsewhere(store, other, name, number)
            predicted.append(Work(product, predict_fold, (path, other.path, name, number)))
        scored.append(Work(result_elsewhere(store, other, name, done), score, (path, other.path, name, done)))
    outcome = Outcome(OUT_OF_DOMAIN, str(path / OUT_OF_DOMAIN))
    for works, preload, noun in ((predicted, PRELOAD, "fold"), (scored, SCORING, "classifier")):
        found = make(store, OUT_OF_DOMAIN, OUT_OF_DOMAIN, works, run, preload, noun)
        outcome.made += found.made
        outcome.reused += found.reused
        outcome.stale += found.stale
    results = [] if run.dry_run else [read_scores(store, work.product.key) for work in scored]
    return Evaluation(outcome, results, [])


def read_elsewhere(store: Store, name: str) -> tuple[Product, dict[str, Any]]:
    """What was scored as `<corpus>.<classifier>`, and the product that it would be now. Raises SercliError, also where the store of
    the classifier is gone."""
    scores = read_scores(store, f"{OUT_OF_DOMAIN}/{name}/scores")
    done = [fold["fold"] for fold in scores["per_fold"]]
    return result_elsewhere(store, Store(Path(scores["store"])), scores["classifier"], done), scores


def _named(text: str) -> tuple[Store, str]:
    folder, colon, name = text.rpartition(":")
    if not (folder and colon and name):
        raise UsageError(f"--with {text}: wanted OTHER-STORE:CLASSIFIER, such as iemocap/:cvae-128.lstm")
    return Store(Path(folder)), name


# --- what is refused


def _refuse_unfit(store: Store, other: Store, name: str, config: ClassifierConfig) -> None:
    where = f"{other.path}:{name}"
    if config.condition == "oracle" or config.latents == "sample":
        why = (
            "reads the true emotion (oracle)"
            if config.condition == "oracle"
            else "reads latents drawn by the utterance's name"
        )
        raise SercliError(f"{where}: {why}, which elsewhere means nothing; choose another classifier")
    twins = first_shared(store.utterances, other.utterances)
    both = {u.speaker for u in store.utterances} & {u.speaker for u in other.utterances}
    if twins or both:
        shared = f"{twins[0].utt_id} is its {twins[1].utt_id}" if twins else f"{min(both)} speaks in both"
        raise SercliError(
            f"{where}: {shared}, so it may have been trained on what it would be tested on; score it by the folds of its own "
            f"store: `sercli evaluate {other.path} --classifier {name}`"
        )
    _, classes = labels_elsewhere(store, other, name)
    if len(classes) < 2:
        here = sorted({u.emotion for u in store.utterances} - {""})
        raise SercliError(
            f"{where}: tells {', '.join(cut(other, task_of(other, config.task)).classes)} apart, of which {store.path} has "
            f"{', '.join(classes) or 'none'} (its labels: {', '.join(here) or 'none'}); wanted at least two classes that both have"
        )
    wanted, there = features(other, config.frontend), features(store, config.frontend)
    store.require(there)
    widths = [one.ragged(there.key).width("frames") for one in (store, other)] if "imported" in there.inputs else []
    if wanted.config != there.config or len(set(widths)) > 1:
        seen = f" ({widths[0]} values a frame, {widths[1]} there)" if widths else ""
        raise SercliError(
            f"{store.path}: its features {config.frontend} were made in another way than those of {other.path}{seen}; run "
            "`sercli featurize` on one of them again with the same options, under another --name"
        )


def _folds_done(other: Store, name: str, config: ClassifierConfig) -> list[int]:
    """The folds whose models are there and fresh. Raises MissingInput if there is none."""
    done: list[int] = []
    reasons: list[str] = []
    for fold in cut(other, task_of(other, config.task)).folds:
        try:
            other.require(classifier_fold(other, name, config, cut(other, task_of(other, config.task)), fold.number))
            if config.autoencoder != NO_AUTOENCODER:
                ae = autoencoder_config(other, config.autoencoder)
                its = cut(other, task_of(other, ae.task))
                other.require(autoencoder_fold(other, config.autoencoder, ae, its, fold.number))
            done.append(fold.number)
        except MissingInput as error:
            reasons.append(str(error))
    if not done:
        raise MissingInput(reasons[0])
    if reasons:
        say(f"{name}: {len(done)} of {len(done) + len(reasons)} folds; {reasons[0]}")
    return done


# --- predicting and scoring


def predict_fold(path: Path, other_path: Path, name: str, number: int, built: Path, device: str) -> None:
    """Write rows (utt_id, prediction, posteriors…) of all utterances into `built`, by one fold's models, over the classes both have."""
    from ..experiments.inputs import ClassifierInput, blocks
    from ..learning.training import make_repeatable

    make_repeatable(device)
    store, other = Store(path), Store(other_path)
    config = classifier_config(other, name)
    model, trained, _, known = read_classifier(
        other.file(f"classifiers/{name}/fold-{number}", "model.safetensors"), device
    )
    autoencoder = None
    if config.autoencoder != NO_AUTOENCODER:
        weights = other.file(f"autoencoders/{config.autoencoder}/fold-{number}", "model.safetensors")
        autoencoder = read_autoencoder(weights, "cpu")
    source = ClassifierInput(store, config, number, trained, autoencoder)
    labels, classes = labels_elsewhere(store, other, name)
    columns = [list(known).index(label) for label in classes]
    rows: list[list[str]] = []
    for block in blocks(source.features, sorted(labels)):
        found = model.posteriors(source.read(block, dict.fromkeys(block, 0)), device).numpy()[:, columns]
        shares = found / found.sum(axis=1, keepdims=True)
        for utt_id, p in zip(block, shares, strict=True):
            rows.append([utt_id, classes[int(np.argmax(p))], *(f"{value:.9g}" for value in p)])
        report_fraction(built, len(rows) / len(labels))
    if not rows:
        raise SercliError(f"{path}: every utterance was set aside by `sercli featurize`; nothing is left to score")
    built.mkdir(exist_ok=True)
    write_table(built / PREDICTIONS, ["utt_id", "prediction", *(f"p_{label}" for label in classes)], rows)


def score(path: Path, other_path: Path, name: str, done: Sequence[int], built: Path, device: str) -> None:
    """Write `scores.json` into `built`."""
    store, other = Store(path), Store(other_path)
    labels, classes = labels_elsewhere(store, other, name)
    predictions = {
        number: [_with_truth(row, labels) for row in _predictions(store, other, name, number)] for number in done
    }
    scores = describe_elsewhere(store, other, name, labels, classes, predictions)
    built.mkdir(exist_ok=True)
    (built / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _predictions(store: Store, other: Store, name: str, number: int) -> list[dict[str, str]]:
    return list(read_table(store.file(predictions_elsewhere(store, other, name, number).key, PREDICTIONS)))


def _with_truth(row: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    return {"utt_id": row["utt_id"], "prediction": row["prediction"], "truth": labels[row["utt_id"]]}
