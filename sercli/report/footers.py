"""What stands under a table of scores: what differences are from, copies, fits that the limit of epochs ended, and the table's digest."""

from collections.abc import Iterator, Sequence

from ..errors import Command
from ..evaluation.groups import Group
from ..evaluation.marks import Mark
from ..evaluation.permutation import LEVEL, smallest_p
from ..evaluation.table_records import SHOWN
from .formats import difference_cells, epoch_limit, p_value, plural

_MOST_SYSTEMS = 8  # that are named


def digest_line(digest: str, store: object = "STORE") -> str:
    """How to check the table.

    >>> digest_line("3f2a9c01d2e4" + 52 * "0")
    'Results 3f2a9c01d2e4: sercli verify STORE 3f2a9c01d2e4'
    """
    return f"Results {digest[:SHOWN]}: {Command('verify', str(store), (digest[:SHOWN],))}"


def reference_lines(groups: Sequence[Group]) -> Iterator[str]:
    """What the differences of a table are from, how p is made, and the classifiers that were left out as copies."""
    first = groups[0]
    if len(groups) > 1 and first.beside is not None:
        n_tested = sum(group.beside is not None and group.beside.p is not None for group in groups)
        clusters, smallest = plural(first.n_clusters, first.cluster), smallest_p(first.n_clusters)
        others = "; – where the test utterances are others" * any(difference_cells(group)[0] == "–" for group in groups)
        yield f"Δ UA: points beyond {first.beside.reference}{others}."
        if n_tested:
            yield (
                f"p: exact permutation test over {clusters}, corrected for {plural(n_tested, 'difference')} (max-T); "
                f"the smallest attainable is {p_value(smallest)}{', so nothing can be claimed' * (smallest > LEVEL)}."
            )
        else:
            why = "some folds are missing" if Mark.PARTIAL in first.marks else f"{clusters} cannot give one"
            yield f"No p: {why}; nothing can be claimed."
    for group in groups:
        if group.copies:
            yield f"Left out, since they repeat the seeds of {group.name}: {', '.join(group.copies)}."


def epoch_limit_lines(groups: Sequence[Group]) -> Iterator[str]:
    """The systems with fits that the limit of epochs ended before dev did; a sentence where there is none."""
    limited = [(group.name, text) for group in groups if (text := epoch_limit(group.endings))]
    yield from (f"Stopped by the epoch limit, not by dev: {name}: {text}." for name, text in limited[:_MOST_SYSTEMS])
    if len(limited) > _MOST_SYSTEMS:
        yield f"And {len(limited) - _MOST_SYSTEMS} further systems: see epoch_limit of --json."
    if not limited and any(group.endings for group in groups):
        yield "The epoch limit stopped no fold."
