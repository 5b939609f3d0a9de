"""`sercli compare`: its numbers against ones computed here, what it refuses, and that it is a product like others."""

import csv
import itertools
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from support.command import FIXABLE, QUICK, THEN_LIST_MODULES, USAGE, Sercli, loaded_by, run_sercli
from support.errors import refused
from support.stores import files

from sercli.evaluation.comparison import Comparison, McNemar, RecallPair, Side
from sercli.evaluation.metrics import Interval
from sercli.evaluation.scores import FourScores
from sercli.report.tables import comparison_table

LSTM, FUNCTIONALS = "cvae-8.lstm", "logmel.functionals"
SCORES = ("accuracy", "uar", "macro_f1", "weighted_f1")


OTHERS: dict[str, list[object]] = {  # name -> what sets it apart
    FUNCTIONALS: [],
    "two": ["--classes", "anger,sadness"],
    "merged": ["--classes", "anger,sadness=sadness+neutral"],
    "hot": ["--classes", "hot=anger+neutral,cold=sadness"],
    "cold": ["--classes", "hot=anger,cold=neutral+sadness"],
    "mixed": ["--protocol", "random-10-fold"],
    "speaker": ["--normalise", "speaker"],
    "part": ["--fold", 1],
    "another-part": ["--normalise", "utterance", "--fold", 1],
    "x" * 190: ["--normalise", "utterance"],
}


def train(store: Path, name: str, *options: object) -> None:
    words = ["train-classifier", store, "--classifier", "functionals", "--name", name, *OTHERS[name], *options]
    run_sercli(*words, "--jobs", 1)


