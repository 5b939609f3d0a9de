"""Whether a speaker, or a sentence, gives a label away."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sercli.corpora.base import reader
from sercli.data.utterances import Utterance
from sercli.tasks.confounds import (
    SpeakerPrediction,
    predict_by_speaker,
    shared_value,
    shares_text,
    shares_text_with,
)
from sercli.tasks.splitting import make_folds
from sercli.tasks.task import Task


def predicted(rows: Sequence[tuple[str, str]]) -> SpeakerPrediction:
    """Of rows (speaker, label)."""
    utterances = [Utterance(f"u{n}", "", speaker=speaker, emotion=label) for n, (speaker, label) in enumerate(rows)]
    return predict_by_speaker({u.utt_id: u.emotion for u in utterances}, utterances)


# --- labels and speakers

LABELS = ("anger", "happiness", "neutral", "sadness")


def own_label(speakers: int, each: int, odd: int) -> list[tuple[str, str]]:
    """Each speaker has a label of their own, but for `odd` utterances of the next one."""
    pairs = [(f"s{s}", LABELS[(s + (n < odd)) % 4]) for s in range(speakers) for n in range(each)]
    return pairs


def test_one_odd_label_of_each_speaker_hides_nothing() -> None:
    rows = own_label(20, 50, odd=1)
    assert len({(speaker, label) for speaker, label in rows}) == 40
    assert predicted(rows).is_entangled
    assert predicted(rows).accuracy == pytest.approx(0.96)
    assert predicted(rows).chance == pytest.approx(249 / 999)


def test_a_corpus_like_urdu_is_entangled() -> None:
    """Four men speak all anger, and one man 72 of the 100 neutral recordings; 26 of 29 speakers have only one label."""
    rows = [(f"M{n % 4}", "anger") for n in range(100)] + [("M5", "neutral")] * 72
    rows += [(f"S{n % 12}", label) for label, n_rows in (("happiness", 100), ("neutral", 28)) for n in range(n_rows)]
    rows += [(f"T{n % 11}", "sadness") for n in range(100)]
    assert predicted(rows).is_entangled


@settings(max_examples=60)
@given(st.integers(4, 24), st.integers(2, 12), st.integers(0, 3), st.randoms(use_true_random=False))
def test_speakers_with_all_labels_are_not(speakers: int, each: int, missing: int, order: random.Random) -> None:
    """As in EMO-DB and nEMO: everybody has every label, if not all of them equally often."""
    rows = [(f"s{s}", label) for s in range(speakers) for label in LABELS for _ in range(each)]
    assert not predicted(order.sample(rows, len(rows) - missing)).is_entangled


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(LABELS)), min_size=2, max_size=80))
def test_who_says_what_decides_and_not_in_which_order(rows: list[tuple[str, str]]) -> None:
    guess = predicted(rows)
    assert predicted(rows[::-1]).accuracy == pytest.approx(guess.accuracy)
    assert 0 <= guess.accuracy <= 1
    assert guess.kappa <= 1
    assert predicted([(f"x{speaker}", label.upper()) for speaker, label in rows]).kappa == pytest.approx(guess.kappa)


@settings(max_examples=60)
@given(st.integers(2, 10), st.integers(2, 30), st.integers(2, 4))
def test_speakers_of_a_single_label_are_always_entangled(speakers: int, each: int, n_labels: int) -> None:
    guess = predicted([(f"s{s}", LABELS[s % n_labels]) for s in range(speakers) for _ in range(each)])
    assert guess.accuracy == 1
    assert guess.is_entangled


def test_labels_that_a_speaker_has_equally_often_are_equally_good_guesses() -> None:
    two_of_four = [(f"s{s}", LABELS[(s + k) % 4]) for s in range(6) for k in range(2) for _ in range(10)]
    assert predicted(two_of_four).accuracy == pytest.approx(9 / 19)
    assert predicted(two_of_four).kappa > 0.25


def test_of_a_commonest_label_nothing_follows() -> None:
    """Nine tenths of everybody's utterances are neutral: knowing the speaker does not help."""
    rows = [(f"s{s}", "anger" if n == 0 else "neutral") for s in range(9) for n in range(10)]
    assert -0.1 < predicted(rows).kappa <= 0
    assert predicted([("a", "joy")] * 9).kappa == 0
    assert predicted([(str(n), "joy") for n in range(9)]).kappa == 0  # of one utterance nothing can be told
    assert (
        predicted([*own_label(4, 9, 0), *(("e", "") for _ in range(9))]).kappa == 1
    )  # what has no label does not count


def test_of_emodb(emodb: Path) -> None:
    """Ten people say the same ten sentences in seven emotions."""
    utterances = reader("emodb").scan(emodb).utterances
    guess = predict_by_speaker({u.utt_id: u.emotion for u in utterances}, utterances)
    assert not guess.is_entangled
    assert guess.kappa == pytest.approx(0, abs=0.01)
    assert is_shared(utterances)


# --- sentences

SPOKEN = [
    Utterance(f"{speaker}-{label}-{n}", "", speaker=speaker, emotion=label, extra={"sentence": f"s{n}"})
    for speaker in "abcd"
    for label in ("anger", "joy")
    for n in range(3)
]


def is_shared(utterances: list[Utterance]) -> bool:
    return shares_text(make_folds(Task(), utterances).folds, utterances)


def test_most_sentences_are_those_of_training() -> None:
    assert is_shared(SPOKEN)
    only_own = [replace(u, extra={"sentence": f"{u.speaker}{n}"}) for n, u in enumerate(SPOKEN)]
    assert not is_shared(only_own)
    for n_shared in range(7, len(SPOKEN) + 1):  # of two speakers or more
        mixed = [replace(SPOKEN[0], utt_id=u.utt_id, speaker=u.speaker, emotion=u.emotion) for u in SPOKEN[:n_shared]]
        assert is_shared([*mixed, *only_own[n_shared:]]) == (n_shared > 12), n_shared
        assert is_shared([*mixed, *(replace(u, extra={}) for u in SPOKEN[n_shared:])])  # the others are unknown


def test_a_sentence_is_known_by_its_text_too() -> None:
    def spoken(*texts: str) -> list[Utterance]:
        return [replace(u, extra={}, text=texts[n % len(texts)]) for n, u in enumerate(SPOKEN)]

    assert is_shared(spoken("Don't forget a jacket", "dont forget: a jacket!", "DON'T forget a jacket."))
    assert not is_shared(spoken("", "..."))
    assert not is_shared([replace(u, extra={}, text=u.utt_id) for u in SPOKEN])


def test_a_number_of_a_sentence_counts_within_its_corpus() -> None:
    assert shared_value(replace(SPOKEN[0], extra={"sentence": "01"}), "sentence") == "01"
    two = [shared_value(replace(SPOKEN[0], extra={"sentence": "01", "corpus": c}), "sentence") for c in ("x", "y")]
    assert len({*two, "01"}) == 3
    assert shared_value(replace(SPOKEN[0], extra={"corpus": "x"}), "sentence") == ""
    here, there = ([replace(u, text=text) for u in SPOKEN] for text in ("The same.", "the same"))
    assert shares_text_with(here, there)
    assert not shares_text_with(SPOKEN, SPOKEN)  # whose texts are unknown
