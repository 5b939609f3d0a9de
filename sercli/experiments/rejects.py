"""Rejects of `ingest` and `featurize`: the first are printed, and too many are an error."""

from collections.abc import Sequence
from pathlib import Path

from ..data.utterances import Reject
from ..errors import SercliError
from ..machine.progress import say
from ..text import printable

_N_PRINTED = 5


def print_rejects(rejects: Sequence[Reject], table: Path) -> None:
    """Print the first rejects, and where all of them are."""
    for reject in rejects[:_N_PRINTED]:
        say(f"skipped: {printable(reject.path)}: {reject.reason}")
    if len(rejects) > _N_PRINTED:
        say(f"skipped: {len(rejects) - _N_PRINTED} more, see {table}")


def check_number(n_rejects: int, n_all: int, max_rejects: float, table: Path) -> None:
    """Raises SercliError for more rejects than `max_rejects`: a share below 1, else a number."""
    if n_rejects > (max_rejects if max_rejects >= 1 else max_rejects * n_all):
        problem, seen = "too many recordings were skipped; the others are stored", f"{n_rejects} of {n_all}"
        fix = "see the reasons in the table; a higher --max-rejects accepts them"
        raise SercliError(problem, place=table, seen=seen, expected=f"at most --max-rejects {max_rejects:g}", fix=fix)
