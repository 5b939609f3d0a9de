"""Options: of the type of their default, or refused before a name is taken."""

from pathlib import Path
from typing import Any

import pytest

from sercli import plugins
from sercli.config import assignments, build, like_default, plain, read_yaml
from sercli.errors import SercliError, UsageError
from sercli.learning.options import TrainingConfig


@pytest.mark.parametrize(
    ("default", "given", "wanted"),
    [
        (1.0, 1, 1.0),
        (1.0, "1e-3", 1e-3),  # YAML 1.1 reads it as text
        ((512, 256), [16, 8], (16, 8)),
        ((512, 256), "16,8", (16, 8)),
        ((512, 256), 16, (16,)),
        (3, "4", 4),
        (False, True, True),
        ("last", "mean", "mean"),
    ],
)
def test_a_value_takes_the_type_of_its_default(default: Any, given: Any, wanted: Any) -> None:
    assert like_default(default, given, "here") == wanted
    assert type(like_default(default, given, "here")) is type(wanted)


@pytest.mark.parametrize(
    ("default", "given"),
    [
        (1.0, float("nan")),
        (1.0, "inf"),
        (1.0, True),
        (1.0, [1]),
        (3, 2.5),
        (3, "x"),
        ((5,), ["a"]),
        ("a", 1),
        (True, 1),
    ],
)
def test_any_other_value_is_refused(default: Any, given: Any) -> None:
    with pytest.raises(UsageError, match=r"^here: "):
        like_default(default, given, "here")


@pytest.mark.parametrize(
    ("package", "name", "option", "value"),
    [
        *(("autoencoders", name, "hidden", value) for name in ("ae", "vae", "cvae") for value in ([], [0], [4, -1])),
        ("autoencoders", "vae", "beta", -1.0),
        ("autoencoders", "cvae", "beta", -1.0),
        ("classifiers", "lstm", "hidden", 0),
        ("classifiers", "lstm", "dropout", 1.0),
        ("classifiers", "lstm", "pooling", "max"),
        ("classifiers", "functionals", "C", 0.0),
        ("classifiers", "functionals", "kernel", "poly"),
    ],
)
def test_options_that_cannot_work_are_refused(package: str, name: str, option: str, value: Any) -> None:
    with pytest.raises(SercliError, match=option):
        build(plugins.load(package, name).Config, {option: value}, name)


@pytest.mark.parametrize(
    "option", ["epochs", "batch_size", "lr", "patience", "adam_epsilon", "weight_decay", "adam_beta1"]
)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "x", True])
def test_training_that_cannot_work_is_refused(option: str, value: Any) -> None:
    with pytest.raises(SercliError, match=option):
        build(TrainingConfig, {**plain(TrainingConfig()), option: value}, "training")


HOSTILE = {
    "a day that is none": "2020-13-45",
    "a number of 5000 digits": "9" * 5000,
    "brackets in brackets": "[" * 5000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_yaml_that_cannot_be_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"beta: {HOSTILE[what]}\n")
    with pytest.raises(SercliError, match=r"x\.yaml: cannot be read as YAML"):
        read_yaml(tmp_path / "x.yaml")
    with pytest.raises(UsageError, match="the value cannot be read"):
        assignments([f"beta={HOSTILE[what]}"])


def test_a_number_too_large_is_refused() -> None:
    for huge in (10**400, "1e400"):
        with pytest.raises(UsageError, match=r"lr: .* is not a float"):
            build(TrainingConfig, {"lr": huge}, "training")
    with pytest.raises(UsageError, match="not of the type of its default"):
        like_default(0.5, 10**400, "vae: beta")
