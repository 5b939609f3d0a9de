"""Renders the page of `sercli report`: one HTML file that needs nothing else. Templates lie in `templates/`.

Every text from a corpus or a store is escaped and shown in one printable line.
"""

from typing import TYPE_CHECKING

from ..text import size_of
from . import footers, formats, pictures, raters, sentences, tables
from .sections import Page

if TYPE_CHECKING:
    from jinja2 import Environment


def render(page: Page) -> str:
    """The HTML. The same values give the same bytes."""
    return _environment().get_template("page.html").render(page=page, sentences=sentences)


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=formats.one_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = [formats.percent, formats.spread, formats.interval, formats.signed, formats.plural, formats.short]
    filters += [formats.p_value, formats.seeds_of, formats.difference_cells, footers.reference_lines, tables.verdict]
    filters += [
        formats.breakable,
        formats.epoch_limit,
        footers.digest_line,
        raters.human_heading,
        size_of,
        raters.human_text,
        pictures.legend,
    ]
    environment.filters |= {each.__name__: each for each in filters}
    environment.filters["cell_percent"] = lambda cell: (
        formats.percent(float(cell)) if cell else ""
    )  # of a sweep's table
    environment.globals |= {"most_kinds": pictures.MOST_KINDS, "few_answers": pictures.FEW_ANSWERS}
    return environment
