"""What commands print on stdout."""

import json
import shutil
import sys
from typing import Any


def print_json(value: Any) -> None:
    """Print a JSON value. Bytes of a path that are not text become escapes."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())


def terminal_width() -> int | None:
    """Columns of the terminal; None where stdout is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
