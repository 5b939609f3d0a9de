"""What a user may rely on, on the real command: no label leaks, the same bytes, nothing done twice, nothing lost to a kill."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.command import ENVIRONMENT, QUICK, Sercli, Words, in_turn, run_alone
from support.errors import refused
from support.processes import kill_at
from support.stores import contents, same, staged, stamps

from sercli import plugins
from sercli.autoencoders.base import CONDITIONS
from sercli.data.utterances import read_table
from sercli.store.ragged import Ragged


@pytest.fixture(scope="module")
def sercli() -> Sercli:
    return run_alone


TRAIN_AE: Words = ["train-ae", "STORE", "--model", "cvae", "--latent-dim", 8, "--name", "cvae-8", "--epochs", 2]
ENCODE: Words = ["encode", "STORE", "--ae", "cvae-8"]
TRAIN_LSTM: Words = [
    "train-lstm",
    "STORE",
    "--ae",
    "cvae-8",
    "--set",
    "hidden=8",
    "--name",
    "cvae-8.lstm",
    "--epochs",
    2,
]


def changed_corpus(corpus: Path, to: Path, change: Callable[[list[dict[str, str]]], None]) -> Path:
    """The corpus again, its sound files shared, with a table that `change` has edited."""
    folder = to / corpus.name
    shutil.copytree(corpus, folder, copy_function=os.link)
    (folder / "utterances.tsv").unlink()
    rows = list(read_table(corpus / "utterances.tsv"))
    change(rows)
    lines = ["\t".join(row) for row in (rows[0], *(row.values() for row in rows))]
    (folder / "utterances.tsv").write_text("\n".join(lines) + "\n")
    return folder


def speakers(corpus: Path) -> list[str]:
    """In C order: fold k tests the k-th, and the next one is its dev."""
    return sorted({row["speaker"] for row in read_table(corpus / "utterances.tsv")})


# --- labels


def every_system() -> Iterator[Words]:
    """Every autoencoder under every condition, every classifier on each and on bare features, and refits; one fold, one epoch."""
    quick: Words = ["--fold", 1, "--epochs", 1, "--jobs", 1]
    inputs: list[Words] = [["--ae", "none"]]
    for name in plugins.names("autoencoders"):
        yield ["train-ae", "STORE", "--model", name, "--latent-dim", 4, "--name", name, *quick]
        uses_labels = plugins.attributes("autoencoders", name, "Model")["uses_labels"]
        for condition in CONDITIONS if uses_labels else ["marginal"]:
            yield ["encode", "STORE", "--ae", name, "--condition", condition, "--fold", 1, "--jobs", 1]
            if condition != "oracle":
                inputs.append(["--ae", name, *(["--condition", condition] if uses_labels else [])])
    for words in inputs:
        for kind in plugins.names("classifiers"):
            yield ["train-classifier", "STORE", "--classifier", kind, *words, *quick]
    refit: Words = ["--refit", "train+dev", *quick]
    yield ["train-ae", "STORE", "--model", "cvae", "--latent-dim", 4, "--name", "refitted", *refit]
    yield ["encode", "STORE", "--ae", "refitted", "--fold", 1, "--jobs", 1]
    yield from (
        ["train-classifier", "STORE", "--classifier", c, "--ae", "refitted", *refit] for c in ("lstm", "functionals")
    )
    yield ["evaluate", "STORE", "--jobs", 1]


@pytest.fixture(scope="module")
def two_labellings(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two stores, made apart, that differ in the labels of the first fold's test speaker alone."""
    stores = []
    for turn in (0, 1):
        folder = tmp_path_factory.mktemp("labelling")

        def permute(rows: list[dict[str, str]], turn: int = turn) -> None:
            tested = [row for row in rows if row["speaker"] == speakers(corpus)[0]]
            labels = [row["emotion"] for row in tested]
            for row, label in zip(tested, labels[turn:] + labels[:turn], strict=True):
                row["emotion"] = label

        other = changed_corpus(corpus, folder, permute)
        stores.append(folder / "store")
        in_turn(folder / "store", ["ingest", other, "STORE"], ["featurize", "STORE", "--jobs", 1], *every_system())
    assert contents(stores[0])["corpus/utterances.tsv"] != contents(stores[1])["corpus/utterances.tsv"]
    return stores[0], stores[1]


