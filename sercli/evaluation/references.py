"""One reference for each table of systems: how far every other system is from it, with a p that is corrected for their number.

The systems of a table are those of one task that the same marks set apart. The reference is the one that was named, otherwise the
control (functionals of features, without an autoencoder), otherwise the first by name: never chosen by a score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..errors import UsageError, listed
from ..text import c_order
from . import permutation
from .groups import Beside, Group
from .marks import Mark, marks_apart

CONTROL = "functionals"  # a kind of classifier


def beside_references(groups: Sequence[Group], name: str | None = None) -> list[Group]:
    """The groups, each beside the reference of its table; `name` is that of a classifier. Raises UsageError for an unknown one."""
    if name is not None and not any(name in group.names for group in groups):
        expected = listed(group.name for group in groups)
        raise UsageError("not among the scored systems", place="--reference", seen=name, expected=expected)
    beside = {member.name: member for table in tables(groups) for member in _beside(table, _reference(table, name))}
    return [beside[group.name] for group in groups]


def tables(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups of each task that the same marks set apart, in their order; tables without such marks come first."""
    by_marks: dict[tuple[tuple[Mark, ...], str], list[Group]] = {}
    for group in groups:
        by_marks.setdefault((marks_apart(group.marks), group.system.task), []).append(group)
    yield from (by_marks[key] for key in sorted(by_marks, key=lambda key: bool(key[0])))


def _reference(table: Sequence[Group], name: str | None) -> Group:
    named = [group for group in table if name in group.names]
    controls = [g for g in table if g.system.classifier_kind == CONTROL and g.system.autoencoder is None]
    return min(named or controls or table, key=lambda group: c_order(group.name))


def _beside(table: Sequence[Group], reference: Group) -> list[Group]:
    comparable = [group for group in table if group is not reference and _has_same_truth(group, reference)]
    p: list[float | None] = [None] * len(comparable)
    if comparable and reference.n_clusters > 1 and Mark.PARTIAL not in reference.marks:
        p = [*permutation.adjusted_p_values([group.counts for group in comparable], reference.counts)]
    beside = partial(Beside, reference.name)
    by_name = {
        group.name: beside(group.test.uar.mean - reference.test.uar.mean, p_of_group)
        for group, p_of_group in zip(comparable, p, strict=True)
    }
    return [replace(group, beside=by_name.get(group.name, beside(None, None))) for group in table]


def _has_same_truth(group: Group, other: Group) -> bool:
    """Whether each cluster has as many test utterances of each class for both."""
    truths = [
        {name: np.sum(counts, axis=1).tolist() for name, counts in g.results[0].per_cluster.items()}
        for g in (group, other)
    ]
    return truths[0] == truths[1]
