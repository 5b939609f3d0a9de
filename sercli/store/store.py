"""The store: one directory for one corpus. Publishing, provenance, staleness.

A product is its configuration and its inputs, digested. It is built under `.staging` and renamed into place, so that it
appears whole or not at all; what made it lies in it, as `provenance.json` or as attributes of its Zarr group.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..config import read_yaml, write_yaml
from ..data.hashing import digest, file_digest
from ..data.utterances import Utterance, read_utterances
from ..errors import DamagedProduct, MissingInput, SercliError, UsageError
from ..tasks.folds_file import FoldsFile
from ..text import c_order
from .ragged import MAKE_AGAIN, Ragged

FORMAT = 2  # of the store; one number for all that lies in it
ARRAYS = "arrays.zarr"
COMBINED = "combined"  # what stands for the corpus's reader in a store of several
FOLDS_FILE = "source.tsv"  # in the folder of a task whose folds are somebody else's
BUILT = "built"  # the mark beside a product in staging that wants nothing but publishing
_NAME = re.compile(r"\w[\w.+=,-]*")


@dataclass(frozen=True)
class Product:
    """Something a command makes: where it goes, all that decides its content, and the command that makes it."""

    key: str  # path inside the store: `autoencoders/vae-128/fold-3`
    config: Mapping[str, Any]
    inputs: Mapping[str, str]  # name of what was read -> digest
    command: str  # `sercli train-ae STORE --fold 3`: the cure when it is missing or stale

    @cached_property
    def digest(self) -> str:
        return digest({"format": FORMAT, "config": self.config, "inputs": self.inputs})


@dataclass(frozen=True)
class State:
    """Whether a product is there; if stale, what of its inputs changed. Pruned: it was fresh, and its arrays were let go."""

    name: Literal["fresh", "missing", "stale", "pruned"]
    changed: list[str] = field(default_factory=list)


def check_name(name: object) -> str:
    """Raises UsageError for what cannot be a name of a product: a folder has it, and a line of a shell script."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a product; use letters, digits and . - _ + = , and begin with a letter"
        )
    return name


