"""`sercli corpora`: the corpora that have a reader, by their cards."""

from typing import Any

from .. import plugins
from ..corpora import read_card


def run(name: str | None) -> list[dict[str, Any]]:
    """Every card, or the one named, as JSON. Raises UsageError for a reader that does not exist."""
    names = [name] if name else plugins.names("corpora")
    return [{"name": one, **read_card(one)._asdict()} for one in names]
