"""How products appear: whole or not at all, one maker at a time, with what made them beside them.

A product is its configuration and its inputs, digested. It is built under `.staging/<key>/<digest>/product`. Its provenance is
written last: a staged product with provenance is complete and is only renamed into place. Only the parent process renames.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..config import read_yaml, write_yaml
from ..data.hashing import digest, file_digest
from ..errors import Command, DamagedProduct, MissingInput, SercliError
from .locations import FIT_RECORD, PROVENANCE, STORE_FORMAT, Locations, is_array, read_provenance

STAGING = ".staging"
LOCKS = ".locks"


@dataclass(frozen=True)
class Product:
    """Something that a command makes: where it lies, all that decides its content, and the command that makes it."""

    key: str  # path inside the store: `autoencoders/vae-128/fold-3`
    config: Mapping[str, Any]
    inputs: Mapping[str, str]  # name of what was read -> digest
    command: Command  # the fix when it is missing or stale

    @cached_property
    def digest(self) -> str:
        """SHA-256 of format, configuration and inputs."""
        return digest({"format": STORE_FORMAT, "config": self.config, "inputs": self.inputs})


@dataclass(frozen=True)
class State:
    """Whether a product is usable. Pruned: it was fresh, and its arrays were deleted to save space."""

    name: Literal["fresh", "missing", "stale", "pruned"]
    changed: list[str] = field(default_factory=list)  # inputs that changed, if stale


def state(store: Locations, product: Product) -> State:
    """Compare a product with what lies at its place, without opening an array.

    Raises SercliError where the name belongs to another configuration, DamagedProduct where the provenance cannot be read.
    """
    provenance = store.provenance(product.key)
    if provenance is None:
        return State("missing")
    folder = store.location(product.key)
    check_same_config(folder, provenance["config"], product.config)
    stored = provenance["inputs"]
    pairs = {name: (stored.get(name), product.inputs.get(name)) for name in {**stored, **product.inputs}}
    changed = [_change(name, old, new) for name, (old, new) in pairs.items() if old != new]
    changed += [name for name in provenance["files"] if not (folder / name).is_file()]
    return State("stale", changed) if changed else State("pruned" if provenance.get("pruned") else "fresh")


def is_fresh(store: Locations, product: Product) -> bool:
    """Whether the product is there and up to date. Raises as `state` does."""
    return state(store, product).name == "fresh"


def require(store: Locations, product: Product) -> None:
    """Raises MissingInput, with the command to run, unless the product is fresh."""
    current = state(store, product)
    if current.name != "fresh":
        changed = f" ({', '.join(current.changed)} changed)" if current.changed else ""
        raise MissingInput(f"{current.name}{changed}", place=store.location(product.key), fix=product.command)


def _change(name: str, stored: str | None, current: str | None) -> str:
    """Folds are shown with their digests, since two cuts of one corpus look alike."""
    return f"folds {stored[:8]} to {current[:8]}" if name == "folds" and stored and current else name


# --- configurations that all folds share


def check_same_config(
    place: Path, stored: Mapping[str, Any], requested: Mapping[str, Any], option: str = "--name"
) -> None:
    """Raises SercliError for the first option that differs."""
    stored, requested = _flat(stored), _flat(requested)
    for key in {**stored, **requested}:
        if stored.get(key) != requested.get(key):
            seen, expected = f"{key} is {stored.get(key)!r}", repr(requested.get(key))
            fix = f"choose another {option}, or delete this folder"
            raise SercliError("exists with another configuration", place=place, seen=seen, expected=expected, fix=fix)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of training and of the plug-in beside the others, with a dot in their names."""
    groups = {key: value if isinstance(value, Mapping) else {"": value} for key, value in config.items()}
    return {f"{key}.{name}" if name else key: v for key, group in groups.items() for name, v in group.items()}


def write_config_once(store: Locations, key: str, config: Mapping[str, Any]) -> None:
    """Write `config.yaml`, or check that it says the same. Safe when several commands do it at once."""
    path = store.location(key) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".config-{os.getpid()}.yaml")
    write_yaml(draft, config)
    try:
        os.link(draft, path)  # fails if another command was first
    except FileExistsError:
        check_same_config(path.parent, read_yaml(path), config)
    finally:
        draft.unlink()


# --- making a product


def staging(store: Locations, product: Product) -> Path:
    """The folder in which a product is built; the product itself lies in its sub-folder `product`."""
    return _staging_of_key(store, product.key) / product.digest[:16]


def _staging_of_key(store: Locations, key: str) -> Path:
    return store.path / STAGING / key.replace("/", ",")


