"""From options to tasks, autoencoders and classifiers: names that tell them apart, and commands that make them again."""

import itertools
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from support.errors import raises
from support.tables import UTTERANCES, planned

from sercli.cli.app import COMMANDS
from sercli.cli.commands import app
from sercli.config import plain
from sercli.errors import Command, SercliError, UsageError
from sercli.experiments.catalogue import Catalogue
from sercli.experiments.resolve import resolve_autoencoder, resolve_classifier, resolve_task

Options = dict[str, Any]
GROUP = typer.main.get_group(app)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    rows = [replace(u, extra={"note": f"n{n}", "a column": f"x{n}"}) for n, u in enumerate(UTTERANCES)]
    return planned(tmp_path_factory.mktemp("planned") / "toy", rows)


def parsed(command: Command) -> Options:
    """The options that a command line requests, as the command itself reads it."""
    _, verb, *words = shlex.split(str(command))
    context = GROUP.commands[verb].make_context(verb, words)
    requested: Options = COMMANDS[verb](**context.params).requested()  # type: ignore[attr-defined]
    return requested


# --- any options

SMALL = st.floats(1e-6, 0.9, allow_nan=False)
TASK = st.fixed_dictionaries(
    {},
    optional={
        "target": st.sampled_from(["emotion", "arousal"]),
        "subset": st.sampled_from(["complete", "read"]),
        "protocol": st.sampled_from(["leave-one-speaker-out", "random-10-fold"]),
        "train_share": st.sampled_from([0.5, 0.75]),
        "apart": st.sampled_from([["note"], ["note", "a column"]]),
    },
)
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "seed": st.integers(0, 3),
    "epochs": st.integers(1, 40),
    "lr": SMALL,
    "precision": st.sampled_from(["float32", "bfloat16"]),
    "weight_averaging": SMALL,
}
FEATURES: dict[str, st.SearchStrategy[Any]] = {
    "frontend": st.sampled_from(["logmel", "mfcc"]),
    "normalise": st.sampled_from(["train", "speaker", "utterance"]),
    "segment_shift_ms": st.sampled_from([50.0, 100.0, 33.5]),
}
AUTOENCODERS = st.sampled_from(["ae", "vae", "cvae"]).flatmap(
    lambda model: st.fixed_dictionaries(
        {"model": st.just(model)},
        optional={
            **SHARED,
            **FEATURES,
            "latent_dim": st.sampled_from([8, 128]),
            "hidden": st.lists(st.integers(1, 99), min_size=1, max_size=3).map(tuple),
            "fit_on": st.sampled_from(["train", "all"]),
            "reconstruction_threshold": st.none() | SMALL,
            **({} if model == "ae" else {"beta": SMALL}),
        },
    )
)
CLASSIFIERS = st.fixed_dictionaries(
    {"classifier": st.just("lstm")},
    optional={
        **SHARED,
        "hidden": st.integers(1, 99),
        "dropout": SMALL,
        "pooling": st.sampled_from(["last", "mean", "attention"]),
    },
)


@settings(max_examples=40)
@given(TASK, AUTOENCODERS)
def test_the_command_of_an_autoencoder_makes_the_same_one(catalogue: Catalogue, task: Options, model: Options) -> None:
    autoencoder = resolve_autoencoder(catalogue, {**task, **model})
    again = resolve_autoencoder(catalogue, {**task, **parsed(autoencoder.fold(1).command)})
    assert again.config == autoencoder.config
    assert again.fold(1).digest == autoencoder.fold(1).digest


@settings(max_examples=40)
@given(TASK, CLASSIFIERS, st.fixed_dictionaries({}, optional=FEATURES))
def test_the_command_of_a_classifier_makes_the_same_one(
    catalogue: Catalogue, task: Options, kind: Options, features: Options
) -> None:
    classifier = resolve_classifier(catalogue, {**task, **kind, **features})
    again = resolve_classifier(catalogue, {**task, **parsed(classifier.fold(1).command)})
    assert again.config == classifier.config
    assert again.fold(1).digest == classifier.fold(1).digest


