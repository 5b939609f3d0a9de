"""All commands: the modules that define them, in the order in which `sercli --help` lists them."""

# isort: off
from . import corpus_commands
from . import training_commands
from . import score_commands
from . import use_commands
from . import overview_commands

# isort: on
from .app import COMMANDS, app

__all__ = [
    "COMMANDS",
    "app",
    "corpus_commands",
    "overview_commands",
    "score_commands",
    "training_commands",
    "use_commands",
]
