"""A tiny corpus with its folds, and results of systems that get chosen utterances of it wrong."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sercli.data.utterances import Utterance
from sercli.evaluation.comparison import Evaluated
from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.evaluation.results import Result, SystemFacts, score_classifier
from sercli.evaluation.scores import Prediction
from sercli.tasks.folds import Fold, Folds

LABELS = ("anger", "sadness")
SPEAKERS = ("s1", "s2", "s3", "s4")
GENDERS = {"s1": "female", "s2": "male", "s3": "female", "s4": "male"}


def utterances(labels: Sequence[str] = LABELS) -> list[Utterance]:
    """Two utterances of each speaker and label: `s1-anger-1`."""
    return [
        Utterance(f"{speaker}-{label}-{k}", f"{speaker}.wav", speaker=speaker, gender=GENDERS[speaker], emotion=label)
        for speaker in SPEAKERS
        for label in labels
        for k in (1, 2)
    ]


def folds(labels: Sequence[str] = LABELS) -> Folds:
    """Each speaker is test in one fold, with the next one as dev."""
    spoken = utterances(labels)
    numbered = []
    for number, (test, dev) in enumerate(zip(SPEAKERS, [*SPEAKERS[1:], SPEAKERS[0]], strict=True), start=1):
        part_of = {test: "test", dev: "dev"}
        numbered.append(Fold(number, test, dev, {u.utt_id: part_of.get(u.speaker, "train") for u in spoken}))
    return Folds(list(labels), {u.utt_id: u.emotion for u in spoken}, numbered)


def predictions(
    wrong: Collection[str] = (), done: Sequence[int] = (1, 2, 3, 4), labels: Sequence[str] = LABELS
) -> list[Prediction]:
    """Rows of dev and test of the folds that are `done`. Utterances in `wrong` are given the next label."""
    cut = folds(labels)
    next_label = dict(zip(labels, [*labels[1:], labels[0]], strict=True))
    rows = []
    for number in done:
        for part in ("dev", "test"):
            for utt_id in cut.fold(number).part(part):
                truth = cut.labels[utt_id]
                answer = next_label[truth] if utt_id in wrong else truth
                row = {"utt_id": utt_id, "speaker": utt_id[:2], "fold": str(number), "part": part}
                posteriors = {
                    f"p_{label}": str(0.8 if label == answer else 0.2 / (len(labels) - 1)) for label in labels
                }
                rows.append({**row, "truth": truth, "prediction": answer, **posteriors})
    return rows


FACTS = SystemFacts(
    classifier="lstm",
    classifier_kind="lstm",
    autoencoder=None,
    autoencoder_seed=None,
    model=None,
    latent_dim=None,
    frontend="logmel",
    task="four",
    target="emotion",
    subset="complete",
    bins=None,
    protocol="leave-one-speaker-out",
    folds="0" * 64,
    normalise="train",
    condition="none",
    latents="mean",
    seed=0,
    closed_form=False,
)


def result(
    name: str = "lstm",
    seed: int = 0,
    wrong: Collection[str] = (),
    done: Sequence[int] = (1, 2, 3, 4),
    marks: tuple[Mark, ...] = (),
    labels: Sequence[str] = LABELS,
) -> Result:
    """The result of a system that gets the utterances in `wrong` wrong."""
    facts = replace(FACTS, classifier=name, seed=seed)
    return score_classifier(facts, marks, folds(labels), done, predictions(wrong, done, labels), utterances(labels))


def evaluated(
    name: str, *wrong_of_seeds: Collection[str], without: Collection[str] = (), marks: tuple[Mark, ...] = ()
) -> Evaluated:
    """A system with one seed for each collection of utterances that it gets wrong, and no features of those in `without`."""
    rows = {
        f"{name}.seed-{seed}" if seed else name: [row for row in predictions(wrong) if row["utt_id"] not in without]
        for seed, wrong in enumerate(wrong_of_seeds)
    }
    group = Group.of(
        [
            result(fit, seed, wrong, marks=marks)
            for seed, (fit, wrong) in enumerate(zip(rows, wrong_of_seeds, strict=True))
        ]
    )
    return Evaluated.of(group, rows, {utterance.utt_id for utterance in utterances()})
