"""Votes of single raters, on the real command: agreement, one rater beside the systems, soft labels, damaged votes."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.command import FIXABLE, QUICK, USAGE, Sercli
from support.errors import refused
from support.stores import same

TINY = ["--set", "hidden=4", *QUICK]
SOFT, HARD = "logmel.lstm.soft-labels.epochs-2.hidden-4", "logmel.lstm.epochs-2.hidden-4"
TRAINED_ON, TESTED_ON = "Ses02F_impro01_F000", "Ses01F_impro01_F000"  # in fold 1, which leaves session 1 out


@pytest.fixture(scope="module")
def rated(iemocap: Path, sercli: Sercli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic IEMOCAP with LogMel, and an LSTM on soft labels in fold 1. Not to be changed."""
    store = tmp_path_factory.mktemp("rated") / "iemocap"
    sercli("ingest", iemocap, store)
    sercli("featurize", store)
    sercli("train-lstm", store, "--soft-labels", "--fold", 1, *TINY)
    return store


@pytest.fixture
def rated_store(rated: Path, tmp_path: Path) -> Path:
    """The same, of one's own."""
    return Path(shutil.copytree(rated, tmp_path / "iemocap"))


def votes_in(store: Path) -> list[list[str]]:
    return [line.split("\t") for line in (store / "corpus" / "ratings.tsv").read_text().splitlines()]


