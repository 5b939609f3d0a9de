"""All commands, in the order in which `--help` lists them."""

from .commands import app, pipeline, results

__all__ = ["app", "pipeline", "results"]