class Store:
    """An existing store. Raises SercliError for a folder that is none, or one of another format."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._configs: dict[str, dict[str, Any]] = {}
        self._folds_files: dict[str, FoldsFile] = {}
        if not path.is_dir():
            raise SercliError(f"{path}: no such store; make it with `sercli ingest CORPUS {path}`")
        if not (path / "corpus.yaml").is_file():
            raise SercliError(
                f"{path}: is no store (no corpus.yaml); if it is a corpus, run `sercli ingest {path} STORE` first"
            )
        self.corpus = read_yaml(path / "corpus.yaml")
        _check_format(self.corpus.get("format"), path / "corpus.yaml")

    def told(self, key: str) -> Any:
        """What `ingest` wrote of the corpus. Raises DamagedProduct if it is no longer there."""
        if key not in self.corpus:
            raise DamagedProduct(f"{self.path / 'corpus.yaml'}: has no {key!r}; run `{self.origin}` again")
        return self.corpus[key]

    def told_names(self, key: str) -> list[str]:
        """The same of what is a list of names. Raises DamagedProduct."""
        found = self.told(key)
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise DamagedProduct(f"{self.path / 'corpus.yaml'}: {key} is no list of names; run `{self.origin}` again")
        return found

    @property
    def root(self) -> Path:
        """Where the sound files lie: the folder that `path` in the table is relative to."""
        return Path(str(self.told("root")))

    @property
    def origin(self) -> str:
        """The command that made the store, but for its options."""
        made = (
            "sercli combine STORE STORE…" if self.is_combined else f"sercli ingest {self.corpus.get('root', 'CORPUS')}"
        )
        return f"{made} {self.path}"

    @property
    def is_combined(self) -> bool:
        """Whether several stores went into it, whose names its own begin with."""
        return bool(self.corpus.get("corpus") == COMBINED)

    @cached_property
    def utterances(self) -> list[Utterance]:
        path = self.path / "utterances.tsv"
        if not path.is_file():
            raise MissingInput(f"{path} is missing; run `{self.origin}` again")
        return read_utterances(path)

    def names(self, pattern: str) -> list[str]:
        """Folders of the store, in C order, that hold the file at the end of a pattern: `autoencoders/*/config.yaml`."""
        return sorted((path.parent.name for path in self.path.glob(pattern)), key=c_order)

    def location(self, key: str) -> Path:
        """Where a product lies. Raises UsageError for a name that would leave the store."""
        return self.path.joinpath(*map(check_name, key.split("/")))

    def provenance(self, key: str) -> dict[str, Any] | None:
        """What made a product, or None where there is none. Raises DamagedProduct."""
        folder = self.location(key)
        inside_zarr = key.startswith(f"{ARRAYS}/")
        path = folder / ("zarr.json" if inside_zarr else "provenance.json")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            found = found["attributes"]["provenance"] if inside_zarr else found
            _check_format(found["format"], path)
            if digest({key: found[key] for key in ("format", "config", "inputs")}) != found["digest"]:
                raise ValueError
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError):
            raise DamagedProduct(f"{path}: is not as it was published; delete {folder} and {MAKE_AGAIN}") from None
        return dict(found)

    def state(self, product: Product) -> State:
        """Raises SercliError where the name is taken by another configuration, DamagedProduct where it cannot be read."""
        found = self.provenance(product.key)
        if found is None:
            return State("missing")
        refuse_other_configuration(self.location(product.key), found["config"], product.config)
        inputs = found["inputs"]
        changed = [
            _change(name, inputs.get(name), product.inputs.get(name))
            for name in {**inputs, **product.inputs}
            if inputs.get(name) != product.inputs.get(name)
        ]
        changed += [name for name in found["files"] if not (self.location(product.key) / name).is_file()]
        return State("stale", changed) if changed else State("pruned" if found.get("pruned") else "fresh")

    def require(self, product: Product) -> None:
        """Raises MissingInput, which names the command to run, unless the product is there and fresh."""
        state = self.state(product)
        if state.name != "fresh":
            why = f" ({', '.join(state.changed)} changed)" if state.changed else ""
            raise MissingInput(f"{self.location(product.key)} is {state.name}{why}; run `{product.command}` first")

    def shared_config(self, key: str, name: str = "config.yaml") -> dict[str, Any] | None:
        """`config.yaml`, which all folds of a product share and which never changes; None where there is none."""
        path = self.location(key) / name
        if key not in self._configs and path.is_file():
            self._configs[key] = read_yaml(path)
        return self._configs.get(key)

    def announce(self, key: str, config: Mapping[str, Any], name: str = "config.yaml") -> None:
        """Let this process take a product that is only planned for one that is there. Raises SercliError if its name is taken."""
        there = self.shared_config(key, name)
        if there is not None:
            refuse_other_configuration(self.location(key), there, config)
        self._configs[key] = dict(config)

    def add_folds_file(self, path: Path) -> str:
        """Read somebody else's folds; their digest is their name from now on. Raises SercliError if it is no text."""
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else "is no UTF-8 text"
            raise SercliError(f"{path}: {reason}; give a table of utt_id and fold") from None
        found = digest(text)
        self._folds_files[found] = FoldsFile(str(path), text)
        return found

    def folds_file(self, wanted: str) -> FoldsFile:
        """The file of this digest: added just now, or kept with a task that was cut by it."""
        if wanted not in self._folds_files:
            for path in sorted(self.path.glob(f"tasks/*/{FOLDS_FILE}")):
                text = path.read_text(encoding="utf-8")
                self._folds_files[digest(text)] = FoldsFile(str(path), text)
        if wanted not in self._folds_files:
            raise MissingInput(
                f"{self.path}: the file of the folds {wanted[:8]} is not in any of its tasks; name it with --folds-file"
            )
        return self._folds_files[wanted]

    def claim(self, key: str, config: Mapping[str, Any]) -> None:
        """Write `config.yaml`, or check that it says the same."""
        path = self.location(key) / "config.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".config-{os.getpid()}.yaml")
        write_yaml(draft, config)
        try:
            os.link(draft, path)  # fails if another command was first
        except FileExistsError:
            refuse_other_configuration(path.parent, read_yaml(path), config)
        finally:
            draft.unlink()

    def file(self, key: str, name: str) -> Path:
        """A file of a published product, its content checked. Raises DamagedProduct if it is not as published."""
        path = self.location(key) / name
        known = (self.provenance(key) or {}).get("files", {})
        if not path.is_file() or file_digest(path) != known.get(name):
            raise DamagedProduct(f"{path}: is not as it was published; delete {path.parent} and {MAKE_AGAIN}")
        return path

    @contextmanager
    def lock(self, keys: Iterable[str], wait: bool = False) -> Iterator[None]:
        """Hold products against other commands. Unless told to wait, raises SercliError if one is being made right now."""
        with ExitStack() as stack:
            for key in keys:
                stack.enter_context(lock(self.path, key, wait))
            yield

    def staged(self, product: Product) -> Path:
        """The folder where a product is built. Parts of the same product survive a kill; those of another are removed."""
        wanted = self.staging(product)
        folder = wanted.parent
        for other in folder.glob("*") if folder.is_dir() else ():
            if other != wanted:
                shutil.rmtree(other)
        wanted.mkdir(parents=True, exist_ok=True)
        for mark in ("complete", BUILT):
            (wanted / mark).unlink(missing_ok=True)  # of what was made before
        return wanted

    def staging(self, product: Product) -> Path:
        """Where `staged` will be."""
        return self._staged_name(product.key) / product.digest[:16]

    def tidy(self, product: Product) -> None:
        """Finish what a command was at that was killed as it published or pruned this product, and remove what it left."""
        folder = self._staged_name(product.key)
        if folder.exists() or folder.with_name(f"{folder.name}.lock").exists():
            with suppress(SercliError), self.lock([product.key]):  # somebody is at work there: not ours to tidy
                self.finish_publishing(product)
                shutil.rmtree(folder, ignore_errors=True)

    def _staged_name(self, key: str) -> Path:
        return self.path / ".staging" / key.replace("/", ",")

    def publish(self, product: Product, built: Path, extra: Mapping[str, Any] | None = None) -> None:
        """Write the provenance into a built folder and rename it into place; an older one is moved aside first."""
        inside_zarr = product.key.startswith(f"{ARRAYS}/")
        names = ["*/zarr.json"] if inside_zarr else ["*"]
        files = sorted(path for name in names for path in built.glob(name) if path.name != "provenance.json")
        provenance = {
            "format": FORMAT,
            "config": product.config,
            "inputs": product.inputs,
            "digest": product.digest,
            "files": {path.relative_to(built).as_posix(): file_digest(path) for path in files},
            **(extra or {}),
        }
        if inside_zarr:
            metadata = json.loads((built / "zarr.json").read_text())
            metadata["attributes"]["provenance"] = provenance
            _write_json(built / "zarr.json", metadata)
            self._ensure_parent_groups(product.key)
        else:
            _write_json(built / "provenance.json", provenance)
        self._rename_into_place(product.key, built)

    def prune(self, product: Product) -> None:
        """Let go of the arrays of a published group, and keep what made them: it is not stale, and can be made again."""
        provenance = self.provenance(product.key)
        assert provenance is not None
        built = self.staged(product) / "product"
        shutil.rmtree(built, ignore_errors=True)
        built.mkdir()
        metadata = json.loads((self.location(product.key) / "zarr.json").read_text(encoding="utf-8"))
        metadata["attributes"]["provenance"] = {**provenance, "files": {}, "pruned": True}
        _write_json(built / "zarr.json", metadata)
        self._rename_into_place(product.key, built)

    def finish_publishing(self, product: Product) -> bool:
        """Bring into place what a killed command had built but not yet published. True if there was such a thing."""
        built = self.staging(product) / "product"
        if not built.exists():
            return False
        if built.with_name("complete").exists():
            self._rename_into_place(product.key, built)
            return True
        if built.with_name(BUILT).exists():
            self.publish(product, built)
            return True
        return False

    def _rename_into_place(self, key: str, built: Path) -> None:
        built.with_name("complete").touch()
        final = self.location(key)
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists() and built.exists():
            aside = built.with_name("old")
            shutil.rmtree(aside, ignore_errors=True)
            final.rename(aside)
        if built.exists():
            built.rename(final)
        shutil.rmtree(self._staged_name(key))

    def _ensure_parent_groups(self, key: str) -> None:
        path = self.path
        for part in key.split("/")[:-1]:
            path = path / part
            path.mkdir(exist_ok=True)
            if not (path / "zarr.json").exists():
                draft = path / f".zarr-{os.getpid()}.json"
                _write_json(draft, {"zarr_format": 3, "node_type": "group", "attributes": {}})
                draft.replace(path / "zarr.json")  # two writers write the same bytes

    def attributes(self, key: str) -> dict[str, Any]:
        """What a published group of arrays says of itself."""
        found: dict[str, Any] = json.loads((self.location(key) / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        return found

    def ragged(self, key: str) -> Ragged:
        """Open a published ragged array for reading."""
        return Ragged(self.location(key), (self.provenance(key) or {}).get("files", {}))


@contextmanager
def lock(store: Path, key: str, wait: bool = False) -> Iterator[None]:
    """Hold one product of a store, which may not exist yet."""
    path = store / ".staging" / (key.replace("/", ",") + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SercliError(f"{store / key} is being made by another command; wait for it to end") from None
            if not _is_file_at(stream.fileno(), path):
                continue  # its holder removed the file between our opening and locking it
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _change(name: str, there: str | None, now: str | None) -> str:
    """What changed; folds are told apart by their digests, since two cuts of one corpus look alike."""
    return f"folds {there[:8]} to {now[:8]}" if name == "folds" and there and now else name


def _is_file_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _check_format(found: object, path: Path) -> None:
    if found != FORMAT:
        raise SercliError(
            f"{path}: has format {found}, this sercli reads format {FORMAT}; use the version that made it, or ingest anew"
        )


def refuse_other_configuration(
    path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], flag: str = "--name"
) -> None:
    """Raises SercliError for the first option that differs."""
    there, asked = _flat(found), _flat(wanted)
    for key in {**there, **asked}:
        if there.get(key) != asked.get(key):
            raise SercliError(
                f"{path}: the name is taken by another configuration: {key} is {there.get(key)!r} there, {asked.get(key)!r} was asked; "
                f"choose another {flag}, or delete that folder"
            )


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options of training and of the plug-in beside the others."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= {f"{key}.{inner}": one for inner, one in value.items()} if isinstance(value, Mapping) else {key: value}
    return flat
