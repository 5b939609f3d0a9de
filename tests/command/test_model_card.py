"""The card of a bundle: licence, versions, spread, and how the system was chosen."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import yaml
from support.command import Sercli

from sercli.data.utterances import read_table


def card_of(sercli: Sercli, store: Path, name: str, fold: int = 1) -> str:
    bundle = store.with_name(f"bundle-of-{name}")
    sercli("export", store, "--classifier", name, bundle, "--fold", fold)
    return (bundle / "card.md").read_text()


def test_what_the_card_of_models_for_all_speakers_says(bundle: Path, exported: Path, sercli: Sercli) -> None:
    card, facts = (bundle / "card.md").read_text(), yaml.safe_load((bundle / "bundle.yaml").read_text())["facts"]
    assert "## Use" in card
    assert "AI Act" in card
    assert "Licence of the corpus" in card
    assert f"torch {version('torch')}" in card
    assert re.search(r"UA by gender: female [\d.]+ % \(18 utterances\), male [\d.]+ % \(18 utterances\)", card)
    assert re.search(r"UA by speaker: .* over 4 speakers", card)
    assert "classifier 4 of 4 folds, autoencoder 4 of 4 folds" in card
    assert "2 systems of its task could be ranked" in card
    assert facts["selection"]["systems"] == 2
    assert {facts["selection"]["place_on_dev"], facts["selection"]["place_on_test"]} <= {1, 2}
    assert "OK" in sercli("verify", exported, facts["results"]).stdout


def test_a_speaker_is_named_nowhere(bundle: Path, exported: Path) -> None:
    facts = json.dumps(yaml.safe_load((bundle / "bundle.yaml").read_text())["facts"])
    speakers = {row["speaker"] for row in read_table(exported / "corpus" / "utterances.tsv")}
    assert len(speakers) == 4
    assert not [speaker for speaker in speakers if speaker in facts]


def test_the_only_system_and_fits_without_a_record(trained_store: Path, sercli: Sercli) -> None:
    for path in trained_store.glob("*/*/fold-*/fit.json"):
        path.unlink()
    card = card_of(sercli, trained_store, "cvae-8.lstm")
    assert "no other system" in card
    assert "fits without a record 2" in card


def test_a_point_of_a_sweep_has_the_nested_score_beside_it(store: Path, tmp_path: Path, sercli: Sercli) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text("name: sizes\nfixed: {classifier: functionals, model: none}\naxes: {C: [0.01, 1.0]}\n")
    sercli("sweep", store, grid, "--jobs", 1)
    rows = [line.split("\t") for line in (store / "sweeps" / "sizes" / "results.tsv").read_text().splitlines()]
    header = rows[0]
    (nested,) = [dict(zip(header, row, strict=True)) for row in rows[1:] if row[header.index("row")] == "nested"]
    point = next(row[header.index("classifier")] for row in rows[1:] if row[header.index("row")] == "point")
    card = card_of(sercli, store, point)
    assert (
        f"the sweep sizes: choosing a point by dev in each fold reaches UA {100 * float(nested['uar']):.1f} %" in card
    )
