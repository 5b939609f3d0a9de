"""Classifiers of another package, one file each, go through the commands without a line of ours."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from support.command import FIXABLE, USAGE, Sercli
from support.errors import refused
from support.plugins.install import ENVIRONMENT

from sercli.data.utterances import read_table

ONE_FOLD = ["--fold", 1, "--jobs", 1]


def run(sercli: Sercli, *words: object) -> str:
    return sercli(*words, env=ENVIRONMENT).stdout


def metadata(store: Path, name: str) -> dict[str, Any]:
    with safe_open(store / "classifiers" / name / "fold-1" / "model.safetensors", framework="np") as weights:
        stored: dict[str, Any] = json.loads(weights.metadata()["sercli"])
    return stored


def test_crops_from_training_to_prediction(sercli: Sercli, store: Path, corpus: Path, tmp_path: Path) -> None:
    run(sercli, "train-classifier", store, "--classifier", "example-cnn", "--name", "cnn", "--jobs", 1)
    stored = metadata(store, "cnn")
    training, fitted = stored["training"], stored["input"]
    assert (training["epochs"], training["batch_size"], training["lr"], training["patience"]) == (7, 8, 0.01, 3)
    assert fitted["n_rows"] % 50 == 0  # half seconds of 10 ms
    run(sercli, "evaluate", store, "--jobs", 1)
    run(sercli, "export", store, "--classifier", "cnn", tmp_path / "bundle", "--fold", 1)
    rows = read_table(store / "predictions" / "cnn" / "fold-1" / "predictions.tsv")
    evaluated = next(row for row in rows if row["part"] == "test")
    paths = {row["utt_id"]: row["path"] for row in read_table(store / "corpus" / "utterances.tsv")}
    answer = run(sercli, "predict", tmp_path / "bundle", corpus / paths[evaluated["utt_id"]], "--json")
    assert json.loads(answer.splitlines()[0])["prediction"] == evaluated["prediction"]


@pytest.mark.parametrize("name", ["example-both", "example-cnn"])
def test_latents_and_features_stand_side_by_side(name: str, sercli: Sercli, trained_store: Path) -> None:
    words = ["train-classifier", trained_store, "--classifier", name, "--ae", "cvae-8", "--name", "x", *ONE_FOLD]
    run(sercli, *words)
    run(sercli, "evaluate", trained_store, "--classifier", "x", "--jobs", 1)
    assert metadata(trained_store, "x")["n_features"] == 2 * 8 + (800 if name == "example-both" else 0)


def test_latents_and_features_need_an_autoencoder(sercli: Sercli, store: Path) -> None:
    for dry in ([], ["--dry-run"]):
        fields = {"place": "example-both", "fix": "--ae"}
        refused(sercli, USAGE, fields, "train-classifier", store, "--classifier", "example-both", *dry, env=ENVIRONMENT)


def test_dialogues_are_read_in_order_of_time(sercli: Sercli, iemocap_store: Path, tmp_path: Path) -> None:
    store = shutil.copytree(iemocap_store, tmp_path / "store")
    run(sercli, "train-classifier", store, "--classifier", "example-dialogue", "--name", "d", "--epochs", 2, *ONE_FOLD)
    run(sercli, "evaluate", store, "--jobs", 1)
    assert (store / "results" / "d" / "scores.json").exists()
    fields = {"problem": "dialogue"}
    refused(sercli, FIXABLE, fields, "export", store, "--classifier", "d", tmp_path / "b", "--fold", 1, env=ENVIRONMENT)


def test_dialogues_need_sessions(sercli: Sercli, store: Path) -> None:
    for dry in ([], ["--dry-run"]):
        fields = {"problem": "dialogue", "fix": "session"}
        words = ["train-classifier", store, "--classifier", "example-dialogue", *dry]
        refused(sercli, FIXABLE, fields, *words, env=ENVIRONMENT)
