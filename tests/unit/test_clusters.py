"""Which utterances hang together."""

from sercli.data.utterances import Utterance
from sercli.evaluation.clusters import clusters


def spoken(*rows: tuple[str, str]) -> list[Utterance]:
    """One utterance for each speaker and session: u0, u1, …"""
    return [
        Utterance(f"u{k}", f"{k}.wav", speaker=speaker, session=session) for k, (speaker, session) in enumerate(rows)
    ]


def test_a_cluster_is_a_session_where_there_are_sessions() -> None:
    grouped = clusters(spoken(("f1", "2"), ("m1", "2"), ("f2", "10"), ("m2", "10")))
    assert (grouped.unit, grouped.of) == ("session", {"u0": "2", "u1": "2", "u2": "10", "u3": "10"})
    assert grouped.names == ["10", "2"]


def test_without_sessions_it_is_a_speaker() -> None:
    grouped = clusters(spoken(("a", ""), ("b", ""), ("a", "")))
    assert (grouped.unit, grouped.of) == ("speaker", {"u0": "a", "u1": "b", "u2": "a"})


def test_sessions_that_share_a_speaker_are_one_cluster() -> None:
    """Whatever the order: 3 and 1 are joined by b, 1 and 2 by c."""
    rows = [("a", "3"), ("b", "3"), ("c", "2"), ("b", "1"), ("c", "1"), ("d", "4")]
    for order in (rows, rows[::-1]):
        grouped = clusters(spoken(*order))
        assert {session: grouped.of[f"u{k}"] for k, (_, session) in enumerate(order)} == {
            "1": "1",
            "2": "1",
            "3": "1",
            "4": "4",
        }


def test_of_a_corpus_with_sessions_and_one_without() -> None:
    grouped = clusters(spoken(("a", "one"), ("b", "one"), ("c", ""), ("d", "")))
    assert (grouped.unit, grouped.names) == ("cluster", ["c", "d", "one"])
