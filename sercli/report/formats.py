"""Scores as text: shares in %, with one decimal."""

from collections.abc import Callable, Sequence

from ..evaluation.scores import Spread


def percent(share: float | None) -> str:
    """A dash for what is not there."""
    return "–" if share is None else f"{100 * share:.1f}"


def signed(share: float) -> str:
    """In points, with the sign that a difference has; none where it rounds to nothing."""
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def spread(score: Spread) -> str:
    """Mean ± standard deviation over seeds."""
    return percent(score.mean) + ("" if score.std is None else f" ± {100 * score.std:.1f}")


def interval(bounds: Sequence[float | None], shown: Callable[[float], str] = percent) -> str:
    """Empty with a single speaker, of whom there is none."""
    return " to ".join(shown(bound) for bound in bounds if bound is not None)
