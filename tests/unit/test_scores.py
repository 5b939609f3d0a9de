"""Results as values: scores from predictions, groups over seeds, nested choice, other corpora, marks; and their JSON."""

import json
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from support import results
from support.errors import raises
from support.results import FACTS, LABELS

from sercli.data.utterances import Utterance
from sercli.evaluation import metrics
from sercli.evaluation.comparison import Comparison, compare
from sercli.evaluation.cross_corpus import CrossCorpusResult, ForeignClassifier, score_cross_corpus
from sercli.evaluation.groups import Group, group_by_system
from sercli.evaluation.marks import Mark, marks, marks_apart
from sercli.evaluation.nested import nested
from sercli.evaluation.references import beside_references, tables
from sercli.evaluation.results import Result
from sercli.evaluation.scores import Scores, Spread, chance, mean_over

FOUR = ("accuracy", "uar", "macro_f1", "weighted_f1")
BY_NAME: Callable[[str], Hashable] = lambda name: name.partition(".seed")[0]  # noqa: E731


def rows(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"truth": truth, "prediction": prediction} for truth, prediction in pairs]


# --- scores of predictions


def test_by_hand() -> None:
    """Two of three anger right, the one neutral wrong, no sadness at all."""
    pairs = [("anger", "anger"), ("anger", "anger"), ("anger", "sadness"), ("neutral", "anger")]
    scores = Scores.from_predictions(rows(pairs), ["anger", "neutral", "sadness"])
    assert scores.confusion == ((2, 0, 1), (1, 0, 0), (0, 0, 0))
    assert scores.recall == {"anger": 2 / 3, "neutral": 0.0, "sadness": None}
    assert scores.precision == {"anger": 2 / 3, "neutral": None, "sadness": 0.0}
    assert scores.f1 == {"anger": 2 / 3, "neutral": 0.0, "sadness": None}
    assert (scores.accuracy, scores.uar, scores.n_utterances) == (0.5, pytest.approx(1 / 3), 4)


def test_chance_names_the_commonest_class() -> None:
    by_chance = chance(((3, 0, 0), (0, 0, 1), (0, 2, 0)))
    always = metrics.confusion(["a", "a", "a", "b", "c", "c"], ["a"] * 6, ["a", "b", "c"])
    assert by_chance.uar == 1 / 3
    for name in ("accuracy", "macro_f1", "weighted_f1"):
        assert getattr(by_chance, name) == metrics.SCORES[name](always)


def test_mean_over_several() -> None:
    good = Scores.from_predictions(rows([("a", "a"), ("b", "b"), ("b", "b")]), ["a", "b", "c"])
    bad = Scores.from_predictions(rows([("a", "b"), ("b", "b"), ("b", "a")]), ["a", "b", "c"])
    mean = mean_over([good, bad])
    assert mean.uar == Spread((1.0 + 0.25) / 2, pytest.approx(0.75 / math.sqrt(2)))
    assert mean.recall == {"a": 0.5, "b": 0.75, "c": None}
    assert mean.precision == {"a": 0.5, "b": 0.75, "c": None}
    assert mean.confusion == ((1, 1, 0), (1, 3, 0), (0, 0, 0))
    assert mean.never_predicted == ["c"]
    assert mean_over([good]).uar.std is None


# --- the result of one classifier


def test_a_result_is_what_its_predictions_say() -> None:
    result = results.result(wrong=["s1-anger-1", "s1-anger-2", "s2-sadness-1"])
    assert result.test.confusion == ((6, 2), (1, 7))
    assert result.test.uar == (6 / 8 + 7 / 8) / 2
    assert [fold.test.uar for fold in result.per_fold] == [0.5, 0.75, 1.0, 1.0]
    assert [fold.dev.uar for fold in result.per_fold] == [0.75, 1.0, 1.0, 0.5]
    assert result.fold_mean.uar == np.mean([0.5, 0.75, 1.0, 1.0])
    assert {speaker: subset.n_utterances for speaker, subset in result.per["speaker"].items()} == {
        "s1": 4,
        "s2": 4,
        "s3": 4,
        "s4": 4,
    }
    assert set(result.per["gender"]) == {"female", "male"}
    assert result.per["session"] == {}
    low, high = result.intervals.uar
    assert low is not None
    assert high is not None
    assert low < result.test.uar < high


