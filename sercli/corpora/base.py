"""What corpus readers share, and how they are called: `reader("emodb").scan(folder)`. The package describes their contract."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

from .. import plugins
from ..data.utterances import Count, Reject, Scan, Utterance
from ..errors import BrokenPlugin, SercliError
from ..machine.progress import say
from ..text import printable

T = TypeVar("T")

FIELDS = ("Size", "Speakers", "Labels", "Rate", "Licence", "Source")  # of a card


class Card(NamedTuple):
    """A corpus card: one sentence, the facts of FIELDS and any others, and the remaining paragraphs."""

    summary: str
    facts: dict[str, str]
    notes: list[str]


def read_card(name: str) -> Card:
    """The docstring of a reader, which is not imported. Raises UsageError for an unknown reader."""
    paragraphs = plugins.card("corpora", name).split("\n\n")
    facts = re.findall(r"^(\w+): (.*(?:\n +.*)*)", paragraphs[1] if len(paragraphs) > 1 else "", flags=re.MULTILINE)
    notes = paragraphs[2:] if facts else paragraphs[1:]
    summary, *notes = (" ".join(text.split()) for text in (paragraphs[0], *notes))
    return Card(summary, {key: " ".join(text.split()) for key, text in facts}, notes)


@dataclass(frozen=True)
class Reader:
    """A corpus reader as it is called; `sercli.corpora` describes the parts."""

    name: str
    task: Mapping[str, Any]  # options of the default task
    example: Mapping[str, str]
    recognises: Callable[[Path], bool]
    scan: Callable[[Path], Scan]
    counts: Callable[
        [Sequence[Utterance]], list[Count]
    ]  # published counts beside those of the utterances; empty if none are
    nearly: Callable[[Path], str]  # what is missing in a folder that is almost such a corpus

    @property
    def has_counts(self) -> bool:
        """Whether the makers of the corpus publish counts."""
        return bool(self.counts([]))


def reader(name: str) -> Reader:
    """The functions of a reader's module, and where it has none, what follows from its declarations.

    Raises UsageError for an unknown reader, BrokenPlugin for one of another package that cannot be imported.

    >>> emodb = reader("emodb")
    >>> emodb.task["protocol"], emodb.counts([])[0].expected
    ('leave-one-speaker-out', 127)
    """
    module = plugins.load("corpora", name)
    expected: Mapping[str, int] = getattr(module, "COUNTS", {})
    return Reader(
        name,
        module.TASK,
        module.EXAMPLE,
        recognises=getattr(module, "recognises", lambda folder: _is_named(folder, module.NAME)),
        scan=getattr(module, "scan", lambda folder: scan_names(folder, module.NAME, module.FORM, module.utterance)),
        counts=getattr(module, "counts", lambda utterances: _counts_of_emotions(utterances, expected)),
        nearly=getattr(module, "nearly", lambda folder: ""),
    )


def _is_named(folder: Path, name: str) -> bool:
    return any(match for _, match in _matches(folder, name))


def _counts_of_emotions(utterances: Sequence[Utterance], expected: Mapping[str, int]) -> list[Count]:
    present = Counter(utterance.emotion for utterance in utterances)
    return [Count("", emotion, present[emotion], number) for emotion, number in expected.items()]


def readers() -> list[Reader]:
    """All readers, in order of their names. Broken readers of other packages are skipped and reported once."""
    loaded = []
    for name in plugins.names("corpora"):
        with skipped_if_foreign(name):
            loaded.append(reader(name))
    return loaded


def recognising(folder: Path) -> list[str]:
    """Names of the readers that recognise a folder or file."""
    return [name for name, fits in _ask_all(lambda reader: reader.recognises(folder)).items() if fits]


def near_misses(folder: Path) -> list[str]:
    """What is missing in the folder, by each reader that almost recognises it."""
    return [missing for missing in _ask_all(lambda reader: reader.nearly(folder)).values() if missing]


def _ask_all(question: Callable[[Reader], T]) -> dict[str, T]:
    answers = {}
    for each in readers():
        with skipped_if_foreign(each.name):
            answers[each.name] = question(each)
    return answers


@contextmanager
def skipped_if_foreign(name: str) -> Iterator[None]:
    """A reader of another package that fails must not disturb the others."""
    try:
        with plugins.of_another_package("corpora", name):
            yield
    except BrokenPlugin as error:
        _say_once(f"skipped: {error}")


@cache
def _say_once(line: str) -> None:
    say(line)


# --- for readers


def files_below(folder: Path, suffixes: tuple[str, ...] = (".wav",)) -> Iterator[Path]:
    """Files with these endings anywhere below a folder, in order. Names that begin with a dot are junk of archives and desktops.

    Raises OSError for a folder that cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=refuse) if folder.is_dir() else ():
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes:
                yield Path(parent, name)


