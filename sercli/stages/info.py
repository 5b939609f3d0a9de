"""`sercli info`: what is in a store, how big it is, what is stale or missing, and the next command to type.

It follows from tables and provenance alone: no array is opened, no model loaded.
"""

import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..bundles.bundle import refuse_helpless
from ..data.utterances import read_table
from ..errors import DamagedProduct, SercliError
from ..experiments.resolve import NO_AUTOENCODER, autoencoder_config, classifier_config, command, task_of
from ..experiments.systems import (
    EVERYBODY,
    OUT_OF_DOMAIN,
    autoencoder_fold,
    bundle,
    classifier_fold,
    comparison,
    diagnostics,
    features,
    folds_of,
    frontend_of,
    latents_fold,
    published_result,
    results_elsewhere,
    task_product,
)
from ..store.store import ARRAYS, Product, Store
from ..tasks.folds import NOBODY
from ..text import c_order
from .evaluate import read_scores
from .out_of_domain import read_elsewhere

REPORT = "report.html"  # where `sercli report` puts it unless told
_SHOWN = ("tasks", "results", "comparisons", "diagnostics", "sweeps", f"{OUT_OF_DOMAIN}/*")
_FOLD = re.compile(r" --fold \d+$")


@dataclass
class Item:
    """A product, or the folds of one: how many are in which state, why some are stale, the command that mends it."""

    kind: str
    name: str
    folder: str
    states: dict[str, int] = field(default_factory=dict)  # fresh, missing, stale, … -> of how many folds
    why: list[str] = field(default_factory=list)  # what has changed
    problem: str = ""  # why nothing can be said of it
    command: str = ""  # makes what is missing or stale; empty if nothing is, or no command will do
    bytes: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def wanting(self) -> bool:
        return bool(self.states.keys() - {"fresh", "pruned"})


def run(path: Path) -> dict[str, Any]:
    """All of it as JSON. Raises SercliError for what is no store."""
    store = Store(path)
    items = [item for kind in _KINDS for item in kind(store)]
    for item in items:
        item.bytes = _bytes(path / item.folder)
    return {
        "store": str(path),
        "corpus": _corpus(store),
        "items": [{**asdict(item), "wanting": item.wanting} for item in items],
        "bytes": _bytes(path),
        "bytes_free": shutil.disk_usage(path).free,
        "next": _next(store, items),
    }


def _corpus(store: Store) -> dict[str, Any]:
    utterances = store.utterances
    labels = Counter(utterance.emotion or "(not labelled)" for utterance in utterances)
    rejects = store.path / "rejects.tsv"
    return {
        "name": store.told("name"),
        "corpus": store.told("corpus"),
        "synthetic": bool(store.corpus.get("synthetic")),
        "root": str(store.root),
        "root_is_there": store.root.is_dir(),
        "utterances": len(utterances),
        "speakers": len({utterance.speaker for utterance in utterances}),
        "sessions": len({utterance.session for utterance in utterances} - {""}),
        "hours": sum(utterance.duration for utterance in utterances) / 3600,
        "labels": {label: labels[label] for label in sorted(labels, key=c_order)},
        "rejects": sum(1 for _ in read_table(rejects)) if rejects.is_file() else 0,
    }


# --- what is there, in the order of the pipeline


def _features(store: Store) -> Iterator[Item]:
    for name in store.names(f"{ARRAYS}/features/*/zarr.json"):
        item = Item("features", name, f"{ARRAYS}/features/{name}")
        rejects = store.path / f"rejects-{name}.tsv"
        item.about["rejects"] = sum(1 for _ in read_table(rejects)) if rejects.is_file() else 0
        yield _judged(store, item, partial(_features_of, store, name))


def _features_of(store: Store, name: str) -> list[Product]:
    return [features(store, name)]


def _tasks(store: Store) -> Iterator[Item]:
    for name in store.names("tasks/*/task.yaml"):
        yield _judged(store, Item("task", name, f"tasks/{name}"), partial(_task_of, store, name))


def _task_of(store: Store, name: str) -> list[Product]:
    return [task_product(store, name, task_of(store, name))]


def _autoencoders(store: Store) -> Iterator[Item]:
    for name in store.names("autoencoders/*/config.yaml"):
        yield _judged(store, Item("autoencoder", name, f"autoencoders/{name}"), partial(_autoencoder_of, store, name))


def _autoencoder_of(store: Store, name: str) -> list[Product]:
    config = autoencoder_config(store, name)
    folds = folds_of(store, config.task)
    return [autoencoder_fold(store, name, config, folds, fold.number) for fold in folds.folds]


