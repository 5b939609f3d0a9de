"""A dry run checks everything that the real run checks."""

from pathlib import Path

import pytest
from support.command import USAGE, Sercli
from support.errors import refused

OPTIONS = [
    ("train-lstm", "pooling=attentoin", "lstm: pooling"),
    ("train-lstm", "hidden=0", "lstm: hidden"),
    ("train-lstm", "hiden=8", "lstm"),
    ("train-lstm", "weight_averaging=1", "training: weight_averaging"),
    ("train-ae", "hidden=0", "vae: hidden"),
    ("train-ae", "beta=much", "vae: beta"),
    ("featurize", "n_mels=many", "logmel: n_mels"),
    ("featurize", "n_fft=100", "logmel"),
]


@pytest.mark.parametrize(("command", "option", "place"), OPTIONS)
def test_a_dry_run_refuses_an_option_that_the_real_run_refuses(
    command: str, option: str, place: str, sercli: Sercli, store: Path
) -> None:
    name = ["--name", "new"]
    errors = [
        refused(sercli, USAGE, {"place": place}, command, store, *name, "--set", option, *dry)
        for dry in ([], ["--dry-run"])
    ]
    assert errors[0] == errors[1]
    assert not (store / "classifiers").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_segment_shift_between_frames_is_refused(dry: list[str], sercli: Sercli, store: Path) -> None:
    refused(sercli, USAGE, "--segment-shift-ms", "train-lstm", store, "--segment-shift-ms", 15, *dry)