@pytest.mark.parametrize("product", ["arrays.zarr/features", "autoencoders", "classifiers"])
def test_test_labels_change_no_model(product: str, two_labellings: tuple[Path, Path]) -> None:
    same(two_labellings[0] / product, two_labellings[1] / product)


def test_test_labels_change_no_latent(two_labellings: tuple[Path, Path]) -> None:
    one, other = (store / "arrays.zarr" / "latents" for store in two_labellings)
    seen = {folder.parent.name for folder in one.glob("*/*")}
    assert seen == {*plugins.names("autoencoders"), "refitted"}
    for latents in [folder.relative_to(one) for folder in one.glob("*/*/fold-1") if folder.parent.name != "oracle"]:
        same(one / latents, other / latents)


def test_only_the_oracle_sees_them(two_labellings: tuple[Path, Path]) -> None:
    """Also that the tests beside this one would notice."""
    one, other = (Ragged(store / "arrays.zarr/latents/cvae/oracle/fold-1", {}) for store in two_labellings)
    tested = {
        u["utt_id"] for u in read_table(two_labellings[0] / "corpus" / "utterances.tsv") if u["speaker"].endswith("f01")
    }
    left, right = (ragged.rows("mean", sorted(tested))[0] for ragged in (one, other))
    assert not np.array_equal(left, right)
    others = [utt_id for utt_id in one.utt_ids if utt_id not in tested]
    assert np.array_equal(one.rows("mean", others)[0], other.rows("mean", others)[0])


def test_test_labels_change_no_posterior(two_labellings: tuple[Path, Path]) -> None:
    results = sorted(path.name for path in (two_labellings[0] / "results").iterdir())
    assert len(results) >= 2 * (1 + len(plugins.names("autoencoders")))
    for name in results:
        one, other = (list(read_table(store / "results" / name / "predictions.tsv")) for store in two_labellings)
        assert [row.pop("truth") for row in one] != [row.pop("truth") for row in other]
        assert one == other
        assert {row["part"] for row in one} == {"dev", "test"}


# --- the same bytes, killed or not


def test_killed_at_every_step_the_bytes_are_the_same(
    corpus: Path, trained: Path, tmp_path: Path, sercli: Sercli
) -> None:
    """And with two jobs in place of one, from another folder: what `trained` made in peace on one."""
    store, jobs = tmp_path / "toy", ["--jobs", 2]
    steps: list[tuple[str, str, Words]] = [
        (".staging/corpus-draft/*", "nothing", ["ingest", corpus, "STORE"]),
        (".staging/*/*/blocks/*", "nothing", ["featurize", "STORE", *jobs]),
        ("autoencoders/*/fold-*", "autoencoders/*/fold-*/*", [*TRAIN_AE, *jobs]),
        ("arrays.zarr/latents/*/*/fold-*", "arrays.zarr/latents/*/*/fold-*/*", [*ENCODE, *jobs]),
        ("classifiers/*/fold-*", "classifiers/*/fold-*/*", [*TRAIN_LSTM, *jobs]),
        (".staging/results*/*", "nothing", ["evaluate", "STORE", *jobs]),
    ]
    for moment, finished, command in steps:
        kill_at(moment, store, command)
        before = stamps(store, finished)
        said = sercli(*(store if word == "STORE" else word for word in command)).stderr
        assert "Traceback" not in said
        after = stamps(store, finished)
        assert {name: after[name] for name in before} == before, "a finished unit was done again"
    same(store, trained)
    assert not staged(store)


