"""`sercli verify`: the digest under a table stands for what the store held when it was printed."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import FIXABLE, USAGE, Sercli
from support.errors import refused
from support.stores import files

NAME = "cvae-8.lstm"


def digest_of(sercli: Sercli, store: Path, *words: object) -> str:
    (table,) = json.loads(sercli("evaluate", store, "--json", "--jobs", 1, *words).stdout)["tables"]
    return str(table["digest"])


def test_the_digest_under_a_table_is_that_of_the_json_and_of_the_page(trained_store: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained_store)
    (line,) = re.findall(r"^Results .*$", sercli("evaluate", trained_store).stdout, re.MULTILINE)
    assert line == f"Results {digest[:12]}: sercli verify {trained_store} {digest[:12]}"
    sercli("report", trained_store, "--jobs", 1)
    page = (trained_store / "report" / "report.html").read_text()
    assert f"Results {digest[:12]}: sercli verify STORE {digest[:12]}" in page
    assert [path.stem for path in (trained_store / "tables").iterdir()] == [digest]


def test_an_unchanged_store_passes_and_is_not_written_to(trained: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained)
    before = files(trained)
    done = sercli("verify", trained, digest[:8])
    assert "OK" in done.stdout
    verified = json.loads(sercli("verify", trained, digest, "--json").stdout)
    assert (verified["digest"], verified["same"], verified["changes"]) == (digest, True, [])
    assert [row["name"] for row in verified["classifiers"]] == [NAME]
    assert verified["versions"]["torch"]
    assert files(trained) == before


def test_a_copy_of_the_store_elsewhere_has_the_same_digest(trained: Path, tmp_path: Path, sercli: Sercli) -> None:
    copy = shutil.copytree(trained, tmp_path / "copy")
    shutil.rmtree(copy / "tables")
    assert digest_of(sercli, copy) == digest_of(sercli, trained)


def change_predictions(store: Path, sercli: Sercli) -> None:
    path = store / "predictions" / NAME / "fold-2" / "predictions.tsv"
    path.write_text(path.read_text().replace("anger", "sadness"))


def change_label(store: Path, sercli: Sercli) -> None:
    path = store / "corpus" / "utterances.tsv"
    path.write_text(path.read_text().replace("\tanger\t", "\tsadness\t", 1))


def change_score(store: Path, sercli: Sercli) -> None:
    (path,) = (store / "tables").iterdir()
    record = json.loads(path.read_text())
    record["classifiers"][0]["scores"]["uar"] += 0.01
    path.write_text(json.dumps(record))


def change_versions(store: Path, sercli: Sercli) -> None:
    for path in store.glob("*/*/fold-*/fit.json"):
        record = json.loads(path.read_text())
        record["versions"]["torch"] = "1.0"
        path.write_text(json.dumps(record))


def fit_anew(store: Path, sercli: Sercli) -> None:
    for kind in ("classifiers", "predictions", "results"):
        shutil.rmtree(store / kind / NAME)
    options = ["--ae", "cvae-8", "--set", "hidden=8", "--name", NAME, "--epochs", 2, "--jobs", 1]
    sercli("train-lstm", store, *options, "--seed", 7)
    sercli("evaluate", store, "--jobs", 1)


def delete_classifier(store: Path, sercli: Sercli) -> None:
    shutil.rmtree(store / "classifiers" / NAME)


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        (change_predictions, f"predictions/{NAME}/fold-2/predictions.tsv", "predictions"),
        (change_label, f"classifiers/{NAME}", "labels"),
        (change_score, f"classifiers/{NAME}", "uar"),
        (change_versions, "versions", "torch"),
        (fit_anew, f"predictions/{NAME}/fold-1/predictions.tsv", "predictions"),
        (delete_classifier, "", "classifiers"),
    ],
)
def test_what_changed_is_named(
    change: Callable[[Path, Sercli], None], place: str, problem: str, trained_store: Path, sercli: Sercli
) -> None:
    digest = digest_of(sercli, trained_store)
    change(trained_store, sercli)
    fields = {"place": str(trained_store), "seen": (place, problem), "fix": f"sercli evaluate {trained_store}"}
    refused(sercli, FIXABLE, fields, "verify", trained_store, digest)
    done = sercli("verify", trained_store, digest, "--json", code=FIXABLE)
    verified = json.loads(done.stdout)
    assert not verified["same"]
    assert place in verified["changes"][0]["place"]
    assert problem in verified["changes"][0]["problem"]


def test_another_label_gives_another_table(trained_store: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained_store)
    change_label(trained_store, sercli)
    sercli("folds", trained_store)
    for words in (["train-ae", "--model", "cvae", "--latent-dim", 8, "--name", "cvae-8"], ["encode", "--ae", "cvae-8"]):
        sercli(words[0], trained_store, *words[1:], *(["--epochs", 2] if words[0] == "train-ae" else []), "--jobs", 1)
    sercli(
        "train-lstm", trained_store, "--ae", "cvae-8", "--set", "hidden=8", "--name", NAME, "--epochs", 2, "--jobs", 1
    )
    assert digest_of(sercli, trained_store) != digest
    refused(sercli, FIXABLE, {"seen": "labels"}, "verify", trained_store, digest)


def test_without_the_records_of_the_fits_the_rest_is_checked(trained_store: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained_store)
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        path.unlink()
    assert "8 fits" in sercli("verify", trained_store, digest).stdout
    assert json.loads(sercli("verify", trained_store, digest, "--json").stdout)["fits_without_versions"] == 8


def test_a_digest_of_another_store_is_refused(trained: Path, trained_store: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained)
    shutil.rmtree(trained_store / "tables")
    sercli("train-classifier", trained_store, "--classifier", "functionals", "--name", "control", "--jobs", 1)
    expected = digest_of(sercli, trained_store)[:12]
    fields = {"place": str(trained_store), "seen": digest, "expected": expected, "fix": "sercli evaluate"}
    refused(sercli, FIXABLE, fields, "verify", trained_store, digest)


@pytest.mark.parametrize("words", ["abc", "results", "../../etc/passwd", "ABCDEF0123"])
def test_what_is_no_digest(words: str, trained: Path, sercli: Sercli) -> None:
    refused(sercli, USAGE, {"place": "DIGEST", "seen": words}, "verify", trained, words)


def test_a_record_that_was_edited_is_refused(trained_store: Path, sercli: Sercli) -> None:
    digest = digest_of(sercli, trained_store)
    path = trained_store / "tables" / f"{digest}.json"
    path.write_text(path.read_text().replace(NAME, "another"))
    refused(sercli, FIXABLE, {"place": str(path)}, "verify", trained_store, digest)


def test_a_comparison_has_a_digest_of_both_systems(exported: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = shutil.copytree(exported, tmp_path / "toy")
    digest = json.loads(sercli("compare", store, NAME, "control", "--json").stdout)["digest"]
    assert f"sercli verify {store} {digest[:12]}" in sercli("compare", store, NAME, "control").stdout
    verified = json.loads(sercli("verify", store, digest, "--json").stdout)
    assert {row["name"] for row in verified["classifiers"]} == {NAME, "control"}


def test_two_seeds_are_one_row_of_the_table(trained_store: Path, sercli: Sercli) -> None:
    sercli("train-lstm", trained_store, "--ae", "cvae-8", "--set", "hidden=8", "--seed", 1, "--epochs", 2, "--jobs", 1)
    verified = json.loads(sercli("verify", trained_store, digest_of(sercli, trained_store), "--json").stdout)
    assert len({row["system"] for row in verified["classifiers"]}) == 1
    assert len({row["name"] for row in verified["classifiers"]}) == 2
