"""Commands that are killed, stopped or interrupted at a given moment.

A moment is a path below the store that the command creates, as a glob pattern, or `import MODULE`: see `tripwire/sitecustomize.py`.
Workers hold the pipes of stdout and stderr open, so that a command whose output has ended has left no process behind.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .command import ENVIRONMENT, Completed, Words, words_on

DEADLINE = 300.0  # s; for what takes two on an idle machine
INTERRUPTED = "sercli: interrupted; what was finished is kept, run the same command again to go on"
Process = subprocess.Popen[str]
Target = Literal["command", "group", "worker"]


@contextmanager
def _started(signal_name: str, target: Target, moment: str, store: Path, command: Words) -> Iterator[Process]:
    """The command in a session of its own, with a tripwire; killed if it is still there at the end."""
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        place = moment if moment.startswith("import ") else f"{store}/{moment}"
        wire = {"moment": place, "signal": signal_name, "target": target, "mark": str(mark)}
        path = os.pathsep.join(
            [str(Path(__file__).with_name("tripwire")), *os.environ.get("PYTHONPATH", "").split(":")]
        )
        environment = {**ENVIRONMENT, "TRIPWIRE": json.dumps(wire), "PYTHONPATH": path.rstrip(os.pathsep)}
        words = [sys.executable, "-m", "sercli", *words_on(store, command)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            words, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True
        ) as process:
            try:
                yield process
                assert mark.exists(), f"the moment never came: {moment}"
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def _signalled(signal_name: str, target: Target, moment: str, store: Path, command: Words) -> Completed:
    with _started(signal_name, target, moment, store, command) as process:
        out, err = process.communicate(timeout=DEADLINE)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill_at(moment: str, store: Path, command: Words) -> None:
    """Start a command that is killed (`kill -9`) at a moment; returns once its workers have ended too."""
    done = _signalled("SIGKILL", "command", moment, store, command)
    assert done.returncode == -signal.SIGKILL, done.stderr


def interrupt_at(moment: str, store: Path, command: Words) -> Completed:
    """A command whose terminal sends Ctrl-C at a moment."""
    done = _signalled("SIGINT", "group", moment, store, command)
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert "Traceback" not in done.stderr
    return done


def kill_worker_at(moment: str, store: Path, command: Words) -> Completed:
    """A command one of whose workers is killed at a moment of this worker."""
    return _signalled("SIGKILL", "worker", moment, store, command)


@contextmanager
def stopped_at(moment: str, store: Path, command: Words) -> Iterator[Process]:
    """A command that is stopped at a moment; at the end of the block it goes on, and must succeed."""
    with _started("SIGSTOP", "command", moment, store, command) as process:
        status = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert status is not None
        assert status.si_code == os.CLD_STOPPED, process.communicate()
        yield process
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, err
