"""Across corpora: stores combined into one, a corpus left out, and classifiers tested on a corpus they never saw."""

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command import FIXABLE, USAGE, Sercli, run_sercli
from support.corpora import write_other_corpus
from support.errors import raises, refused
from support.stores import rows_of

from sercli.data.utterances import Utterance, read_utterances
from sercli.errors import SercliError
from sercli.evaluation.calibration import calibrated
from sercli.evaluation.marks import Mark, marks_of_task
from sercli.experiments.catalogue import Catalogue
from sercli.experiments.making import Settings
from sercli.stages import combine, ingest
from sercli.stages.combine import CombineOptions
from sercli.stages.ingest import IngestOptions
from sercli.store import keys
from sercli.store.store import Store
from sercli.tasks.splitting import make_folds
from sercli.tasks.task import Task

CLASSES = "anger,calm=neutral,sadness"


@pytest.fixture(scope="module")
def other(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of another corpus. Not to be changed."""
    folder = tmp_path_factory.mktemp("other")
    write_other_corpus(corpus, folder / "wards")
    run_sercli("ingest", folder / "wards", folder / "store")
    run_sercli("featurize", folder / "store")
    return folder / "store"


@pytest.fixture(scope="module")
def combined(featurized: Path, other: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("combined") / "both"
    done = run_sercli("combine", other, featurized, path, "--classes", CLASSES)
    assert "wards: 4 happiness -> (left out)" in done.stderr
    assert done.stdout == "wards+toy\n"
    return path


# --- combine


def test_everybody_is_there_under_names_of_their_own(featurized: Path, other: Path, combined: Path) -> None:
    found = {one.utt_id: one for one in read_utterances(combined / "corpus" / "utterances.tsv")}
    classes = {"anger": "anger", "neutral": "calm", "sadness": "sadness", "happiness": ""}
    wanted = {
        f"{name}_{one.utt_id}": (name, one.speaker, classes[one.emotion], one.emotion_code, one.digest)
        for name, store in (("toy", featurized), ("wards", other))
        for one in read_utterances(store / "corpus" / "utterances.tsv")
    }
    assert wanted == {
        utt_id: (one.extra["corpus"], one.speaker, one.emotion, one.emotion_code, one.digest)
        for utt_id, one in found.items()
    }
    assert all((Store(combined).sound_root / one.path).is_file() for one in found.values())
    speakers = {
        one.extra["corpus"]: {u.speaker for u in found.values() if u.extra == one.extra} for one in found.values()
    }
    assert not set.intersection(*speakers.values())


def test_the_map_of_labels_can_be_seen(combined: Path) -> None:
    rows = [line.split("\t") for line in (combined / "corpus" / "classes.tsv").read_text().splitlines()]
    assert rows[0] == ["corpus", "label", "class", "utterances"]
    assert ["wards", "happiness", "(left out)", "4"] in rows
    assert ["toy", "neutral", "calm", "12"] in rows
    assert sum(int(row[3]) for row in rows[1:]) == 72


def test_features_are_copied_bit_for_bit(featurized: Path, other: Path, combined: Path) -> None:
    copied = Store(combined).ragged(keys.features("logmel"))
    for name, path in (("toy", featurized), ("wards", other)):
        source = Store(path).ragged(keys.features("logmel"))
        rows, offsets = source.rows("frames", source.utt_ids)
        again, its = copied.rows("frames", [f"{name}_{utt_id}" for utt_id in source.utt_ids])
        assert np.array_equal(rows, again)
        assert np.array_equal(offsets, its)


def test_features_that_are_computed_anew_are_those_that_were_copied(sercli: Sercli, combined: Path) -> None:
    """So the paths lead to the right recordings."""
    sercli("featurize", combined, "--name", "again")
    one, another = (Store(combined).ragged(keys.features(name)) for name in ("logmel", "again"))
    assert np.array_equal(one.rows("frames", one.utt_ids)[0], another.rows("frames", another.utt_ids)[0])


def test_a_second_time_nothing_is_done(sercli: Sercli, featurized: Path, other: Path, combined: Path) -> None:
    told = json.loads(sercli("combine", other, featurized, combined, "--classes", CLASSES, "--json").stdout)
    assert told["made"] == []
    assert set(told["reused"]) >= {"corpus", keys.features("logmel")}


def test_a_combined_store_goes_all_the_way(sercli: Sercli, combined: Path) -> None:
    name = sercli("train-classifier", combined, "--classifier", "functionals", "--jobs", 1).stdout.strip()
    (scores,) = json.loads(sercli("evaluate", combined, "--classifier", name, "--jobs", 1, "--json").stdout)["results"]
    assert scores["labels"] == ["anger", "calm", "sadness"]
    assert set(scores["per_corpus"]) == {"toy", "wards"}
    assert sum(one["n_utterances"] for one in scores["per_corpus"].values()) == scores["n_utterances"] == 68
    assert [fold["left_out"] for fold in scores["per_fold"]] == ["toy", "wards"]


def test_features_made_elsewhere_are_combined(sercli: Sercli, featurized: Path, other: Path, tmp_path: Path) -> None:
    """Each store's own; not for systems that would read frames of two widths."""
    stores = {}
    for name, path, width in (("toy", featurized, 3), ("wards", other, 3), ("wide", other, 4)):
        stores[name] = Path(shutil.copytree(path, tmp_path / name))
        frames = tmp_path / f"{name}-frames"
        frames.mkdir()
        for number, one in enumerate(Store(path).utterances):
            np.save(frames / f"{one.utt_id}.npy", np.full((5, width), number, np.float32))
        sercli("featurize", stores[name], "--frontend", "imported", "--from", frames, "--name", "wavlm")
    for _ in range(2):
        done = sercli("combine", stores["toy"], stores["wards"], tmp_path / "both", "--classes", CLASSES, "--json")
    assert json.loads(done.stdout)["made"] == []
    both = Store(tmp_path / "both").ragged(keys.features("wavlm"))
    assert both.utt_ids == sorted(both.utt_ids)
    numbers = both.rows("frames", both.utt_ids)[0][::5, 0]
    assert numbers.tolist() == 2 * list(range(36))
    fields = {"place": "wavlm", "seen": "toy 3, wards 4"}
    refused(sercli, FIXABLE, fields, "combine", stores["toy"], stores["wide"], tmp_path / "no")


Fields = dict[str, str | tuple[str, ...]]
REFUSED_TO_COMBINE: dict[str, tuple[list[str], int, Fields]] = {
    "one store": (["TOY", "NEW"], USAGE, {"seen": "1", "expected": "two or more"}),
    "the same twice": (["TOY", "TOY", "NEW"], FIXABLE, {"place": "TOY and TOY", "fix": "once"}),
    "one name": (["TOY", "TWIN", "NEW"], FIXABLE, {"place": "TOY and TWIN", "seen": "toy", "fix": "--name"}),
    "the same recordings": (["TOY", "RENAMED", "NEW"], FIXABLE, {"place": "TOY and RENAMED", "problem": "recordings"}),
    "itself": (["TOY", "OTHER", "TOY"], USAGE, {"place": "TOY", "fix": "another"}),
    "no class in common": (
        ["OTHER", "JOYLESS", "NEW"],
        FIXABLE,
        {"problem": "none", "seen": "joyless: dread, glee", "fix": "--classes"},
    ),
    "one class in common": (
        ["TOY", "OTHER", "NEW", "--classes", "anger,happiness"],
        FIXABLE,
        {"problem": "anger", "expected": "two"},
    ),
    "a label that nobody has": (
        ["TOY", "OTHER", "NEW", "--classes", "anger,sad"],
        FIXABLE,
        {"problem": ("'sad'", "'sadness'"), "seen": "toy: anger, neutral, sadness"},
    ),
    "other classes there": (
        ["OTHER", "TOY", "COMBINED", "--classes", "anger,neutral"],
        FIXABLE,
        {"place": "COMBINED", "seen": "calm=neutral", "expected": "anger, neutral"},
    ),
    "no store": (["TOY", "CORPUS", "NEW"], FIXABLE, {"place": "CORPUS", "fix": "sercli ingest"}),
    "something else there": (["TOY", "OTHER", "CORPUS"], FIXABLE, {"place": "CORPUS", "fix": "another folder"}),
    "another corpus's store there": (
        ["TOY", "OTHER", "RENAMED"],
        FIXABLE,
        {"place": "RENAMED", "seen": "table", "expected": "combined"},
    ),
}


@pytest.fixture(scope="module")
def places(
    corpus: Path, featurized: Path, other: Path, combined: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Stores that do not go together."""
    folder = tmp_path_factory.mktemp("places")
    shutil.copytree(featurized, folder / "twin")
    run_sercli("ingest", corpus, folder / "renamed", "--name", "renamed")
    (folder / "joyless").mkdir()
    for number, label in enumerate(("dread", "glee")):
        noise = np.random.default_rng(number).standard_normal(8000) / 10
        soundfile.write(folder / "joyless" / f"{label}.wav", noise, 16000)
    (folder / "joyless" / "labels.csv").write_text("path,speaker,emotion\ndread.wav,a,dread\nglee.wav,b,glee\n")
    done = run_sercli("ingest", folder / "joyless", folder / "joyless-store")
    assert "unknown emotion 'dread' of 1 utterances is kept" in done.stderr
    names = {"TWIN": "twin", "RENAMED": "renamed", "JOYLESS": "joyless-store", "NEW": "new"}
    found = {key: folder / name for key, name in names.items()}
    return {**found, "TOY": featurized, "OTHER": other, "CORPUS": corpus, "COMBINED": combined}


@pytest.mark.parametrize("situation", REFUSED_TO_COMBINE)
def test_what_cannot_be_combined(situation: str, sercli: Sercli, places: dict[str, Path]) -> None:
    arguments, code, fields = REFUSED_TO_COMBINE[situation]
    place = str(fields.get("place", ""))
    for key, path in places.items():
        place = place.replace(key, str(path))
    refused(sercli, code, {**fields, "place": place}, "combine", *(places.get(word, word) for word in arguments))
    assert not places["NEW"].exists()


def small_store(folder: Path, name: str, table: str, seed: int) -> Path:
    """A store of one file of noise, `x.wav`, and a table of it."""
    (folder / name).mkdir()
    soundfile.write(folder / name / "x.wav", np.random.default_rng(seed).standard_normal(16000) / 10, 16000)
    (folder / name / "labels.csv").write_text(table)
    ingest.run(folder / name, folder / f"{name}-store", IngestOptions(name=name, max_rejects=0), Settings(jobs=1))
    return folder / f"{name}-store"


def test_who_and_what_is_in_two_stores_is_seen(tmp_path: Path) -> None:
    """Also a part of a recording that is whole elsewhere, and people whose names are one only together with their corpus's."""
    whole = small_store(tmp_path, "whole", "path,speaker,emotion\nx.wav,p,anger\n", seed=1)
    part = small_store(tmp_path, "part", "path,speaker,emotion,start,end\nx.wav,q,anger,0.2,0.5\n", seed=1)
    with raises({"place": str(whole), "seen": "x and x_0000200"}):
        combine.run([whole, part], tmp_path / "new", CombineOptions(), Settings())
    a = small_store(tmp_path, "a", "path,speaker,emotion\nx.wav,b_s,anger\n", seed=2)
    ab = small_store(tmp_path, "a_b", "path,speaker,emotion\nx.wav,s,anger\n", seed=3)
    with raises({"place": str(ab), "seen": "a_b_s", "fix": "--name"}):
        combine.run([a, ab], tmp_path / "new", CombineOptions(), Settings())


def test_a_label_that_reads_like_a_merge_is_none(tmp_path: Path) -> None:
    store = small_store(tmp_path, "odd", "path,speaker,emotion\nx.wav,p,happy+excited\n", seed=1)
    (utterance,) = read_utterances(store / "corpus" / "utterances.tsv")
    assert (utterance.emotion, utterance.emotion_code) == ("happy/excited", "happy+excited")


def test_a_damaged_list_of_stores_is_told(
    sercli: Sercli, featurized: Path, other: Path, combined: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(combined, tmp_path / "both"))
    about = path / "corpus" / "corpus.yaml"
    about.write_text(about.read_text().replace("stores:\n- wards\n- toy\n", "stores: 3\n"))
    fields = {"place": "corpus.yaml: stores", "problem": "list", "fix": "sercli combine STORE STORE"}
    refused(sercli, FIXABLE, fields, "combine", other, featurized, path, "--classes", CLASSES)
    sercli("combine", other, featurized, path, "--classes", CLASSES, "--overwrite")


# --- a corpus left out


@st.composite
def corpora(draw: st.DrawFn) -> list[Utterance]:
    speakers = draw(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("stuvwxyz")), unique=True, min_size=1))
    rows = [(corpus, speaker, label) for corpus, speaker in speakers for label in ("anger", "joy")]
    return [
        Utterance(
            f"u{n}",
            "",
            speaker=f"{corpus}_{speaker}",
            gender="fm"[ord(speaker) % 2],
            emotion=label,
            extra={"corpus": corpus},
        )
        for n, (corpus, speaker, label) in enumerate(rows)
    ]


