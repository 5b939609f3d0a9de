"""Corpus readers: one file each, with the corpus card as its docstring.

A reader has `TASK` (the default task, a dictionary), `recognises(folder)` (cheap; looks at names alone) and
`scan(folder)`, which gives every utterance with the labels, and every file or row that is not one with the reason. It
opens no sound file. Raises SercliError where nothing fits.
"""

from collections.abc import Iterator
from pathlib import Path


def sound_files(folder: Path, suffixes: tuple[str, ...] = (".wav",)) -> Iterator[Path]:
    """Files of these kinds anywhere below a folder; names that begin with a dot are junk of archives and desktops."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in suffixes and path.is_file():
            yield path
