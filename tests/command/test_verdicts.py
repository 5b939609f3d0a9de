"""What is claimed, and what is not: few clusters, equal predictions, utterances without features, seeds that count once, references."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command import USAGE, Sercli, run_sercli
from support.corpora import write_arrays
from support.errors import refused

CONTROL = "logmel.functionals"
JOBS = ["--jobs", 1]


def functionals(store: Path, name: str, *options: object) -> None:
    run_sercli("train-classifier", store, "--classifier", "functionals", "--name", name, *options, *JOBS)


@pytest.fixture(scope="module")
def scored(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The control, the same under another name and seeds, and two others. Not to be changed: copy it."""
    path = Path(shutil.copytree(featurized, tmp_path_factory.mktemp("scored") / "toy"))
    functionals(path, CONTROL)
    functionals(path, "again")
    functionals(path, "other-seed", "--seed", 7)
    functionals(path, "same-answers", "--set", "C=1.0001")
    functionals(path, "worse", "--set", "C=0.001", "--set", "class_weight=none")
    functionals(path, "normalised", "--normalise", "speaker")
    run_sercli("evaluate", path, *JOBS)
    return path


@pytest.fixture
def own(scored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scored, tmp_path / "toy"))


def with_sessions(corpus: Path, folder: Path, sessions: int) -> Path:
    """A store of the small corpus with its four speakers in so many sessions, and two systems that have scores."""
    copied = folder / corpus.name
    shutil.copytree(corpus, copied, copy_function=os.link)
    table = copied / "utterances.tsv"
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    speakers = sorted({row["speaker"] for row in rows})
    lines = ["\t".join([*rows[0], "session"])]
    lines += ["\t".join([*row.values(), f"session-{speakers.index(row['speaker']) % sessions}"]) for row in rows]
    table.unlink()
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    store = folder / "store"
    run_sercli("ingest", copied, store)
    run_sercli("featurize", store)
    protocol = ["--protocol", "random-10-fold"] if sessions == 1 else []
    functionals(store, "a", *protocol)
    functionals(store, "b", *protocol, "--set", "C=0.001", "--set", "class_weight=none")
    run_sercli("evaluate", store, *JOBS)
    return store


def compared(store: Path, *names: str) -> dict[str, Any]:
    return dict(json.loads(run_sercli("compare", store, *names, "--json").stdout))


def groups_of(store: Path, *options: object) -> dict[str, dict[str, Any]]:
    groups = json.loads(run_sercli("evaluate", store, *options, "--json", *JOBS).stdout)["groups"]
    return {group["system"]: group for group in groups}


# --- few clusters


