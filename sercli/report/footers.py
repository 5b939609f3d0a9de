"""What stands under a table of scores: how many fits the limit of epochs ended, and the digest of the table."""

from collections.abc import Iterator, Sequence

from ..errors import Command
from ..evaluation.groups import Group
from ..evaluation.table_records import SHOWN
from .formats import epoch_limit

_MOST_SYSTEMS = 8  # that are named


def digest_line(digest: str, store: object = "STORE") -> str:
    """How to check the table.

    >>> digest_line("3f2a9c01d2e4" + 52 * "0")
    'Results 3f2a9c01d2e4: sercli verify STORE 3f2a9c01d2e4'
    """
    return f"Results {digest[:SHOWN]}: {Command('verify', str(store), (digest[:SHOWN],))}"


def epoch_limit_lines(groups: Sequence[Group]) -> Iterator[str]:
    """The systems with fits that the limit of epochs ended before dev did; a sentence where there is none."""
    limited = [(group.name, text) for group in groups if (text := epoch_limit(group.endings))]
    yield from (f"Stopped by the epoch limit, not by dev: {name}: {text}." for name, text in limited[:_MOST_SYSTEMS])
    if len(limited) > _MOST_SYSTEMS:
        yield f"And {len(limited) - _MOST_SYSTEMS} further systems: see epoch_limit of --json."
    if not limited and any(group.endings for group in groups):
        yield "The epoch limit stopped no fold."