@settings(max_examples=200)
@given(corpora(), st.randoms(use_true_random=False))
def test_who_is_tested_is_of_the_corpus_left_out(rows: list[Utterance], order: Any) -> None:
    task = Task(protocol="leave-one-corpus-out")
    corpus_of = {one.utt_id: one.extra["corpus"] for one in rows}
    speaker_of = {one.utt_id: one.speaker for one in rows}
    try:
        folds = make_folds(task, rows)
    except SercliError:
        speakers = {name: len({s for s in speaker_of.values() if s[0] == name}) for name in corpus_of.values()}
        most_outside = [max((n for other, n in speakers.items() if other != name), default=0) for name in speakers]
        assert len(speakers) < 2 or min(most_outside) < 2
        return
    assert [fold.left_out for fold in folds.folds] == sorted(set(corpus_of.values()))
    for fold in folds.folds:
        assert set(fold.part("test")) == {utt_id for utt_id, corpus in corpus_of.items() if corpus == fold.left_out}
        train, dev = ({speaker_of[utt_id] for utt_id in fold.part(part)} for part in ("train", "dev"))
        assert train
        assert dev
        assert not train & dev
    assert make_folds(task, order.sample(rows, len(rows))) == folds


@pytest.mark.parametrize(("second", "seen"), [("B", "a_x in A, B"), ("", "u2")])
def test_a_corpus_that_leaves_nobody_out(second: str, seen: str) -> None:
    rows = [
        Utterance(f"u{n}", "", speaker=speaker, emotion=label, extra={"corpus": corpus})
        for n, (speaker, corpus, label) in enumerate(product(("a_x", "a_y"), ("A", second), ("anger", "joy")))
    ]
    with raises({"place": "leave-one-corpus-out", "seen": seen}):
        make_folds(Task(protocol="leave-one-corpus-out"), rows)


