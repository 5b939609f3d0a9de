"""`--refit train+dev`: a second fit on train and dev for the epochs that dev has chosen; dev scores stay those of the first."""

import shutil
from pathlib import Path

import pytest
import torch
from support.command import QUICK, USAGE, Sercli, Words, in_turn, run_sercli
from support.errors import refused
from support.stores import same

from sercli import plugins
from sercli.config import build, read_yaml
from sercli.data.utterances import read_table
from sercli.experiments.catalogue import Catalogue
from sercli.experiments.fitted import create_autoencoder, create_classifier
from sercli.experiments.reading import ClassifierInput, Normaliser, segment_shape
from sercli.learning import checkpoints
from sercli.learning.batches import SegmentBatches
from sercli.learning.options import TrainingConfig
from sercli.learning.training import TrainingRun, fit, repeatable, seed_for
from sercli.store.store import Store

CLASSIFIERS = plugins.names("classifiers")
FOLD = 2
REFIT: Words = ["--refit", "train+dev"]
# Dev chooses less than all epochs, so that "the chosen number" is not the limit.
TRAINING: Words = ["--fold", FOLD, "--jobs", 1, "--epochs", 6, "--lr", 0.03, "--set", "patience=1"]


def systems(refit: Words) -> list[Words]:
    """A CVAE, classifiers on it, and classifiers on LogMel, all with or all without a refit."""
    word = "refit" if refit else "once"
    train: Words = ["train-classifier", "STORE", *TRAINING, *refit, "--classifier"]
    return [
        ["train-ae", "STORE", "--model", "cvae", "--latent-dim", 4, "--name", f"cvae.{word}", *TRAINING, *refit],
        *([*train, kind, "--name", f"{kind}.{word}"] for kind in CLASSIFIERS),
    ]


