"""A package of example plug-ins beside this file, installed for tests: in this process, or for a command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path

from sercli import plugins

FOLDER = Path(__file__).parent  # holds the package and its .dist-info
EXAMPLES = ("example-both", "example-cnn", "example-dialogue")
ENVIRONMENT = {"PYTHONPATH": str(FOLDER)}  # of a command that finds the examples


@contextmanager
def installed() -> Iterator[None]:
    """Inside, this process finds the examples."""
    sys.path.append(str(FOLDER))
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(FOLDER))
        _forget()


def _forget() -> None:
    invalidate_caches()
    plugins._points.cache_clear()
