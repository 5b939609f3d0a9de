"""Sieves: which utterances can be used, why the others cannot, and in which terms a store keeps them."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sercli.data import sieves
from sercli.data.audio_index import AudioFile
from sercli.data.sieves import Sifted
from sercli.data.utterances import Utterance


def utterance(utt_id: str, **values: object) -> Utterance:
    return Utterance(utt_id, **{"path": f"{utt_id}.wav", "speaker": "anna", "digest": utt_id, **values})  # type: ignore[arg-type]


def test_rejects_add_up_from_sieve_to_sieve() -> None:
    group = [utterance("a"), utterance("a b"), utterance("c"), utterance("d", digest="c")]
    sifted = Sifted(group).through(sieves.storable).through(sieves.without_duplicates)
    assert [u.utt_id for u in sifted.utterances] == ["a", "c"]
    assert [(reject.path, reject.copy) for reject in sifted.rejects] == [("a b.wav", False), ("d.wav", True)]


@pytest.mark.parametrize(
    "values",
    [{"path": "a\tb.wav"}, {"path": "/a.wav"}, {"path": "../a.wav"}, {"speaker": ""}, {"speaker": "?"}, {"utt_id": ""}],
    ids=str,
)
def test_what_a_store_cannot_hold_is_rejected(values: dict[str, str]) -> None:
    sifted = sieves.storable([utterance(**{"utt_id": "a", **values})])
    assert not sifted.utterances
    assert len(sifted.rejects) == 1


@given(st.floats(-10, 10), st.floats(0.1, 10))
def test_the_ends_of_a_scale_become_one_and_five(low: float, width: float) -> None:
    ends = (low, low + width)
    sifted = sieves.in_common_terms(
        [utterance("a", valence=ends[0], arousal=ends[1])], corpus="mine", scale=(ends[0], ends[1])
    )
    (converted,) = sifted.utterances
    assert converted.valence == pytest.approx(1)
    assert converted.arousal == pytest.approx(5)
    assert (converted.dominance, sorted(converted.extra)) == (None, ["arousal_raw", "valence_raw"])


def test_speakers_get_a_prefix_once_and_emotions_their_canonical_name() -> None:
    group = [utterance("b", emotion="ANG"), utterance("a", speaker="mine_bert x", emotion="joy", emotion_code="J")]
    sifted = sieves.in_common_terms(group, corpus="mine", scale=(1, 5))
    told = [(u.utt_id, u.speaker, u.emotion, u.emotion_code) for u in sifted.utterances]
    assert told == [("a", "mine_bert_x", "happiness", "J"), ("b", "mine_anna", "anger", "ANG")]


def test_lengths_are_compared_with_those_that_the_corpus_promises() -> None:
    files = {f"{name}.wav": AudioFile("", 1.0, 16000, 1, name) for name in "abc"} | {
        "d.wav": AudioFile("", problem="x")
    }
    group = [utterance("a"), utterance("b"), utterance("c", start=0.5, end=1.5), utterance("d")]
    sieve = partial(sieves.measured, files=files, durations={"a": 1.001, "b": 1.5})
    sifted = Sifted(group).through(sieve)
    assert [(u.utt_id, u.duration, u.sample_rate) for u in sifted.utterances] == [("a", 1.0, 16000)]
    assert [reject.path for reject in sifted.rejects] == ["b.wav", "c.wav", "d.wav"]
    assert ["cut short" in sifted.rejects[0].reason, "0.5 to 1.5" in sifted.rejects[1].reason] == [True, True]


def test_twins_that_disagree_are_all_rejected() -> None:
    group = [utterance("a", digest="x", emotion="anger"), utterance("b", digest="x", emotion="fear"), utterance("c")]
    sifted = sieves.without_duplicates(group)
    assert [u.utt_id for u in sifted.utterances] == ["c"]
    assert [(reject.path, reject.copy) for reject in sifted.rejects] == [("a.wav", False), ("b.wav", False)]
    same_id = [utterance("a"), utterance("a", path="more/a.wav"), utterance("b")]
    assert [u.utt_id for u in sieves.without_shared_ids(same_id).utterances] == ["b"]
