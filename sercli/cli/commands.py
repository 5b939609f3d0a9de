"""All commands, in the order in which `--help` lists them."""

from . import pipeline
from . import show as results
from .app import app

__all__ = ["app", "pipeline", "results"]
