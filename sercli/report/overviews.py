"""The overviews that `sercli info` and `sercli corpora` print."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..text import printable, size_of
from .tables import printed

_MOST_REASONS = 5
_MOST_ROWS = 12  # of a kind; of more, only what is wanting is named


def info_text(found: Mapping[str, Any], width: int | None = None) -> str:
    """The corpus, a row a product, why something is stale, and the next command."""
    parts = [*_corpus(found), _products(found, width), *_reasons(found)]
    parts.append(f"On disk: {size_of(found['bytes'])}, {size_of(found['bytes_free'])} free.")
    wanting = sum(item["wanting"] for item in found["items"])
    if found["items"]:
        parts.append(f"{wanting} of {len(found['items'])} are stale or not whole." if wanting else "Nothing is stale.")
    return "\n".join([*parts, f"Next: {found['next'] or 'mend what is damaged, as told above'}"])


def _corpus(found: Mapping[str, Any]) -> Iterator[str]:
    corpus = found["corpus"]
    mark = " SYNTHETIC" if corpus["synthetic"] else ""
    sessions = f" in {corpus['sessions']} sessions" if corpus["sessions"] else ""
    yield printable(
        f"{corpus['name']}{mark} ({corpus['corpus']}): {corpus['utterances']} utterances of {corpus['speakers']} "
        f"speakers{sessions}, {corpus['hours']:.2f} h; {corpus['rejects']} set aside"
    )
    yield printable(", ".join(f"{label} {n}" for label, n in corpus["labels"].items()))
    if not corpus["root_is_there"]:
        yield f"The sound files are not at {printable(corpus['root'])} any more; --root tells `featurize` where they are."


def _products(found: Mapping[str, Any], width: int | None) -> str:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("what", "name", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("size", "UA %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, items in itertools.groupby(found["items"], key=lambda item: item["kind"]):
        shown = first = list(items)
        if len(shown) > _MOST_ROWS:
            first = [item for item in shown if item["wanting"]][:_MOST_ROWS]
            rest = [item for item in shown if item not in first]
            text = f"{len(rest)} {'more' if first else 'of them'}"
            total = size_of(sum(item["bytes"] for item in rest))
            table.add_row(kind, text, _state_of_all(rest), total, "")
        for item in first:
            marks = " ".join(item["about"].get("marks", []))
            score = f"{100 * item['about']['uar']:.1f}" if "uar" in item["about"] else ""
            name = " ".join(filter(None, (item["name"], marks)))
            style = "bold" if item["wanting"] else ""
            head = kind if item is shown[0] and len(shown) <= _MOST_ROWS else ""
            table.add_row(head, Text(name), Text(_state(item), style), size_of(item["bytes"]), score)
    return printed(table, width)


def _state_of_all(items: Sequence[Mapping[str, Any]]) -> str:
    states: Counter[str] = Counter()
    for item in items:
        states.update(item["states"])
    return ", ".join(f"{n} {state}" for state, n in states.items())


def _state(item: Mapping[str, Any]) -> str:
    """`fresh`, or how many folds are what."""
    states = item["states"]
    rejects = item["about"].get("rejects", 0)
    aside = f", {rejects} set aside" if rejects else ""
    if len(states) == 1:
        ((state, n),) = states.items()
        return f"{state}{f', {n} folds' if n > 1 else ''}{aside}"
    return ", ".join(f"{n} {state}" for state, n in states.items()) + aside


def _reasons(found: Mapping[str, Any]) -> Iterator[str]:
    reasons: dict[str, str] = {}  # what many have in common is told of the first
    for item in found["items"]:
        if item["problem"]:
            reasons.setdefault(item["problem"], f"{item['kind']} {item['name']}: {item['problem']}")
        elif item["why"]:
            reasons[item["folder"]] = f"{item['kind']} {item['name']}: {', '.join(item['why'][:3])} changed"
    yield from (printable(reason) for reason in list(reasons.values())[:_MOST_REASONS])
    if len(reasons) > _MOST_REASONS:
        yield f"{len(reasons) - _MOST_REASONS} more; `--json` tells all"


def corpora_table(found: Sequence[Mapping[str, Any]], width: int | None = None) -> str:
    """A row a corpus."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    headings = ("Size", "Speakers", "Labels", "Licence")
    for heading in ("--corpus", *headings):
        table.add_column(heading, overflow="fold")
    for card in found:
        table.add_row(card["name"], *(Text(printable(card["facts"].get(heading, ""))) for heading in headings))
    return f"{printed(table, width)}\n`sercli corpora KIND` tells all of one, also where to ask for it."


def card_text(card: Mapping[str, Any]) -> str:
    """All that one card says."""
    facts = [f"{name + ':':10}{text}" for name, text in card["facts"].items()]
    lines = [card["summary"], "", *facts, *(line for note in card["notes"] for line in ("", note))]
    return "\n".join(map(printable, lines))
