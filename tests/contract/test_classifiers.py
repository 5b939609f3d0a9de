"""What every classifier promises. A new file in `sercli/classifiers` is tested here without a line of its own."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from support.plugins.install import EXAMPLES, installed

from sercli import plugins
from sercli.classifiers.base import ClassifierModel, NeuralClassifier, NeuralOptions, StandardisedClassifier
from sercli.config import build, plain
from sercli.errors import UsageError
from sercli.experiments.configs import ClassifierConfig, takes_soft_labels, training_defaults
from sercli.experiments.fitted import FittedClassifier, create_classifier, read_classifier, save
from sercli.learning.batches import Sequences
from sercli.learning.inputs import INPUTS, input_class
from sercli.learning.normalisation import Statistics
from sercli.learning.options import TrainingConfig
from sercli.learning.training import Losses, TrainingRun, repeatable

with installed():
    MODULES = {name: plugins.load("classifiers", name) for name in plugins.names("classifiers")}
WIDTH, CLASSES = 5, ["c", "a", "b"]


@pytest.fixture(autouse=True, scope="module")
def as_in_stages() -> Iterator[None]:
    """With the examples of another package, and one thread: many threads on small matrices only wait for each other."""
    with installed(), repeatable("cpu"):
        yield


def variants() -> dict[str, ClassifierConfig]:
    """Every classifier with its defaults, and with every other value of each option that has few."""
    configs: dict[str, ClassifierConfig] = {}
    for name, module in MODULES.items():
        defaults = module.Config()
        configs[name] = ClassifierConfig(name, options=plain(defaults))
        for option, hint in get_type_hints(module.Config).items():
            choices = get_args(hint) if get_origin(hint) is Literal else (False, True) if hint is bool else ()
            for value in choices:
                if value != getattr(defaults, option):
                    options = plain(replace(defaults, **{option: value}))
                    configs[f"{name}-{option}-{value}"] = ClassifierConfig(name, options=options)
    both_ways = {"bidirectional": True, "pooling": "mean"}  # the two that meet in the padding
    configs["lstm-both-ways-mean"] = ClassifierConfig("lstm", options=both_ways)
    return configs


VARIANTS = variants()
NEURAL = [variant for variant, config in VARIANTS.items() if MODULES[config.classifier].Model.takes_soft_labels]


def sequences(seed: int, n: int = 36) -> Sequences:
    """Utterances of 1 to 12 rows in dialogues of 6 utterances; the class moves one feature."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 13, (n,), generator=generator)
    labels = torch.arange(n) % len(CLASSES)
    rows = torch.randn(int(lengths.sum()), WIDTH, generator=generator)
    rows += 4 * torch.nn.functional.one_hot(labels, WIDTH).repeat_interleave(lengths, dim=0)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    places = torch.stack([torch.arange(n) // 6, torch.arange(n) % 6], dim=1)
    return Sequences(rows, offsets, labels, shift_ms=100.0, places=places)


@torch.enable_grad()
def fitted(
    variant: str, seed: int = 7, soft: torch.Tensor | None = None
) -> tuple[StandardisedClassifier, list[Losses]]:
    torch.manual_seed(seed)
    model = create_classifier(VARIANTS[variant], WIDTH, len(CLASSES))
    torch.rand(3)  # further draws must not matter to `fit`
    training = TrainingConfig(epochs=12, batch_size=8, lr=1e-2, patience=5)
    train = sequences(0) if soft is None else replace(sequences(0), labels=soft)
    history = model.fit(train, sequences(1), TrainingRun(training, seed))
    return model.eval(), history


FitOnce = Callable[[str], StandardisedClassifier]


@pytest.fixture(scope="module")
def fit_once() -> FitOnce:
    models: dict[str, StandardisedClassifier] = {}

    def get(variant: str) -> StandardisedClassifier:
        if variant not in models:
            models[variant] = fitted(variant)[0]
        return models[variant]

    return get


# --- what a plug-in declares


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_plugin_declares_whether_seeds_change_it(variant: str) -> None:
    """`CLOSED_FORM`: with another seed the fit has the same bits, so it gets no spread over seeds."""
    first, second = (fitted(variant, seed)[0].state_dict() for seed in (7, 8))
    is_same = all(torch.equal(first[name], second[name]) for name in first)
    assert is_same == plugins.constants("classifiers", VARIANTS[variant].classifier).get("CLOSED_FORM", False)


@pytest.mark.parametrize("name", MODULES)
def test_a_plugin_declares_its_input_with_that_inputs_options(name: str) -> None:
    module = MODULES[name]
    assert module.INPUT in INPUTS
    assert plugins.constants("classifiers", name)["INPUT"] == module.INPUT
    assert issubclass(module.Config, input_class(module.INPUT, name).options_class)
    assert issubclass(module.Model, ClassifierModel)
    assert issubclass(module.Config, NeuralOptions) or not issubclass(module.Model, NeuralClassifier)


@pytest.mark.parametrize("name", MODULES)
def test_training_defaults_are_options_of_training(name: str) -> None:
    declared = getattr(MODULES[name], "TRAINING", {})
    assert plugins.constants("classifiers", name).get("TRAINING", {}) == declared
    assert training_defaults(name) == replace(TrainingConfig(), **declared)


@pytest.mark.parametrize("name", MODULES)
def test_whether_it_takes_soft_labels_is_read_from_its_source(name: str) -> None:
    assert takes_soft_labels(name) == MODULES[name].Model.takes_soft_labels


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_plugin_of_another_package_is_read_like_ours(name: str) -> None:
    config, light = MODULES[name].Config, plugins.config_class("classifiers", name)
    assert list(plugins.defaults("classifiers", name).items()) == [(f.name, f.default) for f in fields(config)]
    assert get_type_hints(light) == get_type_hints(config)
    for option in [option for option in ("label_smoothing", "crop_s") if option in get_type_hints(config)]:
        with pytest.raises(UsageError) as refused:
            build(config, {option: -1.0}, name)
        assert refused.value.place == f"{name}: {option}"


def test_an_unknown_input_is_refused_by_name() -> None:
    with pytest.raises(UsageError) as refused:
        input_class("spectrum", "mine")
    assert (refused.value.place, refused.value.seen) == ("mine: INPUT", "'spectrum'")
    assert all(word in refused.value.expected for word in INPUTS)


# --- what a fitted model promises


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_padding_never_changes_an_answer(variant: str, fit_once: FitOnce) -> None:
    model = fit_once(variant)
    for steps, lengths, _, _ in model.prepare(sequences(2)).batches(16):
        logits = model.network(steps, lengths)
        assert logits.shape == (len(steps), len(CLASSES))
        for rubbish in (0.0, 100.0):
            padding = torch.full((len(steps), 9, steps.shape[2]), rubbish, dtype=steps.dtype)
            padded = torch.cat([steps, padding], dim=1)
            torch.testing.assert_close(model.network(padded, lengths), logits, atol=1e-5, rtol=1e-5)
        for row, length in enumerate(lengths):
            alone = model.network(steps[row : row + 1, : int(length)], lengths[row : row + 1])
            torch.testing.assert_close(alone[0], logits[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_posteriors_are_probabilities_in_the_order_of_labels(variant: str, fit_once: FitOnce) -> None:
    data = sequences(3)
    posteriors = fit_once(variant).posteriors(data, "cpu")
    assert posteriors.shape == (len(data), len(CLASSES))
    assert (posteriors >= 0).all()
    torch.testing.assert_close(posteriors.sum(1), torch.ones(len(data), dtype=torch.float64))
    assert (posteriors.argmax(1) == data.labels).double().mean() > 0.8


@pytest.mark.parametrize("variant", VARIANTS)
def test_answers_see_no_label_and_come_in_the_order_of_utterances(variant: str, fit_once: FitOnce) -> None:
    data, model = sequences(3), fit_once(variant)
    assert data.places is not None
    posteriors = model.posteriors(data, "cpu")
    blind = model.posteriors(replace(data, labels=torch.zeros_like(data.labels)), "cpu")
    assert blind.numpy().tobytes() == posteriors.numpy().tobytes()
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    pieces = [data.rows[data.offsets[i] : data.offsets[i + 1]] for i in order.tolist()]
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), data.lengths[order].cumsum(0)])
    shuffled = replace(
        data, rows=torch.cat(pieces), offsets=offsets, labels=data.labels[order], places=data.places[order]
    )
    torch.testing.assert_close(model.posteriors(shuffled, "cpu"), posteriors[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_fitting_twice_gives_the_same_bits(variant: str, fit_once: FitOnce) -> None:
    model, history = fitted(variant)
    again = fit_once(variant).state_dict()
    assert model.state_dict().keys() == again.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again[name]), name
    assert history
    assert sum(row["best"] for row in history) == 1
    assert [row["epoch"] for row in history] == list(range(1, len(history) + 1))


@pytest.mark.parametrize("variant", NEURAL)
def test_soft_labels_that_are_certain_train_as_labels_do(variant: str) -> None:
    """And shares train to something else."""
    certain = torch.nn.functional.one_hot(sequences(0).labels, len(CLASSES)).float()
    histories = [fitted(variant, soft=labels)[1] for labels in (None, certain, 0.5 * certain + 0.5 / len(CLASSES))]
    first, same, other = (torch.tensor([row["train_loss"] for row in history[:3]]) for history in histories)
    torch.testing.assert_close(same, first, atol=1e-4, rtol=1e-3)
    assert not torch.allclose(other, first, atol=1e-2)
    assert {"dev_loss"} <= histories[2][0].keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_classifier_comes_back_bit_for_bit(variant: str, fit_once: FitOnce, tmp_path: Path) -> None:
    model, trained = fit_once(variant), Statistics(np.arange(2.0), np.arange(1.0, 3.0))
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        save(folder, FittedClassifier(model, trained, VARIANTS[variant], CLASSES), [{"epoch": 1.0}])
    files = [tmp_path / folder / "model.safetensors" for folder in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    torch.manual_seed(1)
    restored = read_classifier(files[0], "cpu")
    assert (restored.classes, restored.config) == (CLASSES, VARIANTS[variant])
    assert restored.trained is not None
    assert [list(part) for part in restored.trained] == [list(part) for part in trained]
    data = sequences(4)
    assert restored.model.posteriors(data, "cpu").numpy().tobytes() == model.posteriors(data, "cpu").numpy().tobytes()


# --- standardisation


def test_standardisation_leaves_a_still_feature_alone() -> None:
    model = create_classifier(ClassifierConfig("lstm"), 2, 2)
    data = Sequences(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([0, 2]), torch.tensor([0]))
    model.see_training_rows(data)
    assert torch.equal(model.prepare(data).rows, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
