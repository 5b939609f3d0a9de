"""Scores that the paper prints stand beside the systems that they are of, and beside no others."""

from dataclasses import replace
from typing import Any

import pytest
from support.results import FACTS

from sercli.report.paper import printed_scores


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, {"accuracy": 64.93, "uar": 62.81}),
        ({"subset": "complete"}, {"accuracy": 61.08, "uar": 58.10}),
        ({"latent_dim": 32}, {}),
        ({"model": None}, {}),
        ({"protocol": "leave-one-speaker-out"}, {}),
        (
            {"target": "power", "bins": "paper", "subset": "complete", "protocol": "leave-one-speaker-out"},
            {"macro_f1": 53.84},
        ),
        ({"target": "power", "bins": "tian", "subset": "complete", "protocol": "leave-one-speaker-out"}, {}),
    ],
)
def test_printed_scores_stand_where_they_apply(changed: dict[str, Any], wanted: dict[str, float]) -> None:
    values = {"subset": "improvised", "protocol": "leave-one-session-out", "latent_dim": 128, "model": "cvae"}
    facts = replace(FACTS, **values | changed)
    assert printed_scores(facts, "iemocap", has_default_classes=True) == wanted
    assert printed_scores(facts, "emodb", has_default_classes=True) == {}
    assert printed_scores(replace(facts, classifier_kind="functionals"), "iemocap", has_default_classes=True) == {}
