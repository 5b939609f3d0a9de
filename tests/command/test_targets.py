"""Targets, subsets and folds from a file, through the whole pipeline, on the real command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command import Sercli, Words, in_turn, run_sercli
from support.errors import refused, text_of
from support.stores import files, same

from sercli.data.utterances import read_table
from sercli.learning import checkpoints
from sercli.store.ragged import Ragged

FIXABLE, USAGE = 1, 2
Row = dict[str, str]
AUTOENCODER: Words = ["--latent-dim", 2, "--set", "hidden=16", "--epochs", 1, "--fold", 1, "--jobs", 1]
LSTM: Words = ["--set", "hidden=8", "--epochs", 1, "--fold", 1, "--jobs", 1]


def rows_of(store: Path, name: str = "corpus/utterances.tsv") -> list[Row]:
    return list(read_table(store / name))


def write_folds(path: Path, store: Path, fold: Callable[[Row], str]) -> Path:
    """A table such as another system writes it: with a mark at the start, and the line ends of Windows."""
    lines = ["utt_id\tfold", *(f"{row['utt_id']}\t{fold(row)}" for row in rows_of(store))]
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    return path


def metadata(path: Path) -> dict[str, Any]:
    return dict(checkpoints.read(path)[1])


# --- folds from a file


@pytest.fixture(scope="module")
def backwards(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store where everything was made under folds from a file, the last speaker first. Not to be changed."""
    folder = tmp_path_factory.mktemp("backwards")
    store = Path(shutil.copytree(featurized, folder / "toy"))
    order = sorted({row["speaker"] for row in rows_of(store)}, reverse=True)
    path = write_folds(folder / "FOLDS.tsv", store, lambda row: f"group-{order.index(row['speaker'])}")
    task: Words = ["--folds-file", path]
    in_turn(
        store,
        ["train-ae", "STORE", "--model", "vae", "--name", "vae", *task, *AUTOENCODER],
        ["encode", "STORE", "--ae", "vae", "--fold", 1, "--jobs", 1],
        ["train-lstm", "STORE", "--ae", "vae", "--name", "vae.lstm", *LSTM],
        ["evaluate", "STORE", "--jobs", 1],
    )
    return store


def test_one_digest_of_the_folds_is_in_all_that_is_made(backwards: Path, sercli: Sercli) -> None:
    (task,) = (backwards / "tasks").iterdir()
    assert task.name.startswith("emotion.file-")
    provenance = json.loads((task / "provenance.json").read_text())
    assert task.name.endswith(provenance["config"]["folds"][:8])
    latents = "arrays.zarr/latents/vae/unconditional/fold-1"
    scores = json.loads((backwards / "results/vae.lstm/scores.json").read_text())
    digests = {
        "task": provenance["inputs"]["folds"],
        "autoencoder": metadata(backwards / "autoencoders/vae/fold-1/model.safetensors")["folds"],
        "latents": Ragged(backwards / latents, {}).attributes["folds"],
        "classifier": metadata(backwards / "classifiers/vae.lstm/fold-1/model.safetensors")["folds"],
        "result": scores["folds"],
    }
    for key in ("autoencoders/vae/fold-1", "classifiers/vae.lstm/fold-1", "results/vae.lstm"):
        digests[key] = json.loads((backwards / key / "provenance.json").read_text())["inputs"]["folds"]
    assert len(set(digests.values())) == 1, digests
    assert len(digests["task"]) == 64
    tested = {row["speaker"] for row in rows_of(backwards, "results/vae.lstm/predictions.tsv") if row["part"] == "test"}
    assert tested == {max(row["speaker"] for row in rows_of(backwards))}
    assert (scores["protocol"], scores["marks"]) == ("file", ["TEXT-SHARED", "PARTIAL"])


def test_the_file_is_no_longer_needed(backwards: Path, tmp_path: Path, sercli: Sercli) -> None:
    """The task keeps it: by the task's name, all goes on."""
    store = Path(shutil.copytree(backwards, tmp_path / "toy"))
    (task,) = (path.name for path in (store / "tasks").iterdir())
    before = files(store)
    assert "nothing to do" in sercli("folds", store, "--task", task).stderr
    assert "nothing to do" in sercli("evaluate", store).stderr
    assert files(store) == before
    sercli("train-classifier", store, "--classifier", "functionals", "--task", task, "--fold", 2, "--jobs", 1)


