"""Sends a signal at a given moment of a command. Every Python process of the command imports this module as it starts.

The variable TRIPWIRE holds, as JSON: `moment`, a glob pattern of a path (`*` does not match `/`) that a process creates,
writes or renames something to, or `import MODULE`; `signal`, sent right after that, once; `target`, who receives it: `command`
(the process that was started), `group` (that one and its children, as Ctrl-C in a terminal) or `worker` (the process where the
moment is, unless it is the command itself); `mark`, a file that is created at that moment, so that no process repeats it.
"""

import json
import os
import re
import signal
import sys
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _moment(event: str, arguments: tuple[Any, ...]) -> str:
    """A path that appears or changes, or `import MODULE`; else nothing."""
    if event == "import":
        return f"import {arguments[0]}"
    if event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & _WRITES:
        return os.fsdecode(arguments[0])
    if event == "os.mkdir":
        return os.fsdecode(arguments[0])
    return os.fsdecode(arguments[1]) if event == "os.rename" else ""


def _set(moment: str, number: int, target: str, mark: str, command: int) -> None:
    pattern = re.compile("[^/]*".join(map(re.escape, moment.split("*"))))
    is_due, is_over = False, False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        """Python calls it before each event; the moment is over when the next one begins."""
        nonlocal is_due, is_over
        if is_over:
            return
        if not is_due:
            is_due = bool(pattern.fullmatch(_moment(event, arguments)))
            return
        is_over = True
        if target == "worker" and os.getpid() == command:
            return
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        if target == "group":
            os.killpg(command, number)
        else:
            os.kill(command if target == "command" else os.getpid(), number)

    sys.addaudithook(hook)


if "TRIPWIRE" in os.environ:
    wire = json.loads(os.environ["TRIPWIRE"])
    wire.setdefault("command", os.getpid())
    os.environ["TRIPWIRE"] = json.dumps(wire)  # for the processes that this one starts
    _set(wire["moment"], signal.Signals[wire["signal"]], wire["target"], wire["mark"], wire["command"])
