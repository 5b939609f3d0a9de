"""`--apart` and smaller training parts: what a fold may still train on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.errors import raises
from support.tables import UTTERANCES, planned

from sercli.data.utterances import Utterance
from sercli.errors import SercliError, UsageError
from sercli.experiments.resolve import resolve_autoencoder, resolve_classifier
from sercli.tasks.confounds import shared_value, shares_text
from sercli.tasks.folds import Folds
from sercli.tasks.folds_file import FoldsFile
from sercli.tasks.splitting import make_folds
from sercli.tasks.task import Task

SPEAKERS = "abcde"


def spoken(sentences: int, takes: int = 1, known: int = 10**6) -> list[Utterance]:
    """Everybody says every sentence in two emotions; of sentences from `known` on, nobody knows which they are."""
    return [
        Utterance(
            f"{speaker}-{label}-{n:02d}-{take}",
            "",
            speaker=speaker,
            emotion=label,
            extra={"sentence": f"s{n:02d}" if n < known else ""},
        )
        for speaker in SPEAKERS
        for label in ("anger", "joy")
        for n in range(sentences)
        for take in range(takes)
    ]


def cut(utterances: Sequence[Utterance], *columns: str, **task: Any) -> Folds:
    return make_folds(Task(apart=columns, **task), utterances)


def check_apart(folds: Folds, utterances: Sequence[Utterance], columns: Sequence[str], **task: Any) -> None:
    """Whatever shares a value is neither train nor dev, and nothing else is missing."""
    by_id = {u.utt_id: u for u in utterances}
    whole = {fold.left_out: fold for fold in make_folds(Task(**task), utterances).folds}
    tested = Counter(utt_id for fold in folds.folds for utt_id in fold.part("test"))
    assert tested == dict.fromkeys(folds.labels, 1)
    assert [fold.number for fold in folds.folds] == list(range(1, len(folds.folds) + 1))
    for fold in folds.folds:
        original = whole[fold.left_out.partition(",")[0]]
        values = {(c, shared_value(by_id[u], c)) for u in fold.part("test") for c in columns}
        for utt_id, part in original.parts.items():
            is_shared = any(v and (c, v) in values for c in columns if (v := shared_value(by_id[utt_id], c)))
            if part != "test":
                assert fold.parts.get(utt_id) == (None if is_shared else part)
            else:
                assert fold.parts.get(utt_id) in ("test", None)


# --- sentences apart


def test_where_everybody_says_the_same_there_is_a_fold_for_each_sentence() -> None:
    utterances = spoken(4)
    folds = cut(utterances, "sentence")
    check_apart(folds, utterances, ["sentence"])
    assert len(folds.folds) == len(SPEAKERS) * 4
    assert [fold.left_out for fold in folds.folds[:2]] == ["a, sentence s00", "a, sentence s01"]
    assert {fold.dev for fold in folds.folds[:4]} == {"b"}
    assert len(folds.fold(1).part("train")) == 3 * 2 * 3
    assert shares_text(make_folds(Task(), utterances).folds, utterances)
    assert not shares_text(folds.folds, utterances)


def test_many_sentences_make_ten_groups() -> None:
    utterances = spoken(23)
    folds = cut(utterances, "sentence")
    check_apart(folds, utterances, ["sentence"])
    assert len(folds.folds) == len(SPEAKERS) * 10
    sizes = {len({u.rsplit("-", 2)[1] for u in fold.part("test")}) for fold in folds.folds}
    assert sizes == {2, 3}
    named = {fold.left_out for fold in folds.folds}
    assert len(named) == len(folds.folds)


def test_few_shared_sentences_are_removed_from_the_folds_of_the_protocol() -> None:
    """Each says three sentences that everybody says, and five of their own."""
    utterances = [
        u if u.extra["sentence"] < "s03" else replace(u, extra={"sentence": f"{u.speaker}{n}"})
        for n, u in enumerate(spoken(8))
    ]
    folds = cut(utterances, "sentence")
    check_apart(folds, utterances, ["sentence"])
    assert [fold.left_out for fold in folds.folds] == list(SPEAKERS)
    assert {len(fold.part("train")) for fold in folds.folds} == {3 * 2 * 5}


def test_what_has_no_value_is_shared_with_nobody() -> None:
    utterances = spoken(4, known=2)
    folds = cut(utterances, "sentence")
    check_apart(folds, utterances, ["sentence"])
    assert len(folds.folds) == len(SPEAKERS)
    mostly_known = spoken(4, known=3)
    folds = cut(mostly_known, "sentence")
    check_apart(folds, mostly_known, ["sentence"])
    assert [fold.left_out for fold in folds.folds[:4]] == [f"a, sentence {x}" for x in ("none", "s00", "s01", "s02")]
    assert len(folds.fold(1).part("train")) == 3 * 2 * 4


def test_texts_are_equal_without_case_and_punctuation() -> None:
    texts = ["What is that?", "I know.", "Really!"]
    utterances = [replace(u, text=texts[int(u.extra["sentence"][1:])]) for u in spoken(3)]
    shouted = [replace(u, text=u.text.upper().strip("?.!")) if u.speaker in "ace" else u for u in utterances]
    assert [f.parts for f in cut(shouted, "text").folds] == [f.parts for f in cut(utterances, "text").folds]
    check_apart(cut(shouted, "text"), shouted, ["text"])


def test_several_columns_are_all_kept_apart() -> None:
    utterances = [replace(u, style=f"style-{n % 3}") for n, u in enumerate(spoken(6, takes=3))]
    folds = cut(utterances, "sentence", "style")
    check_apart(folds, utterances, ["sentence", "style"])
    assert len(folds.folds) == len(SPEAKERS) * 6 * 3


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_said(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.sampled_from(["", *"pqrstuvw"]), min_size=40, max_size=40))
    utterances = [replace(u, extra={"sentence": v}) for u, v in zip(spoken(4), values, strict=True)]
    try:
        folds = cut(utterances, "sentence")
    except SercliError:
        return
    check_apart(folds, utterances, ["sentence"])
    assert not shares_text(folds.folds, utterances)
    order = data.draw(st.permutations(utterances))
    assert cut(order, "sentence").digest == folds.digest


def test_folds_that_hold_sentences_out_are_read_back_from_their_table() -> None:
    utterances = spoken(4)
    folds = cut(utterances, "sentence")
    header = ["utt_id", *(f"fold-{fold.number}" for fold in folds.folds)]
    rows = [[u.utt_id, *(fold.parts.get(u.utt_id, "-") for fold in folds.folds)] for u in utterances]
    text = "\n".join("\t".join(row) for row in (header, *rows)) + "\n"
    again = make_folds(Task(protocol="file", folds="x"), utterances, FoldsFile("FOLDS.tsv", text))
    assert again.digest == folds.digest


@pytest.mark.parametrize(
    ("column", "fields"),
    [
        ("txet", {"place": "--apart txet", "expected": "sentence"}),
        ("text", {"place": "--apart text", "expected": "sentence"}),
        ("extra", {"place": "--apart extra", "expected": "sentence"}),
        ("utt_id", {"place": "--apart utt_id", "expected": "sentence"}),
        ("gender", {"problem": "no training data", "place": "--apart gender", "seen": "fold 1"}),
        ("emotion", {"problem": "no utterance", "seen": "anger"}),
    ],
)
def test_columns_that_cannot_be_kept_apart(column: str, fields: dict[str, str]) -> None:
    with raises(fields):
        cut([replace(u, gender="female") for u in spoken(3)], column)


@pytest.mark.parametrize("columns", [("",), ("text", "text")])
def test_columns_that_say_nothing(columns: tuple[str, ...]) -> None:
    with raises({"place": "--apart"}, UsageError):
        Task(apart=columns)


def test_an_autoencoder_keeps_them_apart_too(tmp_path: Any) -> None:
    """Also what it reads outside the task; one that has read a shared sentence serves no classifier that holds it out."""
    rows = [replace(u, extra={"sentence": u.utt_id[-1]}, style="read") for u in UTTERANCES]
    rows += [replace(u, utt_id=f"{u.utt_id}-x", style="free", digest=f"{u.digest} x") for u in rows]
    catalogue = planned(tmp_path / "toy", rows)
    options = {"subset": "read", "apart": ["sentence"]}
    autoencoder = resolve_autoencoder(catalogue, {**options, "fit_on": "all"})
    assert autoencoder.name == "vae-128.read.apart-sentence.fit-all"
    sentence = {u.utt_id: u.extra["sentence"] for u in rows}
    for fold in autoencoder.folds.folds:
        tested = {sentence[u] for u in fold.part("test")}
        further = autoencoder.further_training(fold)
        assert further
        assert not tested & {sentence[u] for u in further}
    resolve_classifier(catalogue, {}, autoencoder)
    own = [replace(u, extra={"sentence": "s" if u.utt_id.endswith("anger-1") else u.utt_id}) for u in UTTERANCES]
    catalogue = planned(tmp_path / "other", own)
    heard = resolve_autoencoder(catalogue, {})
    with raises({"problem": "--apart", "seen": "sentence", "fix": "train-ae"}, UsageError):
        resolve_classifier(catalogue, {"apart": ["sentence"]}, heard)


def test_a_column_that_is_kept_apart_makes_its_task_stale(tmp_path: Any) -> None:
    def task(name: str, sentences: str) -> list[str]:
        rows = [replace(u, extra={"sentence": s}) for u, s in zip(UTTERANCES, sentences * 12, strict=True)]
        catalogue = planned(tmp_path / name, rows)
        tasks = [resolve_classifier(catalogue, options).task for options in ({}, {"apart": ["sentence"]})]
        return [task.product.digest for task in tasks]

    before, after = task("before", "pq"), task("after", "xy")
    assert before[0] == after[0]
    assert before[1] != after[1]


# --- smaller training parts


def reduced(utterances: Sequence[Utterance], **task: Any) -> list[set[str]]:
    """The training part of each fold."""
    whole, folds = make_folds(Task(), utterances), make_folds(Task(**task), utterances)
    for fold, original in zip(folds.folds, whole.folds, strict=True):
        assert all(fold.part(part) == original.part(part) for part in ("dev", "test"))
        assert set(fold.part("train")) <= set(original.part("train"))
    return [set(fold.part("train")) for fold in folds.folds]


@pytest.mark.parametrize("seed", [0, 1])
def test_fewer_speakers_lie_within_more(seed: int) -> None:
    utterances = spoken(3)
    parts = [reduced(utterances, train_speakers=n, train_seed=seed) for n in (1, 2, 3)]
    for smaller, larger in pairwise(parts):
        assert all(a < b for a, b in zip(smaller, larger, strict=True))
    for n, folds in enumerate(parts, 1):
        assert {len({u[0] for u in fold}) for fold in folds} == {n}
        assert {len(fold) for fold in folds} == {n * 6}
    assert parts[-1] == [set(fold.part("train")) for fold in make_folds(Task(), utterances).folds]


def test_another_seed_chooses_others() -> None:
    for options in ({"train_speakers": 1}, {"train_share": 0.3}):
        chosen = [reduced(spoken(9), **options, train_seed=seed) for seed in range(6)]
        assert len({str([sorted(fold) for fold in folds]) for folds in chosen}) > 1
        assert chosen[0] == reduced(spoken(9)[::-1], **options)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 5))
def test_a_smaller_share_lies_within_a_larger(first: float, second: float, seed: int) -> None:
    utterances = [u for n, u in enumerate(spoken(12)) if n % 7]
    smaller, larger = (reduced(utterances, train_share=share, train_seed=seed) for share in sorted((first, second)))
    whole = [fold.part("train") for fold in make_folds(Task(), utterances).folds]
    for a, b, everything in zip(smaller, larger, whole, strict=True):
        assert a <= b
        for label in ("anger", "joy"):
            n, total = (sum(label in u for u in part) for part in (b, everything))
            assert n == max(1, round(max(first, second) * total))
        cells = Counter(u[:3] for u in b)
        of_all = Counter(u[:3] for u in everything)
        shares = [cells[cell] / of_all[cell] for cell in of_all]
        assert max(shares) - min(shares) <= 2 / min(of_all.values())


@pytest.mark.parametrize(
    "options",
    [
        {"train_speakers": 0},
        {"train_share": 0.0},
        {"train_share": 1.1},
        {"train_speakers": 1, "train_seed": -1},
        {"train_seed": 1},
    ],
)
def test_parts_that_cannot_be(options: Any) -> None:
    with pytest.raises(SercliError):
        Task(**options)


def test_more_speakers_than_a_fold_has() -> None:
    with raises({"place": "--train-speakers 4", "seen": "3 in fold 1", "expected": "1 to 3"}):
        reduced(spoken(3), train_speakers=4)


def test_an_autoencoder_of_everybody_serves_a_classifier_of_few(tmp_path: Any) -> None:
    catalogue = planned(tmp_path / "toy")
    autoencoder = resolve_autoencoder(catalogue, {})
    classifier = resolve_classifier(catalogue, {"train_speakers": 1, "train_seed": 2}, autoencoder)
    assert classifier.name == "vae-128.train-speakers-1.train-seed-2.lstm"
