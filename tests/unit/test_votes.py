"""Votes in the terms of a task, soft labels, one rater against the others."""

from pathlib import Path

import pytest
from support.errors import raises

from sercli.data.ratings import in_common_terms, ratings_table, read_ratings
from sercli.data.utterances import Rating, Utterance, write_table
from sercli.evaluation.human_reference import score_raters
from sercli.tasks.task import Task
from sercli.tasks.votes import soft_labels, votes_of

FOUR = Task(classes=("neutral", "happiness=happiness+excited", "anger"))
NAMES = ["neutral", "happiness", "anger"]


def ratings(**said: str) -> list[Rating]:
    """`u="ann neutral+anger, ben anger"`."""
    pairs = [(utt_id, *text.split()) for utt_id, texts in said.items() for text in texts.split(", ")]
    return [Rating(utt_id, rater, tuple(emotions.split("+"))) for utt_id, rater, emotions in pairs]


def test_merged_labels_are_one_class() -> None:
    votes = votes_of(FOUR, NAMES, ratings(u="ann happiness+excited, ben excited+anger, cem surprise"))
    assert votes["u"] == {"ann": {"happiness": 1}, "ben": {"happiness": 0.5, "anger": 0.5}, "cem": {"=surprise": 1}}
    assert soft_labels(votes, NAMES, {}, ["u"]) == {"u": [0, 0.75, 0.25]}


@pytest.mark.parametrize(
    ("bins", "labels"), [("paper", ["low", "mid", "high", "high"]), ("tian", ["mid", "mid", "mid", "high"])]
)
def test_values_are_cut_as_the_task_cuts_means(bins: str, labels: list[str]) -> None:
    task = Task(target="power", bins=bins)  # type: ignore[arg-type]
    rated = [Rating("u", str(value), values={"dominance": value, "valence": 1}) for value in (2.5, 3, 3.4, 3.5)]
    votes = votes_of(task, ["low", "mid", "high"], [*rated, Rating("u", "none", ("anger",))])
    assert [next(iter(vote)) for vote in votes["u"].values()] == labels


def test_an_utterance_without_votes_has_its_label() -> None:
    votes = votes_of(FOUR, NAMES, ratings(u="ann surprise, ben fear"))
    labels = {"u": "anger", "v": "neutral"}
    assert soft_labels(votes, NAMES, labels, ["u", "v"]) == {"u": [0, 0, 1], "v": [1, 0, 0]}


def test_one_rater_against_the_others() -> None:
    """Worked by hand. u: all agree. v: ann differs; for ben and cem the others tie. w: one vote. x: the others name no class."""
    votes = votes_of(
        FOUR,
        NAMES,
        ratings(
            u="ann anger, ben anger, cem anger",
            v="ann neutral, ben anger, cem anger",
            w="ann anger",
            x="ann neutral, ben fear, cem fear",
            y="ann neutral, ben excited+anger",
        ),
    )
    human = score_raters("four", NAMES, votes)
    assert (human.n_votes, human.n_raters, human.n_utterances) == (5, 3, 3)
    # v: ben, cem; x: ben, cem; y: ann
    assert (human.n_single, human.n_ties, human.n_outside) == (1, 5, 1)
    assert human.scores is not None
    # truth anger: 3 right of 4; truth neutral: ben says happiness and anger
    assert human.scores.accuracy == pytest.approx(3 / 5)
    assert human.scores.uar == pytest.approx((3 / 4 + 0) / 2)


def test_one_rater_against_what_was_acted() -> None:
    votes = votes_of(FOUR, NAMES, ratings(u="ann anger, ben neutral", v="ann anger", w="ann fear, ben anger"))
    human = score_raters("four", NAMES, votes, {"u": "anger", "v": "anger", "w": "happiness"})
    assert human.scores is not None
    assert (human.is_acted, human.n_votes, human.n_single, human.n_outside) == (True, 4, 0, 1)
    assert human.scores.accuracy == 0.5


def test_two_raters_are_each_others_label() -> None:
    human = score_raters(
        "four", NAMES, votes_of(FOUR, NAMES, ratings(u="ann anger, ben anger", v="ann anger, ben neutral"))
    )
    assert human.scores is not None
    assert (human.n_votes, human.scores.accuracy) == (4, 0.5)


def test_votes_of_a_single_rater_give_no_score() -> None:
    human = score_raters("four", NAMES, votes_of(FOUR, NAMES, ratings(u="ann anger", v="ben anger")))
    assert (human.scores, human.n_votes, human.n_single) == (None, 0, 2)


# --- the table


def test_votes_come_back_as_they_were(tmp_path: Path) -> None:
    utterances = [Utterance("u", "u.wav"), Utterance("v", "v.wav")]
    given = [
        Rating("v", "ann", ("Angry", "exc"), {"arousal": 7, "valence": 4}, extra={"comment": "a\tb"}),
        Rating("u", "ann", (), {"dominance": 1}, is_own=True),
        Rating("u", "ann", ("sad",)),
        Rating("gone", "ann", ("sad",)),
    ]
    table = ratings_table(in_common_terms(given, (1.0, 7.0)), utterances)
    write_table(tmp_path / "ratings.tsv", table.header, table.rows)
    assert read_ratings(tmp_path / "ratings.tsv", utterances) == [
        Rating("u", "ann", (), {"dominance": 1}, is_own=True, extra={"comment": ""}),
        Rating("v", "ann", ("anger", "excited"), {"valence": 3, "arousal": 5}, extra={"comment": "a b"}),
    ]


HEAD = "utt_id\trater\tkind\temotions\tvalence\tarousal\tdominance\n"
DAMAGED = {
    "a column is missing": (
        HEAD.replace("\tkind", "") + "u\tann\tanger\t\t\t\n",
        {"expected": "kind", "place": "ratings.tsv"},
    ),
    "a cell is missing": (HEAD + "u\tann\n", {"place": "line 2", "expected": "7 columns"}),
    "not a number": (HEAD + "u\tann\texternal\tanger\tx\t\t\n", {"place": "line 2"}),
    "no rater": (HEAD + "u\t\texternal\tanger\t\t\t\n", {"place": "line 2"}),
    "unknown kind": (HEAD + "u\tann\tother\tanger\t\t\t\n", {"seen": "other", "expected": "external"}),
    "unknown utterance": (
        HEAD + "z\tann\texternal\tanger\t\t\t\n",
        {"place": "line 2", "seen": "z", "fix": "sercli ingest"},
    ),
    "a rater votes twice": (HEAD + 2 * "u\tann\texternal\tanger\t\t\t\n", {"place": "line 3", "seen": "ann on u"}),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_table(damage: str, tmp_path: Path) -> None:
    text, fields = DAMAGED[damage]
    (tmp_path / "ratings.tsv").write_text(text)
    with raises(fields):
        read_ratings(tmp_path / "ratings.tsv", [Utterance("u", "u.wav")])