def test_a_result_survives_json() -> None:
    for result in (
        results.result(wrong=["s1-anger-1"]),
        results.result(done=[2], marks=(Mark.PARTIAL,), labels=("a", "b", "c")),
    ):
        text = json.dumps(result.to_json(), allow_nan=False)
        assert Result.from_json(json.loads(text)) == result
        assert json.dumps(Result.from_json(json.loads(text)).to_json()) == text


def test_json_of_a_result_has_one_layout() -> None:
    values = results.result(wrong=["s1-anger-1"], marks=(Mark.SYNTHETIC,)).to_json()
    assert list(values) == [
        *vars(FACTS),
        *("marks", "n_utterances", "folds_done", "folds_expected", "epoch_limit", "labels"),
        *FOUR,
        *(f"{name}_ci95" for name in FOUR),
        *(f"{name}_fold_mean" for name in FOUR),
        *(f"dev_{name}" for name in FOUR),
        *("chance", "per_fold", "per_speaker", "per_session", "per_gender", "per_style", "per_corpus"),
        *("cluster", "per_cluster"),
        *("recall", "precision", "f1", "confusion", "posteriors"),
    ]
    dev = [f"dev_{name}" for name in FOUR]
    assert list(values["per_fold"][0]) == ["fold", "left_out", "dev", "n_classes", *dev, "n_utterances", *FOUR]
    assert list(values["per_speaker"]["s1"]) == ["n_utterances", *FOUR, "confusion"]
    assert values["chance"] == {"uar": 0.5, "accuracy": 0.5}


def test_a_fold_without_test_predictions_has_no_scores() -> None:
    predictions = [row for row in results.predictions() if row["speaker"] != "s1" or row["part"] != "test"]
    result = results.score_classifier(FACTS, (), results.folds(), (1, 2, 3, 4), predictions, results.utterances())
    assert result.per_fold[0].test.uar is None
    assert result.per_fold[0].n_utterances == 0
    assert result.fold_mean.uar == 1.0
    assert Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result


def test_nothing_to_score() -> None:
    with raises({"place": "lstm", "problem": "featurize", "fix": "rejects"}):
        results.score_classifier(FACTS, (), results.folds(), [1], [], results.utterances())


# --- a system over its seeds


def test_seeds_are_grouped_by_key_and_folds() -> None:
    several = [
        results.result("a", 0),
        results.result("a.seed-1", 1, wrong=["s1-anger-1"]),
        results.result("a.seed-2", 2, done=[1]),
        results.result("b", 0),
    ]
    groups = group_by_system(several, BY_NAME)
    assert [(group.name, group.seeds) for group in groups] == [("a", [0, 1]), ("a.seed-2", [2]), ("b", [0])]
    assert groups[0].test.accuracy.mean == (1 + 15 / 16) / 2
    assert groups[0].test.confusion == ((15, 1), (0, 16))


def test_a_group_of_one_has_the_intervals_of_its_result() -> None:
    result = results.result(wrong=["s1-anger-1", "s2-anger-1"])
    (group,) = group_by_system([result], BY_NAME)
    for name in FOUR:
        assert getattr(group.intervals, name) == pytest.approx(getattr(result.intervals, name))
        assert getattr(group.test, name) == Spread(getattr(result.test, name), None)
    values = group.to_json()
    assert (values["system"], values["classifiers"], values["uar"]) == ("lstm", ["lstm"], {"mean": 0.875, "std": None})
    assert {f"{name}{end}" for name in FOUR for end in ("", "_ci95", "_fold_mean")} < set(values)


# --- fits that are not independent


def fit(name: str, seed: int, wrong: Sequence[str] = (), **facts: object) -> Result:
    result = results.result(name, seed, wrong)
    return replace(result, system=replace(result.system, **facts))  # type: ignore[arg-type]


WRONG = [u.utt_id for u in results.utterances()]


