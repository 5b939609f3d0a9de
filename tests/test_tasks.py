"""Folds: nobody is trained and tested on, everything is tested once, and neither order nor seed moves anybody."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sercli.errors import SercliError, UsageError
from sercli.manifest import Utterance
from sercli.tasks import Folds, Task, difference, make_folds, task_name

SPEAKER, SESSION, RANDOM = "leave-one-speaker-out", "leave-one-session-out", "random-10-fold"
PARTS = {"train", "dev", "test"}


def utterance(number: int, speaker: str, emotion: str = "anger", session: str = "", gender: str = "") -> Utterance:
    return Utterance(
        f"u{number:03d}", f"{number}.wav", speaker=speaker, emotion=emotion, session=session, gender=gender
    )


def corpus(speakers: Sequence[tuple[str, str, str]], emotions: str = "anger sadness", each: int = 2) -> list[Utterance]:
    """`each` utterances of every emotion by every (speaker, session, gender)."""
    rows = [(who, emotion) for who in speakers for emotion in emotions.split() for _ in range(each)]
    return [utterance(n, who[0], emotion, who[1], who[2]) for n, (who, emotion) in enumerate(rows)]


NO_SESSIONS = [(name, "", "") for name in ("s1", "s2", "s3", "s4")]
IEMOCAP = [(f"Ses0{n}{sex}", f"Ses0{n}", sex) for n in range(1, 6) for sex in "FM"]


def who(folds: Folds, utterances: Sequence[Utterance], number: int, part: str) -> set[str]:
    speaker = {one.utt_id: one.speaker for one in utterances}
    return {speaker[utt_id] for utt_id in folds.fold(number).part(part)}


def check_honest(folds: Folds, utterances: Sequence[Utterance], protocol: str) -> None:
    """What holds for every task, whatever the corpus."""
    tested = Counter(utt_id for fold in folds.folds for utt_id in fold.part("test"))
    assert tested == dict.fromkeys(folds.labels, 1)
    assert [fold.number for fold in folds.folds] == list(range(1, len(folds.folds) + 1))
    for fold in folds.folds:
        assert set(fold.parts) == set(folds.labels)
        assert set(fold.parts.values()) == PARTS
        assert {folds.labels[utt_id] for utt_id in fold.part("train")} == set(folds.classes)
        if protocol != RANDOM:
            parts = [who(folds, utterances, fold.number, part) for part in PARTS]
            assert sum(map(len, parts)) == len(set().union(*parts)), "a speaker is in two parts"


# --- any corpus

names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
emotions = st.sampled_from(["anger", "neutral", "sadness"])


@st.composite
def corpora(draw: st.DrawFn) -> list[Utterance]:
    """Small corpora: untidy ones, and such as a task can be made of."""
    sessions = st.sampled_from(["", "x", "y", "z"])
    if draw(st.booleans()):
        rows = draw(st.lists(st.tuples(names, emotions | st.just(""), sessions, st.sampled_from("FM")), max_size=40))
    else:
        session = st.sampled_from("xyz") if draw(st.booleans()) else st.just("")
        homes = draw(st.dictionaries(names, st.tuples(session, st.sampled_from("FM")), min_size=3))
        rows = [(name, emotion, *home) for name, home in homes.items() for emotion in ("anger", "neutral", "sadness")]
        rows += draw(st.lists(st.sampled_from(rows), max_size=20))
    return [utterance(n, name, emotion, session, gender) for n, (name, emotion, session, gender) in enumerate(rows)]


@settings(max_examples=300, deadline=None)
@given(corpora(), st.sampled_from([SPEAKER, SESSION, RANDOM]), st.randoms(use_true_random=False))
def test_every_task_that_is_made_is_honest(rows: list[Utterance], protocol: str, order: random.Random) -> None:
    task = Task(protocol=protocol)  # type: ignore[arg-type]
    try:
        folds = make_folds(task, rows)
    except SercliError:
        with pytest.raises(SercliError):
            make_folds(task, order.sample(rows, len(rows)))
        return
    event(f"{protocol} can be made")
    check_honest(folds, rows, protocol)
    assert make_folds(task, order.sample(rows, len(rows))) == folds


@settings(max_examples=50, deadline=None)
@given(st.permutations(corpus(IEMOCAP)), st.sampled_from([SPEAKER, SESSION, RANDOM]))
def test_the_order_of_rows_moves_nobody(rows: list[Utterance], protocol: str) -> None:
    task = Task(protocol=protocol)  # type: ignore[arg-type]
    assert make_folds(task, rows) == make_folds(task, corpus(IEMOCAP))


@settings(max_examples=50, deadline=None)
@given(st.lists(emotions, min_size=32, max_size=32))
def test_labels_decide_who_is_asked_not_who_is_where(labels: list[str]) -> None:
    """Where all utterances stay in the task, other labels give the same parts."""
    rows = corpus(NO_SESSIONS, "anger neutral", each=4)
    relabelled = [utterance(n, one.speaker, label) for n, (one, label) in enumerate(zip(rows, labels, strict=True))]
    try:
        folds = make_folds(Task(), relabelled)
    except SercliError:
        return
    assert [fold.parts for fold in folds.folds] == [fold.parts for fold in make_folds(Task(), rows).folds]


# --- protocol by protocol


def test_speakers_without_sessions_take_turns() -> None:
    rows = corpus(NO_SESSIONS)
    folds = make_folds(Task(), rows)
    check_honest(folds, rows, SPEAKER)
    assert [(fold.left_out, fold.dev) for fold in folds.folds] == [
        ("s1", "s2"),
        ("s2", "s3"),
        ("s3", "s4"),
        ("s4", "s1"),
    ]
    assert who(folds, rows, 2, "train") == {"s1", "s4"}


def test_the_session_partner_is_dev() -> None:
    rows = corpus(IEMOCAP)
    folds = make_folds(Task(), rows)
    check_honest(folds, rows, SPEAKER)
    assert len(folds.folds) == 10
    for fold in folds.folds:
        assert fold.left_out[:5] == fold.dev[:5]
        assert not {name for name in who(folds, rows, fold.number, "train") if name[:5] == fold.left_out[:5]}


def test_sessions_are_left_out_and_women_and_men_are_dev_in_turn() -> None:
    rows = corpus(IEMOCAP)
    folds = make_folds(Task(protocol=SESSION), rows)
    check_honest(folds, rows, SESSION)
    pairs = [("Ses01", "Ses02F"), ("Ses02", "Ses03M"), ("Ses03", "Ses04F"), ("Ses04", "Ses05M"), ("Ses05", "Ses01F")]
    assert [(fold.left_out, fold.dev) for fold in folds.folds] == pairs
    assert who(folds, rows, 1, "test") == {"Ses01F", "Ses01M"}
    assert who(folds, rows, 1, "train") == {name for name, _, _ in IEMOCAP} - {"Ses01F", "Ses01M", "Ses02F"}


@pytest.mark.parametrize("n", [30, 37, 95])
def test_random_tenths_are_of_one_size(n: int) -> None:
    rows = [utterance(k, f"s{k % 2}", ("anger", "sadness")[k % 2]) for k in range(n)]
    folds = make_folds(Task(protocol=RANDOM), rows)
    check_honest(folds, rows, RANDOM)
    sizes = [len(fold.part("test")) for fold in folds.folds]
    assert len(sizes) == 10
    assert max(sizes) - min(sizes) <= 1
    for fold in folds.folds:
        assert fold.part("dev") == folds.fold(fold.number % 10 + 1).part("test")
    assert Task(protocol=RANDOM).speaker_dependent
    assert not Task().speaker_dependent


def test_random_tenths_are_not_in_order() -> None:
    folds = make_folds(Task(protocol=RANDOM), [utterance(k, "s", ("a", "b")[k % 2]) for k in range(100)])
    assert folds.fold(1).part("test") != [f"u{k:03d}" for k in range(10)]


def test_folds_are_in_c_order() -> None:
    rows = corpus([(name, "", "") for name in ("ä", "b", "B", "10", "9")])
    assert [fold.left_out for fold in make_folds(Task(), rows).folds] == ["10", "9", "B", "b", "ä"]


# --- classes


def test_merges_and_choices() -> None:
    rows = corpus(NO_SESSIONS, "happiness excited anger neutral")
    folds = make_folds(Task(classes=("neutral", "joy=happiness+excited")), rows)
    assert folds.classes == ["neutral", "joy"]
    assert Counter(folds.labels.values()) == {"neutral": 8, "joy": 16}
    assert {one.emotion for one in rows if one.utt_id not in folds.labels} == {"anger"}
    check_honest(folds, rows, SPEAKER)


def test_all_classes_in_c_order_without_the_unlabelled() -> None:
    rows = [*corpus(NO_SESSIONS, "sadness anger Neutral"), utterance(99, "s1", "")]
    folds = make_folds(Task(), rows)
    assert folds.classes == ["Neutral", "anger", "sadness"]
    assert "u099" not in folds.labels


@pytest.mark.parametrize(
    "classes", [("a",), ("a", "a"), ("a", "b=a"), ("a=x", "a=y"), ("a", ""), ("a", "b=c+"), ("a", "=c")]
)
def test_classes_that_say_nothing_are_refused(classes: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--classes"):
        Task(classes=classes)


def test_names_say_what_differs() -> None:
    usual = Task()
    assert task_name(usual, usual) == "emotion.leave-one-speaker-out"
    chosen = Task(classes=("anger", "joy=happiness+excited"), protocol=SESSION)
    assert task_name(chosen, usual) == "emotion.anger-joy=happiness+excited.leave-one-session-out"
    assert difference(usual, usual) == []
    assert difference(chosen, usual) == ["anger-joy=happiness+excited", "leave-one-session-out"]
    many = Task(classes=tuple(f"emotion-{n}" for n in range(20)))
    assert len(task_name(many, usual)) < 80
    assert task_name(many, usual) != task_name(Task(classes=many.classes[::-1]), usual)


# --- refusals, each with its cure


@pytest.mark.parametrize(
    ("task", "rows", "said"),
    [
        (Task(), corpus(NO_SESSIONS[:2]), "at least 3 speakers"),
        (Task(protocol=SESSION), corpus(IEMOCAP[:4]), "at least 3 sessions"),
        (Task(protocol=SESSION), corpus(NO_SESSIONS), "needs a session for every utterance"),
        (Task(), corpus([(name, "x", "") for name in "abc"]), "nobody is left to train on"),
        (Task(protocol=SESSION), corpus([("a", "x", ""), *IEMOCAP, ("a", "y", "")]), "a speaks in sessions x, y"),
        (Task(protocol=RANDOM), corpus(NO_SESSIONS, each=1), "at least 10 utterances"),
        (Task(), corpus(NO_SESSIONS, "anger"), "at least two classes"),
        (Task(classes=("anger", "boredom")), corpus(NO_SESSIONS), "labels of this corpus: anger, sadness"),
        (Task(), [*corpus(NO_SESSIONS), utterance(99, "s1", "fear")], "--classes anger,sadness"),
        (
            Task(classes=("x=anger+sadness", "anger2=neutral", "fear")),
            [*corpus(NO_SESSIONS, "anger sadness neutral"), utterance(99, "s1", "fear")],
            r"no 'fear' in its training part.*--classes x=anger\+sadness,anger2=neutral",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(task: Task, rows: list[Utterance], said: str) -> None:
    with pytest.raises(SercliError, match=said):
        make_folds(task, rows)


def test_a_speaker_of_two_sessions_shares_both() -> None:
    rows = corpus([("a", "x", ""), ("a", "y", ""), ("b", "x", ""), ("c", "y", ""), ("d", "z", "")])
    folds = make_folds(Task(), rows)
    check_honest(folds, rows, SPEAKER)
    assert {fold.left_out: fold.dev for fold in folds.folds} == {"a": "b+c", "b": "a", "c": "a", "d": "a"}


def test_folds_count_from_one() -> None:
    folds = make_folds(Task(), corpus(NO_SESSIONS))
    for number in (0, 5, -1):
        with pytest.raises(UsageError, match="from 1 to 4"):
            folds.fold(number)


# --- what training may look at


def test_the_digest_of_training_sees_no_test_label() -> None:
    rows = corpus(NO_SESSIONS)
    folds = make_folds(Task(), rows)
    fold = folds.fold(1)
    swap = {"anger": "sadness", "sadness": "anger"}
    others = {k: swap[v] if fold.parts[k] == "test" else v for k, v in folds.labels.items()}
    assert fold.labels_in_training(others) == fold.labels_in_training(folds.labels)
    for part in ("train", "dev"):
        others = {k: swap[v] if fold.parts[k] == part else v for k, v in folds.labels.items()}
        assert fold.labels_in_training(others) != fold.labels_in_training(folds.labels)
    assert replace(folds, labels=others).digest == folds.digest
