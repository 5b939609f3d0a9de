"""All kinds of products of a store, in the order of the pipeline: how they are listed, and what each should be made of now.

`sercli info`, `sercli report` and the check for stale products read this registry. A new kind is one entry of `KINDS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..config import read_yaml
from ..data.hashing import digest
from ..errors import Command, DamagedProduct, SercliError
from ..store import keys, publishing
from ..store.locations import PROVENANCE
from ..store.publishing import Product
from ..store.store import Store
from ..text import c_order
from .catalogue import Catalogue
from .cross_testing import CrossCorpusTest
from .systems import comparison_product, sweep_product


@dataclass(frozen=True)
class Kind:
    """A kind of product. An entry of a kind has a name and one product, or one per fold."""

    name: str  # for people
    names: Callable[[Catalogue], Iterable[str]]
    key: Callable[[str], str]  # name of an entry -> where its products lie
    products: Callable[[Catalogue, str], Sequence[Product]]
    is_on_page: bool = False  # whether the report shows it


@dataclass(frozen=True)
class Entry:
    """An entry of a kind in a store, and the state of its products."""

    kind: Kind
    name: str
    catalogue: Catalogue = field(repr=False)

    @property
    def key(self) -> str:
        """Where its products lie."""
        return self.kind.key(self.name)

    @cached_property
    def products(self) -> Sequence[Product]:
        """What it should be made of now. Raises SercliError where something before it in the pipeline is missing."""
        return self.kind.products(self.catalogue, self.name)

    @cached_property
    def judgement(self) -> Judgement:
        """How many of its products are in which state, and the command that repairs it."""
        store = self.catalogue.store
        try:
            states = [publishing.state(store, product) for product in self.products]
        except SercliError as error:
            return self._judged_by(error)
        changed = list(dict.fromkeys(name for state in states for name in state.changed))
        pairs = zip(self.products, states, strict=True)
        wanting = [product.command for product, state in pairs if state.name in ("missing", "stale")]
        command = None if not wanting else wanting[0] if len(wanting) == 1 else wanting[0].for_all_folds()
        return Judgement(dict(Counter(state.name for state in states)), changed, command=command)

    def _judged_by(self, error: SercliError) -> Judgement:
        """The judgement where an error hides the states: something is damaged, or missing before it in the pipeline."""
        folder = self.catalogue.store.path / self.key
        exists = folder.exists()
        if isinstance(error, DamagedProduct):
            state = "damaged" if Path(error.place).is_relative_to(folder) else "unknown"
        else:
            state = "stale" if exists else "missing"
        command = error.commands[0] if error.commands else None
        return Judgement({state: 1}, problem=error if exists else None, command=command)


@dataclass(frozen=True)
class Judgement:
    """States of the products of an entry, with their numbers."""

    states: Mapping[str, int]
    changed: Sequence[str] = ()  # inputs that changed
    problem: SercliError | None = None  # why the states cannot be determined
    command: Command | None = None  # makes what is missing or stale

    @property
    def is_fresh(self) -> bool:
        """Whether there is something, and all of it is up to date."""
        return set(self.states) == {"fresh"}

    @property
    def is_wanting(self) -> bool:
        """Whether something is missing, stale or damaged."""
        return bool(self.states.keys() - {"fresh", "pruned"})


def entries(catalogue: Catalogue, kinds: Iterable[Kind] | None = None) -> Iterator[Entry]:
    """All entries of a store, of these kinds or of all, in the order of the pipeline."""
    for kind in KINDS if kinds is None else kinds:
        for name in kind.names(catalogue):
            yield Entry(kind, name, catalogue)


# --- kinds whose products or names follow from more than the name of an entry


def _latents(catalogue: Catalogue, name: str) -> list[Product]:
    autoencoder_name, condition = name.split(" ")
    autoencoder = catalogue.autoencoder(autoencoder_name)
    autoencoder.task.require()
    return [autoencoder.latents(k, condition) for k in autoencoder.fold_numbers]


def _latents_names(catalogue: Catalogue) -> Iterator[str]:
    folders = {path.parent for path in _folders(catalogue, f"{keys.latents('*', '*')}/*/zarr.json")}
    for folder in sorted(folders, key=lambda path: c_order(str(path))):
        yield f"{folder.parent.name} {folder.name}"


def _cross_corpus(catalogue: Catalogue, name: str) -> list[Product]:
    """Stale too if the other store has another classifier of this name by now. Raises SercliError if that store is gone."""
    scores = catalogue.store.read_json(keys.scores(keys.cross_corpus(name)), "scores.json")
    classifier = Catalogue(Store(Path(scores["store"]))).classifier(scores["classifier"])
    return [CrossCorpusTest(catalogue, classifier).result([fold["fold"] for fold in scores["per_fold"]])]


def _comparison(catalogue: Catalogue, name: str) -> list[Product]:
    pair = (catalogue.store.provenance(keys.comparison(name)) or {})["config"]
    return [comparison_product(*(catalogue.fits(catalogue.classifier(pair[side])) for side in ("first", "second")))]


def _sweep(catalogue: Catalogue, name: str) -> list[Product]:
    store, key = catalogue.store, keys.sweep(name)
    grid = read_yaml(store.location(key) / "grid.yaml")
    inputs = (store.provenance(key) or {"inputs": {}})["inputs"]
    names = {key: key.removeprefix(keys.result("")) for key in inputs if key.startswith(keys.result(""))}
    results = {key: catalogue.classifier(name).published_result().digest for key, name in names.items()}
    return [sweep_product(catalogue, name, {key: value for key, value in grid.items() if key != "name"}, results)]


def _diagnostics(catalogue: Catalogue, name: str) -> list[Product]:
    autoencoder = catalogue.autoencoder(name)
    autoencoder.task.require()
    return [autoencoder.diagnostics(autoencoder.fresh_folds)]


def _bundle(name: str) -> tuple[str, int | None]:
    """The classifier of a bundle, and its fold; None for models that were fitted on all speakers."""
    classifier, _, fold = name.partition(" fold-")
    return classifier, int(fold) if fold else None


def _bundle_names(catalogue: Catalogue) -> Iterator[str]:
    for path in _folders(catalogue, f"{keys.BUNDLES}/*/*/{PROVENANCE}"):
        if path.name == "all" or re.fullmatch(r"fold-[1-9]\d*", path.name):
            yield path.parent.name if path.name == "all" else f"{path.parent.name} {path.name}"


def _folders(catalogue: Catalogue, pattern: str) -> list[Path]:
    return sorted((path.parent for path in catalogue.store.path.glob(pattern)), key=lambda path: c_order(str(path)))


def _published(folder: str) -> Callable[[Catalogue], list[str]]:
    return lambda catalogue: catalogue.store.names(f"{folder}/*/{PROVENANCE}")


def report_product(catalogue: Catalogue) -> Product:
    """The page of `sercli report`: it changes with everything that it shows, and with the state of that."""
    inputs = {"corpus": digest([vars(utterance) for utterance in catalogue.store.utterances])}
    if ratings := catalogue.store.ratings:
        inputs["ratings"] = digest([vars(rating) for rating in ratings])
    for entry in entries(catalogue, [kind for kind in KINDS if kind.is_on_page]):
        judgement = entry.judgement
        products = entry.products if judgement.is_fresh else []
        inputs[f"{entry.kind.name} {entry.name}"] = digest([dict(judgement.states), [p.digest for p in products]])
    return Product(keys.REPORT, {}, inputs, Command("report", catalogue.store.path))


KINDS: tuple[Kind, ...] = (
    Kind("features", lambda c: c.feature_names, keys.features, lambda c, name: [c.features(name).product], True),
    Kind("task", lambda c: c.task_names, keys.task, lambda c, name: [c.task(name).product], True),
    Kind(
        "autoencoder",
        lambda c: c.autoencoder_names,
        keys.autoencoder,
        lambda c, name: c.autoencoder(name).all_folds(),
        True,
    ),
    Kind("latents", _latents_names, lambda name: keys.latents(*name.split(" ")), _latents),
    Kind("classifier", lambda c: c.classifier_names, keys.classifier, lambda c, name: c.classifier(name).all_folds()),
    Kind(
        "result",
        lambda c: c.classifier_names,
        keys.result,
        lambda c, name: [c.classifier(name).published_result()],
        True,
    ),
    Kind(
        "cross-corpus",
        lambda c: [path.parent.name for path in _folders(c, f"{keys.scores(keys.cross_corpus('*'))}/{PROVENANCE}")],
        keys.cross_corpus,
        _cross_corpus,
        is_on_page=True,
    ),
    Kind("comparison", _published(keys.COMPARISONS), keys.comparison, _comparison, is_on_page=True),
    Kind("sweep", _published(keys.SWEEPS), keys.sweep, _sweep, is_on_page=True),
    Kind("diagnostics", _published(keys.DIAGNOSTICS), keys.diagnostics, _diagnostics, is_on_page=True),
    Kind(
        "report",
        lambda c: [keys.REPORT] if c.store.provenance(keys.REPORT) else [],
        lambda name: name,
        lambda c, name: [report_product(c)],
    ),
    Kind(
        "bundle",
        _bundle_names,
        lambda name: keys.bundle(*_bundle(name)),
        lambda c, name: [c.classifier(_bundle(name)[0]).bundle(_bundle(name)[1])],
    ),
)
