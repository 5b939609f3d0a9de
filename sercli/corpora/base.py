"""Corpus readers: one file each, with the corpus card as its docstring.

A card begins with what the corpus is, and has a line `Size: …` for each of FIELDS. A reader has
`TASK`, the default task, a dictionary;
`EXAMPLE`, the form of the corpus: some of its file names with what each is (`speaker emotion` of a sound file, by the corpus's
own speaker and our emotion; the content of a text file), on which the contract tests try the reader;
`recognises(folder)`, cheap: it looks at names, or at the head of a table;
`scan(folder)`, which gives every utterance with its labels, and every file or row that is not one with the reason. It opens
no sound file. Raises SercliError where nothing fits.
It may have `counts(utterances)`, the table of counts that the makers publish, beside what these utterances come to, and
`nearly(folder)`, what keeps a folder from being such a corpus (empty where it is nothing like one).
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import NamedTuple

from .. import plugins
from ..data.utterances import Count, Reject, Scan, Utterance
from ..errors import BrokenPlugin, SercliError
from ..machine.progress import say
from ..text import printable

FIELDS = ("Size", "Speakers", "Labels", "Rate", "Licence", "Source")  # of a card


class Card(NamedTuple):
    """What a corpus is; the facts of FIELDS (and whichever more there are); the paragraphs after them."""

    what: str
    facts: dict[str, str]
    notes: list[str]


def read_card(name: str) -> Card:
    """The docstring of a reader, which is not imported. Raises UsageError for one that does not exist."""
    paragraphs = plugins.card("corpora", name).split("\n\n")
    facts = re.findall(r"^(\w+): (.*(?:\n +.*)*)", paragraphs[1] if len(paragraphs) > 1 else "", flags=re.MULTILINE)
    notes = paragraphs[2:] if facts else paragraphs[1:]
    what, *notes = (" ".join(text.split()) for text in (paragraphs[0], *notes))
    return Card(what, {key: " ".join(text.split()) for key, text in facts}, notes)


def readers() -> dict[str, ModuleType]:
    """All of them by name, but those of other packages that fail, each of which is named once."""
    found = {}
    for name in plugins.names("corpora"):
        with left_out_if_foreign(name):
            found[name] = plugins.load("corpora", name)
    return found


@contextmanager
def left_out_if_foreign(name: str) -> Iterator[None]:
    """A reader of another package that fails stands in the way of no other."""
    try:
        with plugins.of_another_package("corpora", name):
            yield
    except BrokenPlugin as error:
        _say_once(f"left out: {error}")


@cache
def _say_once(line: str) -> None:
    say(line)


def files_below(folder: Path, suffixes: tuple[str, ...] = (".wav",)) -> Iterator[Path]:
    """Files of these kinds anywhere below a folder; names that begin with a dot are junk of archives and desktops.

    Raises OSError for a folder that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=refuse) if folder.is_dir() else ():
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:
                yield Path(parent, name)


def names_fit(folder: Path, form: str) -> bool:
    """Whether some `.wav` below the folder is named in this form, as in `scan_names`."""
    return any(match for _, match in _matches(folder, form))


def scan_names(folder: Path, form: str, example: str, utterance: Callable[[re.Match[str], str], Utterance]) -> Scan:
    """Of a corpus whose file names tell all: one utterance a `.wav`, whatever folder it lies in.

    `form` is a regular expression of the name, with as many of its folders as it needs, without the ending; `utterance` makes one
    of a match and the path, or raises ValueError with the reason. Raises SercliError if none is named so.
    """
    utterances: list[Utterance] = []
    rejects: list[Reject] = []
    for relative, match in _matches(folder, form):
        if match is None:
            rejects.append(Reject(relative, f"the name is not of the form {example}"))
            continue
        try:
            utterances.append(utterance(match, relative))
        except ValueError as error:
            rejects.append(Reject(relative, str(error)))
    if not utterances:
        seen = f"; {len(rejects)} other .wav files, such as {printable(rejects[0].path)}" if rejects else ""
        reason = next((f", where {one.reason}" for one in rejects if "not of the form" not in one.reason), "")
        raise SercliError(
            f"{folder}: no recording of the form {example}{seen}{reason}; choose another --corpus or folder"
        )
    return Scan(utterances, rejects)


def without_sound(listed: Iterable[str], scan: Scan, table: str) -> list[Reject]:
    """Of the recordings that a table lists, without the ending, those that no sound file is named like."""
    paths = [one.path for one in scan.utterances] + [one.path for one in scan.rejects]
    named = {PurePosixPath(path).stem for path in paths}
    return [Reject(name, f"has a row in {table} but no sound; copy it again") for name in listed if name not in named]


def id_of(path: str, start: float | None) -> str:
    """An utterance's name: the path without its ending; with the start (ms), where it is a section (s) of the file."""
    name = str(PurePosixPath(path).with_suffix("")).replace("/", "_").replace(" ", "_")
    return name if start is None else f"{name}_{round(1000 * start):07d}"


def counts_of_emotions(utterances: Sequence[Utterance], expected: Mapping[str, int]) -> list[Count]:
    """How many utterances there are of each emotion, beside how many the complete corpus has."""
    found = Counter(utterance.emotion for utterance in utterances)
    return [Count("", emotion, found[emotion], number) for emotion, number in expected.items()]


def _matches(folder: Path, form: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Every `.wav` by its path in the folder, and what its name tells.

    The folder's own name counts too: somebody may give one speaker's alone.
    """
    pattern = re.compile(rf"(?:.*/)?(?:{form})", re.ASCII | re.DOTALL)
    own = folder.resolve().name
    for path in files_below(folder):
        relative = path.relative_to(folder)
        yield relative.as_posix(), pattern.fullmatch(f"{own}/{relative.with_suffix('').as_posix()}")
