"""`python -m sercli`, and the entry point `sercli`."""

from .cli import app

if __name__ == "__main__":
    app()
