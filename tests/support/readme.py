"""The code blocks of the README, and an environment to run them in."""

import os
import re
import sys
from pathlib import Path

from .paths import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def environment() -> dict[str, str]:
    """One in which `sercli` and `python` are those of the tests, and nothing needs installing."""
    return {**os.environ, "VIRTUAL_ENV": sys.prefix, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def blocks(language: str) -> list[str]:
    """The code blocks in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