def test_a_system_under_two_names_is_one_fit() -> None:
    """The same seed twice: the first name counts, the other one is named, and there is no ±."""
    group = Group.of([fit("b", 3, WRONG[:2]), fit("a", 3, WRONG[:2])])
    assert (group.classifiers, list(group.copies), group.n_independent) == (["a"], ["b"], 1)
    assert group.test.uar.std is None
    assert group.to_json()["copies"] == ("b",)


def test_no_seed_of_a_closed_form_counts() -> None:
    group = Group.of([fit(f"control.seed-{seed}", seed, WRONG[:2], closed_form=True) for seed in (0, 1, 2)])
    assert (group.name, group.seeds, group.test.uar.std) == ("control.seed-0", [0], None)
    assert list(group.copies) == ["control.seed-1", "control.seed-2"]


def test_a_closed_form_on_several_autoencoders_is_several_fits() -> None:
    fits = [
        fit(f"ae-{k}", 0, WRONG[:k], closed_form=True, autoencoder=f"ae-{k}", autoencoder_seed=k) for k in (0, 1, 2)
    ]
    group = Group.of(fits)
    assert (group.n_independent, group.copies) == (3, ())
    assert group.test.accuracy.std == pytest.approx(1 / 16)


def test_classifiers_of_one_autoencoder_are_one_value_of_the_spread() -> None:
    """Autoencoders 0 and 1, two LSTMs on each: two independent fits, whose scores are means of two."""
    n_wrong = {(0, 0): 0, (0, 1): 2, (1, 0): 6, (1, 1): 8}
    fits = {
        seeds: fit("x{}-{}".format(*seeds), seeds[1], WRONG[:n], autoencoder="ae", autoencoder_seed=seeds[0])
        for seeds, n in n_wrong.items()
    }
    group = Group.of(list(fits.values()))
    means = [1 - 1 / 16, 1 - 7 / 16]
    assert (len(group.results), group.n_independent) == (4, 2)
    assert group.test.accuracy == Spread(pytest.approx(np.mean(means)), pytest.approx(np.std(means, ddof=1)))
    shared = Group.of([fits[0, 0], fits[0, 1]])
    assert (shared.n_independent, shared.test.accuracy) == (1, Spread(means[0], None))
    uneven = Group.of([fits[0, 0], fits[0, 1], fits[1, 1]])  # means of 1/16 and 8/16, not a mean of three
    assert uneven.test.accuracy.mean == pytest.approx(1 - (1 / 16 + 8 / 16) / 2)
    assert np.sum(uneven.test.confusion) == 3 * 16
    low, high = uneven.intervals.accuracy
    assert low is not None
    assert high is not None
    assert low < uneven.test.accuracy.mean < high


# --- one reference for each table


def test_the_control_is_the_reference_of_a_table() -> None:
    several = [
        Group.of([fit("a", 0, WRONG[:8])]),
        Group.of([fit("z", 0, WRONG[:4], classifier_kind="functionals", closed_form=True)]),
        Group.of([replace(fit("o", 0), marks=(Mark.ORACLE, Mark.TEXT_SHARED))]),
        Group.of([replace(fit("p", 0, WRONG[:2]), marks=(Mark.ORACLE,))]),
    ]
    a, z, o, p = beside_references(several)
    assert a.beside == ("z", pytest.approx(-4 / 16), 1.0)
    assert z.beside == ("z", None, None)
    assert (o.beside, p.beside) == (("o", None, None), ("o", pytest.approx(-1 / 8), 1.0))  # a table of their own
    named = beside_references(several, "a")
    assert [group.beside.reference for group in named if group.beside] == ["a", "a", "o", "o"]
    assert [[group.name for group in table] for table in tables(several)] == [["a", "z"], ["o", "p"]]
    with raises({"place": "--reference", "seen": "x", "expected": "a, z, o, p"}):
        beside_references(several, "x")


def test_without_the_same_utterances_there_is_no_difference() -> None:
    part, whole = Group.of([results.result("part", done=(1, 2))]), Group.of([results.result("whole")])
    assert [group.beside for group in beside_references([part, whole])] == [("part", None, None)] * 2


def test_nothing_is_claimed_from_a_part_of_the_folds() -> None:
    marked = [
        Group.of([results.result(name, done=(1, 2), wrong=w, marks=(Mark.PARTIAL,))])
        for name, w in (("a", []), ("b", WRONG[:4]))
    ]
    assert beside_references(marked)[1].beside == ("a", pytest.approx(-4 / 8), None)


