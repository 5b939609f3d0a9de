"""What is said of a system: the JSON of one result from its predictions, and the same system over its seeds."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.utterances import Utterance
from ..errors import SercliError
from ..experiments.catalogue import Catalogue
from ..experiments.configs import ClassifierConfig
from ..experiments.cross_corpus import CrossCorpusTest
from ..experiments.systems import Autoencoder, Classifier
from ..store.store import Store
from ..tasks.classes import ENTANGLED
from ..tasks.folds import Folds
from ..tasks.protocols import CORPUS
from ..text import c_order
from . import metrics

_BY = ("speaker", "session", "gender", "style", CORPUS)
_SHARED = (
    "model",
    "latent_dim",
    "task",
    "target",
    "subset",
    "bins",
    "protocol",
    "folds",
    "normalise",
    "condition",
    "marks",
    "chance",
    "n_utterances",
    "labels",
)

_ASKED = ("task", "target", "subset", "bins", "protocol", "folds", "marks")
_READINGS = (("", ""), ("", "_fold_mean"), ("dev_", ""))  # of each score: pooled, the folds' mean, and on dev

Prediction = Mapping[str, str]  # a row of predictions.tsv
Score = Callable[[Iterable[Prediction]], dict[str, Any]]


def describe(classifier: Classifier, done: Sequence[int], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """One result as JSON; scores are fractions. Raises SercliError if there is no test prediction."""
    if not any(row["part"] == "test" for row in predictions):
        raise SercliError(
            "`sercli featurize` skipped every test utterance", place=classifier.name, fix="see its table of rejects"
        )
    return {
        **_about(classifier),
        "marks": marks_of(classifier, len(done) < len(classifier.fold_numbers)),
        **_scored(classifier.store, classifier.folds, done, predictions),
    }


def _scored(store: Store, folds: Folds, done: Sequence[int], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Pooled, on dev, and for each fold, speaker, session, gender and style."""
    test, dev = ([row for row in predictions if row["part"] == part] for part in ("test", "dev"))

    def scores(rows: Iterable[Prediction]) -> dict[str, Any]:
        rows = list(rows)
        return metrics.scores([row["truth"] for row in rows], [row["prediction"] for row in rows], folds.classes)

    pooled = scores(test)
    per_fold = [_of_fold(folds, number, test, dev, scores) for number in done]
    by_id = {utterance.utt_id: utterance for utterance in store.utterances}
    per_group = {f"per_{by}": _per(by, test, by_id, scores) for by in _BY}
    truth = [row["truth"] for row in test]
    chance = {
        "uar": 1 / len(folds.classes),
        "accuracy": max(truth.count(label) for label in folds.classes) / len(truth),
    }
    return {
        "n_utterances": len(test),
        "folds_done": len(done),
        "folds_expected": len(folds.folds),
        "labels": folds.classes,
        **_brief(pooled),
        **_intervals([np.array(one["confusion"]) for one in per_group["per_speaker"].values()]),
        **{f"{key}_fold_mean": _mean(fold[key] for fold in per_fold) for key in metrics.SCORES},
        **{f"dev_{key}": value for key, value in _brief(scores(dev)).items()},
        "chance": chance,
        "per_fold": per_fold,
        **per_group,
        "recall": pooled["recall"],
        "confusion": pooled["confusion"],
    }


def _about(classifier: Classifier) -> dict[str, Any]:
    """Which system, asked what."""
    config, task = classifier.config, classifier.task.definition
    ae = classifier.autoencoder
    return {
        "classifier": classifier.name,
        "classifier_kind": config.classifier,
        "autoencoder": config.autoencoder or "none",
        "model": ae.config.model if ae else None,
        "latent_dim": ae.config.latent_dim if ae else None,
        "frontend": config.frontend,
        "task": config.task,
        "target": task.target,
        "subset": task.subset,
        "bins": task.bins,
        "protocol": task.protocol,
        "folds": classifier.folds.digest,
        "normalise": config.normalise,
        "condition": config.condition,
        "latents": config.latents,
        "seed": config.seed,
    }