def find_table(folder: Path, *names: str, levels: int = 1) -> Path | None:
    """The first file with one of these names below the folder, or in one of the `levels` folders above it."""
    suffixes = tuple({PurePosixPath(name).suffix for name in names})
    below = (path for path in files_below(folder, suffixes) if path.name in names)
    above = (parent / name for parent in folder.resolve().parents[:levels] for name in names)
    return next(below, None) or next((path for path in above if path.is_file()), None)


def scan_names(folder: Path, name: str, form: str, utterance: Callable[[re.Match[str], str], Utterance]) -> Scan:
    """One utterance per `.wav` below the folder, made of its name.

    `name` is a regular expression of the path without its ending, with as many folders as it needs; `form` describes it in
    messages; `utterance` gets the match and the path, or raises ValueError with the reason. Raises SercliError if no file fits.
    """
    utterances: list[Utterance] = []
    misnamed: list[Reject] = []
    refused: list[Reject] = []
    for path, match in _matches(folder, name):
        if match is None:
            misnamed.append(Reject(path, f"the name is not of the form {form}"))
            continue
        try:
            utterances.append(utterance(match, path))
        except ValueError as error:
            refused.append(Reject(path, str(error)))
    if not utterances:
        such = f", such as {printable(misnamed[0].path)}" if misnamed else ""
        raise SercliError(
            "no recording has a name of this corpus",
            place=folder,
            seen=rejects_in_short(refused) if refused else f"{len(misnamed)} other .wav files{such}",
            expected=form,
            fix="choose another --corpus or folder",
        )
    return Scan(utterances, [*misnamed, *refused])


def without_sound(listed: Iterable[str], scan: Scan, table: str) -> list[Reject]:
    """A reject for each recording that a table lists, without the ending, but that has no sound file."""
    paths = [u.path for u in scan.utterances] + [reject.path for reject in scan.rejects]
    stems = {PurePosixPath(path).stem for path in paths}
    return [Reject(name, f"has a row in {table} but no sound; copy it again") for name in listed if name not in stems]


def nothing_usable(place: object, rejects: Sequence[Reject]) -> SercliError:
    """The error of a corpus without a usable recording."""
    fix = "correct it, or choose another --corpus or folder" if rejects else "choose another --corpus or folder"
    return SercliError("no usable recording", place=place, seen=rejects_in_short(rejects), fix=fix)


def rejects_in_short(rejects: Sequence[Reject]) -> str:
    """Their number and the first of them, for an error.

    >>> rejects_in_short([Reject("a.wav", "silent"), Reject("b.wav", "empty")])
    '2 rejected, the first: a.wav: silent'
    """
    first = f", the first: {printable(rejects[0].path)}: {rejects[0].reason}" if rejects else ""
    return f"{len(rejects)} rejected{first}"


def id_of(path: str, start: float | None) -> str:
    """An utterance id made of a path, and of the start (s) of a section in the file.

    >>> id_of("anna/a 1.wav", None), id_of("b.wav", 1.5)
    ('anna_a_1', 'b_0001500')
    """
    name = str(PurePosixPath(path).with_suffix("")).replace("/", "_").replace(" ", "_")
    return name if start is None else f"{name}_{round(1000 * start):07d}"


def _matches(folder: Path, name: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """The path of every `.wav` in the folder, and the match of its name.

    The folder's own name counts too, so that the folder of one speaker can be given alone.
    """
    pattern = re.compile(rf"(?:.*/)?(?:{name})", re.ASCII | re.DOTALL)
    top = folder.resolve().name
    for path in files_below(folder):
        relative = path.relative_to(folder)
        yield relative.as_posix(), pattern.fullmatch(f"{top}/{relative.with_suffix('').as_posix()}")
