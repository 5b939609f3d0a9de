"""The data card: what a corpus is, in one table. What a corpus does not say is named too."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from ..corpora.base import Card
from ..data.utterances import Utterance
from ..evaluation.agreement import RaterSummary
from ..text import c_order
from .formats import plural
from .raters import agreement_text

_ANY_CORPUS = ("table", "kaldi", "audformat")  # readers whose own card says nothing of a corpus
_UNKNOWN = "not recorded"
_CHANNELS = {1: "mono", 2: "stereo"}
_MOST_VALUES = 8  # that are named


def data_card(
    utterances: Sequence[Utterance], reader: str, card: Card | None, raters: RaterSummary | None, synthetic: bool
) -> dict[str, str]:
    """Facts by name; at least one utterance. `card` is that of the reader, None if it is not installed."""
    known = card if reader not in _ANY_CORPUS else None
    durations = np.array([utterance.duration for utterance in utterances])
    low, median, high = np.percentile(durations, [5, 50, 95])
    return {
        "What it is": known.summary if known else "See who made it.",
        "Spoken by people": "no, it is synthetic" if synthetic else "yes, as far as the reader knows",
        "Licence": known.facts.get("Licence", _UNKNOWN) if known else f"{_UNKNOWN}: that of the recordings",
        "Source": known.facts.get("Source", _UNKNOWN) if known else _UNKNOWN,
        "Utterances": f"{len(utterances)}, {durations.sum() / 3600:.2f} h; {median:.1f} s each ({low:.1f} to {high:.1f} for nine of ten)",
        "Speakers": _speakers(utterances),
        "Age": _age(utterances),
        "Sessions": str(len(_values(u.session for u in utterances))) if any(u.session for u in utterances) else "none",
        "Elicitation": _counts(u.style for u in utterances) or _UNKNOWN,
        "Texts": _texts(utterances),
        "Labels": _counts(u.emotion for u in utterances) or _UNKNOWN,
        "Raters": _agreement(raters),
        "Recordings": _counts(
            f"{u.sample_rate / 1000:g} kHz {_CHANNELS.get(u.channels, f'{u.channels}-channel')}" for u in utterances
        ),
    }


def _values(texts: Iterable[str]) -> set[str]:
    return set(texts) - {""}


def _counts(texts: Iterable[str]) -> str:
    """Values with their numbers, the most frequent first."""
    counts = sorted(Counter(text for text in texts if text).items(), key=lambda pair: (-pair[1], c_order(pair[0])))
    more = f", {len(counts) - _MOST_VALUES} more" if len(counts) > _MOST_VALUES else ""
    return ", ".join(f"{text} {n}" for text, n in counts[:_MOST_VALUES]) + more


def _speakers(utterances: Sequence[Utterance]) -> str:
    genders = {u.speaker: u.gender for u in utterances}
    by_speaker = _counts(genders.values()) or f"gender {_UNKNOWN}"
    sizes = Counter(u.speaker for u in utterances).values()
    fewest = f"{min(sizes)} to " if min(sizes) < max(sizes) else ""
    return f"{len(genders)} ({by_speaker}); {fewest}{plural(max(sizes), 'utterance')} each"


def _age(utterances: Sequence[Utterance]) -> str:
    """The range over speakers, where ages are numbers."""
    ages = {u.speaker: u.text_of("age") for u in utterances if u.text_of("age")}
    years = [float(age) for age in ages.values() if age.replace(".", "", 1).isdigit()]
    if years and len(years) == len(ages):
        return f"{min(years):g} to {max(years):g} years ({plural(len(years), 'speaker')})"
    return _counts(ages.values()) or _UNKNOWN


def _texts(utterances: Sequence[Utterance]) -> str:
    """Number of sentences, from a column or from transcripts, and how many utterances say one that others say too."""
    for column in ("sentence", "text"):
        texts = Counter(u.text_of(column) for u in utterances if u.text_of(column))
        if texts:
            shared = sum(n for n in texts.values() if n > 1) / len(utterances)
            return f"{plural(len(texts), 'sentence')}; {100 * shared:.0f} % of the utterances share theirs with another"
    return _UNKNOWN


def _agreement(raters: RaterSummary | None) -> str:
    if raters is None:
        return "single votes are not part of the corpus, or are not read"
    votes = f"{plural(raters.n_votes, 'vote')} of {plural(raters.n_raters, 'rater')}"
    return "; ".join([votes, *(f"{question}: {agreement_text(a)}" for question, a in raters.agreement.items())])
