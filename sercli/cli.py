"""All commands, in the order in which `--help` lists them."""

from .commands import app, pipeline

__all__ = ["app", "pipeline"]
