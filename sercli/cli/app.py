"""The commands: parse, call one stage, print. What a command made goes to stdout, talk to stderr. Here is what all share."""

import functools
import io
import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from .. import __version__
from ..config import assignments, read_yaml
from ..errors import SercliError
from ..machine.progress import say

# Parameters that say where and how, not what.
_HOW = {"store", "config", "settings", "fold", "details", "device", "jobs", "overwrite", "dry_run", "as_json"}
_BLANKS = re.compile(r"\s*([=+])\s*")  # around the signs of --classes "happiness = happiness + excited"

app = typer.Typer(
    name="sercli",
    help="From a folder of emotional speech to honest, reproducible emotion-recognition scores, one command a step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def guarded(function: Callable[..., None]) -> Callable[..., None]:
    """Errors become one line and an exit code: 1 the user can fix it, 2 wrong usage, 130 interrupted; a closed pipe ends quietly."""

    @functools.wraps(function)
    def guardedly(*args: Any, **kwargs: Any) -> None:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave(0)
        except SercliError as error:
            _leave(error.exit_code, _line(error))
        except OSError as error:
            where = error.filename or kwargs.get("store", "standard output")
            cure = "free space or mend permissions, then run the same command again"
            _leave(1, _line(SercliError(error.strerror or str(error), place=where, fix=cure)))
        except KeyboardInterrupt:
            _leave(130, "sercli: interrupted; what was finished is kept, run the same command again to go on")

    return guardedly


def _line(error: SercliError) -> str:
    """One line for people; with SERCLI_ERRORS=json one JSON object, for programs."""
    if os.environ.get("SERCLI_ERRORS") == "json":
        return json.dumps(error.as_json())
    return f"sercli: {error}"


def _leave(code: int, line: str | None = None) -> None:
    """End at once: threads that are still busy end with this process, and nothing more is said."""
    logging.getLogger("asyncio").disabled = True  # what an error has left of zarr's reading
    try:
        if line:
            say(line)
        sys.stdout.flush()
    except OSError:  # nobody reads any more; without this the interpreter would say so at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        sys.exit(code)
    os._exit(code)


def print_outcome(outcome: Any, as_json: bool) -> None:
    if as_json:
        print_json(outcome.as_json())
    else:
        print(outcome.product)


def print_json(value: Any) -> None:
    """Bytes of a path that are no text come out as JSON's own escapes."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())


def given_by(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a command was asked, in the order in which the later win: files, --set, flags."""
    values: dict[str, Any] = {}
    for file in parameters.get("config") or []:
        values |= read_yaml(file)
    values |= assignments(parameters.get("settings") or [])
    for key, value in parameters.items():
        if value is not None and key not in _HOW:
            values[key] = value.value if isinstance(value, StrEnum) else value
    if values.get("autoencoder") == "none":
        del values["autoencoder"]
    if isinstance(values.get("classes"), str):
        values["classes"] = [_BLANKS.sub(r"\1", label.strip()) for label in values["classes"].split(",")]
    return values


def run_as(jobs: int | None = None, device: str = "auto", overwrite: bool = False, dry_run: bool = False) -> Any:
    from ..experiments.making import Settings

    return Settings(jobs=jobs, device=device, overwrite=overwrite, dry_run=dry_run)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: `>&-`
            setattr(sys, name, io.StringIO())
    if version:
        print(f"sercli {__version__}")
        raise typer.Exit


def terminal_width() -> int | None:
    """Columns of the terminal; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
