"""`sercli corpora`: the corpora that have a reader, by their cards."""

from typing import Any

from ..corpora import read_card, readers


def run(name: str | None) -> list[dict[str, Any]]:
    """Every card, or the one named, as JSON. Raises UsageError for a reader that does not exist; those that fail are left out."""
    names = [name] if name else list(readers())
    return [{"name": one, **read_card(one)._asdict()} for one in names]
