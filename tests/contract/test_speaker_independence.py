"""No score is silently of a speaker whom the system has heard: whatever folds an autoencoder and its classifier have."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.command import QUICK, Sercli
from support.errors import refused
from support.tables import SPEAKERS, UTTERANCES, planned

from sercli.data.utterances import Utterance, read_table
from sercli.errors import SercliError
from sercli.evaluation.marks import Mark, marks_of_classifier
from sercli.evaluation.stored import read_result
from sercli.experiments.catalogue import Catalogue
from sercli.experiments.resolve import resolve_autoencoder, resolve_classifier
from sercli.experiments.systems import Classifier
from sercli.store.store import Store

Options = dict[str, Any]
TWO = "anger,neutral"  # the other class is sadness
STYLED = [replace(u, style="read" if u.utt_id.endswith("1") else "improvised") for u in UTTERANCES]
COMBINED = [replace(u, extra={"corpus": "one" if u.speaker in ("ana", "ben") else "two"}) for u in STYLED]
IMPORTED = {"frontend": "imported", "frame_shift_ms": 20.0}
_numbers = count()


def heard_speakers(classifier: Classifier, number: int) -> set[str]:
    """Test speakers of a fold of whom any model of the system has read other speech, counted without the code under test."""
    fold, autoencoder = classifier.folds.fold(number), classifier.autoencoder
    read = {u for part in ("train", "dev") for u in fold.part(part)}
    if autoencoder is not None:
        counterpart = autoencoder.folds.fold(number)
        read |= {u for part in ("train", "dev") for u in counterpart.part(part)}
        read |= set(autoencoder.further_training(counterpart))
    speakers = {u.utt_id: u.speaker for u in classifier.store.utterances}
    return {speakers[u] for u in fold.part("test")} & {speakers[u] for u in read}


def check_honest(classifier: Classifier) -> bool:
    """Whether the system has heard a test speaker; fails unless every fold in which it has is marked."""
    heard = {number: bool(heard_speakers(classifier, number)) for number in classifier.fold_numbers}
    for number, has_heard in heard.items():
        is_marked = Mark.SPEAKER_DEPENDENT in marks_of_classifier(classifier, [number])
        assert is_marked == (has_heard or classifier.task.definition.speaker_dependent)
        if classifier.autoencoder is not None:
            assert not set(classifier.folds.fold(number).part("test")) & classifier.autoencoder.fitted_on(number)
    assert (Mark.SPEAKER_DEPENDENT in marks_of_classifier(classifier, classifier.fold_numbers)) >= any(heard.values())
    return any(heard.values())


def folds_file(folder: Path, parts: Mapping[str, list[str]]) -> Path:
    """A table of folds, from the part of each utterance in each fold."""
    columns = [f"fold-{k + 1}" for k in range(len(next(iter(parts.values()))))]
    rows = [["utt_id", *columns], *([utt_id, *of_folds] for utt_id, of_folds in parts.items())]
    path = folder / f"folds-{next(_numbers)}.tsv"
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return path


def taking_turns(utterances: list[Utterance], train_always: str = "") -> dict[str, list[str]]:
    """Each speaker is test once, the next one dev; utterances with `train_always` in their name always train."""

    def part(utterance: Utterance, fold: int) -> str:
        test, dev = SPEAKERS[fold], SPEAKERS[(fold + 1) % len(SPEAKERS)]
        if train_always and train_always in utterance.utt_id:
            return "train"
        return "test" if utterance.speaker == test else "dev" if utterance.speaker == dev else "train"

    return {u.utt_id: [part(u, fold) for fold in range(len(SPEAKERS))] for u in utterances}


def everybody_heard(folder: Path, train_always: str) -> Options:
    """Options of an autoencoder that is trained on some speech of everybody, by a file."""
    path = folds_file(folder, taking_turns(STYLED, train_always))
    return {"protocol": "speaker-dependent-file", "folds_file": path}


# --- one way after the other

WAYS = ("files of folds", "a subset", "other classes", "imported features", "combined stores")


@pytest.mark.parametrize("way", WAYS)
def test_an_autoencoder_that_has_heard_the_test_speaker_is_marked(way: str, tmp_path: Path) -> None:
    utterances = COMBINED if way == "combined stores" else STYLED
    catalogue = planned(tmp_path / "toy", utterances)
    options: Options = {}
    if way == "imported features":
        catalogue = Catalogue(catalogue.store, {"mine": IMPORTED})
        options = {"frontend": "mine"}
    always = "-1" if way == "a subset" else "sadness"
    autoencoder = resolve_autoencoder(catalogue, {"name": "heard", **options, **everybody_heard(tmp_path, always)})
    requested: Options = {"classes": TWO.split(","), "protocol": "leave-one-speaker-out"}
    if way == "files of folds":
        own = {u: parts for u, parts in taking_turns(STYLED).items() if "sadness" not in u}
        requested = {**requested, "protocol": "file", "folds_file": folds_file(tmp_path, own)}
    if way == "a subset":
        requested = {"subset": "improvised", "protocol": "leave-one-speaker-out"}
    assert check_honest(resolve_classifier(catalogue, requested, autoencoder))


def test_with_fit_on_all_nobody_is_heard(tmp_path: Path) -> None:
    """Speakers of dev and test give no further utterances, whatever these are."""
    catalogue = planned(tmp_path / "toy", STYLED)
    for task in ({"subset": "improvised"}, {"classes": TWO.split(",")}):
        autoencoder = resolve_autoencoder(catalogue, {**task, "fit_on": "all"})
        assert all(autoencoder.further_training(fold) for fold in autoencoder.folds.folds)
        assert not check_honest(resolve_classifier(catalogue, {}, autoencoder))


def test_what_an_autoencoder_heard_makes_scores_stale(tmp_path: Path) -> None:
    """Another speaker of an utterance that only the autoencoder reads, whose folds ask for no speaker."""

    def result(utterances: list[Utterance]) -> str:
        catalogue = planned(tmp_path / f"store-{next(_numbers)}", utterances)
        autoencoder = resolve_autoencoder(catalogue, {"name": "heard", **everybody_heard(tmp_path, "sadness")})
        requested = {"classes": TWO.split(","), "protocol": "leave-one-speaker-out"}
        classifier = resolve_classifier(catalogue, requested, autoencoder)
        return classifier.result(classifier.fold_numbers).digest

    strangers = [replace(u, speaker="eve") if u.emotion == "sadness" else u for u in STYLED]
    assert result(STYLED) != result(strangers)


# --- any way

PROTOCOLS = st.sampled_from(["leave-one-speaker-out", "random-10-fold", "leave-one-corpus-out"])
TASKS = st.fixed_dictionaries(
    {"protocol": PROTOCOLS},
    optional={"classes": st.sampled_from([TWO, "anger,sadness"]), "subset": st.sampled_from(["improvised", "read"])},
)


@st.composite
def tasks(draw: st.DrawFn, folder: Path, protocols: tuple[str, ...]) -> Options:
    """A task whose folds follow from a protocol, or from a file that mostly lets speakers take turns."""
    options: Options = {**draw(TASKS)}
    if "classes" in options:
        options["classes"] = options["classes"].split(",")
    if draw(st.booleans()):
        parts = taking_turns(COMBINED)
        for utt_id in draw(st.lists(st.sampled_from([u.utt_id for u in COMBINED]), max_size=3)):
            parts[utt_id] = ["train"] * len(SPEAKERS)
        always = draw(st.sampled_from(["", "sadness", "-1", "-2"]))
        parts |= taking_turns([u for u in COMBINED if always and always in u.utt_id], always)
        options |= {"protocol": draw(st.sampled_from(protocols)), "folds_file": folds_file(folder, parts)}
    return options


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_the_folds_are(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    catalogue = planned(folder / "toy", COMBINED)
    fitted = data.draw(tasks(folder, ("file", "speaker-dependent-file")))
    fitted["fit_on"] = data.draw(st.sampled_from(["train", "all"]))
    requested = data.draw(st.just({}) | tasks(folder, ("file", "speaker-dependent-file")))
    try:
        autoencoder = resolve_autoencoder(catalogue, fitted)
        classifier = resolve_classifier(catalogue, requested, autoencoder)
        assert autoencoder.folds.folds
        assert classifier.folds.folds  # folds that cannot be cut raise here
    except SercliError:
        event("refused")
        return
    event("a test speaker was heard" if check_honest(classifier) else "nobody was heard")


# --- the real command


@pytest.fixture
def files(store: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Folds of everything, in which sadness always trains, and speaker-independent folds of the rest."""
    rows = list(read_table(store / "corpus" / "utterances.tsv"))
    speakers = sorted({row["speaker"] for row in rows})

    def part(row: Mapping[str, str], fold: int) -> str:
        test, dev = speakers[fold], speakers[(fold + 1) % len(speakers)]
        return "test" if row["speaker"] == test else "dev" if row["speaker"] == dev else "train"

    parts = {row["utt_id"]: [part(row, fold) for fold in range(len(speakers))] for row in rows}
    sad = {row["utt_id"]: ["train"] * len(speakers) for row in rows if row["emotion"] == "sadness"}
    others = {utt_id: of_folds for utt_id, of_folds in parts.items() if utt_id not in sad}
    return folds_file(tmp_path, {**parts, **sad}), folds_file(tmp_path, others)