@settings(max_examples=40)
@given(AUTOENCODERS, CLASSIFIERS, st.sampled_from(["mean", "sample", "mean,std"]))
def test_the_command_of_a_classifier_on_latents_makes_the_same_one(
    catalogue: Catalogue, model: Options, kind: Options, latents: str
) -> None:
    autoencoder = resolve_autoencoder(catalogue, model)
    kind = {**kind, "latents": latents} if autoencoder.config.has_std else kind
    classifier = resolve_classifier(catalogue, kind, autoencoder)
    words = parsed(classifier.fold(1).command)
    assert words.pop("autoencoder") == autoencoder.name
    again = resolve_classifier(catalogue, words, autoencoder)
    assert again.config == classifier.config


@settings(max_examples=40)
@given(TASK)
def test_the_command_of_a_task_makes_the_same_one(catalogue: Catalogue, options: Options) -> None:
    task = resolve_task(catalogue, options)
    again = resolve_task(catalogue, parsed(task.product.command))
    assert (again.name, again.definition) == (task.name, task.definition)


@settings(max_examples=40)
@given(st.lists(AUTOENCODERS, min_size=2, max_size=6), st.lists(TASK, min_size=2, max_size=3))
def test_two_autoencoders_have_one_name_only_if_they_are_one(
    catalogue: Catalogue, models: list[Options], tasks: list[Options]
) -> None:
    found = [resolve_autoencoder(catalogue, {**task, **model}) for task in tasks for model in models]
    for one, other in itertools.combinations(found, 2):
        assert (one.name == other.name) == (one.config == other.config)


@settings(max_examples=40)
@given(st.lists(CLASSIFIERS, min_size=2, max_size=6), AUTOENCODERS)
def test_two_classifiers_have_one_name_only_if_they_are_one(
    catalogue: Catalogue, kinds: list[Options], model: Options
) -> None:
    for autoencoder in (None, resolve_autoencoder(catalogue, model)):
        found = [resolve_classifier(catalogue, kind, autoencoder) for kind in kinds]
        for one, other in itertools.combinations(found, 2):
            assert (one.name == other.name) == (one.config == other.config)


@settings(max_examples=40)
@given(AUTOENCODERS)
def test_a_default_that_is_spelled_out_changes_nothing(catalogue: Catalogue, model: Options) -> None:
    autoencoder = resolve_autoencoder(catalogue, model)
    config = plain(autoencoder.config)
    whole = {**config, **config.pop("training"), **config.pop("options")}
    del whole["training"], whole["options"]
    assert resolve_autoencoder(catalogue, whole).config == autoencoder.config


# --- names

NAMES: dict[str, tuple[Options, str]] = {
    "defaults": ({}, "vae-128"),
    "model and size": ({"model": "cvae", "latent_dim": 32}, "cvae-32"),
    "features": ({"frontend": "mfcc"}, "vae-128.frontend-mfcc"),
    "short words": ({"segment_shift_ms": 50}, "vae-128.shift-50"),
    "a task": ({"subset": "read"}, "vae-128.read"),
    "a target": ({"target": "arousal"}, "vae-128.arousal"),
    "training": ({"epochs": 3, "seed": 1}, "vae-128.epochs-3.seed-1"),
    "a list": ({"hidden": [16, 8]}, "vae-128.hidden-16,8"),
    "a given name": ({"name": "mine", "epochs": 3}, "mine"),
    "sentences held out": ({"apart": ["note", "a column"]}, "vae-128.apart-08fcabf3"),
    "fewer speakers": ({"train_speakers": 2, "train_seed": 3}, "vae-128.train-speakers-2.train-seed-3"),
    "less of them": ({"train_share": 0.5, "apart": ["note"]}, "vae-128.apart-note.train-share-0.5"),
    "a named task": ({"task": "two", "classes": ["anger", "sadness"]}, "vae-128.two"),
}


@pytest.mark.parametrize("situation", NAMES)
def test_names_of_autoencoders(situation: str, catalogue: Catalogue) -> None:
    options, name = NAMES[situation]
    assert resolve_autoencoder(catalogue, options).name == name


