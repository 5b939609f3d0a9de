"""`python -m sercli`, and the entry point `sercli`."""

import os


def main() -> None:
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:  # before there was anything to interrupt
        os._exit(130)


if __name__ == "__main__":
    main()
