"""A bundle: all that is needed to label new audio, in one folder that needs no store.

bundle.yaml                what it is, what it was fitted on, what to expect of it
autoencoder.safetensors    where there is one
classifier.safetensors     each with its own configuration and normalisation
card.md                    the same for people
SHA256SUMS                 of the other files; `sha256sum -c` reads it
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import build, plain, read_yaml, write_yaml
from ..data.hashing import file_digest
from ..errors import DamagedProduct, SercliError, UsageError
from ..experiments.configs import ClassifierConfig

FORMAT = 1
ABOUT, CARD, SUMS = "bundle.yaml", "card.md", "SHA256SUMS"
AUTOENCODER, CLASSIFIER = "autoencoder.safetensors", "classifier.safetensors"
_ALWAYS = (ABOUT, CARD, CLASSIFIER)
_LINE = re.compile(r"([0-9a-f]{64})  ([\w.]+)\n")


@dataclass(frozen=True)
class FrontEnd:
    """The plug-in and its whole configuration; rate (Hz) and shift (ms) are what comes of it."""

    name: str
    config: dict[str, Any]
    sample_rate: int
    frame_shift_ms: float


@dataclass(frozen=True)
class About:
    """What `bundle.yaml` says; scores are fractions."""

    format: int
    name: str
    target: str
    classes: tuple[str, ...]
    frontend: FrontEnd
    segment_ms: float
    marks: tuple[str, ...]
    corpus: dict[str, Any]
    fitted_on: dict[str, Any]
    scores: dict[str, Any]
    classifier: dict[str, Any]
    autoencoder: dict[str, Any] = field(default_factory=dict)  # empty where there is none
    made_from: dict[str, Any] = field(default_factory=dict)  # name of a product -> digest


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are all there and as they were exported."""

    path: Path
    about: About

    @property
    def autoencoder(self) -> Path | None:
        return self.path / AUTOENCODER if self.about.autoencoder else None

    @property
    def classifier(self) -> Path:
        return self.path / CLASSIFIER


def refuse_helpless(name: str, config: ClassifierConfig, frontend: str) -> None:
    """Raises SercliError for a system to which one file does not tell enough; `frontend` is the plug-in that its features are of."""
    reasons = {
        f"reads features that were made elsewhere ({frontend}), which `sercli predict` cannot make": plugins.defines(
            "frontends", frontend, "Source"
        ),
        "is speaker-normalised: one file gives no statistics of its speaker": config.normalise == "speaker",
        "reads the true emotion of what it labels (--condition oracle)": config.condition == "oracle",
        "reads latents drawn by the utterance's name (--latents sample)": config.latents == "sample",
    }
    for reason, holds in reasons.items():
        if holds:
            raise SercliError(f"{name} {reason}; export a classifier that does without")


def write(folder: Path, about: About, card: str) -> None:
    """Put what is said beside the models, which lie in `folder` already, and sum up all of it."""
    write_yaml(folder / ABOUT, plain(about))
    (folder / CARD).write_text(card, encoding="utf-8")
    sums = {name: file_digest(folder / name) for name in _files(bool(about.autoencoder))}
    (folder / SUMS).write_text(_listing(sums), encoding="utf-8")


def _files(has_autoencoder: bool) -> list[str]:
    return sorted([*_ALWAYS, *([AUTOENCODER] if has_autoencoder else [])])


def _listing(sums: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def read(path: Path) -> Bundle:
    """Raises SercliError for what is no bundle, or one of another format; DamagedProduct for one with a file missing or changed."""
    if not (path / ABOUT).is_file():
        seen = f"has no {ABOUT}" if path.is_dir() else "is no folder" if path.exists() else "does not exist"
        raise SercliError(
            f"{path}: is no bundle, it {seen}; make one with `sercli export STORE --classifier NAME {path}`"
        )
    found = read_yaml(path / ABOUT)
    if found.get("format") != FORMAT:
        raise SercliError(
            f"{path / ABOUT}: has format {found.get('format')}, this sercli reads format {FORMAT}; use the version that made it"
        )
    listed = _check_sums(path)
    try:
        about = build(About, found, str(path / ABOUT))
    except UsageError as error:
        raise SercliError(f"{error}; use the version of sercli that made it") from None
    if len(set(about.classes)) < len(about.classes):
        raise SercliError(f"{path / ABOUT}: names a class twice; export the bundle again")
    if listed != _files(bool(about.autoencoder)):
        raise _damaged(path / SUMS, "does not list the files that the bundle tells of")
    return Bundle(path, about)


def _check_sums(path: Path) -> list[str]:
    """The files listed, each of which is there and as it was exported."""
    if not (path / SUMS).is_file():  # nor a pipe, which would wait for ever
        raise _damaged(path / SUMS, "is missing")
    text = (path / SUMS).read_bytes().decode("utf-8", "replace")
    sums = {name: digest for digest, name in _LINE.findall(text)}
    if text != _listing(sums) or list(sums) not in (_files(False), _files(True)):
        raise _damaged(path / SUMS, "is not as it was exported")
    for name, known in sums.items():
        if not (path / name).is_file():
            raise _damaged(path / name, "is missing")
        if file_digest(path / name) != known:
            raise _damaged(path / name, f"is not as it was exported: its digest is not the one in {SUMS}")
    return list(sums)


def _damaged(path: Path, what: str) -> DamagedProduct:
    return DamagedProduct(f"{path}: {what}; copy the bundle again, or make it again with `sercli export`")


def copy(source: Path, target: Path) -> None:
    """The files of a bundle, into a folder that is made for them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in (*_ALWAYS, AUTOENCODER, SUMS):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def same(one: Path, other: Path) -> bool:
    """Whether the other bundle was exported as this one, and is undamaged."""
    try:
        read(other)
    except SercliError:
        return False
    return (one / SUMS).read_bytes() == (other / SUMS).read_bytes()


def told(path: Path) -> dict[str, Any]:
    """What a folder that may be replaced by a bundle says of itself, damaged or not: empty unless it is one, and nothing else.

    Raises SercliError for a file among its own that no bundle has.
    """
    try:
        found = read_yaml(path / ABOUT)
    except SercliError:
        return {}
    for entry in sorted(path.iterdir()):
        if entry.name not in (*_ALWAYS, AUTOENCODER, SUMS):
            raise SercliError(f"{entry}: is no part of a bundle and would be lost; move it, or choose another folder")
    return found if "format" in found and "classifier" in found else {}
