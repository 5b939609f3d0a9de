"""All commands: the modules that define them, in the order in which `sercli --help` lists them."""

# isort: off
from . import corpus_commands, training_commands, score_commands, use_commands, overview_commands  # noqa: F401

from .app import app as app
