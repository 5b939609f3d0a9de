"""Sentences that are held out, and smaller training parts, on the real command."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile
from support.command import FIXABLE, QUICK, USAGE, Sercli
from support.errors import refused

from sercli.data.utterances import read_table
from sercli.evaluation.marks import Mark
from sercli.evaluation.stored import read_cross_corpus_result, read_result
from sercli.store.store import Store

APART = "emotion.apart-text.leave-one-speaker-out"
ONE = ["--jobs", 1]


@pytest.fixture(scope="module")
def scripted_corpus(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small corpus, whose speakers all say the same three sentences, in spelling of their own. Not to be changed."""
    folder = tmp_path_factory.mktemp("scripted") / "toy"
    shutil.copytree(corpus / "wav", folder / "wav")
    rows = list(read_table(corpus / "utterances.tsv"))
    texts = ["Go home!", "Who is there?", "It is late."]
    lines = ["\t".join([*rows[0], "style"])]
    for number, row in enumerate(rows):
        text = texts[number % 3]
        lines.append("\t".join({**row, "text": text.upper() if number % 2 else text, "style": "read"}.values()))
    (folder / "utterances.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def scripted(scripted_corpus: Path, sercli: Sercli) -> Path:
    """Its store with LogMel, and a control on known and on new sentences. Not to be changed."""
    store = scripted_corpus.with_name("store")
    sercli("ingest", scripted_corpus, store)
    sercli("featurize", store, *ONE)
    sercli("train-classifier", store, "--classifier", "functionals", "--name", "known", *ONE)
    sercli("train-classifier", store, "--classifier", "functionals", "--name", "new", "--apart", "text", *ONE)
    sercli("evaluate", store, *ONE)
    return store


def test_scores_of_known_sentences_are_marked(scripted: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = Path(shutil.copytree(scripted, tmp_path / "store"))
    assert read_result(Store(store), "known").marks == (Mark.TEXT_SHARED,)
    assert read_result(Store(store), "new").marks == ()
    scores = sercli("evaluate", store).stdout
    assert f"{Mark.TEXT_SHARED}: {Mark.TEXT_SHARED.meaning}" in scores
    assert "Marked" not in scores
    for name in ("known", "new"):
        sercli("export", store, "--classifier", name, tmp_path / name)
        assert (Mark.TEXT_SHARED in (tmp_path / name / "card.md").read_text()) == (name == "known")
    sercli("report", store)
    page = (store / "report/report.html").read_text()
    assert "Train and dev share no text with a test utterance" in page
    assert page.count(f"⚠ {Mark.TEXT_SHARED}") == 1


def test_no_fold_trains_on_a_sentence_that_it_tests(scripted: Path, sercli: Sercli) -> None:
    text = {u.utt_id: u.text.casefold().strip("!?.") for u in Store(scripted).utterances}
    made = json.loads(sercli("folds", scripted, "--apart", "text", "--json").stdout)
    assert made["product"] == APART
    assert len(made["folds"]) == 4 * 3
    rows = list(read_table(scripted / "tasks" / APART / "folds.tsv"))
    for fold in made["folds"]:
        parts = {row["utt_id"]: row[f"fold-{fold['fold']}"] for row in rows}
        spoken = {part: {text[u] for u, p in parts.items() if p == part} for part in ("train", "dev", "test")}
        assert len(spoken["test"]) == 1
        assert not spoken["test"] & (spoken["train"] | spoken["dev"])


def test_another_text_makes_the_task_stale(scripted: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = Path(shutil.copytree(scripted, tmp_path / "store"))
    table = store / "corpus/utterances.tsv"
    table.write_text(table.read_text().replace("Go home!", "Go away!"))
    items = {(i["kind"], i["name"]): i for i in json.loads(sercli("info", store, "--json").stdout)["items"]}
    assert items["task", APART]["states"] == {"stale": 1}
    assert "apart text" in items["task", APART]["why"]
    assert f"--task {APART} --apart text" in items["task", APART]["command"]
    assert items["task", "emotion.leave-one-speaker-out"]["states"] == {"fresh": 1}


def test_a_store_of_the_same_sentences(scripted: Path, scripted_corpus: Path, sercli: Sercli, tmp_path: Path) -> None:
    """Other speakers and other recordings: what was trained on these sentences is tested on known text."""
    folder, store = tmp_path / "other", tmp_path / "store"
    (folder / "wav").mkdir(parents=True)
    for path in (scripted_corpus / "wav").iterdir():
        samples, rate = soundfile.read(path)
        soundfile.write(folder / "wav" / path.name, samples[::-1], rate)
    shutil.copy(scripted_corpus / "utterances.tsv", folder)
    sercli("ingest", folder, store, "--name", "other")
    sercli("featurize", store, *ONE)
    told = sercli("evaluate", store, "--with", f"{scripted}:known", *ONE).stdout
    assert Mark.TEXT_SHARED in told
    (key,) = (path.parent for path in store.glob("cross-corpus/*/scores"))
    result = read_cross_corpus_result(Store(store), key.relative_to(store).as_posix())
    assert result.marks == (Mark.TEXT_SHARED,)


def test_an_autoencoder_must_not_have_read_them(scripted: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = Path(shutil.copytree(scripted, tmp_path / "store"))
    sercli("train-ae", store, "--name", "ae", "--latent-dim", 2, "--fold", 1, *QUICK)
    fields = {"seen": "12 and 4 folds", "fix": "train-ae"}
    refused(
        sercli, USAGE, fields, "train-classifier", store, "--ae", "ae", "--classifier", "functionals", "--apart", "text"
    )


BAD: dict[str, tuple[list[str], int, dict[str, str]]] = {
    "no such column": (["--apart", "txet"], FIXABLE, {"place": "--apart txet", "expected": "text"}),
    "an empty column": (["--apart", "session"], FIXABLE, {"place": "--apart session", "expected": "text"}),
    "no name": (["--apart", ""], USAGE, {"place": "--apart"}),
    "twice": (["--apart", "text", "--apart", "text"], USAGE, {"place": "--apart", "seen": "text"}),
    "nothing is left": (
        ["--apart", "emotion_code", "--classes", "anger,rest=neutral+sadness"],
        FIXABLE,
        {"seen": "anger"},
    ),
    "one value": (["--apart", "style"], FIXABLE, {"problem": "no training data", "place": "--apart style"}),
    "no speaker": (["--train-speakers", "0"], USAGE, {"place": "--train-speakers"}),
    "too many speakers": (["--train-speakers", "3"], FIXABLE, {"seen": "2 in fold 1", "expected": "1 to 2"}),
    "no share": (["--train-share", "0"], USAGE, {"place": "train_share", "expected": "more than 0"}),
    "more than all": (["--train-share", "2"], USAGE, {"place": "train_share", "expected": "at most 1"}),
    "a seed of nothing": (["--train-seed", "1"], USAGE, {"place": "--train-seed", "fix": "--train-speakers"}),
}


@pytest.mark.parametrize("situation", BAD)
def test_what_is_refused(situation: str, scripted: Path, sercli: Sercli) -> None:
    words, code, fields = BAD[situation]
    refused(sercli, code, fields, "folds", scripted, *words, "--dry-run")
