"""A store with its corpus: facts of the corpus, and the table of utterances."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from ..config import read_yaml
from ..data.ratings import RATINGS, read_ratings
from ..data.utterances import Rating, Utterance, read_utterances
from ..errors import Command, DamagedProduct, MissingInput, SercliError
from . import keys
from .locations import STORE_FORMAT, Locations, check_format

COMBINED = "combined"  # the reader's name in a store that was made of several


class Store(Locations):
    """An existing store.

    Raises SercliError for a folder that is not a store, and for a store of another format.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if not path.is_dir():
            raise SercliError("no such store", place=path, fix=Command("ingest", words=("CORPUS", str(path))))
        self.corpus_folder = path / keys.CORPUS
        if not (self.corpus_folder / "corpus.yaml").is_file():
            if (path / "corpus.yaml").is_file():
                raise _older_format(path)
            expected, fix = "a folder corpus with corpus.yaml", Command("ingest", words=(str(path), "STORE"))
            raise SercliError("not a sercli store", place=path, expected=expected, fix=fix)
        self.corpus: dict[str, Any] = read_yaml(self.corpus_folder / "corpus.yaml")
        check_format(self.corpus.get("format"), self.corpus_folder / "corpus.yaml")

    def corpus_fact(self, key: str) -> Any:
        """What `ingest` wrote about the corpus under this key of corpus.yaml. Raises DamagedProduct if the key is missing."""
        if key not in self.corpus:
            place = self.corpus_folder / "corpus.yaml"
            raise DamagedProduct("a key is missing", place=place, expected=key, fix=self.origin)
        return self.corpus[key]

    def corpus_names(self, key: str) -> list[str]:
        """A list of names in corpus.yaml. Raises DamagedProduct."""
        names = self.corpus_fact(key)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            place = f"{self.corpus_folder / 'corpus.yaml'}: {key}"
            raise DamagedProduct("not a list of names", place=place, fix=self.origin)
        return names

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return str(self.corpus_fact("name"))

    @property
    def identity(self) -> dict[str, Any]:
        """Name of the corpus, and of its reader, as exports state them."""
        return {key: self.corpus.get(key, "") for key in ("name", "corpus")}

    @property
    def sound_root(self) -> Path:
        """The folder of the sound files: `path` in the table is relative to it."""
        return Path(str(self.corpus_fact("root")))

    @property
    def is_combined(self) -> bool:
        """Whether the store was made of several stores, with their names before its own."""
        return bool(self.corpus.get("corpus") == COMBINED)

    @property
    def is_synthetic(self) -> bool:
        """Whether nobody spoke the recordings."""
        return bool(self.corpus.get("synthetic"))

    @property
    def origin(self) -> Command:
        """The command that made the store, without its options."""
        if self.is_combined:
            return Command("combine", words=("STORE", "STORE", str(self.path)))
        return Command("ingest", words=(str(self.corpus.get("root", "CORPUS")), str(self.path)))

    @cached_property
    def utterances(self) -> list[Utterance]:
        """All utterances in C order of their ids. The table may have been edited by hand. Raises MissingInput, DamagedProduct."""
        path = self.corpus_folder / "utterances.tsv"
        if not path.is_file():
            raise MissingInput("the table of utterances is missing", place=path, fix=self.origin)
        return read_utterances(path)

    @cached_property
    def ratings(self) -> list[Rating]:
        """Votes of single raters; empty for a corpus without them. Raises DamagedProduct."""
        path = self.corpus_folder / f"{RATINGS}.tsv"
        return read_ratings(path, self.utterances) if path.is_file() else []


def _older_format(path: Path) -> SercliError:
    """A store of format 2 or older had corpus.yaml at its top."""
    corpus = read_yaml(path / "corpus.yaml")
    new = f"{path}-format-{STORE_FORMAT}"
    root = str(corpus.get("root", "CORPUS"))
    first = Command("ingest", words=(root, new, "--corpus", str(corpus.get("corpus", "KIND"))))
    if corpus.get("corpus") == COMBINED:
        stores = [f"STORE-OF-{name}" for name in corpus.get("stores", [])] or ["STORE", "STORE"]
        first = Command("combine", words=(*stores, new))
    frontends = sorted({folder.parent.name for folder in (path / keys.ARRAYS / "features").glob("*/zarr.json")})
    fix = (first, *(Command("featurize", new, ("--frontend", name)) for name in frontends or ["logmel"]))
    seen, expected = f"format {corpus.get('format')}", f"format {STORE_FORMAT}"
    return SercliError("the store has an older format", place=path, seen=seen, expected=expected, fix=fix)
