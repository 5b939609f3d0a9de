"""Values as text for people: shares in % with one decimal, names in one printable line."""

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from ..evaluation.endings import Endings
from ..evaluation.groups import Group
from ..evaluation.scores import Spread
from ..text import printable

_LONGEST = 40  # letters of a name


def percent(share: float | None) -> str:
    """A dash for None.

    >>> percent(0.12345)
    '12.3'
    """
    return "–" if share is None else f"{100 * share:.1f}"


def signed(share: float) -> str:
    """A difference in points with its sign; without one where it rounds to nothing.

    >>> signed(-0.05)
    '−5.0'
    """
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def spread(score: Spread) -> str:
    """Mean ± standard deviation over seeds.

    >>> spread(Spread(0.5, 0.01))
    '50.0 ± 1.0'
    """
    return percent(score.mean) + ("" if score.std is None else f" ± {100 * score.std:.1f}")


def interval(bounds: Sequence[float | None], shown: Callable[[float], str] = percent) -> str:
    """Empty for (None, None), the interval of a single speaker.

    >>> interval((0.4, 0.6))
    '40.0 to 60.0'
    """
    return " to ".join(shown(bound) for bound in bounds if bound is not None)


def epoch_limit(endings: Endings) -> str:
    """How many folds the limit of epochs ended; empty if it ended none.

    >>> from sercli.evaluation.endings import LimitedFits
    >>> epoch_limit({"classifier": LimitedFits(0, 10), "autoencoder": LimitedFits(9, 10)})
    'autoencoder 9 of 10 folds'
    """
    limited = {part: fits for part, fits in endings.items() if fits.limited}
    return ", ".join(f"{part} {fits.limited} of {plural(fits.folds, 'fold')}" for part, fits in limited.items())


def p_value(p: float) -> str:
    """Three digits.

    >>> p_value(0.0625), p_value(2**-9), p_value(1.0)
    ('0.0625', '0.00195', '1')
    """
    return f"{p:.3g}"


def seeds_of(group: Group) -> str:
    """Number of seeds that count; in brackets all fits, where some share an autoencoder."""
    n, n_fits = group.n_independent, len(group.results)
    return str(n) if n == n_fits else f"{n} ({n_fits} fits)"


def difference_cells(group: Group) -> list[str]:
    """Difference in UA from the reference of its table, and the corrected p."""
    if group.beside is None or group.beside.reference == group.name:
        return ["reference" if group.beside else "", ""]
    difference, p = group.beside.difference, group.beside.p
    return ["–" if difference is None else signed(difference), "" if p is None else p_value(p)]


def plural(n: int, noun: str) -> str:
    """
    >>> plural(2, "speaker")
    '2 speakers'
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def short(name: str) -> str:
    """A name that does not push everything else off the page; it stands in full among the labels and folds."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 10]}…{name[-9:]}"


def html(sentence: str, *values: object) -> Markup:
    """A sentence of HTML with values in place of {}: text is escaped and in one printable line, as in the templates.

    >>> str(html("of <em>{}</em>", "<b>"))
    'of <em>&lt;b&gt;</em>'
    """
    return Markup(sentence).format(*map(one_line, values))


def breakable(name: str) -> Markup:
    """The name of a product; a line may break after its dots only."""
    *parts, last = name.split(".")
    return html('<span class="name">{}{}</span>', Markup("").join(html("{}.<wbr>", part) for part in parts), last)


def one_line(value: Any) -> Any:
    """Invalid bytes, line ends and characters that turn the writing direction become escapes; other values stay."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
