"""The data card of a corpus: what it says, and that it names what is not known."""

from dataclasses import replace

from sercli.corpora.base import read_card
from sercli.data.utterances import Utterance
from sercli.report.data_card import data_card

BARE = Utterance("a1", "a1.wav", duration=2.0, sample_rate=16000, channels=1, speaker="ana", emotion="anger")


def test_what_is_not_known_is_named() -> None:
    facts = data_card([BARE], "table", None, None, False)
    for name in ("Licence", "Source", "Age", "Elicitation", "Texts"):
        assert facts[name].startswith("not recorded"), name
    assert "gender not recorded" in facts["Speakers"]
    assert facts["Sessions"] == "none"
    assert facts["Recordings"] == "16 kHz mono 1"


def test_all_facts_of_a_corpus() -> None:
    utterances = [
        replace(BARE, utt_id=f"{speaker}{k}", speaker=speaker, gender=gender, style="acted", extra=extra)
        for speaker, gender, age in (("ana", "female", "25"), ("ben", "male", "31"))
        for k in (1, 2)
        for extra in ({"sentence": f"s{k}", "age": age},)
    ]
    facts = data_card(utterances, "emodb", read_card("emodb"), None, True)
    assert facts["Licence"] == read_card("emodb").facts["Licence"]
    assert "German" in facts["What it is"]
    assert facts["Spoken by people"].startswith("no")
    assert facts["Speakers"] == "2 (female 1, male 1); 2 utterances each"
    assert facts["Age"] == "25 to 31 years (2 speakers)"
    assert facts["Elicitation"] == "acted 4"
    assert facts["Texts"] == "2 sentences; 100 % of the utterances share theirs with another"
    assert facts["Utterances"].startswith("4, 0.00 h; 2.0 s each")


def test_ages_that_are_no_numbers_are_counted() -> None:
    utterances = [replace(BARE, utt_id=s, speaker=s, extra={"age": age}) for s, age in (("a", "young"), ("b", "31"))]
    assert data_card(utterances, "table", None, None, False)["Age"] == "31 1, young 1"