def _latents(store: Store) -> Iterator[Item]:
    found = {path.parent for path in (store.path / ARRAYS / "latents").glob("*/*/fold-*")}
    for folder in sorted(found, key=lambda path: c_order(str(path))):
        ae, condition = folder.parent.name, folder.name
        item = Item("latents", f"{ae} {condition}", f"{ARRAYS}/latents/{ae}/{condition}")
        yield _judged(store, item, partial(_latents_of, store, ae, condition))


def _latents_of(store: Store, ae: str, condition: Any) -> list[Product]:
    folds = folds_of(store, autoencoder_config(store, ae).task)
    return [latents_fold(store, ae, condition, folds, fold.number) for fold in folds.folds]


def _classifiers(store: Store) -> Iterator[Item]:
    for name in store.names("classifiers/*/config.yaml"):
        yield _judged(store, Item("classifier", name, f"classifiers/{name}"), partial(_classifier_of, store, name))


def _classifier_of(store: Store, name: str) -> list[Product]:
    config = classifier_config(store, name)
    folds = folds_of(store, config.task)
    return [classifier_fold(store, name, config, folds, fold.number) for fold in folds.folds]


def _results(store: Store) -> Iterator[Item]:
    for name in store.names("classifiers/*/config.yaml"):
        item = _judged(store, Item("result", name, f"results/{name}"), partial(_result_of, store, name))
        if item.states == {"fresh": 1}:
            try:
                scores = read_scores(store, item.folder)
                item.about = {key: scores[key] for key in ("task", "uar", "uar_ci95", "dev_uar", "marks", "folds_done")}
            except SercliError as error:
                _give_up(store, item, error)
        item.command = command(store, "evaluate", []) if item.command else ""  # one command scores them all
        yield item


def _result_of(store: Store, name: str) -> list[Product]:
    return [published_result(store, name)]


def _out_of_domain(store: Store) -> Iterator[Item]:
    """Stale too if the store that the classifier is from has another by now."""
    for name in results_elsewhere(store):
        item = Item("out of domain", name, f"{OUT_OF_DOMAIN}/{name}")
        yield _judged(store, item, partial(_out_of_domain_of, store, name))


def _out_of_domain_of(store: Store, name: str) -> list[Product]:
    return [read_elsewhere(store, name)[0]]


def _comparisons(store: Store) -> Iterator[Item]:
    for name in store.names("comparisons/*/provenance.json"):
        item = Item("comparison", name, f"comparisons/{name}")
        yield _judged(store, item, partial(_comparison_of, store, name))


def _comparison_of(store: Store, name: str) -> list[Product]:
    asked = (store.provenance(f"comparisons/{name}") or {})["config"]
    return [comparison(store, asked["first"], asked["second"])]


def _sweeps(store: Store) -> Iterator[Item]:
    """A sweep is stale if a result that it shows is another by now."""
    for name in store.names("sweeps/*/provenance.json"):
        item = Item("sweep", name, f"sweeps/{name}")
        try:
            read = (store.provenance(item.folder) or {"inputs": {}})["inputs"]
        except SercliError as error:
            _give_up(store, item, error)
            yield item
            continue
        shown = {one.partition("/")[2]: was for one, was in read.items() if one.startswith("results/")}
        item.about["points"] = len(shown)
        item.why = [f"results/{one}" for one, was in shown.items() if _digest_of(store, one) != was]
        item.states = {"stale" if item.why else "fresh": 1}
        item.command = command(store, "sweep", ["GRID.yaml", "--name", name]) if item.why else ""
        yield item


def _diagnostics(store: Store) -> Iterator[Item]:
    for name in store.names("diagnostics/*/provenance.json"):
        yield _judged(store, Item("diagnostics", name, f"diagnostics/{name}"), partial(_diagnostics_of, store, name))


def _diagnostics_of(store: Store, name: str) -> list[Product]:
    folds = folds_of(store, autoencoder_config(store, name).task)
    fitted = zip(folds.folds, _autoencoder_of(store, name), strict=True)
    return [diagnostics(store, name, [fold.number for fold, one in fitted if store.state(one).name == "fresh"])]


def _report(store: Store) -> Iterator[Item]:
    """A page is stale if what it may show was made after it."""
    page = store.path / REPORT
    if page.is_file():
        shown = (path for kind in _SHOWN for path in store.path.glob(f"{kind}/*/provenance.json"))
        later = max((path.stat().st_mtime for path in shown), default=0) > page.stat().st_mtime
        item = Item("report", REPORT, REPORT, {"stale" if later else "fresh": 1})
        item.why = ["what it shows"] if later else []
        item.command = command(store, "report", []) if later else ""
        yield item


