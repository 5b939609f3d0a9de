"""Temperatures, rejected answers, and posteriors that are not finite, on the real commands."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from support.command import FIXABLE, Sercli
from support.errors import refused

from sercli.bundles import bundle as bundles
from sercli.data.utterances import read_table
from sercli.evaluation.calibration import arrays, calibrated, fit_temperature
from sercli.learning import checkpoints

LABELS = ["anger", "neutral", "sadness"]
NAME = "cvae-8.lstm"
Change = Callable[[dict[str, torch.Tensor]], object]


def quality(store: Path, name: str) -> dict[str, dict[str, object]]:
    return dict(json.loads((store / "results" / name / "scores.json").read_text())["posteriors"])


def temperatures(store: Path, name: str) -> dict[int, tuple[float, int, str]]:
    """By fold."""
    values = json.loads((store / "results" / name / "scores.json").read_text())["posteriors"]["temperatures"]
    return {t["fold"]: (t["value"], t["n_utterances"], t["note"]) for t in values}


def dev_rows(store: Path, name: str, fold: int | None = None) -> list[dict[str, str]]:
    rows = read_table(store / "results" / name / "predictions.tsv")
    return [row for row in rows if row["part"] == "dev" and fold in (None, int(row["fold"]))]


def change_weights(path: Path, change: Change) -> None:
    state, about = checkpoints.read(path)
    change(state)
    checkpoints.write(path, state, about)


def change_classifier(store: Path, name: str, fold: int, change: Change) -> None:
    """Other weights in a published product, whose digest of the file is right."""
    folder = store / "classifiers" / name / f"fold-{fold}"
    change_weights(folder / "model.safetensors", change)
    provenance = json.loads((folder / "provenance.json").read_text())
    provenance["files"]["model.safetensors"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "provenance.json").write_text(json.dumps(provenance))


def changed(bundle: Path, target: Path, change: Change) -> Path:
    """A copy of a bundle with another classifier, whose digests are right."""
    copy = Path(shutil.copytree(bundle, target))
    change_weights(copy / "classifier.safetensors", change)
    names = [name for name in sorted(path.name for path in copy.iterdir()) if name != "SHA256SUMS"]
    sums = [f"{hashlib.sha256((copy / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (copy / "SHA256SUMS").write_text("".join(sums))
    return copy


# --- temperatures


def test_a_temperature_is_fitted_on_the_dev_part_of_its_fold(exported: Path) -> None:
    for name in (NAME, "control"):
        for fold, (value, n, note) in temperatures(exported, name).items():
            expected = fit_temperature(*arrays(dev_rows(exported, name, fold), LABELS))
            assert (value, n, note) == (expected.value, expected.n_utterances, expected.note)
    before, after = (quality(exported, "control")[state] for state in ("raw", "calibrated"))
    assert before["log_loss"] != after["log_loss"]


def test_a_bundle_has_the_temperature_of_its_dev_utterances(
    exported: Path, bundle: Path, fold_bundle: Path, control_bundle: Path
) -> None:
    """Of its fold; for models that are fitted on all speakers, of all folds."""
    everybody = fit_temperature(*arrays(dev_rows(exported, NAME), LABELS)).value
    expected = [
        (bundle, everybody, "36 dev utterances of 4 folds"),
        (fold_bundle, temperatures(exported, NAME)[1][0], "9 dev utterances of fold 1"),
        (control_bundle, temperatures(exported, "control")[2][0], "9 dev utterances of fold 2"),
    ]
    for path, temperature, fitted_on in expected:
        certainty = bundles.read(path).info.certainty
        assert certainty.temperature == pytest.approx(temperature)
        assert fitted_on in certainty.fitted_on
        assert f"temperature {temperature:.3g}" in (path / "card.md").read_text()
        assert "not calibrated" not in (path / "card.md").read_text()


def test_a_class_without_dev_utterances(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    """Speaker f03, who is dev in fold 1, has no sadness: one number is fitted from the other classes."""
    folder, store = Path(shutil.copytree(corpus, tmp_path / "corpus")), tmp_path / "store"
    table = folder / "utterances.tsv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("wav/f03_sadness")))
    sercli("ingest", folder, store)
    sercli("featurize", store)
    sercli("train-classifier", store, "--classifier", "functionals", "--name", "control", "--jobs", 1)
    sercli("evaluate", store, "--jobs", 1)
    assert {row["truth"] for row in dev_rows(store, "control", 1)} == {"anger", "neutral"}
    value, n, _ = temperatures(store, "control")[1]
    assert n == 6
    assert 0.05 <= value <= 20


@pytest.mark.parametrize("bias", [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]], ids=["uniform", "one class"])
def test_identical_posteriors(bias: list[float], sercli: Sercli, trained_store: Path, tmp_path: Path) -> None:
    """No answer is less certain than another, so none is rejected."""

    def forget(state: dict[str, torch.Tensor]) -> None:
        state["model.network.dense.weight"].zero_()
        state["model.network.dense.bias"].copy_(torch.tensor(bias))

    for fold in (1, 2, 3, 4):
        change_classifier(trained_store, NAME, fold, forget)
    sercli("evaluate", trained_store, "--overwrite", "--jobs", 1)
    values = temperatures(trained_store, NAME)
    if bias[0]:  # one in three is right at a confidence of 0.79
        assert {value for value, _, _ in values.values()} == {20.0}
    else:
        assert {(value, note) for value, _, note in values.values()} == {(1.0, "the dev posteriors are uniform")}
    after = quality(trained_store, NAME)["calibrated"]
    assert after["risk"] == pytest.approx([2 / 3] * 20)
    sercli("export", trained_store, tmp_path / "bundle", "--classifier", NAME, "--fold", 1)
    root = yaml.safe_load((trained_store / "corpus" / "corpus.yaml").read_text())["root"]
    lines = sercli("predict", tmp_path / "bundle", root, "--reject", 0.5, "--json").stdout.splitlines()
    assert {json.loads(line)["prediction"] for line in lines} == {"anger"}


# --- rejecting


@pytest.mark.parametrize("which", ["bundle", "fold_bundle", "control_bundle"])
def test_the_least_certain_answers_are_rejected(
    which: str, sercli: Sercli, exported: Path, corpus: Path, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(which)
    name, fold = {"bundle": (NAME, None), "fold_bundle": (NAME, 1), "control_bundle": ("control", 2)}[which]
    posteriors, _ = arrays(dev_rows(exported, name, fold), LABELS)
    temperature = bundles.read(path).info.certainty.temperature
    threshold = np.quantile(calibrated(posteriors, temperature).max(axis=1), 0.4)
    plain = [json.loads(line) for line in sercli("predict", path, corpus, "--json").stdout.splitlines()]
    done = sercli("predict", path, corpus, "--json", "--reject", 0.4)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row, with_answer in zip(rows, plain, strict=True):
        confidence = max(row["posteriors"].values())
        assert row == {**with_answer, "prediction": row["prediction"]}
        assert abs(confidence - threshold) < 1e-5 or (row["prediction"] is None) == (confidence < threshold)
    n = sum(row["prediction"] is None for row in rows)
    assert n > 0
    assert f"no answer for {n} of {len(rows)}" in done.stderr


def test_a_rejected_answer_is_an_empty_cell(sercli: Sercli, bundle: Path, corpus: Path) -> None:
    """Files, windows and standard input; the other columns stay."""
    first = min((corpus / "wav").iterdir())
    for words in ([first], [first, "--window", 0.5], ["--stdin-audio"]):
        with first.open("rb") as stream:
            plain = sercli("predict", bundle, *words, stdin=stream).stdout.splitlines()
        with first.open("rb") as stream:
            header, *lines = sercli("predict", bundle, *words, "--reject", 0.99, stdin=stream).stdout.splitlines()
        column = header.split("\t").index("prediction")
        assert header == plain[0]
        for line, with_answer in zip(lines, plain[1:], strict=True):
            cells, answered = line.split("\t"), with_answer.split("\t")
            assert cells[column] in ("", answered[column])
            assert cells[:column] + cells[column + 1 :] == answered[:column] + answered[column + 1 :]
        assert any(not line.split("\t")[column] for line in lines)


def test_shared_speakers_tell_nothing_of_new_ones(sercli: Sercli, store: Path, corpus: Path, tmp_path: Path) -> None:
    words = ["--classifier", "functionals", "--protocol", "random-10-fold", "--name", "shared", "--jobs", 1]
    sercli("train-classifier", store, *words)
    sercli("evaluate", store, "--jobs", 1)
    sercli("export", store, tmp_path / "bundle", "--classifier", "shared", "--fold", 1)
    assert "cannot reject" in (tmp_path / "bundle" / "card.md").read_text()
    fields = {"place": ("--reject", "shared"), "seen": "SPEAKER-DEPENDENT", "fix": "speaker-independent"}
    refused(sercli, FIXABLE, fields, "predict", tmp_path / "bundle", corpus, "--reject", 0.1)
    sercli("predict", tmp_path / "bundle", corpus)


# --- what is not finite


def overflow(state: dict[str, torch.Tensor]) -> None:
    """Finite weights whose logits are infinite: all gates are open, so that hidden units are far from 0."""
    for name, weights in state.items():
        if "forwards" in name:
            weights.fill_(100.0 if "bias" in name else 0.0)
    state["model.network.dense.weight"].fill_(3e38)


def test_posteriors_that_are_not_finite_are_an_error(
    sercli: Sercli, trained_store: Path, bundle: Path, corpus: Path, tmp_path: Path
) -> None:
    """They were labelled as the first class."""
    change_classifier(trained_store, NAME, 2, overflow)
    fields = {"place": (NAME, "fold 2"), "problem": "not finite", "seen": "nan", "fix": "train"}
    refused(sercli, FIXABLE, fields, "evaluate", trained_store, "--overwrite", "--jobs", 1)
    first = min((corpus / "wav").iterdir())
    done = sercli("predict", changed(bundle, tmp_path / "bundle", overflow), first, code=FIXABLE)
    assert done.stdout.splitlines()[1:] == []
    assert f"{first}: {NAME}: the posteriors are not finite" in done.stderr
