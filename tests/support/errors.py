"""Errors of the command, by their fields. With SERCLI_ERRORS=json the command prints an error as one JSON object."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from sercli.errors import SercliError

from .command import Completed, Sercli

FIELDS = ("problem", "place", "seen", "expected", "fix")
Error = Mapping[str, str]
Fields = Mapping[str, str | tuple[str, ...]] | str


def error_of(done: Completed) -> Error:
    """The error that ended a command: the last line of stderr, and the only one of its kind."""
    return error_in(done.stderr)


def error_in(stderr: str) -> Error:
    """The error in the text that a command has written to stderr.

    >>> error_in('reading\\n{"problem": "is empty", "place": "a.wav", "seen": "", "expected": "", "fix": "copy it again"}')["fix"]
    'copy it again'
    """
    assert "Traceback" not in stderr, stderr
    *talk, line = stderr.splitlines()
    assert line.startswith("{"), stderr
    assert not [other for other in talk if other.startswith(("{", "sercli: "))], stderr
    error: Error = json.loads(line)
    assert error["problem"], f"no problem: {line}"
    return error


def refused(sercli: Sercli, code: int, fields: Fields, *arguments: object, **options: object) -> Error:
    """Run a command that must fail with `code`; returns its error."""
    return check_error(error_of(sercli(*arguments, code=code, **options)), fields)


def check_error(error: Error, fields: Fields) -> Error:
    """Check that each text occurs in its field: `{"place": "corpus", "fix": ("ingest", "--corpus")}`.

    A text, its parts separated by `|`, is looked for in the whole error.
    """
    if isinstance(fields, str):
        for part in fields.split("|"):
            assert part in text_of(error), f"{part!r} is not in {text_of(error)!r}"
        return error
    for name, texts in fields.items():
        assert name in FIELDS, f"an error has no field {name!r}"
        for text in (texts,) if isinstance(texts, str) else texts:
            assert text in error[name], f"{text!r} is not in the field {name} of {dict(error)}"
    return error


@contextmanager
def raises(fields: Fields, kind: type[SercliError] = SercliError) -> Iterator["pytest.ExceptionInfo[SercliError]"]:
    """The block must raise an error of this kind, with these texts in its fields."""
    with pytest.raises(kind) as caught:
        yield caught
    check_error(caught.value.as_json(), fields)


def text_of(error: Error) -> str:
    """The whole error in one line, as people see it.

    >>> text_of({"place": "labels.csv", "problem": "is empty", "seen": "", "expected": "", "fix": "sercli ingest a b"})
    'labels.csv: is empty; run `sercli ingest a b`'
    """
    place = f"{error['place']}: " if error["place"] else ""
    seen = f"; seen {error['seen']}" if error["seen"] else ""
    expected = f"{',' if seen else ';'} expected {error['expected']}" if error["expected"] else ""
    fix = f"run `{error['fix']}`" if error["fix"].startswith("sercli ") else error["fix"]
    return f"{place}{error['problem']}{seen}{expected}{fix and f'; {fix}'}"


def error_text(done: Completed) -> str:
    """The error that ended a command, in one line."""
    return text_of(error_of(done))
