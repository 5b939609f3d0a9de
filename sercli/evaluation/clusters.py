"""Clusters: groups of utterances that are independent of each other as far as anything in a corpus is.

Intervals leave out, and tests swap, whole clusters. The speakers of a session talked to each other and are mostly tested by one
model, so a cluster is a session where there are sessions, and otherwise a speaker.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..data.utterances import Utterance
from ..text import c_order


@dataclass(frozen=True)
class Clusters:
    """The cluster of each utterance; clusters in C order."""

    unit: str  # what a cluster is: "session", "speaker", or "cluster" where some utterances have no session
    of: Mapping[str, str]  # utt_id -> name of its cluster

    @property
    def names(self) -> list[str]:
        """Each once, in C order."""
        return sorted(set(self.of.values()), key=c_order)


def clusters(utterances: Iterable[Utterance]) -> Clusters:
    """The clusters of some utterances. Sessions that share a speaker are one cluster, which has the name of the first.

    >>> rows = [Utterance("a", "a.wav", speaker="ana", session="1"), Utterance("b", "b.wav", speaker="ben", session="1")]
    >>> clusters(rows)
    Clusters(unit='session', of={'a': '1', 'b': '1'})
    """
    rows = list(utterances)
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while (parent := parents.setdefault(node, node)) != node:
            node = parent
        return node

    for u in rows:
        if u.session:
            joined = [root(("session", u.session)), root(("speaker", u.speaker))]
            first, second = sorted(joined, key=lambda node: (node[0], c_order(node[1])))
            parents[second] = first
    with_session = sum(bool(u.session) for u in rows)
    unit = "speaker" if not with_session else "session" if with_session == len(rows) else "cluster"
    return Clusters(unit, {u.utt_id: root(("speaker", u.speaker))[1] for u in rows})
