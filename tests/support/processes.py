"""Commands in the background: start them, wait for something, kill them, see who is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .command import ENVIRONMENT, Words, words_on

DEADLINE = 300.0  # s; for what takes two on an idle machine
INTERRUPTED = "sercli: interrupted; what was finished is kept, run the same command again to go on"
Process = subprocess.Popen[str]

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds workers by /proc")


@contextmanager
def running(*words: object) -> Iterator[Process]:
    """The real command in the background, in a session of its own; killed if it is still there at the end."""
    command = [sys.executable, "-m", "sercli", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def until(condition: Callable[[], object], process: Process | None = None) -> None:
    """Wait for something to become true; fails after the deadline, and once the process has ended without it."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert process is None or process.poll() is None, f"ended too early: {process and process.communicate()}"
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def kill_when(appears: str, store: Path, command: Words) -> bool:
    """Start a command, `kill -9` it once a file is there, see its workers go. Whether it was still running."""
    words = [sys.executable, "-m", "sercli", *words_on(store, command)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    until(lambda: any(store.glob(appears)) or process.poll() is not None)
    workers = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    talk, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), talk
    until(lambda: not any(map(alive, workers)))
    return process.returncode != 0


def descendants(pid: int) -> set[int]:
    """Children of a process, their children, and so on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    below = {pid}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return below - {pid}


def children(pid: int) -> list[int]:
    below = descendants(pid)
    return sorted(below - {grandchild for child in below for grandchild in descendants(child)})


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def alive_in_session(leader: int) -> list[str]:
    """Names of the living processes of a session."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("only /proc tells who is still there")
    names = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, session = rest.split()[:4]
        if int(session) == leader and state != "Z":
            names.append(name)
    return names