def stage(store: Locations, product: Product) -> Path:
    """Prepare the folder in which a product is built. Parts of the same product survive a kill; others are deleted."""
    folder = staging(store, product)
    for other in folder.parent.glob("*") if folder.parent.is_dir() else ():
        if other != folder:
            shutil.rmtree(other)
    if _is_sealed(product, folder / "product"):
        shutil.rmtree(folder / "product")  # of a command before; this one makes it again
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def emptied(folder: Path) -> Path:
    """A new folder at this place. A killed command may have left files there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def seal(product: Product, built: Path) -> None:
    """Write the provenance of a product that is built: from now on it is complete. It lists all files but the record of a fit."""
    inside_zarr = is_array(product.key)
    paths = sorted(built.glob("*/zarr.json" if inside_zarr else "*"))
    provenance = {
        "format": STORE_FORMAT,
        "config": product.config,
        "inputs": product.inputs,
        "digest": product.digest,
        "files": {
            path.relative_to(built).as_posix(): file_digest(path)
            for path in paths
            if path.name not in (PROVENANCE, FIT_RECORD)
        },
    }
    _write_provenance(built, provenance, inside_zarr)


def _write_provenance(built: Path, provenance: Mapping[str, Any], inside_zarr: bool) -> None:
    if not inside_zarr:
        write_json(built / PROVENANCE, provenance)
        return
    metadata = json.loads((built / "zarr.json").read_text(encoding="utf-8"))
    metadata["attributes"]["provenance"] = provenance
    write_json(built / "zarr.json", metadata)


def _is_sealed(product: Product, built: Path) -> bool:
    try:
        provenance = read_provenance(built, is_array(product.key))
    except (SercliError, DamagedProduct):
        return False
    return provenance is not None and provenance["digest"] == product.digest


def publish(store: Locations, product: Product, built: Path) -> None:
    """Seal a built product, unless its maker has done so, and rename it into place."""
    if not _is_sealed(product, built):
        seal(product, built)
    _put_in_place(store, product.key, built)


def finish_publishing(store: Locations, product: Product) -> bool:
    """Put in place what a killed command had built completely. Returns whether there was such a product."""
    built = staging(store, product) / "product"
    if not _is_sealed(product, built):
        return False
    _put_in_place(store, product.key, built)
    return True


def prune(store: Locations, product: Product) -> None:
    """Delete the arrays of a published group and keep its provenance: it is not stale, and can be made again."""
    provenance = store.provenance(product.key)
    assert provenance is not None
    built = emptied(stage(store, product) / "product")
    shutil.copyfile(store.location(product.key) / "zarr.json", built / "zarr.json")
    _write_provenance(built, {**provenance, "files": {}, "pruned": True}, inside_zarr=True)
    _put_in_place(store, product.key, built)


def tidy(store: Locations, product: Product) -> None:
    """Finish or remove what a killed command left in staging. Does nothing while another command makes the product."""
    folder = _staging_of_key(store, product.key)
    if folder.exists():
        with suppress(SercliError), lock(store.path, product.key):
            finish_publishing(store, product)
            shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(store: Locations, key: str, built: Path) -> None:
    if is_array(key):
        _ensure_parent_groups(store, key)
    replace_folder(built, store.location(key), built.with_name("old"))
    shutil.rmtree(_staging_of_key(store, key))


def _ensure_parent_groups(store: Locations, key: str) -> None:
    path = store.path
    for part in key.split("/")[:-1]:
        path = path / part
        path.mkdir(exist_ok=True)
        if not (path / "zarr.json").exists():
            write_json(path / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {}})


# --- files, folders, locks


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; two writers of the same content may do it at once."""
    draft = path.with_name(f".{path.name[:200]}-{os.getpid()}")
    try:
        draft.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Sorted JSON, written whole or not at all."""
    replace_file(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def replace_folder(built: Path, final: Path, aside: Path) -> None:
    """Rename a built folder to its place. An older one is moved `aside`, on the same disk, and then deleted."""
    final.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(aside, ignore_errors=True)
    if final.exists():
        final.rename(aside)
    built.rename(final)
    shutil.rmtree(aside, ignore_errors=True)


def is_vacant(target: Path) -> bool:
    """Whether nothing, or an empty folder, lies there."""
    return not target.exists() or (target.is_dir() and not any(target.iterdir()))


def check_same_content(target: Path, stored: Mapping[str, Any], requested: Mapping[str, Any]) -> None:
    """Raises SercliError for an export outside the store that differs from the requested one in one of its keys."""
    for key, value in requested.items():
        if stored.get(key) != value:
            seen, fix = f"{key} {stored.get(key)}", "choose another folder, or replace it with --overwrite"
            raise SercliError("holds another export", place=target, seen=seen, expected=f"{key} {value}", fix=fix)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, outside the store; at the end of the block it takes the place of `target`, unless an error occurs.

    Raises SercliError if another command fills a folder for the same target now.
    """
    workshop = target.with_name(f".{target.name}-new")
    with lock(workshop, target.name):
        try:
            built = emptied(workshop / "product")
            yield built
            replace_folder(built, target, workshop / "old")
        except OSError as error:
            error.filename = error.filename or str(target)
            raise
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def lock(folder: Path, key: str, wait: bool = False) -> Iterator[None]:
    """Keep other commands from making the same product of a store, which need not exist yet.

    Raises SercliError if another command makes it now, unless `wait`. The lock file stays: deleting it would let two commands
    hold locks on two files of one name.
    """
    path = folder / LOCKS / f"{key.replace('/', ',')}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem, fix = "another command makes this product now", "wait until it ends"
            raise SercliError(problem, place=folder / key, fix=fix) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locks(store: Locations, product_keys: Iterable[str]) -> Iterator[None]:
    """Hold the locks of several products."""
    with ExitStack() as stack:
        for key in product_keys:
            stack.enter_context(lock(store.path, key))
        yield
