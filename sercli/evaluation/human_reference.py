"""One rater scored against the others: what a person reaches where a system is tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..experiments.catalogue import Catalogue
from ..experiments.sources import CorpusTask
from ..tasks.votes import Vote, Votes, within
from . import metrics
from .scores import FourScores

_TIE = 1e-9  # shares nearer to each other than this are equal


@dataclass(frozen=True)
class HumanReference:
    """Scores of single votes, each against the label that most of the other raters of the utterance give; pooled.

    A vote counts with what lies within the classes. Left out are votes without that, and votes where the others tie or agree on
    something outside the classes. `scores` is None if no vote is left.
    """

    task: str
    scores: FourScores[float] | None
    n_votes: int  # that are scored
    n_raters: int  # who gave these
    n_utterances: int  # on which these are
    n_single: int  # utterances with the vote of one rater only
    n_ties: int  # votes left out, since the others tie
    n_outside: int  # votes left out, since the vote or the others' label lies outside the classes

    def to_json(self) -> dict[str, Any]:
        """One of `human_references` of `sercli evaluate --json`."""
        scores = {} if self.scores is None else self.scores.to_json()
        counts = {name: value for name, value in vars(self).items() if name not in ("task", "scores")}
        return {"task": self.task, **scores, **counts}


def human_references(catalogue: Catalogue, tasks: Iterable[str]) -> list[HumanReference]:
    """Those of the named tasks, each once."""
    references = (human_reference(catalogue.task(name)) for name in dict.fromkeys(tasks))
    return [reference for reference in references if reference is not None]


def human_reference(task: CorpusTask) -> HumanReference | None:
    """Over the test utterances of a task; None if no rater has a vote on one of them."""
    tested = {utt_id for fold in task.folds.folds for utt_id in fold.part("test")}
    votes = {utt_id: raters for utt_id, raters in task.votes.items() if utt_id in tested}
    return score_raters(task.name, task.folds.classes, votes) if votes else None


def score_raters(name: str, classes: Sequence[str], votes: Votes) -> HumanReference:
    """Every vote against the other votes on its utterance."""
    index = {label: number for number, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))  # truth in rows; a vote for several classes is spread over them
    scored: list[tuple[str, str]] = []
    left_out: Counter[str] = Counter()
    for utt_id, raters in votes.items():
        if len(raters) == 1:
            left_out["single"] += 1
            continue
        for rater, vote in raters.items():
            truth = most_named(other for name, other in raters.items() if name != rater)
            inside = within(vote, index)
            if truth is None:
                left_out["tie"] += 1
            elif truth not in index or not inside:
                left_out["outside"] += 1
            else:
                scored.append((utt_id, rater))
                for label, share in inside.items():
                    counts[index[truth], index[label]] += share
    scores = FourScores.each(lambda score: float(metrics.SCORES[score](counts))) if scored else None
    n_utterances, n_raters = (len(set(names)) for names in zip(*scored, strict=True)) if scored else (0, 0)
    n_left_out = (left_out[reason] for reason in ("single", "tie", "outside"))
    return HumanReference(name, scores, len(scored), n_raters, n_utterances, *n_left_out)


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