def test_other_folds_than_the_autoencoder_s_are_refused(backwards: Path, sercli: Sercli) -> None:
    (task,) = (path.name for path in (backwards / "tasks").iterdir())
    fitted_folds = json.loads((backwards / "results/vae.lstm/scores.json").read_text())["folds"][:8]
    before = files(backwards)
    options = ["--ae", "vae", "--protocol", "leave-one-speaker-out"]
    fields = {
        "place": "task emotion.leave-one-speaker-out (folds ",
        "seen": ("in fold 1 ", "train"),
        "expected": f"task {task} (folds {fitted_folds})",
    }
    refused(sercli, USAGE, fields, "train-lstm", backwards, *options, *LSTM)
    assert files(backwards) == before


def test_our_own_table_is_taken_back(featurized: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = Path(shutil.copytree(featurized, tmp_path / "toy"))
    ours = sercli("folds", store, "--details").stdout
    table = store / "tasks/emotion.leave-one-speaker-out/folds.tsv"
    sercli("folds", store, "--folds-file", table, "--task", "theirs")
    assert [
        {key: cell for key, cell in row.items() if key.startswith("fold-")}
        for row in rows_of(store, "tasks/theirs/folds.tsv")
    ] == [
        {key: cell for key, cell in row.items() if key.startswith("fold-")} for row in rows_of(table.parent, table.name)
    ]
    counts = [line.split("\t")[-3:] for line in ours.splitlines()]
    assert [
        line.split("\t")[-3:] for line in sercli("folds", store, "--task", "theirs", "--details").stdout.splitlines()
    ] == counts


def test_speakers_may_be_shared_where_every_score_says_so(featurized: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = Path(shutil.copytree(featurized, tmp_path / "toy"))
    numbers = {row["utt_id"]: index for index, row in enumerate(rows_of(store))}
    path = write_folds(tmp_path / "FOLDS.tsv", store, lambda row: f"{numbers[row['utt_id']] % 3}")
    fields = {
        "place": ("FOLDS.tsv", "fold 1 (0)"),
        "seen": " in train and ",
        "fix": "--protocol speaker-dependent-file",
    }
    refused(sercli, FIXABLE, fields, "folds", store, "--folds-file", path)
    options = ["--folds-file", path, "--protocol", "speaker-dependent-file", "--jobs", 1]
    sercli("train-classifier", store, "--classifier", "functionals", *options)
    (result,) = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["results"]
    assert result["marks"] == ["SPEAKER-DEPENDENT"]
    assert "SPEAKER-DEPENDENT" in sercli("evaluate", store).stdout


BAD_FOLDS: dict[str, tuple[Callable[[str], object], dict[str, str]]] = {
    "a speaker in two parts": (lambda text: text.replace("\tA", "\tB", 1), {"place": "fold 1 (A)", "seen": " in dev and test"}),
    "an utterance left out": (lambda text: text[: text.rindex("\n", 0, -1) + 1], {"seen": "1 of 36"}),
    "an utterance twice": (lambda text: text + text.splitlines()[-1] + "\n", {"place": "line 38", "problem": "twice"}),
    "no table": (lambda text: "\x00\x01\x02", {"expected": "utt_id"}),
    "no text": (lambda text: b"\xff\xfe\x00", {"problem": "UTF-8"}),
}  # fmt: skip


@pytest.mark.parametrize("situation", BAD_FOLDS)
@pytest.mark.parametrize("command", ["folds", "train-ae"])
def test_folds_that_cannot_be_used(
    situation: str, command: str, featurized: Path, tmp_path: Path, sercli: Sercli
) -> None:
    change, fields = BAD_FOLDS[situation]
    order = sorted({row["speaker"] for row in rows_of(featurized)})
    lines = [f"{row['utt_id']}\t{'ABCD'[order.index(row['speaker'])]}" for row in rows_of(featurized)]
    content = change("utt_id\tfold\n" + "\n".join(lines) + "\n")
    path = tmp_path / "FOLDS.tsv"
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    before = files(featurized)
    error = refused(sercli, FIXABLE, fields, command, featurized, "--folds-file", path)
    assert str(path) in text_of(error)
    assert files(featurized) == before


def test_no_folds_file(featurized: Path, tmp_path: Path, sercli: Sercli) -> None:
    none = tmp_path / "none.tsv"
    fields = {"place": str(none), "problem": "No such file", "expected": "utt_id and fold"}
    refused(sercli, FIXABLE, fields, "folds", featurized, "--folds-file", none)
    refused(
        sercli, USAGE, {"place": "--protocol file", "fix": "--folds-file"}, "folds", featurized, "--protocol", "file"
    )


# --- targets and subsets


def test_emotion_means_the_four_classes_without_being_told(iemocap_store: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = Path(shutil.copytree(iemocap_store, tmp_path / "iemocap"))
    found = json.loads(sercli("folds", store, "--json").stdout)
    assert found["product"].startswith("emotion.")
    assert found["classes"] == ["neutral", "happiness", "sadness", "anger"]
    means = {"excited": "happiness", **{label: label for label in found["classes"]}}
    labels = {row["utt_id"]: row["label"] for row in rows_of(store / "tasks" / found["product"], "folds.tsv")}
    known = {row["utt_id"]: means[row["emotion"]] for row in rows_of(store) if row["emotion"] in means}
    assert labels == known


@pytest.mark.parametrize("subset", ["improvised", "scripted"])
def test_a_subset_has_its_style_alone(subset: str, iemocap_store: Path, tmp_path: Path, sercli: Sercli) -> None:
    store = Path(shutil.copytree(iemocap_store, tmp_path / "iemocap"))
    found = json.loads(sercli("folds", store, "--target", "valence", "--subset", subset, "--json").stdout)
    assert found["product"] == f"valence.{subset}.{found['product'].rpartition('.')[2]}"
    labelled = {row["utt_id"] for row in rows_of(store / "tasks" / found["product"], "folds.tsv")}
    assert labelled == {row["utt_id"] for row in rows_of(store) if row["style"] == subset and row["valence"]}


def test_further_utterances_keep_their_labels(iemocap_store: Path, tmp_path: Path, sercli: Sercli) -> None:
    """With `--fit-on all` the same speech is read under a subset as under none, so a CVAE is told the same of it."""
    store = Path(shutil.copytree(iemocap_store, tmp_path / "iemocap"))
    frequencies = []
    for subset in ("improvised", "complete"):
        words: Words = ["--model", "cvae", "--name", subset, "--subset", subset, "--fit-on", "all", *AUTOENCODER]
        sercli("train-ae", store, *words)
        state, _ = checkpoints.read(store / f"autoencoders/{subset}/fold-1/model.safetensors")
        frequencies.append(state["model.frequencies"].tolist())
    assert frequencies[0] == frequencies[1]
    assert 0 < frequencies[0][-1] < 0.5


@pytest.fixture(scope="module")
def two_labellings(iemocap_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two stores that differ in the emotions and the arousal of the first session alone, which fold 1 tests."""
    stores = []
    ae: Words = ["--ae", "cvae"]
    for turn in (0, 1):
        store = Path(shutil.copytree(iemocap_store, tmp_path_factory.mktemp("labelling") / "iemocap"))
        rows = rows_of(store)
        tested = [row for row in rows if row["session"] == "Ses01"]
        for column in ("emotion", "emotion_code", "arousal"):
            cells = [row[column] for row in tested]
            for row, cell in zip(tested, cells[turn:] + cells[:turn], strict=True):
                row[column] = cell
        lines = ["\t".join(row) for row in (rows[0], *(row.values() for row in rows))]
        (store / "corpus" / "utterances.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        task: Words = ["--target", "arousal", "--protocol", "leave-one-session-out"]
        conditions = [
            ["--condition", condition] for condition in ("marginal", "posterior", "posterior-segment", "oracle")
        ]
        in_turn(
            store,
            ["train-ae", "STORE", "--model", "cvae", "--name", "cvae", *task, *AUTOENCODER],
            *(["encode", "STORE", *ae, *words, "--fold", 1, "--jobs", 1] for words in conditions),
            ["train-lstm", "STORE", *ae, "--name", "arousal", *LSTM],
            ["train-lstm", "STORE", *ae, "--target", "valence", *LSTM],
            ["evaluate", "STORE", "--jobs", 1],
        )
        stores.append(store)
    assert (stores[0] / "corpus" / "utterances.tsv").read_bytes() != (
        stores[1] / "corpus" / "utterances.tsv"
    ).read_bytes()
    return stores[0], stores[1]


def test_test_labels_of_either_kind_change_no_model_and_no_latent(two_labellings: tuple[Path, Path]) -> None:
    """The CVAE of a dimension is told emotions: those of test speakers must not reach it either."""
    first, second = two_labellings
    categories = metadata(first / "autoencoders/cvae/fold-1/model.safetensors")["categories"]
    assert categories == ["neutral", "happiness", "sadness", "anger"]
    latents = "arrays.zarr/latents/cvae"
    label_free = [f"{latents}/{condition}" for condition in ("marginal", "posterior", "posterior-segment")]
    for product in ("autoencoders", "classifiers", *label_free, "predictions"):
        same(first / product, second / product)
    tested = sorted(row["utt_id"] for row in rows_of(first) if row["session"] == "Ses01")
    oracles = [Ragged(store / latents / "oracle/fold-1", {}) for store in two_labellings]
    left, right = (ragged.rows("mean", tested)[0] for ragged in oracles)
    assert not np.array_equal(left, right), "the test would notice nothing"
    truths = [[row["truth"] for row in rows_of(store, "results/arousal/predictions.tsv")] for store in two_labellings]
    assert truths[0] != truths[1]


def test_dimensions_share_an_autoencoder(two_labellings: tuple[Path, Path], sercli: Sercli) -> None:
    store = two_labellings[0]
    assert [path.name for path in (store / "autoencoders").iterdir()] == ["cvae"]
    (valence,) = (path.name for path in (store / "classifiers").iterdir() if path.name != "arousal")
    assert valence.startswith("cvae.valence.lstm")
    scores = json.loads((store / "results" / valence / "scores.json").read_text())
    assert (scores["target"], scores["task"]) == ("valence", "valence.leave-one-session-out")
    assert scores["folds"] == json.loads((store / "results/arousal/scores.json").read_text())["folds"]
    words = "arousal (paper)|valence (paper)"
    refused(sercli, FIXABLE, words, "compare", store, "arousal", valence)


def test_emotions_on_an_autoencoder_of_a_dimension(two_labellings: tuple[Path, Path], sercli: Sercli) -> None:
    """All that it was fitted on has an emotion or none; the four classes lie within, and are not told."""
    store = two_labellings[0]
    done = sercli("train-lstm", store, "--ae", "cvae", "--target", "emotion", *LSTM, "--dry-run")
    assert done.stdout.startswith("cvae.emotion.lstm.")
    assert "would make classifiers/cvae.emotion.lstm." in done.stderr


def test_a_target_that_reaches_beyond_the_autoencoder_s_is_refused(
    two_labellings: tuple[Path, Path], sercli: Sercli
) -> None:
    """An autoencoder of the improvised part has no latents of the rest."""
    store = two_labellings[0]
    options = ["--target", "emotion", "--subset", "improvised", "--protocol", "leave-one-speaker-out"]
    fields = {"seen": "10 and 5 folds", "expected": "task arousal.leave-one-session-out", "fix": "sercli train-ae"}
    refused(sercli, USAGE, fields, "train-lstm", store, "--ae", "cvae", *options, *LSTM)


def test_three_dimensions_in_one_sweep_have_one_autoencoder(iemocap_store: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(iemocap_store, tmp_path / "iemocap"))
    grid = tmp_path / "dimensions.yaml"
    grid.write_text(
        "fixed: {protocol: leave-one-session-out, ae.hidden: [16], ae.epochs: 1, classifier: functionals}\n"
        "axes: {target: [arousal, power, valence], system: {vae: {model: vae, latent_dim: 2}, bare: {model: none}}}\n"
    )
    run_sercli("sweep", store, grid, "--fold", 2, "--jobs", 1)
    assert len(list((store / "autoencoders").glob("*/fold-*"))) == 1
    assert len(list((store / "classifiers").glob("*/fold-*"))) == 6
    rows = rows_of(store, "sweeps/dimensions/results.tsv")
    assert [(row["row"], row["target"], row["system"]) for row in rows] == [
        *(("point", target, system) for target in ("arousal", "power", "valence") for system in ("vae", "bare")),
        *(("nested", target, "") for target in ("arousal", "power", "valence")),
    ]


def test_a_sweep_under_somebody_else_s_folds(featurized: Path, tmp_path: Path, sercli: Sercli) -> None:
    """The file is named in the grid; the task may have a name of its own."""
    store = Path(shutil.copytree(featurized, tmp_path / "toy"))
    order = sorted({row["speaker"] for row in rows_of(store)})
    path = write_folds(tmp_path / "FOLDS.tsv", store, lambda row: f"{order.index(row['speaker'])}")
    grid = tmp_path / "theirs.yaml"
    grid.write_text(
        f"fixed: {{folds_file: {path}, task: theirs, ae.hidden: [16], ae.epochs: 1, classifier: functionals}}\n"
        "axes: {model: [none, vae], latent_dim: [2]}\n"
    )
    sercli("sweep", store, grid, "--fold", 1, "--jobs", 2)
    assert [path.name for path in (store / "tasks").iterdir()] == ["theirs"]
    rows = rows_of(store, "sweeps/theirs/results.tsv")
    assert [(row["row"], row["model"], row["protocol"]) for row in rows] == [
        ("point", "none", "file"),
        ("point", "vae", "file"),
        ("nested", "", "file"),
    ]
    path.unlink()
    refused(sercli, FIXABLE, f"model=none: {path}: No such file", "sweep", store, grid, "--fold", 1)
    grid.write_text(grid.read_text().replace(f"folds_file: {path}, ", ""))
    assert "2 points, 0 steps to do" in sercli("sweep", store, grid, "--fold", 1).stderr
