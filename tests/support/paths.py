"""Where the project, its recipes and the corpora beside it are."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared"
SYNTHESISER = PROJECT / "recipes" / "demo" / "local" / "synthesise.py"
IEMOCAP_SYNTHESISER = PROJECT / "recipes" / "iemocap" / "local" / "synthesise.py"
