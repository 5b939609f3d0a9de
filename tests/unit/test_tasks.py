"""Folds: no speaker is in training and test, every utterance is tested once, and the order of rows changes nothing."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.errors import raises

from sercli.data.hashing import digest
from sercli.data.utterances import Utterance
from sercli.errors import SercliError, UsageError
from sercli.tasks.classes import label_utterances
from sercli.tasks.folds import Folds
from sercli.tasks.folds_file import FoldsFile, unknown_ids
from sercli.tasks.protocols import CORPUS, FROM_FILE, PROTOCOLS
from sercli.tasks.splitting import make_folds
from sercli.tasks.task import Task, name_differences, requested_task, task_name

SPEAKER, SESSION, RANDOM = "leave-one-speaker-out", "leave-one-session-out", "random-10-fold"
SPEAKERS = "speaker-10-fold"
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
    speaker = {u.utt_id: u.speaker for u in utterances}
    return {speaker[utt_id] for utt_id in folds.fold(number).part(part)}


def check_honest(folds: Folds, utterances: Sequence[Utterance], protocol: str) -> None:
    """What holds for the folds of every task on every corpus."""
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
    """Small corpora: untidy ones, and some that every protocol can cut."""
    sessions = st.sampled_from(["", "x", "y", "z"])
    if draw(st.booleans()):
        rows = draw(st.lists(st.tuples(names, emotions | st.just(""), sessions, st.sampled_from("FM")), max_size=40))
    else:
        session = st.sampled_from("xyz") if draw(st.booleans()) else st.just("")
        homes = draw(st.dictionaries(names, st.tuples(session, st.sampled_from("FM")), min_size=3))
        rows = [(name, emotion, *home) for name, home in homes.items() for emotion in ("anger", "neutral", "sadness")]
        rows += draw(st.lists(st.sampled_from(rows), max_size=20))
    return [utterance(n, name, emotion, session, gender) for n, (name, emotion, session, gender) in enumerate(rows)]


@settings(max_examples=300)
@given(corpora(), st.sampled_from([SPEAKER, SESSION, SPEAKERS, RANDOM]), st.randoms(use_true_random=False))
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


@settings(max_examples=50)
@given(st.permutations(corpus(IEMOCAP)), st.sampled_from([SPEAKER, SESSION, SPEAKERS, RANDOM]))
def test_the_order_of_rows_moves_nobody(rows: list[Utterance], protocol: str) -> None:
    task = Task(protocol=protocol)  # type: ignore[arg-type]
    assert make_folds(task, rows) == make_folds(task, corpus(IEMOCAP))


@settings(max_examples=50)
@given(st.lists(emotions, min_size=32, max_size=32))
def test_labels_decide_who_is_asked_not_who_is_where(labels: list[str]) -> None:
    """If all utterances stay in the task, other labels give the same parts."""
    rows = corpus(NO_SESSIONS, "anger neutral", each=4)
    relabelled = [utterance(n, u.speaker, label) for n, (u, label) in enumerate(zip(rows, labels, strict=True))]
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


@settings(max_examples=50)
@given(st.lists(st.integers(1, 9), min_size=10, max_size=25))
def test_tenths_of_speakers_are_alike(counts: list[int]) -> None:
    """Each speaker is in one tenth, and tenths differ by at most the utterances of one speaker."""
    everybody = [f"s{number:02d}" for number, each in enumerate(counts) for _ in range(each)]
    rows = [utterance(n, speaker, emotion) for n, speaker in enumerate(everybody) for emotion in ("anger", "neutral")]
    rows = [replace(u, utt_id=f"{u.utt_id}-{u.emotion}") for u in rows]
    folds = make_folds(Task(protocol=SPEAKERS), rows)  # type: ignore[arg-type]
    check_honest(folds, rows, SPEAKERS)
    sizes = [len(fold.part("test")) for fold in folds.folds]
    assert max(sizes) - min(sizes) <= 2 * max(counts)


def test_nobody_of_a_test_session_trains_in_tenths() -> None:
    rows = corpus([(f"s{n:02d}", f"d{n // 2}", "") for n in range(24)])
    folds = make_folds(Task(protocol=SPEAKERS), rows)  # type: ignore[arg-type]
    check_honest(folds, rows, SPEAKERS)
    session = {u.utt_id: u.session for u in rows}
    for fold in folds.folds:
        train, test = ({session[utt_id] for utt_id in fold.part(part)} for part in ("train", "test"))
        assert not train & test
    with raises({"place": "tenth-01", "problem": "train"}):
        make_folds(Task(protocol=SPEAKERS), corpus([(f"s{n:02d}", "all", "") for n in range(12)]))  # type: ignore[arg-type]


def test_tenths_of_few_speakers_are_refused() -> None:
    with raises({"seen": "4", "expected": "10", "fix": "--protocol leave-one-speaker-out"}):
        make_folds(Task(protocol=SPEAKERS), corpus(NO_SESSIONS))  # type: ignore[arg-type]


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


@pytest.mark.parametrize("name", sorted(PROTOCOLS.keys() - FROM_FILE))
def test_a_protocol_reads_its_columns_only(name: str) -> None:
    """A change of any other column leaves the task up to date."""
    rows = [
        replace(u, style=f"style-{n % 3}", extra={CORPUS: "AB"[u.speaker > "s05"]})
        for n, u in enumerate(corpus([(f"s{n:02d}", f"d{n // 2}", "FM"[n % 2]) for n in range(20)]))
    ]
    task = Task(protocol=name)
    parts = [fold.parts for fold in make_folds(task, rows).folds]
    for column in {"session", "gender", "style", "speaker"} - set(PROTOCOLS[name].columns):
        values = [getattr(u, column) for u in rows]
        changed = [replace(u, **{column: value}) for u, value in zip(rows, values[7:] + values[:7], strict=True)]
        assert [fold.parts for fold in make_folds(task, changed).folds] == parts, column


# --- classes


def test_merges_and_choices() -> None:
    rows = corpus(NO_SESSIONS, "happiness excited anger neutral")
    folds = make_folds(Task(classes=("neutral", "joy=happiness+excited")), rows)
    assert folds.classes == ["neutral", "joy"]
    assert Counter(folds.labels.values()) == {"neutral": 8, "joy": 16}
    assert {u.emotion for u in rows if u.utt_id not in folds.labels} == {"anger"}
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
    with raises({"place": f"--classes {','.join(classes)}"}, UsageError):
        Task(classes=classes)


def test_names_say_what_differs() -> None:
    defaults = Task()
    assert task_name(defaults, defaults) == "emotion.leave-one-speaker-out"
    chosen = Task(classes=("anger", "joy=happiness+excited"), protocol=SESSION)
    assert task_name(chosen, defaults) == "emotion.anger-joy=happiness+excited.leave-one-session-out"
    assert name_differences(defaults, defaults) == []
    assert name_differences(chosen, defaults) == ["anger-joy=happiness+excited", "leave-one-session-out"]
    many = Task(classes=tuple(f"emotion-{n}" for n in range(20)))
    assert len(task_name(many, defaults)) < 80
    assert task_name(many, defaults) != task_name(Task(classes=many.classes[::-1]), defaults)


# --- refusals, each with its cure


@pytest.mark.parametrize(
    ("task", "rows", "fields"),
    [
        (Task(), corpus(NO_SESSIONS[:2]), {"problem": "speaker", "seen": "2 (s1, s2)", "expected": "3"}),
        (Task(protocol=SESSION), corpus(IEMOCAP[:4]), {"problem": "session", "seen": "2", "expected": "3"}),
        (Task(protocol=SESSION), corpus(NO_SESSIONS), {"problem": "session", "place": SESSION, "seen": "u000"}),
        (Task(), corpus([(name, "x", "") for name in "abc"]), {"problem": "train", "place": "a left out"}),
        (
            Task(protocol=SESSION),
            corpus([("a", "x", ""), *IEMOCAP, ("a", "y", "")]),
            {"seen": "a in x, y", "fix": SPEAKER},
        ),
        (Task(protocol=RANDOM), corpus(NO_SESSIONS, each=1), {"problem": "utterances", "seen": "8", "expected": "10"}),
        (Task(), corpus(NO_SESSIONS, "anger"), {"seen": "1 (anger)", "expected": "two"}),
        (Task(classes=("anger", "boredom")), corpus(NO_SESSIONS), {"seen": "'boredom'", "expected": "anger, sadness"}),
        (Task(), [*corpus(NO_SESSIONS), utterance(99, "s1", "fear")], {"fix": "--classes anger,sadness"}),
        (
            Task(classes=("x=anger+sadness", "anger2=neutral", "fear")),
            [*corpus(NO_SESSIONS, "anger sadness neutral"), utterance(99, "s1", "fear")],
            {"seen": "fear", "fix": "--classes x=anger+sadness,anger2=neutral"},
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(task: Task, rows: list[Utterance], fields: dict[str, str]) -> None:
    with raises(fields):
        make_folds(task, rows)


def test_a_speaker_of_two_sessions_shares_both() -> None:
    rows = corpus([("a", "x", ""), ("a", "y", ""), ("b", "x", ""), ("c", "y", ""), ("d", "z", "")])
    folds = make_folds(Task(), rows)
    check_honest(folds, rows, SPEAKER)
    assert {fold.left_out: fold.dev for fold in folds.folds} == {"a": "b+c", "b": "a", "c": "a", "d": "a"}


def test_folds_count_from_one() -> None:
    folds = make_folds(Task(), corpus(NO_SESSIONS))
    for number in (0, 5, -1):
        with raises({"place": "--fold", "seen": str(number), "expected": "1 to 4"}, UsageError):
            folds.fold(number)


# --- dimensions and subsets


def rated(number: int, value: float | None, speaker: str = "s", style: str = "") -> Utterance:
    return replace(utterance(number, speaker), valence=value, arousal=value, dominance=value, style=style)


EDGES = [
    (0.5, "low", "low"),
    (2.4999, "low", "low"),
    (2.5, "low", "mid"),
    (2.9999, "low", "mid"),
    (3.0, "mid", "mid"),
    (3.0001, "high", "mid"),
    (3.4999, "high", "mid"),
    (3.5, "high", "high"),
    (5.5, "high", "high"),
    (None, None, None),
]


@pytest.mark.parametrize(("value", "paper", "tian"), EDGES)
@pytest.mark.parametrize("target", ["arousal", "power", "valence"])
def test_levels_at_their_edges(target: str, value: float | None, paper: str | None, tian: str | None) -> None:
    rows = [rated(0, value), rated(1, 1.0), rated(2, 5.0)]
    for bins, wanted in (("paper", paper), ("tian", tian), (None, paper)):
        classes, labels = label_utterances(Task(target=target, bins=bins), rows)  # type: ignore[arg-type]
        assert labels.get("u000") == wanted
        assert classes == [level for level in ("low", "mid", "high") if level in labels.values()]


def test_power_is_dominance() -> None:
    rows = [replace(rated(0, 3.0), dominance=1.0), replace(rated(1, 3.0), dominance=5.0)]
    assert label_utterances(Task(target="power"), rows)[1] == {"u000": "low", "u001": "high"}


def test_a_subset_is_a_style() -> None:
    rows = [rated(n, (1.0, 5.0)[n % 2], style=("improvised", "scripted", "")[n % 3]) for n in range(12)]
    task = Task(target="valence", subset="scripted")
    assert set(label_utterances(task, rows)[1]) == {u.utt_id for u in rows if u.style == "scripted"}
    assert len(label_utterances(replace(task, subset="complete"), rows)[1]) == 12
    with raises({"place": "--subset", "seen": "sung", "expected": "complete, improvised, scripted"}):
        label_utterances(replace(task, subset="sung"), rows)


def test_a_corpus_without_values_has_no_levels() -> None:
    with raises({"problem": "arousal", "seen": "0", "fix": "--target"}):
        make_folds(Task(target="arousal"), corpus(NO_SESSIONS))


def test_emotions_have_no_bins() -> None:
    with raises({"place": "--bins tian", "seen": "emotion", "fix": "--target"}, UsageError):
        Task(bins="tian")
    assert Task(target="arousal") == Task(target="arousal", bins="paper")


FOUR = Task(classes=("anger", "joy=happiness+excited"), protocol=SESSION)


def test_classes_and_bins_go_with_the_target() -> None:
    assert requested_task({}, FOUR) == FOUR
    assert requested_task({"target": "valence"}, FOUR) == Task(target="valence", bins="paper", protocol=SESSION)
    assert requested_task({"target": "emotion"}, Task(target="valence"), FOUR).classes == FOUR.classes
    assert name_differences(FOUR, Task(target="valence"), FOUR) == ["emotion", SESSION]
    assert requested_task({"subset": "scripted"}, FOUR) == replace(FOUR, subset="scripted")
    tian = Task(target="valence", bins="tian")
    assert requested_task({"target": "arousal"}, tian).bins == "paper"
    assert requested_task({"protocol": SESSION}, tian) == replace(tian, protocol=SESSION)
    read = Task(protocol="file", folds="0" * 64)
    assert requested_task({}, read) == read
    assert requested_task({"protocol": RANDOM}, read) == Task(protocol=RANDOM)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "emotion.leave-one-speaker-out"),
        ({"target": "arousal", "subset": "improvised"}, "arousal.improvised.leave-one-speaker-out"),
        ({"target": "valence", "bins": "tian"}, "valence.tian.leave-one-speaker-out"),
        ({"target": "valence", "bins": "paper", "protocol": SESSION}, "valence.leave-one-session-out"),
        ({"subset": "a/b"}, f"emotion.subset-{digest('a/b')[:8]}.leave-one-speaker-out"),
        ({"protocol": "file", "folds": "ab12" * 16}, "emotion.file-ab12ab12"),
    ],
)
def test_names_of_targets_and_subsets(options: dict[str, str], name: str) -> None:
    defaults = Task()
    assert task_name(requested_task(options, defaults), defaults) == name


# --- folds from a file

SPEAKERS_OUT, FOREIGN, SHARED = (
    Task(),
    Task(protocol="file", folds="x"),
    Task(protocol="speaker-dependent-file", folds="x"),
)
FOUR_SPEAKERS = corpus(NO_SESSIONS)


def table(header: str, rows: Iterable[Sequence[str]], separator: str = "\t", end: str = "\n") -> FoldsFile:
    return FoldsFile("FOLDS.tsv", end.join([separator.join(row) for row in ([*header.split()], *rows)]) + end)


def by_speaker() -> FoldsFile:
    return table("utt_id fold", [(u.utt_id, u.speaker) for u in FOUR_SPEAKERS])


def written(folds: Folds) -> FoldsFile:
    """The table that `sercli folds` writes."""
    header = " ".join(["utt_id", "label", *(f"fold-{fold.number}" for fold in folds.folds)])
    rows = [[u, label, *(fold.parts.get(u, "-") for fold in folds.folds)] for u, label in folds.labels.items()]
    return table(header, rows)


@st.composite
def folds_files(draw: st.DrawFn) -> FoldsFile:
    """Tables of both forms: some can be used, in others a few cells are changed at random."""
    speakers = ["s1", "s2", "s3", "s4"]
    if draw(st.booleans()):
        home = dict(zip(speakers, draw(st.lists(st.sampled_from("abcd"), min_size=4, max_size=4)), strict=True))
        cells = [[home[u.speaker]] for u in FOUR_SPEAKERS]
        header, values = "utt_id fold", st.sampled_from("abcd")
    else:
        n = draw(st.integers(1, 4))
        of = [{who: draw(st.sampled_from(["train", "dev", "test", "-"])) for who in speakers} for _ in range(n)]
        cells = [[parts[u.speaker] for parts in of] for u in FOUR_SPEAKERS]
        header = " ".join(["utt_id", *(f"fold-{k + 1}" for k in range(n))])
        values = st.sampled_from(["train", "dev", "test", "-"])
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        row = draw(st.sampled_from(cells))
        row[draw(st.integers(0, len(row) - 1))] = draw(values)
    kept = draw(st.sampled_from([len(cells), len(cells), len(cells) - 1]))
    rows = [[u.utt_id, *row] for u, row in zip(FOUR_SPEAKERS, cells, strict=True)]
    return table(header, draw(st.permutations(rows))[:kept], draw(st.sampled_from("\t,")))


@settings(max_examples=400)
@given(folds_files(), st.booleans())
def test_folds_from_a_file_that_are_taken_are_honest(file: FoldsFile, shared: bool) -> None:
    try:
        folds = make_folds(SHARED if shared else FOREIGN, FOUR_SPEAKERS, file)
    except SercliError as error:
        event(error.problem)
        return
    event("taken")
    listed = {re.split("[\t,]", line)[0] for line in file.text.splitlines()}
    assert set(folds.labels) <= listed
    assert max(Counter(utt_id for fold in folds.folds for utt_id in fold.part("test")).values()) == 1
    for fold in folds.folds:
        assert set(fold.parts.values()) == PARTS
        assert {folds.labels[utt_id] for utt_id in fold.part("train")} == set(folds.classes)
        parts = [who(folds, FOUR_SPEAKERS, fold.number, part) for part in PARTS]
        assert shared or sum(map(len, parts)) == len(set().union(*parts)), "a speaker is in two parts"


@pytest.mark.parametrize("protocol", [SPEAKER, SESSION, RANDOM])
def test_our_own_table_gives_our_own_parts(protocol: str) -> None:
    rows = corpus(IEMOCAP)
    folds = make_folds(Task(protocol=protocol), rows)  # type: ignore[arg-type]
    again = make_folds(SHARED if protocol == RANDOM else FOREIGN, rows, written(folds))
    assert [fold.parts for fold in again.folds] == [fold.parts for fold in folds.folds]
    assert (again.classes, again.labels) == (folds.classes, folds.labels)


def test_each_fold_is_test_once_and_the_next_is_dev() -> None:
    folds = make_folds(FOREIGN, FOUR_SPEAKERS, by_speaker())
    assert [fold.parts for fold in folds.folds] == [
        fold.parts for fold in make_folds(SPEAKERS_OUT, FOUR_SPEAKERS).folds
    ]


def test_fold_ten_comes_after_fold_nine() -> None:
    rows = corpus([(f"s{k:02d}", "", "") for k in range(1, 13)])
    for prefix in ("", "fold ", "a1-"):
        file = table("utt_id fold", [(u.utt_id, f"{prefix}{int(u.speaker[1:])}") for u in rows])
        folds = make_folds(FOREIGN, rows, file)
        assert [fold.left_out for fold in folds.folds] == [f"{prefix}{k}" for k in range(1, 13)]
        assert [fold.dev for fold in folds.folds] == [f"{prefix}{k}" for k in [*range(2, 13), 1]]


def test_whom_the_corpus_has_not_is_named() -> None:
    file = FoldsFile("FOLDS.tsv", by_speaker().text + "nobody\ts1\n")
    assert unknown_ids(file, FOUR_SPEAKERS) == ["nobody"]
    assert make_folds(FOREIGN, FOUR_SPEAKERS, file) == make_folds(FOREIGN, FOUR_SPEAKERS, by_speaker())


def test_names_of_folds_are_not_in_their_digest() -> None:
    made = make_folds(SPEAKERS_OUT, FOUR_SPEAKERS)
    read = make_folds(FOREIGN, FOUR_SPEAKERS, written(made))
    assert made.folds[0].left_out != read.folds[0].left_out
    assert made.digest == read.digest


def test_one_split_is_one_fold() -> None:
    part = {"s1": "test", "s2": "dev", "s3": "train", "s4": "train"}
    file = table("utt_id fold", [(u.utt_id, part[u.speaker]) for u in FOUR_SPEAKERS])
    (fold,) = make_folds(FOREIGN, FOUR_SPEAKERS, file).folds
    assert fold.parts == {u.utt_id: part[u.speaker] for u in FOUR_SPEAKERS}


def test_windows_and_commas_are_read_all_the_same() -> None:
    wanted = make_folds(FOREIGN, FOUR_SPEAKERS, by_speaker())
    rows = [(u.speaker, u.utt_id, "note") for u in FOUR_SPEAKERS]
    for file in (table("fold utt_id other", rows, end="\r\n"), table("fold utt_id other", rows, ",")):
        assert make_folds(FOREIGN, FOUR_SPEAKERS, file) == wanted


def _changed(old: str, new: str) -> FoldsFile:
    text = by_speaker().text
    assert text.count(old) == 1
    return FoldsFile("FOLDS.tsv", text.replace(old, new))


SPLIT = {"s1": "test", "s2": "dev", "s3": "train", "s4": "train"}
TWICE = [[u.utt_id, *["test" if k + 1 == int(u.speaker[1]) else "dev" if u.speaker == "s4" else "train"
                        for k in (0, 0)]] for u in FOUR_SPEAKERS]  # fmt: skip
EACH_TWICE = [[u.utt_id, u.speaker, u.speaker] for u in FOUR_SPEAKERS]
FILES: dict[str, tuple[FoldsFile, dict[str, str]]] = {
    "a speaker in two parts": (
        _changed("u001\ts1", "u001\ts2"),
        {"place": "fold 1 (s1)", "seen": "s1 in dev and test"},
    ),
    "left out": (_changed("u005\ts2\n", ""), {"seen": "1 of 16 absent, first u005"}),
    "listed twice": (_changed("u005\ts2\n", "u005\ts2\nu005\ts2\n"), {"place": "line 8", "seen": "u005"}),
    "tested twice": (table("utt_id fold-1 fold-2", TWICE), {"seen": "u000 in 2"}),
    "two folds": (
        table("utt_id fold", [(u.utt_id, "ab"[u.speaker > "s2"]) for u in FOUR_SPEAKERS]),
        {"seen": "a, b", "expected": "at least 3"},
    ),
    "unknown part": (
        table("utt_id fold-1", [(u.utt_id, "valid") for u in FOUR_SPEAKERS]),
        {"place": "line 2: fold-1", "seen": "'valid'", "expected": "train, dev, test or -"},
    ),
    "no dev": (
        table("utt_id fold", [(u.utt_id, "train" if u.speaker > "s1" else "test") for u in FOUR_SPEAKERS]),
        {"place": "fold 1 (fold-1)", "problem": "dev"},
    ),
    "wrong header": (_changed("utt_id\tfold", "name\tfold"), {"problem": "utt_id", "seen": "name, fold"}),
    "a gap between folds": (
        table("utt_id fold-1 fold-3", EACH_TWICE),
        {"seen": "fold-3", "expected": "fold-1 to fold-K"},
    ),
    "a column twice": (table("utt_id fold fold", EACH_TWICE), {"seen": "fold"}),
    "empty": (FoldsFile("FOLDS.tsv", ""), {"problem": "utt_id", "seen": "none"}),
    "an empty cell": (_changed("u005\ts2", "u005\t"), {"place": "line 7"}),
    "a cell too many": (_changed("u005\ts2", "u005\ts2\ts3"), {"place": "line 7", "problem": "1 columns too many"}),
    "both forms": (table("utt_id fold fold-1", EACH_TWICE), {"seen": "fold-1", "expected": "fold-1 to fold-K"}),
    "no part at all": (
        table(
            "utt_id fold-1",
            [(u.utt_id, "-" if u.utt_id == "u003" else SPLIT[u.speaker]) for u in FOUR_SPEAKERS],
        ),
        {"problem": "no part", "seen": "u003"},
    ),
    "some of a test speaker's": (
        table(
            "utt_id fold-1 fold-2",
            [
                (
                    u.utt_id,
                    "-" if u.utt_id == "u003" else SPLIT[u.speaker],
                    "train" if u.speaker < "s3" else {"s3": "dev", "s4": "test"}[u.speaker],
                )
                for u in FOUR_SPEAKERS
            ],
        ),
        {"place": "fold 1", "seen": "s1 in test and no part"},
    ),
    "another label": (
        table("utt_id label fold-1", [(u.utt_id, "fear", "train") for u in FOUR_SPEAKERS]),
        {"place": "u000", "seen": "fear", "expected": "anger", "fix": "--classes"},
    ),
}


@pytest.mark.parametrize("situation", FILES)
def test_folds_that_cannot_be_used_are_refused(situation: str) -> None:
    file, fields = FILES[situation]
    with raises({"place": "FOLDS.tsv"} | fields):
        make_folds(FOREIGN, FOUR_SPEAKERS, file)


def test_shared_speakers_have_to_be_asked_for() -> None:
    file = FILES["a speaker in two parts"][0]
    assert SHARED.speaker_dependent
    assert not FOREIGN.speaker_dependent
    assert len(make_folds(SHARED, FOUR_SPEAKERS, file).folds) == 4
    for protocol in ("file", "speaker-dependent-file"):
        with raises({"place": f"--protocol {protocol}", "fix": "--folds-file"}, UsageError):
            Task(protocol=protocol)  # type: ignore[arg-type]
    with raises({"place": f"--protocol {SPEAKER}", "fix": "--protocol file"}, UsageError):
        Task(folds="x")


def test_the_digest_of_folds_sees_no_label() -> None:
    """Of folds from a file, whose table may have a column of labels."""
    swapped = [replace(u, emotion={"anger": "sadness", "sadness": "anger"}[u.emotion]) for u in FOUR_SPEAKERS]
    first, second = (make_folds(FOREIGN, rows, by_speaker()) for rows in (FOUR_SPEAKERS, swapped))
    assert first.labels != second.labels
    assert first.digest == second.digest
    assert first.digest != make_folds(SHARED, FOUR_SPEAKERS, FILES["a speaker in two parts"][0]).digest


# --- what training may look at


def test_the_digest_of_training_sees_no_test_label() -> None:
    rows = corpus(NO_SESSIONS)
    folds = make_folds(Task(), rows)
    fold = folds.fold(1)
    swap = {"anger": "sadness", "sadness": "anger"}
    others = {k: swap[v] if fold.parts[k] == "test" else v for k, v in folds.labels.items()}
    assert fold.training_labels_digest(others) == fold.training_labels_digest(folds.labels)
    for part in ("train", "dev"):
        others = {k: swap[v] if fold.parts[k] == part else v for k, v in folds.labels.items()}
        assert fold.training_labels_digest(others) != fold.training_labels_digest(folds.labels)
    assert replace(folds, labels=others).digest == folds.digest
