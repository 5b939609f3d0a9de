"""What raters agree on, and what one of them reaches, in sentences."""

from collections.abc import Iterator

from ..evaluation.agreement import RaterAgreement, RaterSummary
from ..evaluation.human_reference import HumanReference
from .formats import plural


def rater_lines(raters: RaterSummary) -> Iterator[str]:
    """How many votes there are, and the agreement on each question."""
    votes, utterances = plural(raters.n_votes, "vote"), plural(raters.n_utterances, "utterance")
    yield f"{votes} of {plural(raters.n_raters, 'rater')} on {utterances}; agreement:"
    yield from (f"  {question}: {agreement_text(agreement)}" for question, agreement in raters.agreement.items())


def agreement_text(agreement: RaterAgreement) -> str:
    """The measure with what it rests on, or why there is none.

    >>> agreement_text(RaterAgreement("Fleiss' κ", 0.5123, 2, 5, 3))
    "Fleiss' κ 0.51 (5 votes of 3 raters on 2 utterances)"
    """
    if not agreement.n_utterances:
        return "none: no utterance has the votes of two raters"
    basis = f"{plural(agreement.n_votes, 'vote')} of {plural(agreement.n_raters, 'rater')} on "
    basis += plural(agreement.n_utterances, "utterance")
    if agreement.value is None:
        return f"none: all votes are the same ({basis})"
    return f"{agreement.measure} {agreement.value:.2f} ({basis})"


def human_heading(human: HumanReference) -> str:
    """The name of its row in a table of scores."""
    return "one rater, on what was acted" if human.is_acted else "one rater, on the others"


def human_text(human: HumanReference) -> str:
    """What that row rests on, or why there is none."""
    counts = {
        f"{plural(human.n_single, 'utterance')} with the vote of one rater only": human.n_single,
        f"{plural(human.n_ties, 'vote')} where the other raters tie": human.n_ties,
        f"{plural(human.n_outside, 'vote')} where a label lies outside the classes": human.n_outside,
    }
    left_out = ", ".join(text for text, n in counts.items() if n)
    if human.scores is None:
        return f"{human.task} has no row “{human_heading(human)}”, since no vote can be scored: {left_out}."
    votes, raters = plural(human.n_votes, "vote"), plural(human.n_raters, "rater")
    label = (
        "the emotion that the actor had to express"
        if human.is_acted
        else "the label that most of the other raters give"
    )
    basis = f"{votes} of {raters} on {plural(human.n_utterances, 'test utterance')}, each against {label}"
    return f"{human.task}, {human_heading(human)}: {basis}{f'; left out: {left_out}' if left_out else ''}."
