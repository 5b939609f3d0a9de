"""Refuses options that do not fit every one of these grids, before hours of work.

usage: python recipes/iemocap/local/check.py [GRID.yaml …] [--set KEY=VALUE …] [other options of sweep]
"""

import argparse
import sys
from pathlib import Path

from sercli.config import assignments
from sercli.errors import SercliError, UsageError
from sercli.experiments.grids import points, read_grid

ASKED = {"task", "target", "classes", "protocol"}  # with another, what is printed would stand beside what it is not


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("grids", type=Path, nargs="*")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    for other in ("--device", "--jobs", "--fold"):  # which no grid can refuse
        parser.add_argument(other, action="append")
    arguments = parser.parse_args()
    try:
        check(arguments.grids, arguments.settings)
    except SercliError as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    return 0


def check(paths: list[Path], settings: list[str]) -> None:
    """Raises UsageError, which names the grid."""
    overrides = assignments(settings)
    for option in ASKED & set(overrides):
        raise UsageError(
            f"--set {option}: the paper's tables ask for their own {option}; write a grid for `sercli sweep`"
        )
    for path in paths:
        grid = read_grid(path, overrides=overrides)
        list(points(grid))
        for axis in grid.axes.keys() - read_grid(path).axes.keys():
            raise UsageError(
                f"{path}: {axis} is no axis of this grid, and its table has room for one value; give one, or run the stages apart"
            )


if __name__ == "__main__":
    sys.exit(main())
