"""`sercli corpora`: the cards of all corpora that have a reader."""

from ..corpora.base import Card, read_card, readers


def run(name: str | None) -> dict[str, Card]:
    """All cards by reader, or the one of this name. Raises UsageError for an unknown reader; broken readers are skipped."""
    names = {_plain(reader.name): reader.name for reader in readers()}
    chosen = [names.get(_plain(name), name)] if name else list(names.values())
    return {each: read_card(each) for each in chosen}


def _plain(name: str) -> str:
    """`MSP-Podcast` is `msp_podcast`."""
    return "".join(filter(str.isalnum, name.lower()))
