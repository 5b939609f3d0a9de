"""Runs `python -m sercli …` again and again, each in a fork of a process that has the libraries loaded.

What a test sees is the real command in a process of its own, without the two seconds of importing PyTorch. A line of JSON on
standard input asks for a run: arguments, environment, and the files for stdout and stderr; a line with the exit code answers.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

LOADED = (
    "torch",
    "zarr",
    "sklearn.metrics",
    "sklearn.svm",
    "scipy.stats",
    "soundfile",
    "soxr",
    "rich.progress",
    "sercli.cli.commands",
)


def serve() -> dict[str, Any] | None:
    """In the process that loads: nothing, once nobody asks any more. In each fork: what was asked of it."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return dict(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(asked: dict[str, Any]) -> None:
    """The process that a shell would have started."""
    files = ((os.devnull, os.O_RDONLY), (asked["stdout"], os.O_WRONLY), (asked["stderr"], os.O_WRONLY))
    for number, (path, flags) in enumerate(files):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["arguments"]
    code: object = 0
    try:
        runpy.run_module("sercli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(
        code if isinstance(code, int) else int(code is not None)
    )  # taking apart what was loaded would copy all of it


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # what is loaded is looked through by no fork
    if asked := serve():
        become(asked)