def _of_bundles(store: Store) -> Iterator[Path]:
    for path in store.path.glob("bundles/*/*/provenance.json"):
        if re.fullmatch(rf"{EVERYBODY}|fold-[1-9]\d*", path.parent.name):
            yield path


def _bundles(store: Store) -> Iterator[Item]:
    for path in sorted(_of_bundles(store), key=lambda path: c_order(str(path))):
        name, which = path.parts[-3:-1]
        item = Item("bundle", name if which == EVERYBODY else f"{name} {which}", f"bundles/{name}/{which}")
        yield _judged(store, item, partial(_bundle_of, store, name, which))


def _bundle_of(store: Store, name: str, which: str) -> list[Product]:
    return [bundle(store, name, NOBODY if which == EVERYBODY else int(which.removeprefix("fold-")))]


def _digest_of(store: Store, classifier: str) -> str | None:
    try:
        return published_result(store, classifier).digest
    except SercliError:
        return None


_KINDS: tuple[Callable[[Store], Iterable[Item]], ...] = (
    _features,
    _tasks,
    _autoencoders,
    _latents,
    _classifiers,
    _results,
    _out_of_domain,
    _comparisons,
    _sweeps,
    _diagnostics,
    _report,
    _bundles,
)


def _judged(store: Store, item: Item, products: Callable[[], Sequence[Product]]) -> Item:
    """The states of an item's products; what cannot even be asked for, since something before it is wanting, is missing."""
    try:
        wanted = products()
        states = [store.state(product) for product in wanted]
    except SercliError as error:
        _give_up(store, item, error)
        return item
    item.states = dict(Counter(state.name for state in states))
    item.why = list(dict.fromkeys(changed for state in states for changed in state.changed))
    wanting = [product for product, state in zip(wanted, states, strict=True) if state.name in ("missing", "stale")]
    if wanting:
        item.command = wanting[0].command if len(wanting) == 1 else _FOLD.sub("", wanting[0].command)
    return item


def _give_up(store: Store, item: Item, error: SercliError) -> None:
    """Of damage, here or before it in the pipeline, or of something that is wanting there."""
    cure = re.search(r"run `([^`]+)`", str(error))
    there = (store.path / item.folder).exists()
    if isinstance(error, DamagedProduct):
        state = "damaged" if str(store.path / item.folder) in str(error) else "unknown"
    else:
        state = "stale" if there else "missing"
    item.states, item.problem = {state: 1}, str(error) if there else ""
    item.command = cure[1] if cure else ""


# --- the next command


def _next(store: Store, items: Sequence[Item]) -> str:
    """The first thing that is wanting in the order of the pipeline (empty if no command mends it); where all is there, a look
    at it."""
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    if "features" not in by_kind:
        return command(store, "featurize", [])
    wanting = [item for item in items if item.wanting]
    if wanting:
        return wanting[0].command
    if "autoencoder" not in by_kind and "classifier" not in by_kind:
        asked = [item.name for item in by_kind.get("task", [])]
        return command(store, "train-ae", ["--model", "cvae", *(["--task", asked[0]] if asked else [])])
    read = {classifier_config(store, item.name).autoencoder for item in by_kind.get("classifier", [])}
    encoded = {item.name.partition(" ")[0] for item in by_kind.get("latents", [])}
    for item in by_kind.get("autoencoder", []):
        if item.name not in read | {NO_AUTOENCODER}:
            return command(store, "train-lstm" if item.name in encoded else "encode", ["--ae", item.name])
    if "report" not in by_kind:
        return command(store, "report", [])
    scored = [item for item in by_kind.get("result", []) if _can_be_exported(store, item)]
    if scored and "bundle" not in by_kind:
        best = max(scored, key=lambda item: float(item.about["dev_uar"]))  # nothing is chosen by test
        return command(store, "export", ["--classifier", best.name, "BUNDLE"])
    return shlex.join(["sercli", "predict", "BUNDLE", "FILE"]) if scored else command(store, "report", [])


def _can_be_exported(store: Store, result: Item) -> bool:
    try:
        config = classifier_config(store, result.name)
        refuse_helpless(result.name, config, frontend_of(store, config.frontend))
    except SercliError:
        return False
    return "PARTIAL" not in result.about["marks"]


def _bytes(path: Path) -> int:
    """On disk, of all files below a folder; what vanishes meanwhile counts nothing."""
    total = path.stat().st_size if path.is_file() else 0
    for parent, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total