def test_scores_bundle_and_page_say_so(store: Path, files: tuple[Path, Path], sercli: Sercli, tmp_path: Path) -> None:
    everything, rest = files
    fold = ["--jobs", 1]
    heard = ["--protocol", "speaker-dependent-file", "--folds-file", everything]
    sercli("train-ae", store, "--name", "heard", "--latent-dim", 4, *heard, *QUICK)
    sercli("encode", store, "--ae", "heard", *fold)
    options = ["--classes", TWO, "--protocol", "file", "--folds-file", rest]
    sercli("train-classifier", store, "--ae", "heard", "--classifier", "functionals", "--name", "svm", *options, *fold)
    assert Mark.SPEAKER_DEPENDENT in sercli("evaluate", store, *fold).stdout
    assert Mark.SPEAKER_DEPENDENT in read_result(Store(store), "svm").marks
    sercli("export", store, "--classifier", "svm", tmp_path / "bundle")
    assert Mark.SPEAKER_DEPENDENT.meaning in (tmp_path / "bundle" / "card.md").read_text()
    sercli("report", store)
    assert Mark.SPEAKER_DEPENDENT in (store / "report" / "report.html").read_text()


def test_an_utterance_that_trained_the_autoencoder_is_not_tested(
    store: Path, files: tuple[Path, Path], sercli: Sercli
) -> None:
    everything, _ = files
    heard = ["--protocol", "speaker-dependent-file", "--folds-file", everything]
    sercli("train-ae", store, "--name", "heard", "--latent-dim", 4, *heard, *QUICK, "--fold", 1)
    arguments = ["--ae", "heard", "--classifier", "functionals", "--protocol", "leave-one-speaker-out"]
    fields = {"seen": "is test and train", "fix": "train-ae"}
    refused(sercli, 2, fields, "train-classifier", store, *arguments)
