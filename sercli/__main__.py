"""`python -m sercli`, and the entry point `sercli`."""

import os
import signal


def main() -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # until a command runs, there is nothing to interrupt
    from .cli.commands import app

    app()


if __name__ == "__main__":
    main()
