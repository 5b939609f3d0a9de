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

from .config import build, plain, read_yaml, write_yaml
from .errors import DamagedProduct, SercliError
from .manifest import file_digest

FORMAT = 1
ABOUT, CARD, SUMS = "bundle.yaml", "card.md", "SHA256SUMS"
AUTOENCODER, CLASSIFIER = "autoencoder.safetensors", "classifier.safetensors"
_ALWAYS = (ABOUT, CARD, CLASSIFIER)
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")


@dataclass(frozen=True)
class About:
    """What `bundle.yaml` says; scores are fractions."""

    format: int
    name: str
    target: str
    classes: tuple[str, ...]
    frontend: str
    frontend_options: dict[str, Any]
    marks: tuple[str, ...]
    corpus: dict[str, Any]
    fitted_on: dict[str, Any]
    expected: dict[str, Any]
    classifier: dict[str, Any]
    autoencoder: dict[str, Any] = field(default_factory=dict)
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


def write(folder: Path, about: About, card: str) -> None:
    """Put what is said beside the models, which lie in `folder` already, and sum up all of it."""
    write_yaml(folder / ABOUT, plain(about))
    (folder / CARD).write_text(card, encoding="utf-8")
    names = sorted(_files(about))
    sums = "".join(f"{file_digest(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text(sums, encoding="utf-8")


def _files(about: About) -> list[str]:
    return [*_ALWAYS, *([AUTOENCODER] if about.autoencoder else [])]


def read(path: Path) -> Bundle:
    """Raises SercliError for what is no bundle, or one of a later format; DamagedProduct for one with a file missing or changed."""
    make = f"make one with `sercli export STORE --classifier NAME {path}`"
    if not path.is_dir():
        raise SercliError(f"{path}: {'is no folder' if path.exists() else 'no such bundle'}; {make}")
    if not is_bundle(path):
        raise SercliError(f"{path}: is no bundle (neither {ABOUT} nor {SUMS}); {make}")
    if not (path / ABOUT).is_file():
        raise _damaged(path / ABOUT, "is missing")
    found = read_yaml(path / ABOUT)
    if isinstance(found.get("format"), int) and found["format"] > FORMAT:
        raise SercliError(
            f"{path / ABOUT}: has format {found['format']}, this sercli reads format {FORMAT}; use the version that made it"
        )
    _check_sums(path)
    about = build(About, found, str(path / ABOUT))
    for name in _files(about):
        if not (path / name).is_file():
            raise _damaged(path / name, "is missing")
    return Bundle(path, about)


def is_bundle(path: Path) -> bool:
    return (path / ABOUT).is_file() or (path / SUMS).is_file()


def _check_sums(path: Path) -> None:
    """Every file that is listed, and every file that a bundle has is listed."""
    try:
        lines = (path / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise _damaged(path / SUMS, "is missing") from None
    except (OSError, UnicodeDecodeError):
        raise _damaged(path / SUMS, "cannot be read") from None
    sums: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or match[2] not in (*_ALWAYS, AUTOENCODER):
            raise _damaged(path / SUMS, "is not as it was exported")
        sums[match[2]] = match[1]
    for name in _ALWAYS:
        if name not in sums:
            raise _damaged(path / SUMS, f"does not list {name}")
    for name, known in sums.items():
        if not (path / name).is_file():
            raise _damaged(path / name, "is missing")
        if file_digest(path / name) != known:
            raise _damaged(path / name, f"is not as it was exported: its digest is not the one in {SUMS}")


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
    """Whether two bundles hold the same, each file as it was exported."""
    return (one / SUMS).is_file() and (one / SUMS).read_bytes() == (other / SUMS).read_bytes()
