"""`python -m sercli`, and the entry point `sercli`."""

import io
import os
import sys


def main() -> None:
    """Run the command line of this process, and end the process with its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: `>&-`
            setattr(sys, name, io.StringIO())
    try:
        from .cli.run import run

        code = run()
    except KeyboardInterrupt:  # while modules are imported: nothing has begun
        os._exit(130)
    sys.exit(code)


if __name__ == "__main__":
    main()
