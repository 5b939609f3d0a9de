"""The scores that the paper prints, to stand beside ours."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def printed() -> dict[str, Any]:
    """Tables 1 and 2 of Latif, Rana, Qadir, Epps (2018) and those they compare with, in %: `paper.yaml` beside this file."""
    found: dict[str, Any] = yaml.safe_load((files(__package__) / "paper.yaml").read_text(encoding="utf-8"))
    return found