def write_votes(store: Path, rows: Sequence[Sequence[str]]) -> None:
    (store / "corpus" / "ratings.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))


def change_votes(store: Path, utt_id: str) -> None:
    """All raters of an utterance now say sadness."""
    rows = votes_in(store)
    assert any(row[0] == utt_id and row[2] == "external" and row[3] != "sadness" for row in rows)
    write_votes(store, [[*row[:3], "sadness", *row[4:]] if row[0] == utt_id else row for row in rows])


def toy_votes(store: Path, *votes: tuple[str, str, str]) -> None:
    """Votes (utt_id, rater, emotion) in a store of the toy corpus."""
    head = ["utt_id", "rater", "kind", "emotions", "valence", "arousal", "dominance"]
    write_votes(store, [head, *([utt_id, rater, "external", emotion, "", "", ""] for utt_id, rater, emotion in votes)])


def ids_of(store: Path) -> list[str]:
    return [line.split("\t")[0] for line in (store / "corpus" / "utterances.tsv").read_text().splitlines()[1:]]


# --- agreement, and one rater beside the systems


def test_info_prints_the_agreement(rated: Path, sercli: Sercli) -> None:
    raters = json.loads(sercli("info", rated, "--json").stdout)["corpus"]["raters"]
    external = [row for row in votes_in(rated) if row[2] == "external"]
    assert (raters["n_votes"], raters["n_raters"]) == (len(external), 3)
    assert raters["n_utterances"] == len({row[0] for row in external})
    assert {name: agreement["measure"] for name, agreement in raters["agreement"].items()} == {
        "emotion": "Fleiss' κ",
        "valence": "Krippendorff's α",
        "arousal": "Krippendorff's α",
        "dominance": "Krippendorff's α",
    }
    text = sercli("info", rated).stdout
    assert all(f"{agreement['value']:.2f}" in text for agreement in raters["agreement"].values())


def test_one_rater_stands_beside_the_systems(rated: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = Path(shutil.copytree(rated, tmp_path / "iemocap"))
    (human,) = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["human_references"]
    assert (human["task"], human["is_acted"], human["n_single"]) == ("emotion.leave-one-session-out", False, 0)
    # two of three raters name the label of the synthetic corpus: far above chance, below 1
    assert 0.5 < human["uar"] < 1
    assert (
        human["n_votes"] + human["n_ties"] + human["n_outside"] == 300
    )  # three raters, 100 utterances in four classes
    printed = sercli("evaluate", store, "--jobs", 1).stdout
    (row,) = [line for line in printed.splitlines() if line.startswith("  one rater, on the others")]
    assert row.split()[-4:] == [f"{100 * human[name]:.1f}" for name in ("accuracy", "uar", "macro_f1", "weighted_f1")]
    sercli("report", store, "-o", tmp_path / "page.html", "--jobs", 1)
    page = (tmp_path / "page.html").read_text()
    assert "Agreement of raters" in page
    assert f"<td>{100 * human['macro_f1']:.1f}</td>" in page
    write_votes(store, votes_in(store)[:-1])
    stale = json.loads(sercli("info", store, "--json").stdout)["items"]
    assert next(item for item in stale if item["kind"] == "report")["why"] == ["ratings"]


def test_acted_speech_is_also_scored_on_what_was_acted(sercli: Sercli, store: Path) -> None:
    table = store / "corpus" / "utterances.tsv"
    head, *rows = [line.split("\t") for line in table.read_text().splitlines()]
    style, emotion = head.index("style"), head.index("emotion")
    rows = [[*row[:style], "acted", *row[style + 1 :]] for row in rows]
    table.write_text("".join("\t".join(row) + "\n" for row in [head, *rows]))
    toy_votes(store, *((row[0], rater, "anger") for row in rows for rater in ("ann", "ben")))
    sercli("featurize", store)
    sercli("train-classifier", store, "--classifier", "functionals", "--jobs", 1)
    others, acted = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["human_references"]
    assert (others["is_acted"], others["accuracy"]) == (False, 1)
    assert (acted["is_acted"], acted["n_votes"]) == (True, 2 * len(rows))
    assert acted["accuracy"] == pytest.approx(sum(row[emotion] == "anger" for row in rows) / len(rows))


# --- soft labels


def test_soft_labels_are_trained_on(rated_store: Path, sercli: Sercli) -> None:
    """Other weights than with one label each; of dev, one label each; the same bits again; a name and a command of their own."""
    sercli("train-lstm", rated_store, "--fold", 1, *TINY)
    folders = [rated_store / "classifiers" / name / "fold-1" for name in (HARD, SOFT)]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] != weights[1]
    items = json.loads(sercli("info", rated_store, "--json").stdout)["items"]
    (command,) = [item["command"] for item in items if (item["kind"], item["name"]) == ("classifier", SOFT)]
    assert "--soft-labels " in command
    before = Path(shutil.copytree(folders[1], rated_store.parent / "before"))
    sercli("train-classifier", rated_store, "--classifier", "lstm", "--soft-labels", "--fold", 1, *TINY, "--overwrite")
    same(before, folders[1])


@pytest.mark.parametrize(("utt_id", "is_stale"), [(TRAINED_ON, True), (TESTED_ON, False)])
def test_only_votes_that_a_fit_has_read_make_it_stale(
    utt_id: str, is_stale: bool, rated_store: Path, sercli: Sercli
) -> None:
    change_votes(rated_store, utt_id)
    done = sercli("train-lstm", rated_store, "--soft-labels", "--fold", 1, *TINY, "--json")
    fold = f"classifiers/{SOFT}/fold-1"
    assert json.loads(done.stdout)["stale"] == ([fold] if is_stale else [])
    assert ("votes changed" in done.stderr) == is_stale


def test_dimensions_have_soft_labels_too(rated_store: Path, sercli: Sercli) -> None:
    sercli("train-lstm", rated_store, "--soft-labels", "--target", "valence", "--fold", 1, *TINY)
    human = json.loads(sercli("evaluate", rated_store, "--json", "--jobs", 1).stdout)["human_references"]
    assert "valence.leave-one-session-out" in [each["task"] for each in human]


def test_a_grid_has_soft_labels_where_they_are_of_use(rated_store: Path, sercli: Sercli, tmp_path: Path) -> None:
    grid = tmp_path / "soft.yaml"
    axes = "{classifier: [lstm, functionals], soft_labels: [false, true]}"
    grid.write_text(f"fixed: {{model: none, epochs: 2, classifier.hidden: 4}}\naxes: {axes}\n")
    planned: dict[str, Any] = json.loads(sercli("sweep", rated_store, grid, "--dry-run", "--json", "--fold", 1).stdout)
    fits = {key.split("/")[1] for key in [*planned["made"], *planned["reused"]] if key.startswith("classifiers/")}
    assert fits == {HARD, SOFT, "logmel.functionals.epochs-2"}


def test_a_classifier_that_cannot_take_shares_says_so(rated_store: Path, sercli: Sercli) -> None:
    command = ["train-classifier", rated_store, "--classifier", "functionals", "--soft-labels"]
    refused(sercli, USAGE, {"place": "--soft-labels", "seen": "functionals", "fix": "--soft-labels"}, *command)


def test_a_corpus_without_votes_has_no_soft_labels(store: Path, sercli: Sercli) -> None:
    fields = {"place": "--soft-labels", "seen": "0 votes", "expected": "anger"}
    refused(sercli, USAGE, fields, "train-lstm", store, "--soft-labels", *QUICK)
    toy_votes(store, *((utt_id, "ann", "boredom") for utt_id in ids_of(store)))
    refused(sercli, USAGE, {**fields, "seen": "36 votes"}, "train-lstm", store, "--soft-labels", *QUICK)


# --- bad input


def test_votes_of_a_single_rater(store: Path, sercli: Sercli) -> None:
    """No agreement and no score, each with the reason; they can still be trained on."""
    toy_votes(store, *((utt_id, f"rater {number % 2}", "anger") for number, utt_id in enumerate(ids_of(store))))
    raters = json.loads(sercli("info", store, "--json").stdout)["corpus"]["raters"]
    assert raters["agreement"]["emotion"]["value"] is None
    assert raters["agreement"]["emotion"]["n_utterances"] == 0
    assert "no utterance has the votes of two raters" in sercli("info", store).stdout
    sercli("train-lstm", store, "--soft-labels", "--name", "soft", "--fold", 1, *TINY)
    (human,) = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["human_references"]
    assert (human["n_votes"], human["n_single"], "uar" in human) == (0, 36, False)
    assert "36 utterances with the vote of one rater only" in sercli("evaluate", store, "--jobs", 1).stdout
    sercli("report", store, "--jobs", 1)


@pytest.mark.parametrize("damage", ["unknown utterance", "cut short"])
def test_damaged_votes(damage: str, rated_store: Path, sercli: Sercli) -> None:
    """What needs no votes works: features, and systems with one label for each utterance."""
    head, first, *rows = votes_in(rated_store)
    write_votes(rated_store, [head, ["nobody", *first[1:]] if damage == "unknown utterance" else first[:3], *rows])
    fields = {"place": "ratings.tsv: line 2", "seen": "nobody" if damage == "unknown utterance" else "3 columns"}
    for command in (["info"], ["evaluate", "--jobs", "1"], ["train-lstm", "--soft-labels", "--fold", "1", *TINY]):
        refused(sercli, FIXABLE, fields, command[0], rated_store, *command[1:])
    sercli("train-lstm", rated_store, "--name", "hard", "--fold", 1, *TINY)


# --- tables of votes


def test_a_table_of_votes_beside_any_table(corpus: Path, sercli: Sercli, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(corpus, tmp_path / "toy"))
    sercli("ingest", folder, tmp_path / "plain")
    first, second, *_ = ids_of(tmp_path / "plain")
    rows = [f"{first},ann,happy+sad,7", f"{first},ben,,1", f"{second},ann,mad,", "nobody,ann,mad,", f"{first},,mad,"]
    rows += [f"{first},cem,mad,high", f"{second},ann,sad,"]
    (folder / "ratings.csv").write_text("utt_id,rater,emotion,valence\n" + "".join(f"{row}\n" for row in rows))
    done = sercli("ingest", folder, tmp_path / "rated", "--scale", "1,7")
    assert votes_in(tmp_path / "rated")[1:] == [
        [first, "ann", "external", "happiness+sadness", "5", "", ""],
        [first, "ben", "external", "", "1", "", ""],
        [second, "ann", "external", "anger", "", "", ""],
    ]
    rejects = (tmp_path / "rated" / "corpus" / "rejects.tsv").read_text()
    assert [line in rejects for line in ("line 5: no utterance 'nobody'", "line 6: no rater", "line 7: valence")]
    assert "1 further votes" in done.stderr


def test_votes_stay_with_their_utterances_in_a_combined_store(iemocap: Path, sercli: Sercli, tmp_path: Path) -> None:
    for number in (1, 2):
        shutil.copytree(iemocap / f"Session{number}", tmp_path / f"part-{number}" / f"Session{number}")
        sercli("ingest", tmp_path / f"part-{number}", tmp_path / f"store-{number}", "--name", f"part{number}")
    stores = [tmp_path / f"store-{number}" for number in (1, 2)]
    sercli("combine", *stores, tmp_path / "both", "--classes", "anger,joy=happiness+excited")
    rows = votes_in(tmp_path / "both")[1:]
    assert len(rows) == sum(len(votes_in(store)) - 1 for store in stores)
    assert {row[1].partition("_")[0] for row in rows} == {"part1", "part2"}
    assert {row[0] for row in rows} <= set(ids_of(tmp_path / "both"))
    emotions = {name for row in rows for name in row[3].split("+")}
    assert "joy" in emotions
    assert not {"happiness", "excited"} & emotions
