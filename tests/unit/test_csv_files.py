"""Tables from outside: any delimiter, quotes, line ends; rows that do not fit say so."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sercli.errors import SercliError
from sercli.formats.csv_files import header, number, parse_rows, read_rows

CELL = st.text(st.characters(exclude_categories=("C", "Z")), max_size=8)
NAMES = st.lists(st.text("abcxyz_", min_size=1, max_size=6), min_size=2, max_size=4, unique=True)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and rows of which none is empty."""
    names = draw(NAMES)
    row = st.lists(CELL, min_size=len(names), max_size=len(names)).filter(any)
    return names, draw(st.lists(row, max_size=5))


@given(tables(), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_is_written_is_read(
    table: tuple[list[str], list[list[str]]], delimiter: str, line_end: str, capitals: bool
) -> None:
    names, rows = table
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end)
    writer.writerow([name.upper() if capitals else name for name in names])
    writer.writerows(rows)
    parsed = parse_rows(stream.getvalue(), "here", names)
    assert [list(row.cells.values()) for row in parsed] == rows
    assert all(list(row.cells) == names and not row.problem for row in parsed)


def test_blanks_around_cells_and_empty_rows_mean_nothing() -> None:
    (row,) = parse_rows("path , emotion\n\n a.wav ,anger \n,\n", "here", ["path"])
    assert row.cells == {"path": "a.wav", "emotion": "anger"}
    assert row.line == 3


def test_a_quoted_line_break_is_part_of_its_cell_and_lines_are_counted_in_the_file() -> None:
    first, second = parse_rows('path,text\na.wav,"one\ntwo"\nb.wav,x\n', "here", ["path"])
    assert (first.cells["text"], first.line) == ("one\ntwo", 3)
    assert second.line == 4


@pytest.mark.parametrize(("cells", "difference"), [("a", -1), ("a,b", 0), ("a,b,c", 1), ("a,b,c,d", 2)])
def test_a_row_of_another_length_is_kept_and_marked(cells: str, difference: int) -> None:
    (row,) = parse_rows(f"x,y\n{cells}\n", "here", ["x"])
    assert row.cells["x"] == "a"
    assert bool(row.problem) == bool(difference)
    assert not difference or f" {abs(difference)} " in row.problem


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("path,speaker\na,b\n", "seen", "path, speaker"),
        ("", "seen", "none"),
        ("path,emotion,path\na,b,c\n", "seen", "path"),
        ('path,emotion\n"a,b\n', "seen", "end of data"),
    ],
    ids=["no such column", "empty", "a column twice", "open quote"],
)
def test_what_is_no_such_table_is_refused(text: str, field: str, words: str) -> None:
    with pytest.raises(SercliError) as refused:
        parse_rows(text, "labels.csv", ["path", "emotion"])
    assert refused.value.place == "labels.csv"
    assert words in getattr(refused.value, field)


def test_a_column_without_a_name_may_come_twice() -> None:
    (row,) = parse_rows("path,,\na,b,c\n", "here", ["path"])
    assert row.cells["path"] == "a"


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffPath;Emotion\r\nx;y\r\n".encode())
    assert header(path) == ["path", "emotion"]
    assert read_rows(path, ["path"])[0].cells == {"path": "x", "emotion": "y"}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", None], ids=["empty", "not UTF-8", "missing"])
def test_a_file_that_is_no_text_has_no_header(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_bytes(content)
    assert header(tmp_path / "a.csv") == []


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"path\n\xff\n")
    for name in ("a.csv", "missing.csv"):
        with pytest.raises(SercliError) as refused:
            read_rows(tmp_path / name, ["path"])
        assert refused.value.place == str(tmp_path / name)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_exactly(value: float) -> None:
    assert number("valence", repr(value)) == value


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "x", "1,5"])
def test_any_other_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="valence") as refused:
        number("valence", text)
    assert repr(text) in str(refused.value)


def test_an_empty_cell_is_no_number() -> None:
    assert number("valence", "") is None
