"""What a person reaches where a system is tested: one rater scored against the others, or against what was acted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..experiments.sources import CorpusTask
from ..tasks.votes import Vote, Votes, within
from . import metrics
from .scores import FourScores

ACTED = "acted"  # the style of utterances whose label is the emotion that the actor had to express
_TIE = 1e-9  # shares nearer to each other than this are equal


@dataclass(frozen=True)
class HumanReference:
    """Scores of single votes, pooled, each against a label that the vote had no part in.

    That label is the one that most of the other raters of the utterance give, or, on acted speech, the emotion that
    the actor had to express. A vote counts with what lies within the classes. `scores` is None if no vote is left.
    """

    task: str
    is_acted: bool  # whether the label is the emotion that the actor had to express
    scores: FourScores[float] | None
    n_votes: int  # that are scored
    n_raters: int  # who gave these
    n_utterances: int  # on which these are
    n_single: int = 0  # utterances left out, since they have the vote of one rater only
    n_ties: int = 0  # votes left out, since the others tie
    n_outside: int = 0  # votes left out, since the vote or the others' label lies outside the classes

    def to_json(self) -> dict[str, Any]:
        """One of `human_references` of `sercli evaluate --json`."""
        scores = {} if self.scores is None else self.scores.to_json()
        counts = {name: value for name, value in vars(self).items() if name not in ("task", "scores")}
        return {"task": self.task, **scores, **counts}


def human_references(task: CorpusTask) -> list[HumanReference]:
    """Over the test utterances of a task; empty if no rater has a vote on one of them."""
    tested = {utt_id for fold in task.folds.folds for utt_id in fold.part("test")}
    votes = {utt_id: raters for utt_id, raters in task.votes.items() if utt_id in tested}
    if not votes:
        return []
    references = [score_raters(task.name, task.folds.classes, votes)]
    styles = {utterance.style for utterance in task.store.utterances if utterance.utt_id in votes}
    if task.definition.target == "emotion" and styles == {ACTED}:
        references.append(score_raters(task.name, task.folds.classes, votes, task.folds.labels))
    return references


def score_raters(
    name: str, classes: Sequence[str], votes: Votes, acted: Mapping[str, str] | None = None
) -> HumanReference:
    """Every vote against the other votes on its utterance, or against what was `acted` (utt_id -> class)."""
    index = {label: number for number, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))  # truth in rows; a vote for several classes is spread over them
    scored: list[tuple[str, str]] = []
    left_out: Counter[str] = Counter()
    for utt_id, raters in votes.items():
        if len(raters) == 1 and acted is None:
            left_out["n_single"] += 1
            continue
        for rater, vote in raters.items():
            others = (other for name, other in raters.items() if name != rater)
            truth = most_named(others) if acted is None else acted[utt_id]
            inside = within(vote, index)
            if truth is None:
                left_out["n_ties"] += 1
            elif truth not in index or not inside:
                left_out["n_outside"] += 1
            else:
                scored.append((utt_id, rater))
                for label, share in inside.items():
                    counts[index[truth], index[label]] += share
    scores = FourScores.each(lambda score: float(metrics.SCORES[score](counts))) if scored else None
    n_utterances, n_raters = (len(set(names)) for names in zip(*scored, strict=True)) if scored else (0, 0)
    return HumanReference(name, acted is not None, scores, len(scored), n_raters, n_utterances, **left_out)


def most_named(votes: Iterable[Vote]) -> str | None:
    """The label with the largest share of the votes; None for a tie.

    >>> most_named([{"anger": 1.0}, {"anger": 0.5, "joy": 0.5}]), most_named([{"anger": 1.0}, {"joy": 1.0}])
    ('anger', None)
    """
    totals: Counter[str] = Counter()
    for vote in votes:
        totals.update(vote)
    (label, most), *others = totals.most_common(2)
    return None if others and most - others[0][1] < _TIE else label
