"""Sentences of the model card: what the models are for, what they rest on, how they were chosen, and for whom they are worse."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..evaluation.endings import LimitedFits
from ..text import printable
from .footers import digest_line
from .formats import epoch_limit, percent, plural

Facts = Mapping[str, Any]  # of `sercli.evaluation.model_facts`

USE = [
    "For research on emotion in speech, on recordings like those that the models were fitted on. An answer says how an utterance was",
    "acted, or sounds to raters; it does not say what the speaker feels.",
    "",
    "Not for decisions about people, such as at work, in schools, by police, insurers or in medicine, nor for languages, ages and kinds of",
    "speech that were not tested. Article 5 of the AI Act of the European Union forbids to infer emotions at work and in education.",
]


def licence_lines(facts: Facts) -> Iterator[str]:
    """The licence of the recordings, and the versions of the fits."""
    licence = facts["licence"] or "not known to the reader of the corpus"
    yield f"Licence of the corpus: {printable(licence)}. Check that it allows your use of the models."
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    yield f"Versions of the fits: {versions}."


def selection_lines(facts: Facts) -> Iterator[str]:
    """Whether the choice of this system makes its scores too high, and how they can be checked."""
    selection = facts["selection"]
    n, dev, test = selection["systems"], selection["place_on_dev"], selection["place_on_test"]
    if n == 1:
        yield "When the bundle was made, no other system of its task could be ranked with it: these scores have not chosen it."
    else:
        yield (
            f"When the bundle was made, {n} systems of its task could be ranked: it was number {dev} on dev and number {test} on test. "
            "If it was chosen for its test score, that score is too high."
        )
    for name, nested in selection["sweeps"].items():
        choice = (
            f"choosing a point by dev in each fold reaches UA {percent(nested)} %" if nested else "it has no nested row"
        )
        yield f"It is a point of the sweep {printable(name)}: {choice}."
    limited = epoch_limit({part: LimitedFits(**fits) for part, fits in facts["epoch_limit"].items()})
    if limited:
        yield f"The epoch limit ended training, and dev did not, in: {limited}. More epochs may give other scores."
    yield f"In the store: `{digest_line(facts['results'])}`."


def spread_lines(facts: Facts) -> Iterator[str]:
    """UA by gender, and its range over speakers and sessions."""
    genders = facts["genders"]
    if len(genders) > 1:
        by_gender = (
            f"{printable(name)} {percent(group['uar'])} % ({plural(group['n_utterances'], 'utterance')})"
            for name, group in genders.items()
        )
        yield f"UA by gender: {', '.join(by_gender)}."
    for column, spread in facts["spread"].items():
        if spread:
            bounds = (
                f"{percent(spread['lowest'])} to {percent(spread['highest'])} %, median {percent(spread['median'])} %"
            )
            yield f"UA by {column}: {bounds}, over {plural(spread['n'], column)}."
