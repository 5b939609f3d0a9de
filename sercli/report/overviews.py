"""The overviews that `sercli info` and `sercli corpora` print."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..corpora.base import Card
from ..evaluation.agreement import RaterSummary
from ..tasks.summary import CorpusSummary
from ..text import printable, size_of
from .raters import rater_lines
from .terminal import printed

_MOST_REASONS = 5
_MOST_ROWS = 12  # of a kind; of more, only those with a problem are named


@dataclass(frozen=True)
class CorpusOverview:
    """The corpus of a store."""

    name: str
    corpus: str  # its reader
    synthetic: bool
    root: str  # folder of the sound files
    root_is_there: bool
    rejects: int
    summary: CorpusSummary
    raters: RaterSummary | None  # None for a corpus without votes of single raters


@dataclass(frozen=True)
class EntryOverview:
    """An entry of the registry of kinds: its state, and the command that repairs it."""

    kind: str
    name: str
    folder: str
    states: Mapping[str, int]  # state -> number of products, such as folds
    why: Sequence[str]  # inputs that changed
    problem: str  # why nothing can be known; empty otherwise
    command: str
    bytes: int
    about: Mapping[str, Any]  # facts of its kind: the scores of a result, the number of rejects of features
    wanting: bool  # whether something is missing, stale or damaged


@dataclass(frozen=True)
class StoreOverview:
    """What a store contains, and the next command."""

    store: str
    corpus: CorpusOverview
    items: Sequence[EntryOverview]
    bytes: int
    bytes_free: int
    next: str  # empty if no command repairs what is damaged

    def as_json(self) -> dict[str, Any]:
        """The values of `sercli info --json`."""
        values = asdict(self)
        summary = values["corpus"].pop("summary")
        return {**values, "corpus": {**values["corpus"], **summary}}

    def text(self, width: int | None = None) -> str:
        """The corpus, one row per product, why something is stale, and the next command."""
        lines = [*_corpus_lines(self.corpus), _entry_table(self.items, width), *_reasons(self.items)]
        lines.append(f"On disk: {size_of(self.bytes)}, {size_of(self.bytes_free)} free.")
        if self.items:
            n_wanting = sum(item.wanting for item in self.items)
            lines.append(f"{n_wanting} of {len(self.items)} need attention." if n_wanting else "Nothing is stale.")
        return "\n".join([*lines, f"Next: {self.next or 'repair what is damaged, as described above'}"])


def _corpus_lines(corpus: CorpusOverview) -> Iterator[str]:
    summary = corpus.summary
    mark = " SYNTHETIC" if corpus.synthetic else ""
    sessions = f" in {summary.sessions} sessions" if summary.sessions else ""
    yield printable(
        f"{corpus.name}{mark} ({corpus.corpus}): {summary.utterances} utterances of {summary.speakers} speakers{sessions}, "
        f"{summary.hours:.2f} h; {corpus.rejects} skipped"
    )
    yield printable(", ".join(f"{label} {n}" for label, n in summary.labels.items()))
    yield from map(printable, rater_lines(corpus.raters) if corpus.raters else ())
    if not corpus.root_is_there:
        yield f"The sound files are no longer at {printable(corpus.root)}; give `featurize` their folder with --root."


def _entry_table(entries: Sequence[EntryOverview], width: int | None) -> str:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("what", "name", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("size", "UA %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind in dict.fromkeys(entry.kind for entry in entries):
        of_kind = [entry for entry in entries if entry.kind == kind]
        named = of_kind
        if len(of_kind) > _MOST_ROWS:
            named = [entry for entry in of_kind if entry.wanting][:_MOST_ROWS]
            rest = [entry for entry in of_kind if entry not in named]
            number = f"{len(rest)} {'more' if named else 'of them'}"
            table.add_row(kind, number, _states(rest), size_of(sum(entry.bytes for entry in rest)), "")
        for entry in named:
            name = " ".join([entry.name, *entry.about.get("marks", [])])
            score = f"{100 * entry.about['uar']:.1f}" if "uar" in entry.about else ""
            heading = kind if entry is of_kind[0] and named is of_kind else ""
            state = Text(_state(entry), "bold" if entry.wanting else "")
            table.add_row(heading, Text(name), state, size_of(entry.bytes), score)
    return printed(table, width)


def _states(entries: Sequence[EntryOverview]) -> str:
    states: Counter[str] = Counter()
    for entry in entries:
        states.update(entry.states)
    return ", ".join(f"{n} {state}" for state, n in states.items())


def _state(entry: EntryOverview) -> str:
    """`fresh`, or the number of folds in each state."""
    notes = f", {entry.about['rejects']} skipped" if entry.about.get("rejects") else ""
    if limited := entry.about.get("epoch_limit", {}).get("limited"):
        notes += f", {limited} stopped by the epoch limit"
    if len(entry.states) == 1:
        ((state, n),) = entry.states.items()
        return f"{state}{f', {n} folds' if n > 1 else ''}{notes}"
    return _states([entry]) + notes


def _reasons(entries: Sequence[EntryOverview]) -> Iterator[str]:
    reasons: dict[str, str] = {}  # a problem that several entries share is printed for the first
    for entry in entries:
        if entry.problem:
            reasons.setdefault(entry.problem, f"{entry.kind} {entry.name}: {entry.problem}")
        elif entry.why:
            reasons[entry.folder] = f"{entry.kind} {entry.name}: {', '.join(entry.why[:3])} changed"
    yield from (printable(reason) for reason in list(reasons.values())[:_MOST_REASONS])
    if len(reasons) > _MOST_REASONS:
        yield f"{len(reasons) - _MOST_REASONS} more: see `--json`"


def corpora_table(cards: Mapping[str, Card], width: int | None = None) -> str:
    """One row per corpus."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    headings = ("Size", "Speakers", "Labels", "Licence")
    for heading in ("--corpus", *headings):
        table.add_column(heading, overflow="fold")
    for name, card in cards.items():
        table.add_row(name, *(Text(printable(card.facts.get(heading, ""))) for heading in headings))
    return (
        f"{printed(table, width)}\n`sercli corpora KIND` prints the whole card of a corpus, also where to request it."
    )


def card_text(card: Card) -> str:
    """A whole corpus card."""
    facts = [f"{name + ':':10}{text}" for name, text in card.facts.items()]
    lines = [card.summary, "", *facts, *(line for note in card.notes for line in ("", note))]
    return "\n".join(map(printable, lines))