def test_one_corpus_cannot_be_left_out(sercli: Sercli, featurized: Path) -> None:
    fields = {"place": "leave-one-corpus-out", "expected": "at least 2", "fix": ("sercli combine", "--protocol")}
    refused(sercli, FIXABLE, fields, "folds", featurized, "--protocol", "leave-one-corpus-out", "--dry-run")


# --- out of domain


@pytest.fixture(scope="module")
def tested_elsewhere(other: Path, exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A store on which classifiers of another were tested, and what was printed of it."""
    path = tmp_path_factory.mktemp("elsewhere") / "store"
    shutil.copytree(other, path)
    words = [word for name in ("cvae-8.lstm", "control") for word in ("--with", f"{exported}:{name}")]
    return path, json.loads(run_sercli("evaluate", path, *words, "--json", "--jobs", 1).stdout)["results"]


def test_scores_are_over_the_classes_that_both_have(tested_elsewhere: tuple[Path, Any]) -> None:
    for scores in tested_elsewhere[1]:
        assert scores["labels"] == ["anger", "neutral", "sadness"]
        assert scores["labels_without_class"] == {"happiness": 4}
        assert scores["classes_without_utterances"] == []
        assert scores["n_utterances"] == 32
        assert scores["folds_done"] == scores["folds_expected"] == 4
        assert np.array(scores["confusion"]).sum() == 4 * 32
        mean = np.mean([fold["uar"] for fold in scores["per_fold"]])
        assert scores["uar"]["mean"] == pytest.approx(mean)
        recalls = [row[k] / sum(row) for k, row in enumerate(scores["confusion"])]
        assert mean == pytest.approx(np.mean(recalls))  # everybody is labelled by every model
        low, high = scores["uar_ci95"]
        assert low <= mean <= high


@pytest.mark.parametrize(
    ("name", "bundle", "fold"), [("cvae-8.lstm", "fold_bundle", 1), ("control", "control_bundle", 2)]
)
def test_a_classifier_says_elsewhere_what_its_bundle_says(
    name: str, bundle: str, fold: int, tested_elsewhere: tuple[Path, Any], request: pytest.FixtureRequest
) -> None:
    """`predict` goes from the sound, file by file, and applies the temperature; the store's features give the same."""
    path, _ = tested_elsewhere
    folder = request.getfixturevalue(bundle)
    temperature = yaml.safe_load((folder / "bundle.yaml").read_text())["certainty"]["temperature"]
    store = Store(path)
    rows = rows_of(path / "cross-corpus" / f"toy.{name}" / f"fold-{fold}" / "predictions.tsv")
    by_path = {str(store.sound_root / one.path): one.utt_id for one in store.utterances}
    lines = run_sercli("predict", folder, store.sound_root).stdout.splitlines()
    assert lines[0].split("\t")[1:] == ["prediction", "p_anger", "p_neutral", "p_sadness"]
    compared = 0
    for line in lines[1:]:
        file, prediction, *posteriors = line.split("\t")
        if by_path[file] in rows:
            _, said, *own = rows[by_path[file]]
            expected = calibrated(np.array(own, float), temperature)
            np.testing.assert_allclose(np.array(posteriors, float), expected, atol=1e-5)
            assert said == prediction
            compared += 1
    assert compared == len(rows) == 32


def test_a_corrected_label_moves_scores_and_no_posterior(
    sercli: Sercli, tested_elsewhere: tuple[Path, Any], exported: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(tested_elsewhere[0], tmp_path / "store"))
    asked = ["evaluate", path, "--with", f"{exported}:control", "--json"]
    assert "nothing to do" in sercli(*asked).stderr
    table = path / "corpus" / "utterances.tsv"
    table.write_text(table.read_text().replace("\tanger\tFurious\t", "\tneutral\tFurious\t", 1))
    assert "toy.control" in sercli("info", path).stdout
    done = sercli(*asked)
    assert "cross-corpus/toy.control/scores is stale: labels changed" in done.stderr
    assert "fold-1 is stale" not in done.stderr
    (scores,) = json.loads(done.stdout)["results"]
    (before,) = (one for one in tested_elsewhere[1] if one["classifier"] == "control")
    assert scores["confusion"] != before["confusion"]


def test_the_table_of_other_stores_classifiers_is_verified(
    sercli: Sercli, tested_elsewhere: tuple[Path, Any], exported: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(tested_elsewhere[0], tmp_path / "store"))
    words = ["evaluate", path, "--with", f"{exported}:control"]
    (table,) = json.loads(sercli(*words, "--json").stdout)["tables"]
    assert f"sercli verify {path} {table['digest'][:12]}" in sercli(*words).stdout
    assert "OK" in sercli("verify", path, table["digest"]).stdout
    predictions = path / "cross-corpus" / "toy.control" / "fold-1" / "predictions.tsv"
    predictions.write_text(predictions.read_text().replace("anger", "sadness"))
    refused(sercli, FIXABLE, {"seen": "toy.control/fold-1"}, "verify", path, table["digest"])


def test_a_class_that_is_gone_makes_predictions_stale(
    sercli: Sercli, tested_elsewhere: tuple[Path, Any], exported: Path, tmp_path: Path
) -> None:
    """They are over the classes that both have."""
    path = Path(shutil.copytree(tested_elsewhere[0], tmp_path / "store"))
    table = path / "corpus" / "utterances.tsv"
    table.write_text(table.read_text().replace("\tsadness\t", "\tanger\t"))
    done = sercli("evaluate", path, "--with", f"{exported}:control", "--json")
    assert "fold-1 is stale: classes changed" in done.stderr
    (scores,) = json.loads(done.stdout)["results"]
    assert scores["labels"] == ["anger", "neutral"]
    assert np.array(scores["confusion"]).sum() == 4 * 32


def test_what_a_combined_store_has_merged_is_merged_elsewhere(sercli: Sercli, combined: Path, tmp_path: Path) -> None:
    """Its class `calm` is what others call neutral."""
    name = sercli("train-classifier", combined, "--classifier", "functionals", "--jobs", 1).stdout.strip()
    third = small_store(
        tmp_path, "third", "path,speaker,emotion,start,end\nx.wav,p,neutral,0,0.4\nx.wav,p,angry,0.5,0.9\n", 5
    )
    sercli("featurize", third)
    (scores,) = json.loads(sercli("evaluate", third, "--with", f"{combined}:{name}", "--json").stdout)["results"]
    assert scores["labels"] == ["anger", "calm"]
    assert scores["n_utterances"] == 2


REFUSED_ELSEWHERE: dict[str, tuple[list[str], int, Fields]] = {
    "its own corpus": (
        ["TOY", "--with", "TRAINED:control"],
        FIXABLE,
        {"place": "TRAINED:control", "fix": "sercli evaluate TRAINED --classifier control"},
    ),
    "no classifier named": (["OTHER", "--with", "TRAINED"], USAGE, {"expected": ":CLASSIFIER"}),
    "a classifier that is not there": (
        ["OTHER", "--with", "TRAINED:x"],
        FIXABLE,
        {"seen": "x", "expected": "control, cvae-8.lstm"},
    ),
    "no features": (["JOYLESS", "--with", "TRAINED:control"], FIXABLE, {"seen": ("anger, neutral, sadness", "dread")}),
    "no store": (["OTHER", "--with", "CORPUS:control"], FIXABLE, {"place": "CORPUS", "fix": "sercli ingest"}),
    "both kinds": (
        ["OTHER", "--with", "TRAINED:control", "--classifier", "x"],
        USAGE,
        {"place": "--classifier, --with"},
    ),
    "other features": (["FINER", "--with", "TRAINED:control"], FIXABLE, {"problem": "different ways"}),
    "features that are missing": (
        ["BARE", "--with", "TRAINED:control"],
        FIXABLE,
        {"place": "BARE", "fix": "sercli featurize BARE"},
    ),
}


@pytest.fixture(scope="module")
def elsewhere(places: dict[str, Path], exported: Path, other: Path, tmp_path_factory: Any) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("finer", "bare"):
        shutil.copytree(other, folder / name)
        shutil.rmtree(folder / name / "arrays.zarr")
    run_sercli("featurize", folder / "finer", "--set", "n_mels=40")
    return {**places, "TRAINED": exported, "FINER": folder / "finer", "BARE": folder / "bare"}


@pytest.mark.parametrize("situation", REFUSED_ELSEWHERE)
def test_what_cannot_be_tested_elsewhere(situation: str, sercli: Sercli, elsewhere: dict[str, Path]) -> None:
    arguments, code, fields = REFUSED_ELSEWHERE[situation]
    for key, path in elsewhere.items():
        fields = {n: t.replace(key, str(path)) if isinstance(t, str) else t for n, t in fields.items()}
        arguments = [word.replace(key, str(path)) for word in arguments]
    refused(sercli, code, fields, "evaluate", *arguments)


# --- labels and speakers that cannot be told apart


def test_entangled_labels_are_told_and_marked(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    """As in the URDU corpus: whoever is angry is never anything else."""
    rows = [line.split("\t") for line in (corpus / "utterances.tsv").read_text().splitlines()]
    path, speaker, emotion = (rows[0].index(name) for name in ("path", "speaker", "emotion"))
    shutil.copytree(corpus / "wav", tmp_path / "corpus" / "wav")
    lines = [f"{row[path]},{row[speaker]}-{row[emotion]},{row[emotion]}" for row in rows[1:]]
    (tmp_path / "corpus" / "labels.csv").write_text("\n".join(["path,speaker,emotion", *lines]) + "\n")
    done = sercli("ingest", tmp_path / "corpus", tmp_path / "store")
    assert "ENTANGLED: the speaker alone tells the emotion of 100 %" in done.stderr
    sercli("folds", tmp_path / "store")
    sercli("featurize", tmp_path / "store")
    sercli("train-classifier", tmp_path / "store", "--classifier", "functionals", "--name", "control")
    assert marks_of_task(Catalogue(Store(tmp_path / "store")).classifier("control").task) == (Mark.ENTANGLED,)
