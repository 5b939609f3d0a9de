"""`sercli export`: what is in a bundle, what it is made from, what is refused; on the real command."""

import json
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open
from support.command import FIXABLE, USAGE, Sercli
from support.errors import refused

from sercli.bundles import bundle as bundles
from sercli.evaluation.marks import Mark
from sercli.report.card import card

FILES = ["SHA256SUMS", "autoencoder.safetensors", "bundle.yaml", "card.md", "classifier.safetensors"]
NAME = "cvae-8.lstm"


def content(bundle: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(bundle.iterdir())}


def metadata(path: Path) -> dict[str, object]:
    with safe_open(path, "np") as weights:
        (found,) = weights.metadata().values()
    return dict(json.loads(found))


# --- what is in it


def test_a_bundle_says_what_it_is(bundle: Path, exported: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == FILES
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=bundle, check=True)
    about = yaml.safe_load((bundle / "bundle.yaml").read_text())
    scores = json.loads((exported / "results" / NAME / "scores.json").read_text())
    assert about["format"] == 2
    assert about["classes"] == ["anger", "neutral", "sadness"]
    assert about["frontend"]["config"]["n_mels"] == 80
    assert (about["frontend"]["sample_rate"], about["segment_ms"]) == (16000, 100.0)
    assert {key: about["scores"][key] for key in ("uar", "uar_ci95", "recall", "chance")} == {
        key: scores[key] for key in ("uar", "uar_ci95", "recall", "chance")
    }
    assert about["fitted_on"]["left_out"] == "nobody"
    assert (about["fitted_on"]["utterances"], about["fitted_on"]["speakers"]) == (36, 4)


def test_the_card_has_the_scores_of_the_folds(bundle: Path, exported: Path) -> None:
    card = (bundle / "card.md").read_text()
    scores = json.loads((exported / "results" / NAME / "scores.json").read_text())
    low, high = (f"{100 * bound:.1f}" for bound in scores["uar_ci95"])
    assert f"| UA (mean recall) | {100 * scores['uar']:.1f} | {low} to {high} | 33.3 |" in card
    assert "not tested" in card
    for label, recall in scores["recall"].items():
        assert f"| {label} | {100 * recall:.1f} |" in card


def test_epochs_are_the_median_of_the_folds_best(bundle: Path, exported: Path) -> None:
    for kind, name in (("autoencoders", "cvae-8"), ("classifiers", NAME)):
        best = []
        for table in (exported / kind / name).glob("fold-*/history.tsv"):
            header, *rows = (line.split("\t") for line in table.read_text().splitlines())
            best += [float(row[0]) for row in rows if float(row[header.index("best")])]
        training = metadata(bundle / f"{kind[:-1]}.safetensors")["training"]
        assert isinstance(training, dict)
        assert training["epochs"] == round(statistics.median(best))


def test_a_fold_gives_its_very_models(fold_bundle: Path, exported: Path) -> None:
    for kind, name in (("autoencoders", "cvae-8"), ("classifiers", NAME)):
        theirs = (exported / kind / name / "fold-1" / "model.safetensors").read_bytes()
        assert (fold_bundle / f"{kind[:-1]}.safetensors").read_bytes() == theirs
    scores = json.loads((exported / "results" / NAME / "scores.json").read_text())
    about = yaml.safe_load((fold_bundle / "bundle.yaml").read_text())
    own = next(one for one in scores["per_fold"] if one["fold"] == 1)
    assert about["scores"]["this_fold"]["uar"] == own["uar"]
    assert f"these models reach WA {100 * own['accuracy']:.1f} %" in (fold_bundle / "card.md").read_text()


def test_without_an_autoencoder_there_is_none(control_bundle: Path) -> None:
    assert sorted(content(control_bundle)) == [name for name in FILES if not name.startswith("auto")]


# --- made again, mended, refused


def test_the_same_bytes_at_another_place(sercli: Sercli, bundle: Path, exported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(exported, tmp_path / "elsewhere"))
    sercli("export", store, "--classifier", NAME, tmp_path / "again", "--overwrite")
    assert content(tmp_path / "again") == content(bundle)


def test_nothing_to_do_and_mending(sercli: Sercli, bundle: Path, exported: Path, tmp_path: Path) -> None:
    target = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    again = sercli("export", exported, "--classifier", NAME, target, "--json")
    assert "nothing to do" in again.stderr
    outcome = json.loads(again.stdout)
    assert (outcome["product"], outcome["made"]) == (str(target), [])
    (target / "card.md").write_text("best ever")
    (target / "autoencoder.safetensors").unlink()
    sercli("export", exported, "--classifier", NAME, target)
    assert content(target) == content(bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_dry_run_makes_nothing(sercli: Sercli, trained_store: Path, tmp_path: Path) -> None:
    done = sercli("export", trained_store, "--classifier", NAME, tmp_path / "bundle", "--dry-run")
    assert f"would make bundles/{NAME}/all" in done.stderr
    assert not (tmp_path / "bundle").exists()
    assert not (trained_store / "bundles").exists()


def test_a_bundle_is_not_put_in_the_place_of_something_else(
    sercli: Sercli, bundle: Path, exported: Path, tmp_path: Path
) -> None:
    words = ["export", exported, "--classifier", NAME]
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "thesis.tex").write_text("years of work")
    refused(sercli, FIXABLE, {"place": "thesis", "fix": "another folder"}, *words, thesis)
    refused(sercli, FIXABLE, {"place": "thesis.tex"}, *words, thesis / "thesis.tex", "--overwrite")
    target = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    (target / "notes.txt").write_text("mine")
    refused(sercli, FIXABLE, {"place": "notes.txt", "fix": "move it"}, *words, target)
    (target / "notes.txt").unlink()
    other = [*words, target, "--fold", 1]
    fields = {"seen": f"{NAME} (toy)", "expected": f"{NAME}.fold-1 (toy)", "fix": "--overwrite"}
    refused(sercli, FIXABLE, fields, *other)
    assert content(target) == content(bundle)
    sercli(*other, "--overwrite")
    assert yaml.safe_load((target / "bundle.yaml").read_text())["name"] == f"{NAME}.fold-1"


