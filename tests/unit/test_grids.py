"""Grids: what a file may say, which points it means, and what each point asks of each step."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from sercli.errors import UsageError
from sercli.experiments.grids import Grid, Point, points, read_grid

FIXED = {"protocol": "leave-one-session-out"}
AXES = {"latent_dim": [2, 4], "model": ["ae", "vae"]}


def grid(tmp_path: Path, content: dict[str, Any], **options: Any) -> Grid:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return read_grid(path, **options)


def asked(tmp_path: Path, axes: dict[str, Any], **options: Any) -> list[Point]:
    return list(points(grid(tmp_path, {"axes": axes}, **options)))


def names(of: list[Point]) -> list[str]:
    return [str(point) for point in of]


def test_a_grid_is_every_combination_the_last_axis_fastest(tmp_path: Path) -> None:
    found = grid(tmp_path, {"name": "sizes", "fixed": FIXED, "axes": AXES})
    assert found.name == "sizes"
    assert names(list(points(found))) == [
        "latent_dim=2 model=ae",
        "latent_dim=2 model=vae",
        "latent_dim=4 model=ae",
        "latent_dim=4 model=vae",
    ]
    for point in points(found):
        assert point.task == FIXED
        assert point.autoencoder is not None
        assert set(point.autoencoder) == {"latent_dim", "model"}
        assert point.classifier == {}


def test_the_name_is_the_file_s_unless_given(tmp_path: Path) -> None:
    assert grid(tmp_path, {"axes": AXES}).name == "small"
    assert grid(tmp_path, {"name": "inside", "axes": AXES}, name="given").name == "given"


def test_an_option_goes_to_every_step_that_knows_it(tmp_path: Path) -> None:
    axes = {"lr": [0.1], "ae.epochs": [3], "classifier.epochs": [4], "beta": [0.5], "classifier.hidden": [8]}
    (point,) = asked(tmp_path, {**axes, "subset": ["scripted"], "condition": ["oracle"], "model": ["cvae"]})
    assert point.task == {"subset": "scripted"}
    assert point.autoencoder == {"lr": 0.1, "epochs": 3, "beta": 0.5, "model": "cvae"}
    assert point.classifier == {"lr": 0.1, "epochs": 4, "hidden": 8, "condition": "oracle"}


def test_one_step_may_differ_from_the_others(tmp_path: Path) -> None:
    (point,) = asked(tmp_path, {"lr": [0.1], "classifier.lr": [0.2]})
    assert point.autoencoder == {"lr": 0.1}
    assert point.classifier == {"lr": 0.2}


def test_without_an_autoencoder_the_classifier_has_all(tmp_path: Path) -> None:
    (point,) = asked(tmp_path, {"model": ["none"], "seed": [1], "normalise": ["speaker"]})
    assert point.autoencoder is None
    assert point.classifier == {"seed": 1, "normalise": "speaker"}
    assert names([point]) == ["model=none seed=1 normalise=speaker"]


@pytest.mark.parametrize(
    ("fixed", "axes"),
    [
        ({"model": "none"}, {"latent_dim": [8]}),
        ({"model": "ae", "beta": 0.1}, {"seed": [0]}),
        ({"C": 3.0}, {"seed": [0]}),
    ],
)
def test_an_option_that_no_point_has_a_use_for_is_refused(
    fixed: dict[str, object], axes: dict[str, object], tmp_path: Path
) -> None:
    option = next(name for name in fixed | axes if name not in ("model", "seed"))
    with pytest.raises(UsageError) as refusal:
        list(points(grid(tmp_path, {"fixed": fixed, "axes": axes})))
    assert refusal.value.place.endswith(f": {option}")


def test_points_that_differ_in_nothing_come_once(tmp_path: Path) -> None:
    """An AE has no beta and no condition, what has no autoencoder no latent size; the label is left out as well."""
    found = asked(tmp_path, {"model": ["none", "ae", "vae"], "latent_dim": [2, 4], "beta": [0.5, 1.0]})
    assert names(found) == [
        "model=none",
        "model=ae latent_dim=2",
        "model=ae latent_dim=4",
        "model=vae latent_dim=2 beta=0.5",
        "model=vae latent_dim=2 beta=1",
        "model=vae latent_dim=4 beta=0.5",
        "model=vae latent_dim=4 beta=1",
    ]


def test_named_settings_move_several_options(tmp_path: Path) -> None:
    adam = {"default": None, "paper": {"ae.adam_beta1": 0.999, "ae.adam_beta2": 0.99}}
    found = asked(tmp_path, {"adam": adam, "system": {"bare": {"model": "none"}, "AE": {"model": "ae"}}})
    assert names(found) == ["adam=default system=bare", "adam=default system=AE", "adam=paper system=AE"]
    assert [point.autoencoder for point in found] == [
        None,
        {"model": "ae"},
        {"adam_beta1": 0.999, "adam_beta2": 0.99, "model": "ae"},
    ]


def test_overrides(tmp_path: Path) -> None:
    content = {"fixed": {"epochs": 9}, "axes": {"latent_dim": [2, 4], "seed": [0]}}
    found = grid(tmp_path, content, overrides={"epochs": 1, "latent_dim": 8, "seed": [0, 1]}, folds=[2])
    assert found.content() == {
        "fixed": {"epochs": 1},
        "axes": {"latent_dim": {"8": {"latent_dim": 8}}, "seed": {"0": {"seed": 0}, "1": {"seed": 1}}},
        "folds": [2],
    }
    assert [point.autoencoder for point in points(found)] == [
        {"epochs": 1, "latent_dim": 8, "seed": seed} for seed in (0, 1)
    ]


def test_a_grid_of_one_point(tmp_path: Path) -> None:
    assert names(asked(tmp_path, {"seed": [0]}, overrides={"seed": 3})) == ["seed=3"]


def test_a_list_makes_an_axis_unless_one_value_is_a_list(tmp_path: Path) -> None:
    found = asked(tmp_path, {"model": ["ae"]}, overrides={"seed": [0, 1], "ae.hidden": [8, 4]})
    assert names(found) == ["model=ae seed=0", "model=ae seed=1"]
    assert [point.autoencoder for point in found] == [
        {"hidden": [8, 4], "model": "ae", "seed": seed} for seed in (0, 1)
    ]


def test_of_named_settings_some_are_chosen_by_name(tmp_path: Path) -> None:
    axes = {"system": {"bare": {"model": "none"}, "AE": {"model": "ae"}, "VAE": {"model": "vae"}}}
    assert names(asked(tmp_path, axes, overrides={"system": ["AE", "bare"]})) == ["system=AE", "system=bare"]
    assert names(asked(tmp_path, axes, overrides={"system": "VAE"})) == ["system=VAE"]
    with pytest.raises(UsageError) as refusal:
        asked(tmp_path, axes, overrides={"system": "CVAE"})
    assert (refusal.value.seen, refusal.value.expected) == ("'CVAE'", "bare, AE, VAE")


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "unknown part": ({"axes": AXES, "axis": {}}, {"seen": "axis", "fix": "axes"}),
    "unknown option": ({"axes": {"latent_dims": [2]}}, {"fix": "'latent_dim'"}),
    "unknown option, fixed": ({"fixed": {"epoch": 2}, "axes": AXES}, {"fix": "'epochs'"}),
    "unknown option, named": ({"axes": {"x": {"y": {"bta": 2}}}}, {"fix": "'beta'"}),
    "option of another step": ({"axes": {"classifier.beta": [1]}}, {"seen": "'beta'"}),
    "unknown step": ({"axes": {"encoder.lr": [1]}}, {"place": "encoder.lr", "seen": "encoder", "expected": "ae.lr"}),
    "of either model": ({"axes": {"hidden": [8]}}, {"place": "hidden", "expected": "ae.hidden or classifier.hidden"}),
    "empty axis": ({"axes": {"latent_dim": []}}, {"place": "latent_dim", "problem": "empty"}),
    "empty named axis": ({"axes": {"adam": {}}}, {"place": "adam", "problem": "empty"}),
    "scalar axis": ({"axes": {"latent_dim": 64}}, {"place": "latent_dim", "seen": "64", "expected": "[64]"}),
    "nothing for an axis": ({"axes": {"latent_dim": None}}, {"place": "latent_dim", "seen": "None"}),
    "scalar settings": (
        {"axes": {"beta": {"half": 0.5}}},
        {"place": "beta: half", "seen": "0.5", "expected": "{beta: 0.5}"},
    ),
    "a value twice": ({"axes": {"seed": [0, 1, 0]}}, {"place": "seed", "seen": "0,1,0"}),
    "fixed and axis": ({"fixed": {"model": "ae"}, "axes": AXES}, {"place": "model", "seen": "fixed and axis model"}),
    "fixed and named": (
        {"fixed": {"ae.lr": 1}, "axes": {"x": {"y": {"ae.lr": 2}}}},
        {"place": "ae.lr", "seen": "fixed and axis x"},
    ),
    "no axes": ({"fixed": FIXED}, {"expected": "axes"}),
    "a list of axes": ({"axes": ["latent_dim"]}, {"place": "axes", "seen": "['latent_dim']"}),
    "an invalid name": ({"name": "../x", "axes": AXES}, {"seen": "'../x'"}),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_a_grid_may_not_contain(situation: str, tmp_path: Path) -> None:
    content, fields = REFUSED[situation]
    with pytest.raises(UsageError) as refusal:
        grid(tmp_path, content)
    for field, value in fields.items():
        assert value in str(refusal.value.fields()[field])
    assert refusal.value.place.startswith(str(tmp_path)) or "name" in content


def test_two_axes_that_move_one_option_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        grid(tmp_path, {"axes": {"x": {"y": {"ae.lr": 1}}, "ae.lr": [1, 2]}})
    assert refusal.value.seen == "axis x and axis ae.lr"


VALUES = {
    "latent_dim": [2, 4, 8],
    "model": ["none", "ae", "vae", "cvae"],
    "beta": [0.5, 1.0],
    "condition": ["marginal", "oracle"],
    "seed": [0, 1],
    "subset": ["complete", "scripted"],
    "classifier": ["lstm", "functionals"],
}
ANY_AXES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True).flatmap(
    lambda axes: st.fixed_dictionaries(
        {axis: st.lists(st.sampled_from(VALUES[axis]), min_size=1, unique=True) for axis in axes}
    )
)


def taken(axes: dict[str, Any], **options: Any) -> list[Point] | None:
    """The points of a grid; none if an axis is of use to no point."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return asked(Path(folder), axes, **options)
        except UsageError:
            return None


@given(ANY_AXES)
def test_every_combination_is_in_one_point(axes: dict[str, Any]) -> None:
    found = taken(axes)
    assume(found is not None)
    assert found is not None
    assert len({repr((point.task, point.autoencoder, point.classifier)) for point in found}) == len(found)
    assert len(set(names(found))) == len(found)
    for values in itertools.product(*axes.values()):
        combination = {
            axis: f"{value:g}" if isinstance(value, float) else str(value)
            for axis, value in zip(axes, values, strict=True)
        }
        matching = [
            point for point in found if all(combination[axis] == label for axis, label in point.labels.items() if label)
        ]
        assert len(matching) == 1


@given(ANY_AXES, st.sampled_from(sorted(VALUES)))
def test_an_axis_given_apart_is_an_axis_of_the_file(axes: dict[str, Any], axis: str) -> None:
    apart = {**axes, axis: [VALUES[axis][0]]}
    assert taken(apart, overrides={axis: VALUES[axis]}) == taken({**apart, axis: VALUES[axis]})
