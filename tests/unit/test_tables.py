"""The tables that `sercli evaluate` and `sercli compare` print."""

import re
from dataclasses import replace

import pytest
from support.results import result, utterances

from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.evaluation.scores import FourScores, Spread
from sercli.report.class_tables import class_table, confusion_table, posterior_table, recall_table
from sercli.report.formats import interval
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
    assert together.count(interval(group("x", ()).intervals.uar).replace(" ", "")) == 2
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
    about = (hostile.name, hostile.test, width)
    for text in (recall_table([hostile], width), class_table(*about), confusion_table(*about)):
        assert "[red]" in text.replace("\n", "") or width == 40  # it may be folded there
        table = [ANSI.sub("", line) for line in text.splitlines() if not line.startswith(("Confusion", "Never"))]
        assert width is None or max(map(len, table)) <= width


@pytest.mark.parametrize(("width", "n"), [(40, 1), (60, 2), (80, 3), (None, 3)])
def test_posteriors_before_and_after(width: int | None, n: int) -> None:
    """One of four dev utterances is wrong at a confidence of 0.8, in two of four folds; a narrow terminal shows the log loss alone."""
    system = Group.of([result("a-system-with-a-name", wrong=["s1-anger-1", "s2-anger-1"])])
    (row,) = (line for line in posterior_table([system], width).splitlines() if "→ 0" in line)
    quality = system.posteriors
    pairs = [(quality.raw.log_loss, quality.calibrated.log_loss), (quality.raw.ece, quality.calibrated.ece)]
    assert all(f"{raw:.3f} → {calibrated:.3f}" in row for raw, calibrated in pairs[:n])
    assert row.count("→") == n
    assert width is None or len(row) <= width


def test_precision_and_f1_of_each_class() -> None:
    text = class_table("x", result(wrong=["s1-anger-1", "s1-anger-2"]).test, 80)
    (row,) = (line for line in text.splitlines() if "sadness" in line)
    assert re.findall(r"\d+\.\d", row) == ["100.0", "80.0", "88.9"]