# --- choosing by dev


def test_each_fold_is_scored_by_the_system_that_is_best_on_its_dev() -> None:
    """System a fails on speakers 1 and 2, b on 3 and 4; the dev speaker of a fold is the next one."""
    wrong = {
        "a": [u.utt_id for u in results.utterances() if u.speaker in ("s1", "s2")],
        "b": [u.utt_id for u in results.utterances() if u.speaker in ("s3", "s4")],
    }
    candidates = {name: [results.result(name, wrong=utt_ids)] for name, utt_ids in wrong.items()}
    read = lambda name: results.predictions(wrong[name])  # noqa: E731
    (choice,) = nested(candidates, read, results.folds(), results.utterances())
    assert choice.chosen == {1: "b", 2: "a", 3: "a", 4: "b"}
    assert [fold.test.uar for fold in choice.result.per_fold] == [1.0, 0.0, 1.0, 0.0]
    assert (choice.result.system.classifier, choice.result.system.seed) == ("", 0)


def test_a_seed_that_a_chosen_system_lacks_is_left_out() -> None:
    bad = [u.utt_id for u in results.utterances()]
    candidates = {
        "good": [results.result("good", 0)],
        "bad": [results.result("bad", seed, wrong=bad) for seed in (0, 1)],
    }
    chosen = list(nested(candidates, lambda _: results.predictions(), results.folds(), results.utterances()))
    assert [choice.result.system.seed for choice in chosen] == [0]


# --- other corpora


def test_a_foreign_classifier_is_the_mean_over_its_models() -> None:
    utterances = [*results.utterances(), Utterance("x", "x.wav", speaker="s1", emotion="joy")]
    labels = {u.utt_id: u.emotion for u in utterances if u.emotion != "joy"}
    models = {
        number: [
            {"utt_id": u, "truth": label, "prediction": "anger" if number == 2 else label}
            for u, label in labels.items()
        ]
        for number in (1, 2)
    }
    foreign = ForeignClassifier(FACTS, (Mark.PARTIAL,), "emodb", "/stores/emodb", ["anger", "boredom", "sadness"], 10)
    result = score_cross_corpus(foreign, LABELS, labels, models, utterances)
    assert (result.test.uar.mean, result.n_utterances, len(result.per_cluster)) == (0.75, 16, 4)
    assert [scores.uar for scores in result.per_fold.values()] == [1.0, 0.5]
    assert result.classes_without_utterances == ("boredom",)
    assert result.labels_without_class == {"joy": 1}
    values = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert values["per_cluster"]["s1"] == {"n_utterances": 4, "confusion": [[4, 0], [2, 2]]}
    assert (values["folds_done"], values["folds_expected"], values["n_clusters"]) == (2, 10, 4)
    assert CrossCorpusResult.from_json(values) == result


# --- two classifiers


def test_a_comparison_survives_json() -> None:
    wrong = {"a": ["s1-anger-1", "s2-anger-1"], "b": ["s1-anger-1", "s3-sadness-1", "s3-sadness-2"]}
    a, b = (results.evaluated(name, w) for name, w in wrong.items())
    comparison = compare(a, b, results.utterances(), ["why not"])
    names = {"first": "a", "second": "b"}
    assert vars(comparison.mcnemar) == {**names, "both": 12, "only_first": 2, "only_second": 1, "neither": 1, "p": 1.0}
    assert comparison.difference.accuracy == pytest.approx(1 / 16)
    assert comparison.recall["anger"].difference == pytest.approx(-1 / 8)
    values = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert Comparison.from_json(values) == comparison


# --- marks


def test_marks_stand_in_one_order_with_one_meaning() -> None:
    every = marks(dict.fromkeys(reversed(Mark), True))
    assert every == tuple(Mark)
    assert marks(dict.fromkeys(Mark, False)) == ()
    assert all(mark.meaning.endswith(".") for mark in Mark)
    assert set(every) - set(marks_apart(every)) == {Mark.SYNTHETIC, Mark.ENTANGLED, Mark.TEXT_SHARED}
