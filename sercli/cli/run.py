"""Run a command line: errors become one line and an exit code, 0 done, 1 the user can fix it, 2 wrong usage, 130 interrupted."""

import json
import logging
import os
import sys
import threading

import typer

from ..errors import Command, SercliError, UsageError
from ..machine.progress import say
from .commands import app

INTERRUPTED = 130


def run() -> int:
    """Run the command line of this process and return its exit code. A closed pipe ends quietly."""
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # Typer's answer to Ctrl-C
            return _end(code, "sercli: interrupted; what was finished is kept, run the same command again to go on")
        return int(code)
    except SystemExit:  # Typer's answer to a closed pipe
        return _end(0)
    except SercliError as error:
        return _refuse(error)
    except typer.TyperException as error:
        return _refuse(_usage_error(error))
    except OSError as error:
        fix = "free space or mend permissions, then run the same command again"
        place = error.filename or "standard output"
        return _refuse(SercliError(error.strerror or str(error), place=place, fix=fix))


def _usage_error(error: typer.TyperException) -> UsageError:
    """What Typer found wrong with the words of a command."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    place, problem = getattr(error, "option_name", ""), error.message.rstrip(".")
    if parameter is not None:
        is_option = parameter.param_type_name == "option"
        place = "/".join(parameter.opts) if is_option else parameter.metavar
        problem = problem or f"missing {parameter.param_type_name}"
    fix = Command(context.info_name, None, ("--help",)) if context and context.parent else Command("--help")
    problem = problem.removesuffix(f": {place}")
    expected = " or ".join(getattr(error, "possibilities", None) or [])
    return UsageError(problem[:1].lower() + problem[1:], place=place, expected=expected, fix=fix)


def _refuse(error: SercliError) -> int:
    """Print an error in one line: for people, or with SERCLI_ERRORS=json as a JSON object for programs."""
    as_json = os.environ.get("SERCLI_ERRORS") == "json"
    return _end(error.exit_code, json.dumps(error.as_json()) if as_json else f"sercli: {error}")


def _end(code: int, line: str = "") -> int:
    """Print the last line. Threads that are still busy end with this process."""
    logging.getLogger("asyncio").disabled = True  # it would report what an error has left of zarr's reading
    try:
        if line:
            say(line)
        sys.stdout.flush()
    except OSError:  # nobody reads any more, and the interpreter must not complain about it at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    busy = any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate())
    if busy or code == INTERRUPTED:  # Python may replace this exit code by a signal, if Ctrl-C came while it ran `exec`
        os._exit(code)
    return code