def test_names_of_classifiers(catalogue: Catalogue) -> None:
    autoencoder = resolve_autoencoder(catalogue, {"model": "cvae", "latent_dim": 8, "seed": 2})
    assert resolve_classifier(catalogue, {}).name == "logmel.lstm"
    assert (
        resolve_classifier(catalogue, {"frontend": "mfcc", "normalise": "speaker"}).name
        == "mfcc.normalise-speaker.lstm"
    )
    assert resolve_classifier(catalogue, {}, autoencoder).name == "cvae-8.seed-2.lstm"
    options = {"classifier": "functionals", "condition": "oracle", "latents": "mean"}
    name = resolve_classifier(catalogue, options, autoencoder).name
    assert name == "cvae-8.seed-2.functionals.condition-oracle.latents-mean"


# --- what a classifier has of its autoencoder


def test_a_classifier_reads_what_its_autoencoder_reads(catalogue: Catalogue) -> None:
    features = {"frontend": "mfcc", "normalise": "speaker", "segment_shift_ms": 50.0}
    autoencoder = resolve_autoencoder(catalogue, {"model": "vae", "seed": 3, **features})
    classifier = resolve_classifier(catalogue, {}, autoencoder)
    assert {key: getattr(classifier.config, key) for key in features} == features
    assert classifier.config.seed == 3
    assert classifier.task is autoencoder.task
    assert resolve_classifier(catalogue, features, autoencoder).config == classifier.config
    assert resolve_classifier(catalogue, {"seed": 4}, autoencoder).config.seed == 4


@pytest.mark.parametrize(
    ("option", "value", "flag"),
    [
        ("frontend", "mfcc", "--frontend"),
        ("normalise", "speaker", "--normalise"),
        ("segment_shift_ms", 50.0, "--segment-shift"),
    ],
)
def test_it_cannot_read_anything_else(option: str, value: Any, flag: str, catalogue: Catalogue) -> None:
    autoencoder = resolve_autoencoder(catalogue, {})
    with raises({"place": flag, "seen": str(value), "fix": "train-ae"}, UsageError):
        resolve_classifier(catalogue, {option: value}, autoencoder)


def test_latents_without_a_deviation_have_a_mean_alone(catalogue: Catalogue) -> None:
    plain_ae = resolve_autoencoder(catalogue, {"model": "ae"})
    assert resolve_classifier(catalogue, {}, plain_ae).config.latents == "mean"
    assert resolve_classifier(catalogue, {}, resolve_autoencoder(catalogue, {})).config.latents == "mean,std"
    for latents in ("sample", "mean,std"):
        with raises({"place": "--latents", "seen": latents, "expected": "mean"}, UsageError):
            resolve_classifier(catalogue, {"latents": latents}, plain_ae)


@pytest.mark.parametrize(
    ("model", "expected"), [("ae", "unconditional"), ("vae", "unconditional"), ("cvae", "marginal")]
)
def test_only_a_model_that_sees_labels_has_conditions(model: str, expected: str, catalogue: Catalogue) -> None:
    autoencoder = resolve_autoencoder(catalogue, {"model": model})
    assert resolve_classifier(catalogue, {}, autoencoder).config.condition == expected
    if model != "cvae":
        with raises({"place": "--condition", "seen": "oracle"}, UsageError):
            resolve_classifier(catalogue, {"condition": "oracle"}, autoencoder)


def test_a_classifier_of_another_target_shares_the_autoencoder(catalogue: Catalogue) -> None:
    """The same folds: only the labels differ."""
    autoencoder = resolve_autoencoder(catalogue, {"latent_dim": 8})
    classifier = resolve_classifier(catalogue, {"target": "arousal"}, autoencoder)
    assert classifier.name == "vae-8.arousal.lstm"
    assert classifier.folds.digest == autoencoder.folds.digest


def test_under_other_folds_it_does_not(catalogue: Catalogue) -> None:
    autoencoder = resolve_autoencoder(catalogue, {})
    with raises({"place": "random-10-fold", "fix": "train-ae"}, UsageError):
        resolve_classifier(catalogue, {"protocol": "random-10-fold"}, autoencoder)