def test_one_session_gives_neither_interval_nor_claim(corpus: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = with_sessions(corpus, tmp_path, 1)
    result = compared(store, "a", "b")
    assert (result["cluster"], result["n_clusters"], result["better"]) == ("session", 1, None)
    assert result["difference"]["uar_ci95"] == [None, None]
    assert (result["p"]["uar"], result["smallest_p"]) == (1, 1)
    assert "One session cannot tell" in sercli("compare", store, "a", "b").stdout
    group = groups_of(store)["b"]
    assert (group["uar_ci95"], group["reference"], group["p_adjusted"]) == ([None, None], "a", None)
    assert group["difference"] == pytest.approx(-result["difference"]["uar"])
    assert "1 session cannot give one" in sercli("evaluate", store, *JOBS).stdout
    sercli("report", store, *JOBS)


def test_two_sessions_can_claim_nothing(corpus: Path, tmp_path: Path, sercli: Sercli) -> None:
    """However large the difference is."""
    store = with_sessions(corpus, tmp_path, 2)
    result = compared(store, "a", "b")
    assert (result["cluster"], result["n_clusters"], result["smallest_p"]) == ("session", 2, 0.5)
    assert result["difference"]["uar"] > 0.1
    assert result["better"] is None
    printed = sercli("compare", store, "a", "b").stdout
    assert "2 sessions: the smallest attainable p is 0.5, so nothing can be claimed" in printed
    assert "more than" not in printed
    low, high = groups_of(store)["a"]["uar_ci95"]
    assert 0 <= low < high <= 1


# --- predictions that are alike


def test_identical_predictions_do_not_differ(own: Path, sercli: Sercli) -> None:
    result = compared(own, CONTROL, "same-answers")
    assert set(result["p"].values()) == {1.0}
    assert (result["better"], result["difference"]["uar"], result["difference"]["uar_ci95"]) == (None, 0, [None, None])
    assert "have the same UA, p = 1" in sercli("compare", own, CONTROL, "same-answers").stdout
    assert groups_of(own)["same-answers"]["p_adjusted"] == 1


# --- utterances without features


def test_utterances_without_features_are_left_out_of_both(own: Path, sercli: Sercli, tmp_path: Path) -> None:
    arrays = write_arrays(own, tmp_path / "arrays")
    missing = sorted(arrays.iterdir())[4]
    missing.unlink()
    sercli("featurize", own, "--frontend", "imported", "--from", arrays, "--name", "mine")
    functionals(own, "incomplete", "--frontend", "mine")
    sercli("evaluate", own, "--classifier", "incomplete", *JOBS)
    for names in ((CONTROL, "incomplete"), ("incomplete", CONTROL)):
        result = compared(own, *names)
        assert (result["n_utterances"], len(result["warnings"])) == (35, 1)
        assert all(text in result["warnings"][0] for text in (f"1 ({missing.stem})", "again", "no features"))
    assert "Warning: 1 (" in sercli("compare", own, CONTROL, "incomplete").stdout
    group = groups_of(own)["incomplete"]
    assert (group["n_utterances"], group["reference"], group["difference"]) == (35, "again", None)


# --- seeds


def test_the_same_system_twice_gets_no_spread(own: Path, sercli: Sercli) -> None:
    """Under another name, or with another seed, which changes nothing of a closed form."""
    control = groups_of(own)["again"]
    assert (control["classifiers"], control["copies"]) == (["again"], [CONTROL, "other-seed"])
    assert (control["n_fits"], control["n_independent"], control["uar"]["std"]) == (1, 1, None)
    printed = sercli("evaluate", own, *JOBS).stdout
    assert f"repeat the seeds of again: {CONTROL}, other-seed" in printed
    assert " ± " not in printed.split("Recall")[0]
    assert compared(own, "other-seed", "worse")["first"]["classifiers"] == ["again"]
    refused(sercli, USAGE, {"problem": "itself", "seen": "again, other-seed"}, "compare", own, "again", "other-seed")


# --- references


def test_differences_are_from_one_reference(own: Path, sercli: Sercli) -> None:
    groups = groups_of(own)
    control = groups["again"]
    assert (control["reference"], control["difference"], control["p_adjusted"]) == ("again", None, None)
    for name in ("same-answers", "worse"):
        group = groups[name]
        assert group["reference"] == "again"
        assert group["difference"] == pytest.approx(group["uar"]["mean"] - control["uar"]["mean"])
        assert 1 / 8 <= group["p_adjusted"] <= 1
    assert groups["normalised"]["reference"] == "normalised"  # marked: in a table of its own
    printed = sercli("evaluate", own, *JOBS).stdout
    assert "points beyond again" in printed
    assert "smallest attainable is 0.125, so nothing can be claimed" in printed
    assert printed.index("Scores on test utterances") < printed.index("Marked speaker-normalised")
    assert "speaker-normalised: The system uses all audio of the test speaker" in printed


def test_another_reference(own: Path, sercli: Sercli) -> None:
    groups = groups_of(own, "--reference", "worse")
    assert {name: group["reference"] for name, group in groups.items()} == {
        "again": "worse",
        "same-answers": "worse",
        "worse": "worse",
        "normalised": "normalised",
    }
    assert groups["again"]["difference"] == -groups_of(own)["worse"]["difference"]
    by_copy = groups_of(own, "--reference", "other-seed")
    assert by_copy["worse"]["reference"] == "again"
    unknown = {"place": "--reference", "seen": "nobody", "expected": "again"}
    refused(sercli, USAGE, unknown, "evaluate", own, "--reference", "nobody", *JOBS)


def test_the_page_shows_differences_and_no_overlap(own: Path, sercli: Sercli, tmp_path: Path) -> None:
    sercli("compare", own, CONTROL, "worse")
    sercli("report", own, "--output", tmp_path / "page.html", *JOBS)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "points beyond again" in page
    assert "the smallest attainable p is 0.125, so nothing can be claimed" in page
    assert "McNemar" not in page
    assert "within the interval" not in page


def test_every_number_of_a_table_is_finite(own: Path) -> None:
    for group in groups_of(own).values():
        values = [group["difference"], group["p_adjusted"], *group["uar_ci95"]]
        assert all(np.isfinite(value) for value in values if value is not None)