def test_nor_in_that_of_another_corpus(sercli: Sercli, bundle: Path, exported: Path, tmp_path: Path) -> None:
    target = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    about = target / "bundle.yaml"
    about.write_text(about.read_text().replace("name: toy", "name: another"))
    fields = {"seen": f"{NAME} (another)", "expected": f"{NAME} (toy)", "fix": "--overwrite"}
    refused(sercli, FIXABLE, fields, *export(exported, NAME, target))


def test_a_link_is_followed(sercli: Sercli, bundle: Path, exported: Path, tmp_path: Path) -> None:
    """What a killed command has left beside the bundle is cleared away."""
    (tmp_path / "disk").mkdir()
    link = tmp_path / "bundle"
    link.symlink_to("disk/bundle")
    (tmp_path / "disk" / ".bundle-new").mkdir()
    for _ in range(2):
        sercli(*export(exported, NAME, link))
    assert link.is_symlink()
    assert content(tmp_path / "disk" / "bundle") == content(bundle)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_dir()) == ["bundle", "bundle", "disk"]


def test_the_card_of_shared_speakers_does_not_deny_them(bundle: Path) -> None:
    info = bundles.read(bundle).info
    assert "without their test speakers" in card(info)
    shared = card(replace(info, marks=("SPEAKER-DEPENDENT",), classes=("a\x1b[31m", "b", "c")))
    assert "without their test utterances" in shared
    assert Mark.SPEAKER_DEPENDENT.meaning in shared
    assert "\x1b" not in shared


def test_what_needs_more_than_the_file_is_refused(sercli: Sercli, trained_store: Path, tmp_path: Path) -> None:
    store, target = trained_store, tmp_path / "bundle"
    one = ["--fold", 1, "--jobs", 1]
    sercli(
        "train-classifier", store, "--classifier", "functionals", "--normalise", "speaker", "--name", "speaker", *one
    )
    sercli("encode", store, "--ae", "cvae-8", "--condition", "oracle", *one)
    for name, option in (("oracle", "--condition"), ("sample", "--latents")):
        sercli("train-lstm", store, "--ae", "cvae-8", option, name, "--epochs", 1, "--name", name, *one)
    needs = {"speaker": "--normalise speaker", "oracle": "--condition oracle", "sample": "--latents sample"}
    for name, need in needs.items():
        refused(sercli, FIXABLE, {"place": name, "seen": need}, *export(store, name, target))
    assert not target.exists()


def export(store: Path, name: str, target: Path, *more: object) -> list[object]:
    return ["export", store, "--classifier", name, target, *more]


def test_what_is_not_whole_is_refused(sercli: Sercli, trained_store: Path, tmp_path: Path) -> None:
    store, target = trained_store, tmp_path / "bundle"
    refused(
        sercli,
        FIXABLE,
        {"seen": "none-such", "expected": "cvae-8.lstm"},
        *export(store, "none-such", target),
    )
    refused(
        sercli, USAGE, {"place": "--fold", "seen": "9", "expected": "1 to 4"}, *export(store, NAME, target, "--fold", 9)
    )
    shutil.rmtree(store / "results")
    refused(
        sercli, FIXABLE, {"place": f"results/{NAME}", "fix": f"sercli evaluate {store}"}, *export(store, NAME, target)
    )
    shutil.rmtree(store / "classifiers" / NAME / "fold-2")
    sercli("evaluate", store, "--jobs", 1)
    refused(
        sercli,
        FIXABLE,
        {"place": NAME, "seen": "3", "expected": "4", "fix": ("train", "evaluate")},
        *export(store, NAME, target),
    )
    assert not target.exists()


def test_a_corrected_label_makes_what_to_expect_stale(sercli: Sercli, exported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(exported, tmp_path / "toy"))
    table = store / "corpus" / "utterances.tsv"
    table.write_text(re.sub(r"\tanger\t", "\tneutral\t", table.read_text(), count=1))
    fields = {"problem": "stale", "fix": f"sercli folds {store}"}
    refused(sercli, FIXABLE, fields, *export(store, NAME, tmp_path / "bundle"))


CLAIMS: dict[str, Callable[[dict[str, object]], object]] = {
    "classes": lambda about: about.update(classes=["neutral", "anger", "sadness"]),
    "front end": lambda about: about["frontend"]["config"].update(n_mels=40),  # type: ignore[index]
    "autoencoder": lambda about: about["autoencoder"].update(latent_dim=9),  # type: ignore[attr-defined]
    "normalisation": lambda about: about["classifier"].update(normalise="utterance"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_models_that_do_not_fit_what_is_said_of_them(
    claim: str, sercli: Sercli, bundle: Path, corpus: Path, tmp_path: Path
) -> None:
    """Digests and all are right, but for what the bundle claims to be."""
    copy = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    about = yaml.safe_load((copy / "bundle.yaml").read_text())
    CLAIMS[claim](about)
    (copy / "bundle.yaml").write_text(yaml.safe_dump(about))
    sums = subprocess.check_output(["sha256sum", *FILES[1:]], cwd=copy, text=True)
    (copy / "SHA256SUMS").write_text(sums)
    refused(sercli, FIXABLE, {"place": str(copy), "fix": "export"}, "predict", copy, corpus)