def _mean(values: Iterable[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def _of_fold(
    folds: Folds, number: int, test: Sequence[Prediction], dev: Sequence[Prediction], scores: Score
) -> dict[str, Any]:
    fold = folds.fold(number)
    mine, on_dev = (scores(row for row in part if row["fold"] == str(number)) for part in (test, dev))
    return {
        "fold": number,
        "left_out": fold.left_out,
        "dev": fold.dev,
        "n_classes": sum(recall is not None for recall in mine["recall"].values()),
        **{f"dev_{key}": value for key, value in _brief(on_dev).items()},
        "n_utterances": int(np.sum(mine["confusion"])),
        **_brief(mine),
    }


def _brief(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {key: scores[key] for key in metrics.SCORES}


def _intervals(counts: Sequence[npt.NDArray[Any]]) -> dict[str, list[float | None]]:
    """Of each score, over speakers: `counts` has one confusion matrix, or one a seed, of each."""
    return {f"{key}_ci95": list(metrics.interval(counts, score)) for key, score in metrics.SCORES.items()}


def _per(by: str, rows: Sequence[Prediction], by_id: Mapping[str, Utterance], scores: Score) -> dict[str, Any]:
    """Scores of each speaker, session, gender, style or corpus that the store knows of."""
    values = sorted({by_id[row["utt_id"]].text_of(by) for row in rows} - {""}, key=c_order)
    found = {}
    for value in values:
        mine = scores(row for row in rows if by_id[row["utt_id"]].text_of(by) == value)
        found[value] = {"n_utterances": int(np.sum(mine["confusion"])), **_brief(mine), "confusion": mine["confusion"]}
    return found


def marks_of(system: Autoencoder | Classifier, partial: bool = False) -> list[str]:
    """Words that go with a result, or with what is found of an autoencoder, wherever it is shown."""
    marks = ["SYNTHETIC"] if system.store.is_synthetic else []
    if isinstance(system.config, ClassifierConfig) and system.config.condition == "oracle":
        marks.append("ORACLE")
    if system.task.single_label_share > ENTANGLED:
        marks.append("ENTANGLED")
    if system.task.definition.speaker_dependent:
        marks.append("SPEAKER-DEPENDENT")
    if system.config.normalise == "speaker":
        marks.append("speaker-normalised")
    if partial:
        marks.append("PARTIAL")
    return marks


def group(results: Sequence[Mapping[str, Any]], key_of: Callable[[str], str]) -> list[dict[str, Any]]:
    """The same system over its seeds: mean, standard deviation and an interval over speakers of the mean; mean recalls, and
    the confusion matrix summed.

    Seeds of which other folds are done make a group of their own: their test speakers are others.
    """
    systems: dict[str, list[Mapping[str, Any]]] = {}
    for one in results:
        folds = [fold["fold"] for fold in one["per_fold"]]
        systems.setdefault(json.dumps([key_of(one["classifier"]), folds]), []).append(one)
    groups = []
    for members in systems.values():
        first = members[0]
        counts = [np.array([one["per_speaker"][s]["confusion"] for one in members]) for s in first["per_speaker"]]
        spread = {}
        for key in (f"{before}{score}{after}" for score in metrics.SCORES for before, after in _READINGS):
            spread[key] = _spread([one[key] for one in members])
        groups.append(
            {
                "system": re.sub(r"\.seed-\d+", "", str(first["classifier"])),
                "classifiers": [one["classifier"] for one in members],
                "seeds": [one["seed"] for one in members],
                **{key: first[key] for key in _SHARED},
                **spread,
                **_intervals(counts),
                "recall": {
                    label: _mean_or_none([one["recall"][label] for one in members]) for label in first["labels"]
                },
                "confusion": np.sum([one["confusion"] for one in members], axis=0).tolist(),
            }
        )
    return groups


def describe_cross_corpus(test: CrossCorpusTest, predictions: Mapping[int, Sequence[Prediction]]) -> dict[str, Any]:
    """What another store's classifier scores here, as JSON: mean over the models of its folds, each of which has labelled
    everything (`predictions` by fold), standard deviation over them, and an interval of the mean over speakers."""
    store, other, labels, classes = test.store, test.classifier.store, test.labels, test.classes
    theirs = test.classifier.folds
    speaker = {utterance.utt_id: utterance.speaker for utterance in store.utterances}

    def scores(rows: Iterable[Prediction]) -> dict[str, Any]:
        rows = list(rows)
        return metrics.scores([row["truth"] for row in rows], [row["prediction"] for row in rows], list(classes))

    of_each = {number: scores(rows) for number, rows in predictions.items()}
    speakers = sorted({speaker[row["utt_id"]] for rows in predictions.values() for row in rows}, key=c_order)
    counts = [
        np.array([scores(r for r in rows if speaker[r["utt_id"]] == one)["confusion"] for rows in predictions.values()])
        for one in speakers
    ]
    truth = [row["truth"] for row in next(iter(predictions.values()))]
    spread = {key: _spread([one[key] for one in of_each.values()]) for key in metrics.SCORES}
    left_out = Counter(u.emotion for u in store.utterances if u.emotion and u.utt_id not in labels)
    return {
        **_about(test.classifier),
        "corpus": other.name,
        "store": str(other.path.resolve()),
        "marks": _cross_corpus_marks(test, len(of_each) < len(theirs.folds)),
        "n_utterances": len(truth),
        "n_speakers": len(speakers),
        "folds_done": len(of_each),
        "folds_expected": len(theirs.folds),
        "labels": list(classes),
        "classes_without_utterances": [label for label in theirs.classes if label not in classes],
        "labels_without_class": {label: left_out[label] for label in sorted(left_out, key=c_order)},
        **spread,
        **_intervals(counts),
        "chance": {
            "uar": 1 / len(classes),
            "accuracy": max(truth.count(label) for label in classes) / len(truth),
        },
        "per_fold": [{"fold": number, **_brief(one)} for number, one in of_each.items()],
        "per_speaker": {
            one: {"n_utterances": int(found[0].sum()), "confusion": found.sum(axis=0).tolist()}
            for one, found in zip(speakers, counts, strict=True)
        },
        "recall": {label: _mean_or_none([one["recall"][label] for one in of_each.values()]) for label in classes},
        "confusion": np.sum([one["confusion"] for one in of_each.values()], axis=0).tolist(),
    }


def _cross_corpus_marks(test: CrossCorpusTest, partial: bool) -> list[str]:
    """Nobody of this store was in training, whatever the classifier's own folds are like."""
    theirs = {"SPEAKER-DEPENDENT", "ENTANGLED", "SYNTHETIC"}
    marks = ["SYNTHETIC"] if test.store.is_synthetic or test.classifier.store.is_synthetic else []
    return [*marks, *(mark for mark in marks_of(test.classifier, partial) if mark not in theirs)]


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)) if len(values) > 1 else None}


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    """None for a class that does not occur in test, whatever the seed."""
    return None if None in values else _mean(values)


