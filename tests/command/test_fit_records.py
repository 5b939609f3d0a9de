"""`fit.json` beside the weights: what a fit took, and that nothing depends on it."""

import json
import platform
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support.command import Sercli
from support.stores import contents

from sercli.data.utterances import read_table

AE, LSTM = "autoencoders/cvae-8", "classifiers/cvae-8.lstm"


def records(store: Path, pattern: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(store.glob(pattern + "/fold-*/fit.json"))]


def test_each_fold_records_versions_device_time_memory_and_steps(trained: Path) -> None:
    for product in (AE, LSTM):
        folds = sorted(trained.glob(f"{product}/fold-*"))
        assert len(records(trained, product)) == len(folds) == 4
        for fold, record in zip(folds, records(trained, product), strict=True):
            assert record["versions"]["torch"] == version("torch")
            assert record["versions"]["python"] == platform.python_version()
            assert {"sercli", "numpy", "scipy", "scikit-learn", "zarr"} <= set(record["versions"])
            assert (record["device"], record["threads"], record["peak_device_memory"]) == ("cpu", 1, None)
            assert 0 < record["seconds"] < 100
            assert 0 < record["cpu_seconds"] < 100
            assert 2**26 < record["peak_memory"] < 2**32
            assert record["epochs"] == sum(1 for _ in read_table(fold / "history.tsv")) == 2
            assert record["steps"] >= record["epochs"]
            assert record["ended_by"] == "epoch limit"


def test_weights_are_counted(trained: Path) -> None:
    """LSTM of 8 units on 16 numbers (mean and std), two layers; dense layer to three classes."""
    layers = 4 * 8 * (16 + 8 + 2) + 4 * 8 * (8 + 8 + 2)
    assert {record["weights"] for record in records(trained, LSTM)} == {layers + 8 * 3 + 3}


def test_a_record_names_no_host_and_no_path(trained: Path) -> None:
    for path in trained.glob("*/*/fold-*/fit.json"):
        text = path.read_text()
        assert str(trained) not in text
        assert socket.gethostname() not in text


def test_a_closed_form_has_no_steps(store: Path, sercli: Sercli) -> None:
    sercli("train-classifier", store, "--classifier", "functionals", "--name", "control", "--fold", 1)
    (record,) = records(store, "classifiers/control")
    assert (record["steps"], record["ended_by"]) == (0, "closed form")
    assert record["weights"] > 0


def test_nothing_is_stale_without_records(trained_store: Path, sercli: Sercli) -> None:
    before = contents(trained_store, but=("tables/",))
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        path.unlink()
    for words in (["train-ae", "--model", "cvae", "--latent-dim", 8, "--name", "cvae-8", "--epochs", 2], ["evaluate"]):
        done = sercli(words[0], trained_store, *words[1:])
        assert "stale" not in done.stderr
    items = json.loads(sercli("info", trained_store, "--json").stdout)["items"]
    assert not [item for item in items if item["wanting"]]
    assert contents(trained_store, but=("tables/",)) == before  # a table has no versions now, so another digest


def test_the_page_shows_versions_and_cost_of_the_fits(trained_store: Path, sercli: Sercli) -> None:
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        record = json.loads(path.read_text())
        record["versions"]["torch"] = "1.2.3+past"
        record["peak_memory"] = 3 * 2**30
        path.write_text(json.dumps(record))
    sercli("report", trained_store, "--jobs", 1)
    page = (trained_store / "report" / "report.html").read_text()
    assert "1.2.3+past" in page
    assert version("torch") in page
    assert page.count("3.0 GiB") == 2  # of the LSTM and of its autoencoder
    assert "Data card" in page


def test_without_records_the_page_says_so(trained_store: Path, sercli: Sercli) -> None:
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        path.unlink()
    sercli("report", trained_store, "--jobs", 1)
    page = (trained_store / "report" / "report.html").read_text()
    assert "fits without a record" in page
    assert "Cost of a fit" not in page


def test_provenance_lists_no_record(trained: Path) -> None:
    for path in trained.glob("*/*/fold-*/provenance.json"):
        assert "fit.json" not in json.loads(path.read_text())["files"]
