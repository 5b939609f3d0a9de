"""`sercli corpora`: the corpora that have a reader, by their cards."""

from typing import Any

from ..corpora.base import read_card, readers


def run(name: str | None) -> list[dict[str, Any]]:
    """Every card, or the one named, as JSON. Raises UsageError for a reader that does not exist; those that fail are left out."""
    known = {_plain(one): one for one in readers()}
    names = [known.get(_plain(name), name)] if name else list(known.values())
    return [{"name": one, **read_card(one)._asdict()} for one in names]


def _plain(name: str) -> str:
    """`MSP-Podcast` is `msp_podcast`."""
    return "".join(filter(str.isalnum, name.lower()))
