"""Results of a system over its seeds."""

import json
from pathlib import Path

import pytest
from support.command import Sercli


def test_seeds_with_other_folds_are_not_averaged(store: Path, sercli: Sercli) -> None:
    for seed, folds in ((0, [1]), (1, [2]), (2, [1])):
        chosen = [word for fold in folds for word in ("--fold", fold)]
        sercli("train-classifier", store, "--classifier", "functionals", "--seed", seed, *chosen, "--jobs", 1)
    groups = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["groups"]
    assert sorted(group["seeds"] for group in groups) == [
        [0],
        [1],
    ]  # no seed changes a closed form, so the third is a copy of the first
    assert all(group["marks"] == ["TEXT-SHARED", "PARTIAL"] for group in groups)


def test_every_score_has_its_interval(trained_store: Path, sercli: Sercli) -> None:
    """Of one classifier and of the group; that of the mean over one seed is the one of that seed."""
    evaluation = json.loads(sercli("evaluate", trained_store, "--json", "--overwrite", "--jobs", 1).stdout)
    scores, group = evaluation["results"][0], evaluation["groups"][0]
    for key in ("accuracy", "uar", "macro_f1", "weighted_f1"):
        low, high = scores[f"{key}_ci95"]
        assert 0 <= low <= scores[key] <= high <= 1
        assert group[f"{key}_ci95"] == pytest.approx([low, high])
