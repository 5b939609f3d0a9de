"""Run the real command: in a fork of a loaded process, in a new interpreter, or several commands in one process."""

import functools
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .paths import PROJECT

INTERPRETER = [sys.executable, "-W", "error::ResourceWarning"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "SERCLI_ERRORS": "json"}
QUICK = ["--epochs", "2", "--jobs", "1"]  # enough to fit something, on one worker
DONE, FIXABLE, USAGE = 0, 1, 2  # exit codes

Completed = subprocess.CompletedProcess[str]
Sercli = Callable[..., Completed]
Words = list[object]  # of a command line; STORE stands for the path of a store


def run_sercli(*arguments: object, code: int | None = 0, **options: Any) -> Completed:
    """The real command in a process of its own; fails the test unless it exits with `code` (None: any).

    With options of `subprocess.run` in a new interpreter, else in a fork of one that has the libraries loaded.
    Errors are printed as JSON; `support.errors` reads them.
    """
    words = list(map(str, arguments))
    variables: dict[str, str] = options.pop("env", {})
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", "SERCLI_ERRORS": "json", **variables}
    if variables or options:
        command = [*INTERPRETER, "-m", "sercli", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, **options)
    else:
        done = _forked(words, environment)
    assert code is None or done.returncode == code, f"{words} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run_alone(*arguments: object, **options: Any) -> Completed:
    """The same in a new interpreter, which has its own hash seed: for promises about bytes."""
    return run_sercli(*arguments, stdin=subprocess.DEVNULL, **options)


def importable() -> dict[str, str]:
    """Environment of a command that runs in another folder."""
    return {"PYTHONPATH": str(PROJECT)}


def words_on(store: Path, command: Words) -> list[str]:
    """The words of a command, with the store's path in place of STORE."""
    return [str(store) if word == "STORE" else str(word) for word in command]


def _forked(words: list[str], environment: dict[str, str]) -> Completed:
    with tempfile.NamedTemporaryFile() as stdout, tempfile.NamedTemporaryFile() as stderr:
        request = {"arguments": words, "environment": environment, "stdout": stdout.name, "stderr": stderr.name}
        zygote = _zygote()
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        zygote.stdin.write(json.dumps(request) + "\n")
        zygote.stdin.flush()
        ready, _, _ = select.select([zygote.stdout], [], [], 300)
        assert ready, f"{words} takes more than 300 s"
        texts = [Path(file.name).read_text(encoding="utf-8") for file in (stdout, stderr)]
        return subprocess.CompletedProcess(words, int(zygote.stdout.readline()), *texts)


@functools.cache
def _zygote() -> "subprocess.Popen[str]":
    words = [*INTERPRETER, str(Path(__file__).with_name("zygote.py"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def end_zygote() -> None:
    if _zygote.cache_info().currsize:
        _zygote().communicate()


# --- in one process

_IN_TURN = """
import json, sys
from sercli.cli.commands import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""


def in_turn(store: Path, *commands: Words) -> str:
    """Runs commands one after the other in one new process, which loads torch once. Returns their stderr."""
    words = [sys.executable, "-c", _IN_TURN, json.dumps([words_on(store, command) for command in commands])]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr


# A command, and then the names of the modules that it has loaded.
THEN_LIST_MODULES = """
import json, sys
from sercli.cli.commands import app
app(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def loaded_by(code: str, *arguments: object) -> tuple[set[str], Completed]:
    """Top-level modules that are loaded at the end of `code`, which prints them last."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1])), done
