"""Scores against the size of the training part: the axes of a sweep, and its figure."""

import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from support.command import Sercli
from support.errors import refused
from support.paths import PROJECT

from sercli.data.utterances import read_table
from sercli.experiments.grids import points, read_grid
from sercli.report.sweeps import curve_axis

SPEAKERS: dict[str, Any] = {
    "name": "curve",
    "fixed": {"model": "none", "classifier": "functionals", "classes": "anger,sadness"},
    "axes": {"train_speakers": [1, 2], "train_seed": [0, 1]},
}


@pytest.fixture(scope="module")
def curve(featurized: Path, tmp_path_factory: pytest.TempPathFactory, sercli: Sercli) -> Path:
    """A store with a learning curve over speakers, and one over shares of what an autoencoder encodes. Not to be changed."""
    folder = tmp_path_factory.mktemp("curve")
    store = Path(shutil.copytree(featurized, folder / "toy"))
    shares = {
        "name": "shares",
        "fixed": {"model": "vae", "latent_dim": 2, "ae.hidden": [8], "ae.epochs": 1, "classifier": "functionals"},
        "axes": {"train_share": [0.5, 1.0]},
    }
    for grid in (SPEAKERS, shares):
        path = folder / f"{grid['name']}.yaml"
        path.write_text(yaml.safe_dump(grid, sort_keys=False))
        sercli("sweep", store, path, "--jobs", 1)
    return store


def texts(svg: Path) -> list[str]:
    return ["".join(element.itertext()).strip() for element in ElementTree.parse(svg).iter() if element.text]


def test_each_point_has_its_training_part(curve: Path) -> None:
    rows = [row for row in read_table(curve / "sweeps/curve/results.tsv") if row["row"] == "point"]
    assert [(row["train_speakers"], row["train_seed"]) for row in rows] == [
        ("1", "0"),
        ("1", "1"),
        ("2", "0"),
        ("2", "1"),
    ]
    speaker = {row["utt_id"]: row["speaker"] for row in read_table(curve / "corpus/utterances.tsv")}
    trained: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
    for row in rows:
        assert f"train-speakers-{row['train_speakers']}" in row["task"]
        folds = list(read_table(curve / "tasks" / row["task"] / "folds.tsv"))
        for fold in ("fold-1", "fold-2", "fold-3", "fold-4"):
            speakers = {speaker[cells["utt_id"]] for cells in folds if cells[fold] == "train"}
            assert len(speakers) == int(row["train_speakers"])
            trained[row["train_seed"], fold][row["train_speakers"]] = speakers
    assert all(of_sizes["1"] < of_sizes["2"] for of_sizes in trained.values())


def test_the_figure_is_of_the_training_part(curve: Path, sercli: Sercli) -> None:
    drawn = texts(curve / "sweeps/curve/figure.svg")
    assert {"training speakers", "UA %, band: 95 %", "score", "TEXT-SHARED"} <= set(drawn)
    assert "emotion.anger-sadness.leave-one-speaker-out" in drawn
    assert "share of the training part" in texts(curve / "sweeps/shares/figure.svg")
    sercli("report", curve)
    page = (curve / "report/report.html").read_text()
    assert page.count("Score against size") == 2
    assert "Training is limited to 1 speaker of each training part" in re.sub(r"\s+", " ", page)


def test_more_speakers_than_there_are(curve: Path, sercli: Sercli, tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({**SPEAKERS, "axes": {"train_speakers": [1, 3]}}))
    refused(sercli, 1, {"place": "train_speakers=3", "expected": "1 to 2"}, "sweep", curve, path, "--dry-run")


def test_scores_of_few_speakers_are_not_those_of_models_of_all(curve: Path, sercli: Sercli, tmp_path: Path) -> None:
    row = next(iter(read_table(curve / "sweeps/curve/results.tsv")))
    fields = {"seen": "train-speakers-1", "fix": "--fold"}
    refused(sercli, 1, fields, "export", curve, "--classifier", row["classifier"], tmp_path / "bundle")
    sercli("export", curve, "--classifier", row["classifier"], tmp_path / "bundle", "--fold", 1)


@pytest.mark.parametrize(
    ("axes", "name"),
    [
        ({"train_speakers": [2, 4]}, "train_speakers"),
        ({"model": ["ae", "vae"], "train_share": [0.1, 0.2]}, "train_share"),
        ({"latent_dim": [2, 4], "train_speakers": [2, 4]}, "latent_dim"),
        ({"train_speakers": [2], "model": ["ae"]}, None),
        ({"size": {"small": {"ae.latent_dim": 2}, "large": {"ae.latent_dim": 4}}}, "size"),
        ({"seed": [0, 1]}, None),
    ],
)
def test_what_a_curve_is_drawn_against(axes: dict[str, Any], name: str | None, tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({"axes": axes}, sort_keys=False))
    axis = curve_axis(read_grid(path).axes)
    assert (axis and axis.name) == name


def test_the_grid_of_the_recipe() -> None:
    grid = read_grid(PROJECT / "recipes/emodb/conf/learning-curve.yaml")
    axis = curve_axis(grid.axes)
    assert axis is not None
    assert max(axis.numbers.values()) == 8  # of ten speakers, one is test and one is dev
    assert len(list(points(grid))) == len(axis.numbers) * len(grid.axes["train_seed"])