def nested(
    catalogue: Catalogue,
    candidates: Mapping[str, Sequence[Mapping[str, Any]]],
    predictions: Callable[[str], Sequence[Prediction]],
) -> Iterator[dict[str, Any]]:
    """What choosing among systems by dev gives: each fold's test predictions are those of the system best on its dev.

    `candidates` has the results of each system, one a seed; `predictions` gives those of a result by its name. The choice is by
    the mean dev UA over seeds, the first where two are equal; yields a result a seed, with what was `chosen` in each fold.
    """
    first = next(iter(candidates.values()))[0]
    by_dev = {
        name: [[fold["dev_uar"] for fold in one["per_fold"]] for one in seeds] for name, seeds in candidates.items()
    }
    on_dev = {name: np.mean(scores, axis=0) for name, scores in by_dev.items()}
    numbers = [fold["fold"] for fold in first["per_fold"]]
    chosen = {number: max(on_dev, key=lambda name: float(on_dev[name][index])) for index, number in enumerate(numbers)}
    folds = catalogue.task(first["task"]).folds
    for seed in sorted({one["seed"] for seeds in candidates.values() for one in seeds}):
        picked = {k: next((one for one in candidates[name] if one["seed"] == seed), None) for k, name in chosen.items()}
        if None in picked.values():
            continue  # a candidate without this seed was chosen
        rows = {one["classifier"]: predictions(one["classifier"]) for one in picked.values() if one is not None}
        kept = [
            row
            for k, one in picked.items()
            if one is not None
            for row in rows[one["classifier"]]
            if row["fold"] == str(k)
        ]
        yield {
            **{key: first[key] for key in _ASKED},
            "seed": seed,
            "classifier": "",
            "chosen": chosen,
            **_scored(catalogue.store, folds, numbers, kept),
        }