def test_featurize_goes_on_where_it_was_killed(corpus: Path, tmp_path: Path, sercli: Sercli) -> None:
    """Block by block: twelve of a minute each, cut out of the toy corpus again and again."""
    folder = tmp_path / "long"
    folder.mkdir()
    rows = list(read_table(corpus / "utterances.tsv"))
    lines = ["path\tstart\tend\tspeaker\temotion\tutt_id"]
    for turn in range(13):
        for number, row in enumerate(rows):
            lines.append(
                f"{row['path']}\t{turn / 100}\t\t{row['speaker']}\t{row['emotion']}\tu-{turn:02d}-{number:02d}"
            )
    (folder / "table.tsv").write_text("\n".join(lines) + "\n")
    (folder / "wav").symlink_to(corpus / "wav")
    for name in ("peace", "war"):
        sercli("ingest", folder, tmp_path / name, "--corpus", "table")
    sercli("featurize", tmp_path / "peace")
    store = tmp_path / "war"
    kill_at(".staging/*/*/blocks/000002.npz", store, ["featurize", "STORE", "--jobs", 1])
    n_blocks = len(stamps(store, ".staging/*/*/blocks/*.npz"))
    assert n_blocks >= 3
    assert f"{n_blocks} of 12 " in sercli("featurize", store, "--jobs", 2).stderr
    same(tmp_path / "peace", store)


def test_a_unit_that_is_sealed_but_not_published_is_not_built_again(trained_store: Path, sercli: Sercli) -> None:
    """What a parent leaves that is killed after its worker ended and before it published: made here by hand."""
    fold = trained_store / "autoencoders/cvae-8/fold-2"
    provenance = json.loads((fold / "provenance.json").read_text())
    before = contents(trained_store)
    folder = trained_store / ".staging/autoencoders,cvae-8,fold-2" / provenance["digest"][:16]
    folder.mkdir(parents=True)
    fold.rename(folder / "product")
    weights = (folder / "product/model.safetensors").stat()
    done = sercli(*(trained_store if word == "STORE" else word for word in TRAIN_AE), "--json")
    assert [key.rpartition("-")[2] for key in json.loads(done.stdout)["made"]] == ["2"]
    assert (fold / "model.safetensors").stat().st_ino == weights.st_ino
    assert contents(trained_store) == before
    assert not staged(trained_store)


# --- loops and neighbours


