"""Corpus readers: one file each, with the corpus card as its docstring.

A reader has `TASK` (the default task, a dictionary), `recognises(folder)` (cheap; looks at names alone) and
`scan(folder)`, which gives every utterance with the labels, and every file or row that is not one with the reason. It
opens no sound file. Raises SercliError where nothing fits. It may have `counts(utterances)`: the table of counts that
the makers publish, beside what these utterances come to.
"""

import os
from collections.abc import Iterator
from pathlib import Path


def sound_files(folder: Path, suffixes: tuple[str, ...] = (".wav",)) -> Iterator[Path]:
    """Files of these kinds anywhere below a folder; names that begin with a dot are junk of archives and desktops.

    Raises OSError for a folder that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=refuse) if folder.is_dir() else ():
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            if path.suffix.lower() in suffixes and (
                path.is_file() or path.is_symlink()
            ):  # whose end may be missing: told
                yield path
