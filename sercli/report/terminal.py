"""How tables are printed on a terminal, or as plain text."""

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def new_table(texts: Sequence[str], numbers: Sequence[str], title: str | None = None) -> "Table":
    """A table with columns of text, which fold, and of numbers, which do not."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in texts:
        table.add_column(heading, overflow="fold", min_width=8 if heading == "system" else None)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def printed(table: "Table", width: int | None) -> str:
    """A table as text: as wide as the terminal and in its colours; plain, and as wide as it needs, where `width` is None."""
    from rich.console import Console

    buffer = io.StringIO()
    colours: Any = Console(file=sys.stdout).color_system if width is not None else None
    console = Console(file=buffer, width=width or 1000, color_system=colours, force_terminal=colours is not None)
    console.print(table)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
