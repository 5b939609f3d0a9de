"""The tables that `sercli evaluate` and `sercli compare` print."""

import re
from dataclasses import replace

import pytest
from support.results import result, utterances

from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.evaluation.scores import FourScores, Spread
from sercli.report.class_tables import confusion_table, recall_table
from sercli.report.tables import score_tables

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def group(name: str, marks: tuple[Mark, ...]) -> Group:
    """Two seeds, of which one has everything right."""
    wrong = [utterance.utt_id for utterance in utterances() if utterance.speaker in ("s1", "s2")]
    return Group.of([result(name, 0, wrong, marks=marks), result(name, 1, marks=marks)])


@pytest.mark.parametrize("width", [None, 80, 120, 200])
@pytest.mark.parametrize("length", [10, 160])
def test_no_score_and_no_mark_is_cut_off(width: int | None, length: int) -> None:
    marks = (Mark.ORACLE, Mark.SPEAKER_DEPENDENT)
    table = score_tables([group("x" * length, ()), group("y" * length, marks)], width)
    together = "".join(table.split())
    assert together.count("75.0±35.4") >= 4
    assert together.count("50.0to100.0") == 2
    assert table.count("x") >= length
    assert "…" not in table
    assert all(len(line) <= (width or 1000) for line in table.splitlines()[:10])


def test_marked_results_stand_below_the_others() -> None:
    table = score_tables([group("b", (Mark.ORACLE,)), group("a", ())])
    assert table.index("Scores on test") < table.index("Marked") < table.index("ORACLE")


def test_of_many_systems_the_confusion_of_the_best_on_dev_is_shown() -> None:
    groups = [
        replace(group(f"s{number}", ()), dev=FourScores(*[Spread(0.1 * number, None)] * 4)) for number in range(5)
    ]
    text = score_tables(groups)
    assert re.findall(r"Confusion of (\w+), ", text) == ["s4"]
    assert score_tables(groups[:2]).count("Confusion of") == 2


def test_a_class_that_is_never_predicted_or_never_spoken() -> None:
    never = Group.of([result(labels=("anger", "joy"), wrong=[f"s{k}-joy-{n}" for k in range(1, 5) for n in (1, 2)])])
    heading, *_, last = confusion_table("x", never.test).splitlines()
    assert "x" in heading
    assert "joy" in last
    assert "anger" not in last
    assert "joy" not in confusion_table("x", group("x", ()).test).splitlines()[-1]
    unspoken = replace(never, test=replace(never.test, recall={"anger": 1.0, "joy": None}))
    assert "–" in recall_table([unspoken])


@pytest.mark.parametrize("width", [40, 80, 120, 200, None])
def test_tables_keep_within_the_terminal(width: int | None) -> None:
    hostile = Group.of([result("a-system-with-a-name-of-some-length", labels=("[red]x[/red]", "y" * 60))])
    for text in (recall_table([hostile], width), confusion_table(hostile.name, hostile.test, width)):
        assert "[red]" in text.replace("\n", "") or width == 40  # it may be folded there
        table = [ANSI.sub("", line) for line in text.splitlines() if not line.startswith(("Confusion", "Never"))]
        assert width is None or max(map(len, table)) <= width
