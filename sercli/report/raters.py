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


def human_text(human: HumanReference) -> str:
    """What the row of one rater in a table of scores rests on, or why there is no such row."""
    left_out = [
        f"{plural(human.n_single, 'utterance')} with the vote of one rater only" if human.n_single else "",
        f"{plural(human.n_ties, 'vote')} where the other raters tie" if human.n_ties else "",
        f"{plural(human.n_outside, 'vote')} outside the classes" if human.n_outside else "",
    ]
    rest = ", ".join(filter(None, left_out))
    if human.scores is None:
        return f"No score of one rater in {human.task}, since no vote can be set against others: {rest}."
    basis = f"{plural(human.n_votes, 'vote')} of {plural(human.n_raters, 'rater')} on {plural(human.n_utterances, 'test utterance')}"
    sentence = f"One rater in {human.task}: {basis}, each against the label that most of the other raters give"
    return f"{sentence}; left out: {rest}." if rest else f"{sentence}."
