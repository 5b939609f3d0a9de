"""Where training was ended by the limit of epochs and not by dev, each table says so."""

import json
import re
from pathlib import Path

import pytest
from support.command import Sercli
from support.stores import contents

from sercli.data.utterances import read_table


@pytest.fixture
def scored(trained_store: Path, sercli: Sercli) -> Path:
    """A CVAE-LSTM of two epochs, an LSTM that dev stops, and a control that has no epochs."""
    options = ["--set", "hidden=8", "--set", "patience=1", "--lr", 0.5, "--epochs", 30, "--jobs", 1]
    sercli("train-lstm", trained_store, "--ae", "none", "--name", "stopped", *options)
    sercli("train-classifier", trained_store, "--classifier", "functionals", "--name", "control", "--jobs", 1)
    return trained_store


def test_every_table_counts_the_folds(scored: Path, sercli: Sercli) -> None:
    lengths = [sum(1 for _ in read_table(path)) for path in scored.glob("classifiers/stopped/*/history.tsv")]
    assert max(lengths) < 30
    groups = json.loads(sercli("evaluate", scored, "--json", "--jobs", 1).stdout)["groups"]
    limits = {group["system"]: group["epoch_limit"] for group in groups}
    assert limits == {
        "cvae-8.lstm": {part: {"limited": 4, "folds": 4} for part in ("classifier", "autoencoder")},
        "stopped": {"classifier": {"limited": 0, "folds": 4}},
        "control": {},
    }
    (line,) = [line for line in sercli("evaluate", scored).stdout.splitlines() if "epoch limit" in line]
    assert re.search(r"cvae-8\.lstm: classifier 4 of 4 folds, autoencoder 4 of 4 folds", line)
    assert sercli("info", scored).stdout.count("4 stopped by the epoch limit") == 2
    sercli("report", scored, "--jobs", 1)
    page = (scored / "report" / "report.html").read_text()
    assert page.count("epoch limit ended classifier 4 of 4 folds, autoencoder 4 of 4 folds") == 1


def test_it_needs_no_record_of_the_fit(trained_store: Path, sercli: Sercli) -> None:
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        path.unlink()
    before = contents(trained_store, but=("tables/",))
    sercli("evaluate", trained_store, "--overwrite", "--jobs", 1)
    assert contents(trained_store, but=("tables/",)) == before


def test_seeds_add_up_and_a_shared_autoencoder_counts_once(trained_store: Path, sercli: Sercli) -> None:
    sercli("train-lstm", trained_store, "--ae", "cvae-8", "--set", "hidden=8", "--seed", 1, "--epochs", 2, "--jobs", 1)
    (group,) = json.loads(sercli("evaluate", trained_store, "--json", "--jobs", 1).stdout)["groups"]
    assert group["epoch_limit"] == {
        "classifier": {"limited": 8, "folds": 8},
        "autoencoder": {"limited": 4, "folds": 4},
    }


def test_a_damaged_history_hides_nothing_else_in_info(trained_store: Path, sercli: Sercli) -> None:
    (trained_store / "classifiers/cvae-8.lstm/fold-2/history.tsv").write_text("epoch\n")
    items = json.loads(sercli("info", trained_store, "--json").stdout)["items"]
    assert {item["name"]: item["about"]["epoch_limit"] for item in items if "epoch_limit" in item["about"]} == {
        "cvae-8": {"limited": 4, "folds": 4},
        "cvae-8.lstm": {"limited": 0, "folds": 0},
    }