def bash(script: str) -> "subprocess.CompletedProcess[str]":
    environment = {**ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_loops_compose(store: Path, trained: Path) -> None:
    """Folds in the background of a shell: nothing lost, nothing doubled, the bytes of one command for all."""
    options = " ".join(map(str, TRAIN_AE[2:]))
    done = bash(
        f"for k in $(sercli folds {store}); do sercli train-ae {store} {options} --jobs 1 --fold $k & done; wait"
    )
    assert done.stdout.split() == ["cvae-8"] * 4
    for product in ("autoencoders", "tasks"):
        same(store / product, trained / product)


def test_two_that_meet_over_the_task_both_get_on(store: Path, trained: Path) -> None:
    """Nobody has written the task yet; whoever is first does."""
    command = f"sercli train-classifier {store} --classifier functionals --jobs 1 --name bare --fold"
    bash(f"{command} 1 & {command} 2 & wait")
    assert sorted(path.name for path in (store / "classifiers/bare").iterdir()) == ["config.yaml", "fold-1", "fold-2"]
    same(store / "tasks", trained / "tasks")
    assert not staged(store)


# --- what changes makes stale, and what does not


def asked(sercli: Sercli, store: Path, command: Words) -> tuple[list[str], list[str], str]:
    """What a command would make and what it would keep (fold numbers or keys), and what it says."""
    done = sercli(*(store if word == "STORE" else word for word in command), "--dry-run", "--json")
    outcome = json.loads(done.stdout)
    assert set(outcome) == {"product", "path", "made", "reused", "stale"}
    assert outcome["stale"] == outcome["made"]
    assert all(f"{key} is stale: " in done.stderr for key in outcome["stale"])
    made, reused = ([key.rpartition("fold-")[2] for key in outcome[what]] for what in ("made", "reused"))
    return made, reused, done.stderr


def test_a_changed_recording(corpus: Path, trained_store: Path, tmp_path: Path, sercli: Sercli) -> None:
    """Of the first speaker: test in fold 1, dev in fold 4, training in folds 2 and 3."""
    victim = next(row for row in read_table(corpus / "utterances.tsv") if row["speaker"] == speakers(corpus)[0])
    folder = changed_corpus(corpus, tmp_path / "changed", lambda rows: None)
    sound = folder / victim["path"]
    content = sound.read_bytes()
    sound.unlink()
    sound.write_bytes(content[:-2000] + bytes(2000))  # a sixteenth of a second of silence at the end
    store, latents = trained_store, "arrays.zarr/latents/cvae-8/marginal/fold-1"
    before = Ragged(store / latents, {})
    said = sercli("ingest", folder, store).stderr
    assert asked(sercli, store, ["featurize", "STORE"])[0] == ["arrays.zarr/features/logmel"]
    fields = {"problem": "audio", "fix": f"sercli featurize {store}"}
    refused(sercli, 1, fields, "encode", store, "--ae", "cvae-8")
    sercli("featurize", store)
    made, reused, said = asked(sercli, store, TRAIN_AE)
    assert (made, reused) == (["2", "3", "4"], ["1"])
    assert "features/logmel changed" in said
    assert asked(sercli, store, [*ENCODE, "--fold", 1])[0] == ["1"]
    in_turn(store, [*ENCODE, "--fold", 1, "--jobs", 1])
    assert asked(sercli, store, [*TRAIN_LSTM, "--fold", 1])[1] == ["1"]
    # That fold 1's classifier is fresh is true: to the last bit it would be trained on the same.
    after = Ragged(store / latents, {})
    untouched = [utt_id for utt_id in after.utt_ids if Path(victim["path"]).stem not in utt_id]
    assert len(untouched) == len(after.utt_ids) - 1
    for name in ("mean", "std"):
        assert np.array_equal(before.rows(name, untouched)[0], after.rows(name, untouched)[0])
    in_turn(
        store, [*TRAIN_AE, *QUICK], [*ENCODE, "--jobs", 1], [*TRAIN_LSTM, *QUICK], ["evaluate", "STORE", "--jobs", 1]
    )
    afresh = tmp_path / "afresh"
    lines: list[Words] = [["ingest", folder, "STORE"], ["featurize", "STORE"], [*TRAIN_AE, *QUICK]]
    in_turn(afresh, *lines, [*ENCODE, "--jobs", 1], [*TRAIN_LSTM, *QUICK], ["evaluate", "STORE", "--jobs", 1])
    same(store, afresh, but=("tables/",))  # the store remembers the table that was printed before the change


def test_a_corrected_label(corpus: Path, trained_store: Path, tmp_path: Path, sercli: Sercli) -> None:
    """Of the third speaker: test in fold 3, dev in fold 2, training in folds 1 and 4."""
    vae: Words = ["train-ae", "STORE", "--model", "vae", "--latent-dim", 4, "--fold", 1, "--epochs", 1]
    control: Words = [
        "train-classifier",
        "STORE",
        "--classifier",
        "functionals",
        "--ae",
        "vae-4.epochs-1",
        "--fold",
        1,
    ]
    in_turn(trained_store, vae, ["encode", "STORE", "--ae", "vae-4.epochs-1", "--fold", 1], control)

    def correct(rows: list[dict[str, str]]) -> None:
        wrong = next(row for row in rows if row["speaker"] == speakers(corpus)[2] and row["emotion"] == "anger")
        wrong["emotion"] = "sadness"

    folder = changed_corpus(corpus, tmp_path / "corrected", correct)
    sercli("ingest", folder, trained_store)
    assert "nothing to do" in sercli("featurize", trained_store).stderr
    refused(sercli, 1, {"problem": "emotion", "fix": "sercli folds"}, "encode", trained_store, "--ae", "cvae-8")
    sercli("folds", trained_store)
    assert asked(sercli, trained_store, vae)[1] == ["1"]
    assert asked(sercli, trained_store, ["encode", "STORE", "--ae", "vae-4.epochs-1", "--fold", 1])[1] == ["1"]
    made, _, said = asked(sercli, trained_store, control)
    assert made == ["1"]
    assert "labels changed" in said
    made, reused, said = asked(sercli, trained_store, TRAIN_AE)
    assert (made, reused) == (["1", "2", "4"], ["3"])
    assert "labels changed" in said


# --- results

KEYS = """
classifier autoencoder model latent_dim frontend task target subset bins protocol normalise condition latents seed
n_utterances folds_done folds_expected epoch_limit labels accuracy uar macro_f1 weighted_f1 uar_ci95 uar_fold_mean dev_uar per_fold
per_speaker recall confusion
"""


def test_results_say_all_that_was_promised(trained: Path, sercli: Sercli) -> None:
    found = json.loads(sercli("evaluate", trained, "--json").stdout)
    assert set(found) == {"results", "groups", "human_references", "tables"}
    result = found["results"][0]
    assert set(KEYS.split()) <= set(result)
    low, high = result["uar_ci95"]
    scores = ("accuracy", "uar", "macro_f1", "weighted_f1", "uar_fold_mean", "dev_uar")
    assert all(0 <= score <= 1 for score in [low, high, *(result[key] for key in scores)])
    assert low <= result["uar"] <= high
    assert result["labels"] == ["anger", "neutral", "sadness"]
    assert set(result["recall"]) == set(result["labels"])
    assert np.sum(result["confusion"]) == result["n_utterances"] == 36
    assert (
        result["folds_done"] == result["folds_expected"] == len(result["per_fold"]) == len(result["per_speaker"]) == 4
    )
    assert [fold["fold"] for fold in result["per_fold"]] == [1, 2, 3, 4]
    assert np.sum([one["confusion"] for one in result["per_speaker"].values()], axis=0).tolist() == result["confusion"]
    assert found["groups"][0]["uar"] == {"mean": result["uar"], "std": None}


def test_predictions_have_a_row_an_utterance_and_part(trained: Path) -> None:
    rows = list(read_table(trained / "results/cvae-8.lstm/predictions.tsv"))
    truth = {row["utt_id"]: row["emotion"] for row in read_table(trained / "corpus" / "utterances.tsv")}
    assert Counter((row["utt_id"], row["part"]) for row in rows) == {
        (u, part): 1 for u in truth for part in ("dev", "test")
    }
    for row in rows:
        posteriors = {label: float(row[f"p_{label}"]) for label in ("anger", "neutral", "sadness")}
        assert sum(posteriors.values()) == pytest.approx(1, abs=1e-6)
        assert row["prediction"] == max(posteriors, key=lambda label: posteriors[label])
        assert row["truth"] == truth[row["utt_id"]]


def test_a_fold_alone_is_scored_as_such(featurized: Path, tmp_path: Path, sercli: Sercli) -> None:
    """One test speaker has no interval, and the JSON is JSON all the same."""
    store = Path(shutil.copytree(featurized, tmp_path / "toy"))
    sercli("train-classifier", store, "--classifier", "functionals", "--fold", 2, "--jobs", 1)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout, parse_constant=refuse)
    (result,) = found["results"]
    assert result["marks"] == ["TEXT-SHARED", "PARTIAL"]
    assert (result["folds_done"], result["folds_expected"]) == (1, 4)
    assert result["uar_ci95"] == [None, None]
    assert "PARTIAL" in sercli("evaluate", store).stdout