@pytest.fixture(scope="module")
def both(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with several classifiers and their results. Not to be changed."""
    path = Path(shutil.copytree(trained, tmp_path_factory.mktemp("both") / "toy"))
    for name in OTHERS:
        train(path, name)
    run_sercli("evaluate", path, "--jobs", 1)
    return path


@pytest.fixture
def own(both: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(both, tmp_path / "toy"))


def compared(store: Path, first: str, second: str) -> dict[str, Any]:
    return dict(json.loads(run_sercli("compare", store, first, second, "--json").stdout))


def rows_of(store: Path, name: str) -> dict[str, dict[str, str]]:
    with (store / "results" / name / "predictions.tsv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["utt_id"]: row for row in rows if row["part"] == "test"}


def refused_without_trace(
    sercli: Sercli, store: Path, fields: Mapping[str, str | tuple[str, ...]] | str, *names: str
) -> None:
    """The comparison fails with this error, and neither prints nor writes anything."""
    before = files(store)
    code = USAGE if "itself" in str(fields) else FIXABLE
    refused(sercli, code, fields, "compare", store, *names)
    assert files(store) == before


# --- the numbers


def test_numbers_are_those_of_the_predictions(own: Path) -> None:
    found = compared(own, LSTM, FUNCTIONALS)
    one, other = rows_of(own, LSTM), rows_of(own, FUNCTIONALS)
    right = {utt_id: (one[utt_id]["prediction"] == row["truth"], other[utt_id]["prediction"] == row["truth"])
             for utt_id, row in one.items()}  # fmt: skip
    pairs = list(right.values())
    only_first, only_second = pairs.count((True, False)), pairs.count((False, True))
    assert {key: found["mcnemar"][key] for key in ("both", "only_first", "only_second", "neither")} == {
        "both": pairs.count((True, True)),
        "only_first": only_first,
        "only_second": only_second,
        "neither": pairs.count((False, False)),
    }
    assert only_first + only_second > 0, "two systems that never differ show nothing"
    n = only_first + only_second
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1)) / 2**n
    assert found["mcnemar"]["p"] == pytest.approx(min(1, 2 * tail))
    assert "independent" in found["mcnemar"]["note"]
    assert (found["n_utterances"], found["cluster"], found["n_clusters"]) == (36, "speaker", 4)
    assert found["difference"]["accuracy"] == pytest.approx((only_first - only_second) / 36)
    for label in found["labels"]:
        mine = [right[utt_id] for utt_id, row in one.items() if row["truth"] == label]
        recalls = np.mean(mine, axis=0)
        assert found["recall"][label]["first"] == pytest.approx(recalls[0])
        assert found["recall"][label]["second"] == pytest.approx(recalls[1])
        assert found["recall"][label]["difference"] == pytest.approx(recalls[0] - recalls[1])
    uar = np.mean([recall["difference"] for recall in found["recall"].values()])
    assert found["difference"]["uar"] == pytest.approx(uar)


def test_scores_are_those_of_evaluate(own: Path) -> None:
    found = compared(own, LSTM, FUNCTIONALS)
    for side, name in (("first", LSTM), ("second", FUNCTIONALS)):
        scores = json.loads((own / "results" / name / "scores.json").read_text(encoding="utf-8"))
        assert {key: found[side][key] for key in SCORES} == pytest.approx({key: scores[key] for key in SCORES})


def test_interval_and_test_are_of_differences_over_speakers(own: Path) -> None:
    """Every speaker says each emotion three times, so the difference of WA is the mean of the speakers' differences."""
    found = compared(own, LSTM, FUNCTIONALS)
    one, other = rows_of(own, LSTM), rows_of(own, FUNCTIONALS)
    per_speaker: dict[str, list[int]] = {}
    for utt_id, row in one.items():
        gain = (row["prediction"] == row["truth"]) - (other[utt_id]["prediction"] == row["truth"])
        per_speaker.setdefault(row["speaker"], []).append(gain)
    means = np.array([np.mean(gains) for gains in per_speaker.values()])
    assert len(set(means)) > 1
    signs = np.array(list(itertools.product([1, -1], repeat=4)))
    assert found["p"]["accuracy"] == (np.abs(signs @ means) >= abs(means.sum()) - 1e-9).mean()
    found = found["difference"]
    assert found["accuracy_ci95"] == pytest.approx(stats.t.interval(0.95, 3, means.mean(), stats.sem(means)))
    assert found["accuracy_ci95"] == pytest.approx(found["uar_ci95"])  # classes are of one size here


def test_the_other_way_round_is_the_negative(own: Path) -> None:
    there, back = compared(own, LSTM, FUNCTIONALS), compared(own, FUNCTIONALS, LSTM)
    assert (there["first"], there["second"]) == (back["second"], back["first"])
    assert there["mcnemar"]["p"] == back["mcnemar"]["p"]
    assert there["p"] == back["p"]
    for key in SCORES:
        assert there["difference"][key] == -back["difference"][key]
        low, high = back["difference"][f"{key}_ci95"]
        assert there["difference"][f"{key}_ci95"] == pytest.approx([-high, -low])


# --- a product like others


def test_a_second_run_finds_nothing_to_do(own: Path, sercli: Sercli) -> None:
    made = compared(own, LSTM, FUNCTIONALS)
    key = f"comparisons/{LSTM}.vs.{FUNCTIONALS}"
    assert (made["made"], made["path"]) == ([key], str(own / key))
    published = json.loads((own / key / "comparison.json").read_text(encoding="utf-8"))
    assert published == {name: made[name] for name in published}
    before = files(own)
    again = sercli("compare", own, LSTM, FUNCTIONALS, "--json")
    assert "nothing to do" in again.stderr
    assert {**json.loads(again.stdout), "made": [key], "reused": []} == made
    loaded, _ = loaded_by(THEN_LIST_MODULES, "compare", own, LSTM, FUNCTIONALS)
    assert not loaded & {"torch", "sklearn", "scipy", "matplotlib"}
    assert files(own) == before
    anew = json.loads(sercli("compare", own, LSTM, FUNCTIONALS, "--overwrite", "--json").stdout)
    assert anew == made
    assert files(own) != before


def test_a_dry_run_makes_nothing(own: Path, sercli: Sercli) -> None:
    before = files(own)
    done = sercli("compare", own, LSTM, FUNCTIONALS, "--dry-run")
    assert "would make comparisons/" in done.stderr
    assert files(own) == before


def test_further_seeds_make_it_stale_once_they_are_evaluated(own: Path, sercli: Sercli) -> None:
    """Whichever seed is named, all scored seeds are compared."""
    further = f"{LSTM}.seed-1"
    options = ["--ae", "cvae-8", "--set", "hidden=8", "--seed", 1, "--name", further]
    assert compared(own, LSTM, FUNCTIONALS)["first"]["classifiers"] == [LSTM]
    sercli("train-lstm", own, *options, *QUICK)
    assert compared(own, LSTM, FUNCTIONALS)["made"] == []
    sercli("evaluate", own, "--jobs", 1)
    found = compared(own, further, FUNCTIONALS)
    assert (found["stale"], found["path"]) == (found["made"], str(own / f"comparisons/{LSTM}.vs.{FUNCTIONALS}"))
    assert (found["first"]["system"], found["first"]["seeds"]) == (LSTM, [0, 1])
    scores = [
        json.loads((own / "results" / name / "scores.json").read_text(encoding="utf-8")) for name in (LSTM, further)
    ]
    for key in SCORES:
        assert found["first"][key] == pytest.approx(np.mean([each[key] for each in scores]))
    assert compared(own, LSTM, FUNCTIONALS)["made"] == []
    printed = sercli("compare", own, LSTM, FUNCTIONALS).stdout
    assert f"A: {LSTM} (seeds 0, 1) TEXT-SHARED\n" in printed
    refused_without_trace(sercli, own, {"problem": "itself", "expected": "seeds"}, LSTM, further)


def test_stale_results_are_refused(own: Path, sercli: Sercli) -> None:
    table = own / "corpus" / "utterances.tsv"
    rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
    cells = rows[1].split("\t")
    cells[rows[0].split("\t").index("digest")] = "another sound"
    table.write_text("".join([rows[0], "\t".join(cells), *rows[2:]]), encoding="utf-8")
    refused_without_trace(sercli, own, f"results/{LSTM}|predictions/|sercli evaluate", LSTM, FUNCTIONALS)


def test_long_names_find_room(own: Path) -> None:
    name = "x" * 190
    found = compared(own, LSTM, name)
    assert (Path(found["path"]) / "comparison.json").is_file()
    assert found["second"]["system"] == name


# --- refusals


def test_one_classifier_twice(both: Path, sercli: Sercli) -> None:
    refused_without_trace(sercli, both, {"problem": "itself", "seen": LSTM}, LSTM, LSTM)


def test_an_unknown_classifier(both: Path, sercli: Sercli) -> None:
    refused_without_trace(sercli, both, f"nobody|{both}|{LSTM}", LSTM, "nobody")


def test_a_classifier_without_result(own: Path, sercli: Sercli) -> None:
    shutil.rmtree(own / "results" / FUNCTIONALS)
    refused_without_trace(sercli, own, f"sercli evaluate {own} --classifier {FUNCTIONALS}", LSTM, FUNCTIONALS)


def test_a_damaged_result(own: Path, sercli: Sercli) -> None:
    path = own / "results" / FUNCTIONALS / "predictions.tsv"
    path.write_bytes(path.read_bytes()[:-40])
    refused_without_trace(sercli, own, str(path), LSTM, FUNCTIONALS)


def test_other_classes(both: Path, sercli: Sercli) -> None:
    seen = ("anger, neutral, sadness of emotion", "anger, sadness of emotion")
    refused_without_trace(sercli, both, {"place": (LSTM, "two"), "seen": seen, "expected": "classes"}, LSTM, "two")


def test_other_utterances(both: Path, sercli: Sercli) -> None:
    """The same two classes, into one of which a third label is merged."""
    refused_without_trace(sercli, both, {"seen": ("0 only by two", "12 (", "only by merged")}, "two", "merged")


def test_a_part_of_the_folds(own: Path, sercli: Sercli) -> None:
    """On whichever side, and though both have the same folds. Once the folds are there, nothing is refused."""
    evaluate = f"sercli evaluate {own} --classifier part"
    fix = ("sercli train-classifier", "--name part", "then", evaluate)
    for names in ((LSTM, "part"), ("part", LSTM), ("part", "another-part")):
        error = {"problem": "PARTIAL", "place": "results/part", "seen": "2, 3, 4", "expected": "all 4", "fix": fix}
        refused_without_trace(sercli, own, error, *names)
    train(own, "part", "--fold", 2, "--fold", 3, "--fold", 4)
    refused_without_trace(sercli, own, {"seen": "2, 3, 4", "fix": evaluate}, LSTM, "part")
    sercli("evaluate", own, "--classifier", "part", "--jobs", 1)
    assert compared(own, LSTM, "part")["n_utterances"] == 36


def test_other_truth(both: Path, sercli: Sercli) -> None:
    refused_without_trace(sercli, both, {"problem": "12", "seen": ("hot for hot", "cold for cold")}, "hot", "cold")


# --- what is warned of


def test_other_marks_and_folds_are_warned_of(own: Path, sercli: Sercli) -> None:
    marks, folds = compared(own, "mixed", FUNCTIONALS)["warnings"]
    assert marks == f"the marks differ: mixed has TEXT-SHARED SPEAKER-DEPENDENT, {FUNCTIONALS} has TEXT-SHARED"
    assert folds.startswith("the folds differ")
    table = sercli("compare", own, "mixed", FUNCTIONALS).stdout
    assert "A: mixed TEXT-SHARED SPEAKER-DEPENDENT\n" in table
    assert all(f"Warning: {warning}." in table for warning in (marks, folds))


def test_speaker_normalisation_is_warned_of(own: Path) -> None:
    found = compared(own, FUNCTIONALS, "speaker")
    assert found["warnings"] == [
        f"the marks differ: {FUNCTIONALS} has TEXT-SHARED, speaker has TEXT-SHARED speaker-normalised"
    ]


# --- the table


def test_the_table_is_plain_text(own: Path, sercli: Sercli) -> None:
    found = compared(own, LSTM, FUNCTIONALS)
    printed = sercli("compare", own, LSTM, FUNCTIONALS).stdout
    assert "\x1b" not in printed
    assert printed.startswith(comparison_table(Comparison.from_json(found)) + "\nResults ")
    assert (
        f"36 test utterances of 4 speakers, emotion: anger, neutral, sadness\nA: {LSTM} TEXT-SHARED\nB: {FUNCTIONALS} TEXT-SHARED\n"
        in printed
    )
    assert "Warning" not in printed
    row = next(line.split() for line in printed.splitlines() if "UA %" in line)
    assert row[2:4] == [f"{100 * found[side]['uar']:.1f}" for side in ("first", "second")]


def comparison(uar: float, p: float = 0.01, n_clusters: int = 8, bounds: Interval = (-0.05, -0.01)) -> Comparison:
    first, second = (
        Side(name, (name,), (0,), "four", (), FourScores(0.5, 0.5, 0.5, 0.5)) for name in ("first", "second")
    )
    return Comparison(
        first=first,
        second=second,
        target="emotion",
        labels=("[red]", "b"),
        n_utterances=4,
        cluster="speaker",
        n_clusters=n_clusters,
        difference=FourScores(uar, uar, uar, uar),
        intervals=FourScores(bounds, bounds, bounds, bounds),
        p=FourScores(p, p, p, p),
        recall={"[red]": RecallPair(0.5, 0.5, 0.0)},
        mcnemar=McNemar("first", "second", 1, 1, 1, 1, 1e-9),
        warnings=(),
    )


@pytest.mark.parametrize(
    ("uar", "p", "n", "said"),
    [
        (
            0.021,
            0.3,
            8,
            "first is ahead of second by +2.1 points UA, p = 0.3: no difference can be claimed on these speakers",
        ),
        (-0.021, 0.3, 8, "second is ahead of first by +2.1 points UA, p = 0.3: no difference"),
        (0.03, 0.05, 8, "p = 0.05: more than chance explains (8 speakers: the smallest attainable p is 0.00781)."),
        (-0.03, 0.01, 8, "second is ahead of first by +3.0 points UA, p = 0.01: more than chance explains"),
        (0.0, 1.0, 8, "first and second have the same UA, p = 1: no difference"),
        (0.03, 0.0625, 5, "p = 0.0625. 5 speakers: the smallest attainable p is 0.0625, so nothing can be claimed."),
        (0.03, 0.5, 2, "2 speakers: the smallest attainable p is 0.5, so nothing can be claimed."),
        (0.03, 1.0, 1, "by +3.0 points UA. One speaker cannot tell a difference from chance: nothing can be claimed."),
    ],
)
def test_the_sentence_says_what_the_numbers_say(uar: float, p: float, n: int, said: str) -> None:
    """The p of the permutation test alone: whatever the interval and McNemar's test say."""
    compared_pair = comparison(uar, p, n)
    assert said in comparison_table(compared_pair)
    assert "McNemar" not in comparison_table(compared_pair)
    assert compared_pair.can_claim == (n > 5)
    assert (compared_pair.better is not None) == ("more than chance" in said)


@pytest.mark.parametrize("width", [None, 70, 80])
def test_a_label_is_no_markup_and_nothing_is_cut(width: int | None) -> None:
    table = comparison_table(comparison(-0.03), width)
    assert "recall of [red] %" in " ".join(table.split())
    assert table.count("−5.0 to −1.0") == 4
    assert "…" not in table