# --- names that are taken or unknown


def test_a_name_that_another_configuration_has(tmp_path: Path) -> None:
    catalogue = planned(tmp_path / "toy")
    resolve_autoencoder(catalogue, {"name": "mine", "epochs": 3}).claim_name()
    stored = Catalogue(catalogue.store).autoencoder  # reads config.yaml
    assert resolve_autoencoder(catalogue, {"name": "mine", "epochs": 3}).is_stored
    with raises({"seen": "3", "expected": "4", "fix": "--name"}):
        resolve_autoencoder(catalogue, {"name": "mine", "epochs": 4})
    with raises({"seen": "yours", "expected": "mine", "fix": "train-ae"}):
        stored("yours")


@pytest.mark.parametrize("option", ["epoch", "betta", "latent_dims", "nonsense"])
def test_an_unknown_option(option: str, catalogue: Catalogue) -> None:
    with raises({"seen": option}, UsageError):
        resolve_autoencoder(catalogue, {option: 3})


def test_a_task_that_nobody_defined(catalogue: Catalogue) -> None:
    with raises({"seen": "mine", "fix": "folds"}):
        resolve_task(catalogue, {"task": "mine"})
    assert resolve_task(catalogue, {"task": "emotion.leave-one-speaker-out"}).definition == catalogue.corpus_task


@pytest.mark.parametrize("name", ["a/b", "../x", "-x", ".hidden"])
def test_a_name_that_is_none(name: str, catalogue: Catalogue) -> None:
    with pytest.raises(SercliError):
        resolve_autoencoder(catalogue, {"name": name})


# --- what an autoencoder is told


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ({"subset": "read"}, {"anger": "anger", "neutral": "neutral", "sadness": "sadness"}),
        ({"subset": "read", "classes": ["anger", "low=neutral+sadness"]}, {"anger": "anger", "sadness": "low"}),
        ({"classes": ["anger", "sadness"]}, {"anger": "anger", "neutral": None, "sadness": "sadness"}),
    ],
)
def test_utterances_outside_a_subset_keep_their_labels(
    task: Options, names: dict[str, str | None], tmp_path: Path
) -> None:
    """With `fit_on: all` the model reads them too."""
    styled = [replace(u, style="read" if u.utt_id.endswith("1") else "improvised") for u in UTTERANCES]
    autoencoder = resolve_autoencoder(planned(tmp_path / "toy", styled), {"model": "cvae", "fit_on": "all", **task})
    _, categories = autoencoder.task.categories
    further = autoencoder.further_training(autoencoder.folds.fold(1))
    assert len(further) == (6 if "subset" in task else 4)
    emotions = {u.utt_id: u.emotion for u in styled}
    for utt_id in further:
        if emotions[utt_id] in names:
            assert categories.get(utt_id) == names[emotions[utt_id]]
    assert {u: categories[u] for u in autoencoder.folds.labels} == autoencoder.folds.labels


def test_another_label_outside_the_subset_makes_stale_what_was_told_it(tmp_path: Path) -> None:
    def cvae(name: str, fit_on: str, emotion: str) -> list[str]:
        styled = [replace(u, style="read" if u.utt_id.endswith("1") else "improvised") for u in UTTERANCES]
        styled = [replace(u, emotion=emotion) if u.utt_id == "ana-anger-2" else u for u in styled]
        catalogue = planned(tmp_path / name, styled)
        autoencoder = resolve_autoencoder(catalogue, {"model": "cvae", "subset": "read", "fit_on": fit_on})
        weights = [autoencoder.fold(k).digest for k in autoencoder.fold_numbers]
        return [*weights, autoencoder.diagnostics([]).digest]

    for fit_on, parts in (("train", []), ("all", ["test", "train", "train", "dev"])):
        before, after = cvae(f"{fit_on}-1", fit_on, "anger"), cvae(f"{fit_on}-2", fit_on, "sadness")
        changed = [a != b for a, b in zip(before, after, strict=True)]
        assert changed == [part == "train" for part in (*(parts or [""] * 4), "")]
