"""`sercli evaluate`: predictions of dev and test with posteriors, and their scores, of every classifier of a store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__, workers
from ..config import plain
from ..devices import resolve
from ..errors import MissingInput, SercliError
from ..manifest import Utterance, c_order, digest, read_table, write_table
from ..products import (
    NO_AUTOENCODER,
    AutoencoderConfig,
    ClassifierConfig,
    autoencoder_config,
    classifier_config,
    classifier_fold,
    folds_of,
    latents_fold,
    result,
    task_of,
)
from ..progress import say
from ..store import Product, Store
from ..tasks import Folds
from ..workers import Unit
from . import Outcome, Run, make, n_jobs
from .train_ae import PRELOAD

_BY = ("speaker", "session", "gender", "style")


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

    executor = lambda n: workers.processes(n_jobs(run, n), [*PRELOAD, "sklearn.metrics", "scipy.stats"])  # noqa: E731
    outcome = make(store, "evaluate", "results", list(products.values()), unit, executor, run)
    if run.dry_run:
        return Evaluation(outcome, [], [])
    results = [
        json.loads(store.file(product.key, "scores.json").read_text(encoding="utf-8")) for product in products.values()
    ]
    return Evaluation(outcome, results, _remembered_groups(store, results))


def _folds_done(store: Store, name: str, config: ClassifierConfig, folds: Folds) -> list[int]:
    """Folds whose classifier is there and fresh; what the others want is said."""
    done = []
    reasons = []
    for fold in folds.folds:
        product = classifier_fold(store, name, config, folds, fold.number)
        try:
            store.require(product)
            if config.autoencoder != NO_AUTOENCODER:
                store.require(latents_fold(store, config.autoencoder, config.condition, folds, fold.number))
            done.append(fold.number)
        except MissingInput as error:
            reasons.append(str(error))
    if not done:
        raise MissingInput(reasons[0])
    if reasons:
        say(f"{name}: {len(done)} of {len(folds.folds)} folds; {reasons[0]}")
    return done


def score(path: Path, name: str, folds: Folds, done: Sequence[int], device: str, built: Path) -> None:
    """Write `predictions.tsv` and `scores.json` of one classifier into `built`."""
    from ..training import use_threads

    use_threads(device)
    store = Store(path)
    config = classifier_config(store, name)
    built.mkdir(exist_ok=True)
    header = ["utt_id", "speaker", "fold", "part", "truth", "prediction", *(f"p_{label}" for label in folds.classes)]
    speaker = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    rows = [row for number in done for row in predict_fold(store, name, config, folds, number, device)]
    write_table(built / "predictions.tsv", header, [[row[0], speaker[row[0]], *row[1:]] for row in rows])
    predictions = list(read_table(built / "predictions.tsv"))
    scores = _describe(store, name, config, folds, done, predictions)
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


def _describe(
    store: Store,
    name: str,
    config: ClassifierConfig,
    folds: Folds,
    done: Sequence[int],
    predictions: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    from .. import metrics

    task = task_of(store, config.task)
    ae = autoencoder_config(store, config.autoencoder) if config.autoencoder != NO_AUTOENCODER else None
    classes = folds.classes
    test, dev = ([row for row in predictions if row["part"] == part] for part in ("test", "dev"))

    def scores(rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
        rows = list(rows)
        return metrics.scores([row["truth"] for row in rows], [row["prediction"] for row in rows], classes)

    if not test:
        raise SercliError(f"{name}: every test utterance was set aside by `sercli featurize`; nothing is left to score")
    pooled = scores(test)
    per_fold = []
    for number in done:
        mine = scores(row for row in test if row["fold"] == str(number))
        dev_uar = scores(row for row in dev if row["fold"] == str(number))["uar"]
        fold = folds.fold(number)
        n_classes = sum(recall is not None for recall in mine["recall"].values())
        about = {"fold": number, "left_out": fold.left_out, "dev": fold.dev, "n_classes": n_classes, "dev_uar": dev_uar}
        per_fold.append({**about, "n_utterances": int(np.sum(mine["confusion"])), **_brief(mine)})
    by_id = {utterance.utt_id: utterance for utterance in store.utterances}
    groups = {f"per_{by}": _per(by, test, by_id, scores) for by in _BY}
    low, high = metrics.uar_interval([np.array(one["confusion"]) for one in groups["per_speaker"].values()])
    truth = [row["truth"] for row in test]
    return {
        "classifier": name,
        "classifier_kind": config.classifier,
        "autoencoder": config.autoencoder,
        "model": ae.model if ae else None,
        "latent_dim": ae.latent_dim if ae else None,
        "frontend": config.frontend,
        "task": config.task,
        "target": task.target,
        "subset": task.subset,
        "bins": task.bins,
        "protocol": task.protocol,
        "normalise": config.normalise,
        "condition": config.condition,
        "latents": config.latents,
        "seed": config.seed,
        "marks": _marks(config, task.speaker_dependent, len(done) < len(folds.folds)),
        "n_utterances": len(test),
        "folds_done": len(done),
        "folds_expected": len(folds.folds),
        "labels": classes,
        **{key: pooled[key] for key in ("accuracy", "uar", "macro_f1", "weighted_f1")},
        "uar_ci95": [low, high],
        "uar_fold_mean": float(np.mean([fold["uar"] for fold in per_fold if fold["uar"] is not None])),
        "dev_uar": scores(dev)["uar"],
        "chance": {"uar": 1 / len(classes), "accuracy": max(truth.count(label) for label in classes) / len(truth)},
        "per_fold": per_fold,
        **groups,
        "recall": pooled["recall"],
        "confusion": pooled["confusion"],
    }


def _brief(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {key: scores[key] for key in ("accuracy", "uar", "macro_f1", "weighted_f1")}


def _per(by: str, rows: Sequence[Mapping[str, str]], by_id: Mapping[str, Utterance], scores: Any) -> dict[str, Any]:
    """Scores of each speaker, session, gender or style that the corpus knows of."""
    values = sorted({getattr(by_id[row["utt_id"]], by) for row in rows} - {""}, key=c_order)
    found = {}
    for value in values:
        mine = scores(row for row in rows if getattr(by_id[row["utt_id"]], by) == value)
        found[value] = {"n_utterances": int(np.sum(mine["confusion"])), **_brief(mine), "confusion": mine["confusion"]}
    return found


def _marks(config: ClassifierConfig, speaker_dependent: bool, partial: bool) -> list[str]:
    """Words that go with the result wherever it is shown."""
    marks = []
    if config.condition == "oracle":
        marks.append("ORACLE")
    if speaker_dependent:
        marks.append("SPEAKER-DEPENDENT")
    if config.normalise == "speaker":
        marks.append("speaker-normalised")
    if partial:
        marks.append("PARTIAL")
    return marks


def _remembered_groups(store: Store, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of these results, from `.cache` where they were made before: the bootstrap takes a second to import."""
    path = store.path / ".cache" / f"groups-{digest([__version__, results])[:16]}.json"
    if not path.is_file():
        groups = _groups(store, results)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".groups-{os.getpid()}.json")
        draft.write_text(json.dumps(groups, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)
    remembered: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return remembered


def _groups(store: Store, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same system over its seeds: mean, standard deviation and an interval over speakers of the mean."""
    from .. import metrics

    systems: dict[str, list[Mapping[str, Any]]] = {}
    for one in results:
        systems.setdefault(_system(store, str(one["classifier"])), []).append(one)
    groups = []
    for members in systems.values():
        first = members[0]
        speakers = [s for s in first["per_speaker"] if all(s in one["per_speaker"] for one in members)]
        counts = [np.array([one["per_speaker"][s]["confusion"] for one in members]) for s in speakers]
        low, high = metrics.uar_interval(counts)
        spread = {}
        for key in ("accuracy", "uar", "macro_f1", "weighted_f1", "uar_fold_mean", "dev_uar"):
            values = [one[key] for one in members]
            std = float(np.std(values, ddof=1)) if len(values) > 1 else None
            spread[key] = {"mean": float(np.mean(values)), "std": std}
        shared = (
            "model",
            "latent_dim",
            "task",
            "target",
            "protocol",
            "normalise",
            "condition",
            "marks",
            "chance",
            "n_utterances",
        )
        groups.append(
            {
                "system": re.sub(r"\.seed-\d+", "", str(first["classifier"])),
                "classifiers": [one["classifier"] for one in members],
                "seeds": [one["seed"] for one in members],
                **{key: first[key] for key in shared},
                **spread,
                "uar_ci95": [low, high],
            }
        )
    return groups


def _system(store: Store, name: str) -> str:
    """What all seeds of a system have in common, as a key."""
    config = classifier_config(store, name)
    mine = {**plain(config), "seed": None, "autoencoder": None}
    ae: AutoencoderConfig | None = None
    if config.autoencoder != NO_AUTOENCODER:
        ae = autoencoder_config(store, config.autoencoder)
    done = len(list((store.path / "classifiers" / name).glob("fold-*")))
    return json.dumps([mine, {**plain(ae), "seed": None} if ae else None, done], sort_keys=True)