@pytest.fixture(scope="module")
def store(featurized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each system refitted, and fitted once, and the scores of one fold."""
    path = Path(shutil.copytree(featurized, tmp_path_factory.mktemp("refit") / "toy"))
    in_turn(path, *systems(REFIT), *systems([]), ["evaluate", "STORE", "--jobs", 1])
    return path


def weights(folder: Path, name: str = "model.safetensors") -> dict[str, torch.Tensor]:
    return checkpoints.read(folder / name)[0]


def check_equal(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert weights.keys() == others.keys()
    assert [name for name, tensor in weights.items() if not torch.equal(tensor, others[name])] == []


def folders(store: Path) -> dict[str, Path]:
    """The folder of the refitted fold of each system."""
    names = {"cvae": "autoencoders/cvae.refit", **{kind: f"classifiers/{kind}.refit" for kind in CLASSIFIERS}}
    return {name: store / folder / f"fold-{FOLD}" for name, folder in names.items()}


def chosen_epochs(folder: Path) -> int:
    return next(int(row["epoch"]) for row in read_table(folder / "history.tsv") if row["best"] == "1")


@pytest.mark.parametrize("name", ["cvae", *CLASSIFIERS])
def test_the_first_fit_is_the_one_without_a_refit(name: str, store: Path) -> None:
    refitted = folders(store)[name]
    once = Path(str(refitted).replace(".refit", ".once"))
    assert not [path for path in once.iterdir() if "dev" in path.name or "refit" in path.name]
    check_equal(weights(refitted, "model-dev.safetensors"), weights(once))
    assert (refitted / "history.tsv").read_bytes() == (once / "history.tsv").read_bytes()


@pytest.mark.parametrize("name", ["cvae", *CLASSIFIERS])
def test_the_second_fit_runs_for_the_epochs_that_dev_chose_and_sees_no_dev(name: str, store: Path) -> None:
    folder = folders(store)[name]
    rows = list(read_table(folder / "history-refit.tsv"))
    assert len(rows) == chosen_epochs(folder)
    assert not any(column.startswith("dev_") for column in rows[0])


def test_dev_ends_some_fit_before_the_limit(store: Path) -> None:
    """Also that the tests beside this one would notice."""
    assert {chosen_epochs(folder) for folder in folders(store).values()} - {1, 6}


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_refitted_classifier_is_a_fit_on_train_and_dev(kind: str, store: Path) -> None:
    classifier = Catalogue(Store(store)).classifier(f"{kind}.refit")
    fold, index = classifier.folds.fold(FOLD), classifier.folds.classes.index
    labels = {utt_id: index(label) for utt_id, label in classifier.folds.labels.items() if fold.parts[utt_id] != "test"}
    source = ClassifierInput(classifier, FOLD)
    config = build(TrainingConfig, {**classifier.config.training, "epochs": chosen_epochs(folders(store)[kind])}, "")
    seed = seed_for(0, FOLD, f"train-classifier {kind}")
    with repeatable("cpu", seed):
        train = source.read(sorted(labels), labels)
        model = create_classifier(classifier.config, train.rows.shape[1], len(classifier.folds.classes))
        model.fit(train, None, TrainingRun(config, seed))
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    assert source.trained is not None
    state["normalisation.mean"], state["normalisation.std"] = map(torch.from_numpy, source.trained)
    check_equal(weights(folders(store)[kind]), state)


def test_a_refitted_autoencoder_is_a_fit_on_train_and_dev(store: Path) -> None:
    autoencoder = Catalogue(Store(store)).autoencoder("cvae.refit")
    fold, (categories, category) = autoencoder.folds.fold(FOLD), autoencoder.task.categories
    labels = {utt_id: categories.index(c) for utt_id, c in category.items() if fold.parts[utt_id] != "test"}
    features = autoencoder.features.open()
    shape, normaliser = segment_shape(features, 100.0), Normaliser(autoencoder, features)
    speech = normaliser.read(sorted(labels))
    config = build(TrainingConfig, {**autoencoder.config.training, "epochs": chosen_epochs(folders(store)["cvae"])}, "")
    seed = seed_for(0, FOLD, "train-ae")
    with repeatable("cpu", seed):
        model = create_autoencoder(autoencoder.config, 800, len(categories))
        batches = SegmentBatches(speech, shape, labels, config.batch_size, "cpu")
        model.see_training_labels(batches.labels)
        fit(model, batches.shuffled, None, TrainingRun(config, seed))
    state = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    assert normaliser.trained is not None
    state["normalisation.mean"], state["normalisation.std"] = map(torch.from_numpy, normaliser.trained)
    check_equal(weights(folders(store)["cvae"]), state)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_dev_scores_are_those_of_the_fit_that_did_not_see_dev(kind: str, store: Path) -> None:
    once, refitted = (list(read_table(store / f"results/{kind}.{word}/predictions.tsv")) for word in ("once", "refit"))
    dev, refitted_dev = ([row for row in rows if row["part"] == "dev"] for rows in (once, refitted))
    assert dev
    assert refitted_dev == dev
    test, refitted_test = ([row for row in rows if row["part"] == "test"] for rows in (once, refitted))
    assert len(refitted_test) == len(test)
    assert refitted_test != test


def test_a_bundle_of_a_fold_has_the_refitted_weights(store: Path, tmp_path: Path, sercli: Sercli) -> None:
    """Closed form, so that all folds are fitted at once."""
    path = Path(shutil.copytree(store, tmp_path / "toy"))
    words: Words = ["--classifier", "functionals", "--name", "functionals.refit", *REFIT]
    in_turn(path, ["train-classifier", "STORE", *words, *TRAINING[2:]], ["evaluate", "STORE", "--jobs", 1])
    sercli("export", path, "--classifier", "functionals.refit", tmp_path / "bundle", "--fold", FOLD)
    published = folders(path)["functionals"] / "model.safetensors"
    assert (tmp_path / "bundle" / "classifier.safetensors").read_bytes() == published.read_bytes()
    fold = Catalogue(Store(path)).classifier("functionals.refit").folds.fold(FOLD)
    fitted_on = read_yaml(tmp_path / "bundle" / "bundle.yaml")["fitted_on"]
    assert fitted_on["utterances"] == len(fold.part("train")) + len(fold.part("dev"))
    sercli("export", path, "--classifier", "functionals.refit", tmp_path / "all")
    assert read_yaml(tmp_path / "all" / "bundle.yaml")["fitted_on"]["utterances"] == len(fold.parts)


def test_the_same_command_gives_the_same_bytes(store: Path, featurized: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(featurized, tmp_path / "toy"))
    in_turn(again, *systems(REFIT))
    for folder in folders(store).values():
        same(folder, again / folder.relative_to(store))


def test_a_refit_is_in_the_name_and_in_the_command_that_makes_it_again(store: Path) -> None:
    done = run_sercli("train-lstm", store, *REFIT, *QUICK, "--dry-run")
    assert "refit-train+dev" in done.stdout
    command = Catalogue(Store(store)).classifier("lstm.refit").fold(FOLD).command
    assert "--refit train+dev" in str(command)


def test_a_nested_row_never_chooses_an_autoencoder_that_has_heard_dev(store: Path, tmp_path: Path) -> None:
    """It may choose a classifier that was refitted, whose dev scores are those of the first fit."""
    grid = tmp_path / "refits.yaml"
    settings = "none: {}, ae: {ae.refit: train+dev}, classifier: {classifier.refit: train+dev}"
    grid.write_text(
        f"fixed: {{model: ae, latent_dim: 4, ae.hidden: [16], epochs: 1, classifier: lstm}}\naxes: {{fits: {{{settings}}}}}\n"
    )
    run_sercli("sweep", store, grid, "--fold", FOLD, "--jobs", 1)
    rows = {row["fits"] or row["row"]: row for row in read_table(store / "sweeps/refits/results.tsv")}
    assert set(rows) == {"none", "ae", "classifier", "nested"}
    assert rows["classifier"]["dev_uar"] == rows["none"]["dev_uar"]
    assert "fits=ae" not in rows["nested"]["chosen"]


def test_an_unknown_part_is_refused(store: Path, sercli: Sercli) -> None:
    refused(sercli, USAGE, {"place": "--refit", "problem": "train+dev"}, "train-lstm", store, "--refit", "test")
    words = ["--set", "refit=test"]
    refused(sercli, USAGE, {"place": "refit", "expected": "train+dev"}, "train-lstm", store, *words)
