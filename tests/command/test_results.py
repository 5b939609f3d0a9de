"""Results of a system over its seeds, and the tables for people."""

import json
from pathlib import Path

import pytest
from support.command import Sercli

from sercli.report.tables import score_tables


def test_seeds_with_other_folds_are_not_averaged(store: Path, sercli: Sercli) -> None:
    for seed, folds in ((0, [1]), (1, [2]), (2, [1])):
        chosen = [word for fold in folds for word in ("--fold", fold)]
        sercli("train-classifier", store, "--classifier", "functionals", "--seed", seed, *chosen, "--jobs", 1)
    groups = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["groups"]
    assert sorted(group["seeds"] for group in groups) == [[0, 2], [1]]
    assert all(group["marks"] == ["PARTIAL"] for group in groups)


def test_every_score_has_its_interval(trained_store: Path, sercli: Sercli) -> None:
    """Of one classifier and of the group; that of the mean over one seed is the one of that seed."""
    found = json.loads(sercli("evaluate", trained_store, "--json", "--overwrite", "--jobs", 1).stdout)
    one, alike = found["results"][0], found["groups"][0]
    for key in ("accuracy", "uar", "macro_f1", "weighted_f1"):
        low, high = one[f"{key}_ci95"]
        assert 0 <= low <= one[key] <= high <= 1
        assert alike[f"{key}_ci95"] == pytest.approx([low, high])


def group(name: str, marks: list[str]) -> dict[str, object]:
    score = {"mean": 0.7654, "std": 0.0123}
    scores = dict.fromkeys(("accuracy", "uar", "macro_f1", "weighted_f1", "dev_uar"), score)
    about = {"system": name, "task": "four", "marks": marks, "seeds": [0, 1], "n_utterances": 339}
    about |= {"labels": ["a", "b"], "recall": {"a": 0.5, "b": 0.25}, "confusion": [[2, 2], [3, 1]]}
    return {**about, **scores, "uar_ci95": [0.7, 0.8], "chance": {"uar": 0.25, "accuracy": 0.375}}


@pytest.mark.parametrize("width", [None, 80, 120, 200])
@pytest.mark.parametrize("length", [10, 160])
def test_no_score_and_no_mark_is_cut_off(width: int | None, length: int) -> None:
    marks = ["ORACLE", "SPEAKER-DEPENDENT"]
    table = score_tables([group("x" * length, []), group("y" * length, marks)], width)
    together = "".join(table.split())
    assert together.count("76.5±1.2") >= 4
    assert together.count("70.0to80.0") == 2
    assert table.count("x") >= length
    assert "…" not in table
    assert all(len(line) <= (width or 1000) for line in table.splitlines()[:10])


def test_marked_results_stand_below_the_others() -> None:
    table = score_tables([group("b", ["ORACLE"]), group("a", [])])
    assert table.index("Scores on test") < table.index("Marked") < table.index("ORACLE")
