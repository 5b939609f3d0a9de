"""Where things lie in a store, and what made them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..config import read_yaml
from ..data.hashing import digest, file_digest
from ..errors import DamagedProduct, SercliError, UsageError
from ..text import c_order
from . import keys
from .ragged import Ragged

STORE_FORMAT = 4  # of everything in a store
PROVENANCE = "provenance.json"
FIT_RECORD = "fit.json"  # times and versions: beside a product and no part of it, so that no digest covers it
_NAME = re.compile(r"\w[\w.+=,-]*")


def check_name(name: object) -> str:
    """The name of a product, which is also the name of a folder and a word of a shell command. Raises UsageError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "letters, digits and . - _ + = , with a letter or digit first"
        raise UsageError("invalid name of a product", seen=repr(name), expected=expected, fix="choose another name")
    return name


class Locations:
    """The folder of a store, which need not hold a corpus yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, pattern: str) -> list[str]:
        """Folders that hold the file at the end of a pattern, such as `autoencoders/*/config.yaml`, in C order."""
        return sorted((path.parent.name for path in self.path.glob(pattern)), key=c_order)

    def location(self, key: str) -> Path:
        """The folder of a product. Raises UsageError for a key that would leave the store."""
        return self.path.joinpath(*map(check_name, key.split("/")))

    def provenance(self, key: str) -> dict[str, Any] | None:
        """What made a product: format, config, inputs, digest, files. None for a missing product. Raises DamagedProduct."""
        return read_provenance(self.location(key), is_array(key))

    def config(self, key: str, file: str = "config.yaml") -> dict[str, Any] | None:
        """What all folds of a product share, which never changes; None where there is none."""
        path = self.location(key) / file
        return read_yaml(path) if path.is_file() else None

    def file(self, key: str, name: str) -> Path:
        """A file of a published product, after a check of its content. Raises DamagedProduct."""
        path = self.location(key) / name
        digests = (self.provenance(key) or {}).get("files", {})
        if not path.is_file() or file_digest(path) != digests.get(name):
            raise damaged(path)
        return path

    def read_json(self, key: str, name: str) -> Any:
        """The content of a JSON file of a published product. Raises DamagedProduct."""
        return json.loads(self.file(key, name).read_text(encoding="utf-8"))

    def attributes(self, key: str) -> dict[str, Any]:
        """The attributes of a published group of arrays."""
        content: dict[str, dict[str, Any]] = json.loads((self.location(key) / "zarr.json").read_text(encoding="utf-8"))
        return content["attributes"]

    def ragged(self, key: str) -> Ragged:
        """A published ragged array, opened for reading. Raises DamagedProduct."""
        return Ragged(self.location(key), (self.provenance(key) or {}).get("files", {}))


def is_array(key: str) -> bool:
    """Whether the product lies inside the Zarr group, where `zarr.json` carries the provenance."""
    return key.startswith(f"{keys.ARRAYS}/")


def read_provenance(folder: Path, inside_zarr: bool) -> dict[str, Any] | None:
    """The provenance of a product that lies in `folder`; None if there is none. Raises DamagedProduct."""
    path = folder / ("zarr.json" if inside_zarr else PROVENANCE)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if inside_zarr and "provenance" not in content["attributes"]:
            return None
        provenance = dict(content["attributes"]["provenance"] if inside_zarr else content)
        check_format(provenance["format"], path)
        if digest({key: provenance[key] for key in ("format", "config", "inputs")}) != provenance["digest"]:
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        raise damaged(path) from None
    return provenance


def damaged(path: Path, problem: str = "not as it was published") -> DamagedProduct:
    """The error for a changed or missing file of a product."""
    return DamagedProduct(problem, place=path, fix=f"delete {path.parent} and run the command again that made it")


def check_format(stored: object, path: Path) -> None:
    """Raises SercliError for a product of another format."""
    if stored != STORE_FORMAT:
        seen, expected = f"format {stored}", f"format {STORE_FORMAT}"
        fix = "use the sercli version that made it, or make a new store with `sercli ingest`"
        raise SercliError("another format", place=path, seen=seen, expected=expected, fix=fix)
