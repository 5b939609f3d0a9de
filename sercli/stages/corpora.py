"""`sercli corpora`: the cards of all corpora that have a reader."""

from typing import Any

from ..corpora.base import read_card, readers


def run(name: str | None) -> list[dict[str, Any]]:
    """All cards, or the one of this name, as JSON. Raises UsageError for an unknown reader; broken readers are skipped."""
    names = {_plain(reader.name): reader.name for reader in readers()}
    chosen = [names.get(_plain(name), name)] if name else list(names.values())
    return [{"name": each, **read_card(each)._asdict()} for each in chosen]


def _plain(name: str) -> str:
    """`MSP-Podcast` is `msp_podcast`."""
    return "".join(filter(str.isalnum, name.lower()))
