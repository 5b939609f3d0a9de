"""A bundle: one folder, independent of any store, with everything that labels new audio.

bundle.yaml                what it is, what it was fitted on, which scores to expect
autoencoder.safetensors    if it has one
classifier.safetensors     each model with its configuration and normalisation
card.md                    the same for people
SHA256SUMS                 of the other files; `sha256sum -c` reads it
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import plugins
from ..config import build, check_range, plain, read_yaml, write_yaml
from ..data.hashing import file_digest
from ..errors import Command, DamagedProduct, SercliError, UsageError
from ..experiments.configs import ClassifierConfig

BUNDLE_FORMAT = 2
INFO, CARD, SUMS = "bundle.yaml", "card.md", "SHA256SUMS"
AUTOENCODER, CLASSIFIER = "autoencoder.safetensors", "classifier.safetensors"
_PERCENTILES = 101  # 0 to 100
_ALWAYS = (INFO, CARD, CLASSIFIER)
_LINE = re.compile(r"([0-9a-f]{64})  ([\w.]+)\n")


@dataclass(frozen=True)
class FrontEnd:
    """A front-end plug-in with all its options, and the rate (Hz) and frame shift (ms) that they give."""

    name: str
    config: dict[str, Any]
    sample_rate: int
    frame_shift_ms: float


@dataclass(frozen=True)
class Certainty:
    """What dev utterances tell of the certainty of answers.

    The answers of these utterances are calibrated; a threshold of the confidence is a quantile of theirs.
    """

    fitted_on: str  # which dev utterances
    temperature: float
    note: str = ""  # what they do not tell
    confidences: tuple[float, ...] = ()  # percentiles 0 to 100 of dev answers; empty: they say nothing of new speakers

    def __post_init__(self) -> None:
        check_range(self, "temperature", above=0)
        if len(self.confidences) not in (0, _PERCENTILES):
            raise SercliError(
                "wrong number of values", place="confidences", seen=len(self.confidences), expected=_PERCENTILES
            )

    def threshold(self, share: float) -> float:
        """The confidence below which this share of the dev answers lies.

        >>> Certainty("", 1.0, confidences=tuple(k / 100 for k in range(101))).threshold(0.255)
        0.255
        """
        return float(np.interp(100 * share, range(len(self.confidences)), self.confidences))


@dataclass(frozen=True)
class BundleInfo:
    """The content of `bundle.yaml`; scores are fractions."""

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
    certainty: Certainty
    autoencoder: dict[str, Any] = field(default_factory=dict)  # empty without one
    facts: dict[str, Any] = field(default_factory=dict)  # for the card: `sercli.evaluation.model_facts`
    made_from: dict[str, Any] = field(default_factory=dict)  # name of a product -> digest


@dataclass(frozen=True)
class Bundle:
    """A bundle that is complete and unchanged since its export."""

    path: Path
    info: BundleInfo

    @property
    def autoencoder(self) -> Path | None:
        """Its weights; None without one."""
        return self.path / AUTOENCODER if self.info.autoencoder else None

    @property
    def classifier(self) -> Path:
        """Its weights."""
        return self.path / CLASSIFIER


def check_exportable(name: str, config: ClassifierConfig, frontend: str) -> None:
    """Raises SercliError for a system that needs more than one sound file; `frontend` is the plug-in of its features."""
    needs: list[tuple[str, str, str, str]] = [
        ("--normalise", config.normalise, "speaker", "needs statistics of the speaker, which one file does not give"),
        ("--condition", config.condition, "oracle", "needs the true emotion of the recording"),
        ("--latents", config.latents, "sample", "reads latents that are sampled by the utterance's name"),
    ]
    if plugins.defines("frontends", frontend, "Source"):
        needs.append(("--frontend", frontend, frontend, "reads imported features, which cannot be computed from sound"))
    if config.input.needs_dialogues:
        kind = config.classifier
        needs.append(("--classifier", kind, kind, "reads neighbours in the dialogue, which one file does not give"))
    for option, value, excluded, problem in needs:
        if value == excluded:
            fix = "choose a classifier that does not need this"
            raise SercliError(problem, place=name, seen=f"{option} {value}", fix=fix)


def write(folder: Path, info: BundleInfo, card: str) -> None:
    """Complete a folder that holds the models."""
    write_yaml(folder / INFO, plain(info))
    (folder / CARD).write_text(card, encoding="utf-8")
    sums = {name: file_digest(folder / name) for name in _names(bool(info.autoencoder))}
    (folder / SUMS).write_text(_text_of(sums), encoding="utf-8")


def _names(has_autoencoder: bool) -> list[str]:
    return sorted([*_ALWAYS, *([AUTOENCODER] if has_autoencoder else [])])


def _text_of(sums: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def read(path: Path) -> Bundle:
    """Raises SercliError for a folder that is not a bundle, or of another format; DamagedProduct for a missing or changed file."""
    if not (path / INFO).is_file():
        command = Command("export", "STORE", ("--classifier", "NAME", str(path)))
        raise SercliError("is not a bundle", place=path, expected=f"a folder with {INFO}", fix=command)
    fields = read_yaml(path / INFO)
    if fields.get("format") != BUNDLE_FORMAT:
        fix = "use the version of sercli that made it"
        raise SercliError(
            "another format", place=path / INFO, seen=fields.get("format"), expected=BUNDLE_FORMAT, fix=fix
        )
    names = _check_sums(path)
    try:
        info = build(BundleInfo, fields, str(path / INFO))
    except UsageError as error:
        raise error.fixed_by("use the version of sercli that made it") from None
    if len(set(info.classes)) < len(info.classes):
        raise _damaged(path / INFO, "a class occurs twice")
    if names != _names(bool(info.autoencoder)):
        raise _damaged(path / SUMS, f"does not list the files of {INFO}")
    return Bundle(path, info)


def _check_sums(path: Path) -> list[str]:
    """The names of the listed files, all of which are there and unchanged."""
    if not (path / SUMS).is_file():  # reading a pipe would wait for ever
        raise _damaged(path / SUMS, "is missing")
    text = (path / SUMS).read_bytes().decode("utf-8", "replace")
    sums = {name: digest for digest, name in _LINE.findall(text)}
    if text != _text_of(sums) or list(sums) not in (_names(False), _names(True)):
        raise _damaged(path / SUMS, "changed since the export")
    for name, digest in sums.items():
        if not (path / name).is_file():
            raise _damaged(path / name, "is missing")
        if file_digest(path / name) != digest:
            raise _damaged(path / name, f"changed since the export: its digest differs from that in {SUMS}")
    return list(sums)


def _damaged(path: Path, problem: str) -> DamagedProduct:
    return DamagedProduct(problem, place=path, fix="copy the bundle again, or make it again with `sercli export`")


def copy(source: Path, target: Path) -> None:
    """Copy the files of a bundle into an existing folder."""
    for name in (*_ALWAYS, AUTOENCODER, SUMS):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def is_copy(path: Path, source: Path) -> bool:
    """Whether `path` is an undamaged copy of a bundle."""
    try:
        read(path)
    except SercliError:
        return False
    return (path / SUMS).read_bytes() == (source / SUMS).read_bytes()


def replaceable_info(path: Path) -> dict[str, Any]:
    """The `bundle.yaml` of a folder that a new bundle may replace, damaged or not; empty if the folder is not a bundle.

    Raises SercliError for a file in a bundle that is not part of it.
    """
    try:
        fields = read_yaml(path / INFO)
    except SercliError:
        return {}
    for entry in sorted(path.iterdir()):
        if entry.name not in (*_ALWAYS, AUTOENCODER, SUMS):
            fix = "move it, or choose another folder"
            raise SercliError("is not part of a bundle and would be lost", place=entry, fix=fix)
    return fields if "format" in fields and "classifier" in fields else {}
