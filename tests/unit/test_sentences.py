"""The sentences of the page say what the results say."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.results import evaluated, folds, result, utterances

from sercli.evaluation.comparison import compare
from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.report.formats import interval
from sercli.report.sections import CorpusSection, FoldRow, Origin, Page, SystemSection, TaskSection
from sercli.report.sentences import alarms, cautions, headlines
from sercli.tasks.summary import summarise
from sercli.tasks.task import Task

WRONG = [utterance.utt_id for utterance in utterances() if utterance.speaker in ("s1", "s2")]


def system(
    name: str, wrong: Sequence[str] = (), marks: tuple[Mark, ...] = (), seeds: Sequence[int] = (0,)
) -> SystemSection:
    return SystemSection(Group.of([result(name, seed, wrong, marks=marks) for seed in seeds]), {}, [], {}, {})


def page(*systems: SystemSection, task: Task | None = None, speakers: int = 4, synthetic: bool = False) -> Page:
    rows = [FoldRow(fold.number, fold.left_out, fold.dev, 8, 4, 4) for fold in folds().folds]
    tasks = [TaskSection("four", task or Task(), {"anger": 8, "sadness": 8}, speakers, rows, "", True, [])]
    corpus = CorpusSection("<toy>", "table", None, synthetic, summarise(utterances()), {}, {}, [], {}, None, 0)
    return Page(corpus, tasks, systems, [], [], [], [], [], [], Origin({}, {}, {}, {}, {}, [], [], []), {})


def text_of(shown: Page) -> str:
    return re.sub(r"<[^>]+>", "", " ".join([*headlines(shown), *cautions(shown)])).replace("&nbsp;", " ")


def test_the_best_on_dev_is_named_with_its_test_score() -> None:
    weak, strong = system("weak", WRONG), system("strong")
    worse_on_test = replace(strong.group, test=weak.group.test, intervals=weak.group.intervals)
    text = text_of(page(weak, replace(strong, group=worse_on_test)))
    bounds = interval(weak.group.intervals.uar)
    assert re.search(rf"best development score, strong, reached a UA of 50\.0 % .*\(95 % interval {bounds}\)", text)
    assert "guessing gives 50.0 %" in text
    assert "anger, sadness" in text


def test_names_are_text() -> None:
    assert "&lt;toy&gt;" in headlines(page())[0]
    assert "<toy>" not in headlines(page())[0]


def test_without_scores() -> None:
    assert "no system" in text_of(page()).lower()


def test_alarms_are_the_marks_of_the_corpus() -> None:
    entangled = system("a", marks=(Mark.ENTANGLED, Mark.PARTIAL))
    assert [note.heading for note in alarms(page(entangled, synthetic=True))] == ["⚠ SYNTHETIC.", "⚠ ENTANGLED."]
    assert alarms(page(system("a"))) == []


@pytest.mark.parametrize(
    ("protocol", "present", "absent"),
    [
        ("leave-one-speaker-out", "in neither training", "not speaker-independent"),
        ("random-10-fold", "not speaker-independent", "in neither training"),
    ],
)
def test_folds_and_clusters(protocol: str, present: str, absent: str) -> None:
    text = text_of(page(system("a"), task=Task(protocol=protocol)))  # type: ignore[arg-type]
    assert present in text
    assert "over 4 speakers" in text
    assert absent not in text


def test_rivals_and_comparisons() -> None:
    best, rival = system("best"), system("rival", WRONG[:1])
    both = page(best, rival, system("told", marks=(Mark.ORACLE,)))
    assert "it was not run for this one" in text_of(both)
    a, b = evaluated("best", ()), evaluated("rival", WRONG[:1])
    for comparison in (compare(a, b, utterances()), compare(b, a, utterances())):
        text = text_of(replace(both, comparisons=[comparison]))
        assert re.search(
            r"ahead of rival by \+6\.2 points UA, p = 1\. 4 speakers: the smallest attainable p is 0\.125", text
        )
        assert "it was not run" not in text


def test_marks_stand_beside_the_scores_of_the_summary() -> None:
    text = text_of(page(system("known", marks=(Mark.TEXT_SHARED,))))
    assert re.search(r"reached a UA of 100\.0 % \(TEXT-SHARED\)", text)
    a, b = evaluated("heard", (), marks=(Mark.SPEAKER_DEPENDENT,)), evaluated("new", WRONG)
    comparison = compare(a, b, utterances(), ["the marks differ"])
    text = text_of(replace(page(system("new", WRONG)), comparisons=[comparison]))
    assert re.search(r"heard \(SPEAKER-DEPENDENT\) is ahead of new .* Warning: the marks differ\.", text)


def test_marks_that_set_systems_apart_are_explained() -> None:
    text = text_of(page(system("a"), system("b", marks=(Mark.ORACLE, Mark.SYNTHETIC))))
    assert f"ORACLE {Mark.ORACLE.meaning}" in text
    assert Mark.SYNTHETIC.meaning not in text
    assert "2 systems were scored, 1 of them with marks" in text


def test_seeds() -> None:
    assert "one seed" in text_of(page(system("a")))
    assert "one seed" not in text_of(page(system("a", seeds=(0, 1))))
