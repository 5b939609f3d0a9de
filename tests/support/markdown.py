"""Tables in Markdown, read by their headings."""

from collections.abc import Iterator


def rows_under(*headings: str, text: str) -> list[dict[str, str]]:
    """The rows of all tables that have these headings. A heading that comes again is numbered: `printed`, `printed 2`.

    >>> rows_under("UA", text="| system | UA |\\n|---|--:|\\n| ae | 50.0 |\\n")
    [{'system': 'ae', 'UA': '50.0'}]
    """
    return [row for table in _tables(text) for row in table if set(headings) <= set(row)]


def _tables(text: str) -> Iterator[list[dict[str, str]]]:
    lines: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.split("|")[1:-1]])
        elif lines:
            head, _, *rows = lines
            names = [name + (f" {n}" if (n := head[: i + 1].count(name)) > 1 else "") for i, name in enumerate(head)]
            yield [dict(zip(names, row, strict=True)) for row in rows]
            lines = []
