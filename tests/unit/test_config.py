"""Options take the type of their annotation, or are refused before a name is taken."""

import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sercli import plugins
from sercli.config import assignments, build, coerce, plain, read_yaml, write_yaml
from sercli.errors import SercliError, UsageError
from sercli.experiments.naming import word
from sercli.learning.options import TrainingConfig


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 1, 1.0),
        (float, "1e-3", 1e-3),  # YAML 1.1 reads it as text
        (int, "4", 4),
        (int, 20.0, 20),
        (int, "1e2", 100),
        (int, 2**60 + 1, 2**60 + 1),
        (tuple[int, ...], [16, 8], (16, 8)),
        (tuple[int, ...], "16,8", (16, 8)),
        (tuple[int, ...], 16, (16,)),
        (tuple[str, ...], "a,b", ("a", "b")),
        (bool, True, True),
        (Literal["last", "mean"], "mean", "mean"),
        (float | None, None, None),
        (float | None, 1, 1.0),
        (dict[str, Any], {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_takes_the_type_of_its_annotation(annotation: Any, value: Any, expected: Any) -> None:
    coerced = coerce(value, annotation, "here")
    assert coerced == expected
    assert type(coerced) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, float("nan")),
        (float, "inf"),
        (float, True),
        (float, [1]),
        (float, 10**400),
        (int, 2.5),
        (int, "x"),
        (tuple[int, ...], ["a"]),
        (str, 1),
        (str, None),
        (bool, 1),
        (bool, "true"),
        (Literal["last", "mean"], "max"),
        (Literal[0, 1], True),
        (dict[str, Any], [1]),
    ],
)
def test_any_other_value_is_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        coerce(value, annotation, "here")
    assert (refused.value.place, refused.value.seen) == ("here", repr(value if annotation != tuple[int, ...] else "a"))
    assert refused.value.expected


@dataclass(frozen=True)
class _Inner:
    size: int = 1


@dataclass(frozen=True)
class _Outer:
    name: str
    inner: _Inner = field(default_factory=_Inner)


def test_dataclasses_within_dataclasses_are_built() -> None:
    assert build(_Outer, {"name": "a", "inner": {"size": "2"}}, "file.yaml") == _Outer("a", _Inner(2))
    with pytest.raises(UsageError) as refused:
        build(_Outer, {"name": "a", "inner": {"size": "x"}}, "file.yaml")
    assert refused.value.place == "file.yaml: inner: size"


def test_a_missing_option_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        build(_Outer, {}, "file.yaml")
    assert (refused.value.place, refused.value.expected) == ("file.yaml", "name")


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        build(TrainingConfig, {"epoch": 3}, "training")
    assert refused.value.seen == "'epoch'"
    assert "'epochs'" in str(refused.value.fix)
    assert all(option.name in refused.value.expected for option in fields(TrainingConfig))


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
    with pytest.raises(UsageError) as refused:
        build(plugins.load(package, name).Config, {option: value}, name)
    assert refused.value.place == f"{name}: {option}"


@pytest.mark.parametrize(
    "option", ["epochs", "batch_size", "lr", "patience", "adam_epsilon", "weight_decay", "adam_beta1"]
)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "x", True])
def test_training_that_cannot_work_is_refused(option: str, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        build(TrainingConfig, {**plain(TrainingConfig()), option: value}, "training")
    assert refused.value.place == f"training: {option}"


HOSTILE = {
    "a day that is none": "2020-13-45",
    "a number of 5000 digits": "9" * 5000,
    "brackets in brackets": "[" * 1000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_yaml_that_cannot_be_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"beta: {HOSTILE[what]}\n")
    with pytest.raises(SercliError) as refused:
        read_yaml(tmp_path / "x.yaml")
    assert refused.value.place == str(tmp_path / "x.yaml")
    with pytest.raises(UsageError) as refused:
        assignments([f"beta={HOSTILE[what]}"])
    assert refused.value.place == "--set beta"


TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")))
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    tuple[int, ...]: st.lists(st.integers(-(2**53), 2**53), min_size=1).map(tuple),
    Literal["last", "mean"]: st.sampled_from(["last", "mean"]),
}


@pytest.mark.parametrize("annotation", VALUES, ids=str)
@given(data=st.data())
def test_a_value_that_was_coerced_stays_as_it_is(annotation: Any, data: st.DataObject) -> None:
    value = data.draw(VALUES[annotation])
    assert coerce(value, annotation, "here") == value
    assert type(coerce(value, annotation, "here")) is type(value)


@pytest.mark.parametrize("annotation", [annotation for annotation in VALUES if annotation != float | None], ids=str)
@given(data=st.data())
def test_a_value_on_the_command_line_is_read_back(annotation: Any, data: st.DataObject) -> None:
    """As commands in a store write it."""
    value = data.draw(VALUES[annotation])
    typed = assignments([f"option={word(value)}"])["option"]
    assert coerce(typed, annotation, "here") == value


@given(st.dictionaries(st.text("abc_", min_size=1), st.integers() | st.floats(allow_nan=False) | TEXT | st.booleans()))
def test_a_file_that_was_written_is_read_back(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_yaml(Path(folder) / "x.yaml", values)
        assert read_yaml(Path(folder) / "x.yaml") == values
