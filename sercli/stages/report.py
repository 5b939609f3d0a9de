"""`sercli report`: one page of all that a store holds; what it must compute for that becomes products of the store."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__, plugins
from ..config import plain
from ..corpora.base import read_card
from ..data.utterances import read_table
from ..errors import BrokenPlugin, MissingInput, SercliError, UsageError
from ..evaluation.scores import group, marks_of
from ..experiments.making import Outcome, Run, make
from ..experiments.resolve import (
    NO_AUTOENCODER,
    AutoencoderConfig,
    autoencoder_config,
    classifier_config,
    command,
    default_task,
    sees_labels,
    task_of,
)
from ..experiments.systems import (
    autoencoder_fold,
    classifier_fold,
    comparison,
    features,
    features_key,
    folds_of,
    latents_of,
    published_result,
    results_elsewhere,
    task_product,
)
from ..machine.progress import say
from ..report.page import AskedTask, Content, FoldRow, Latents, Sweep, System, printed_for, render
from ..report.pictures import data_uri
from ..store.store import ARRAYS, Store
from ..text import c_order
from . import info
from . import latents as diagnose
from .evaluate import read_scores
from .out_of_domain import read_elsewhere

_DOCTYPE = b"<!DOCTYPE html>"
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "zarr", "safetensors", "soundfile", "soxr", "matplotlib")
_MOST_REASONS = 20


def run(path: Path, output: Path | None, run: Run) -> Outcome:
    """Raises MissingInput for a store with neither a score nor an autoencoder, SercliError for a file that cannot be written."""
    store = Store(path)
    target = output or path / info.REPORT
    _refuse_target(target, run.overwrite)
    fitted = _fitted(store)
    scored, unevaluated = _scored(store)
    diagnosed = _diagnosed(fitted)
    if not scored and not diagnosed:
        raise MissingInput(f"{path}: holds neither a score nor an autoencoder that is fresh; {_cure(path)}")
    works = [diagnose.work(store, name, folds_of(store, config.task), done) for name, (config, done) in diagnosed]
    outcome = Outcome(str(target), str(target))
    if works:
        made = make(store, "diagnostics", "diagnostics", works, run, diagnose.LOADED, "autoencoder")
        outcome.made, outcome.reused, outcome.stale = made.made, made.reused, made.stale
    if run.dry_run and outcome.made:
        say(f"would write {target}")
        outcome.made.append(target.name)
        return outcome
    page = render(_content(store, fitted, scored, unevaluated)).encode()
    if target.is_file() and target.read_bytes() == page:
        say(f"report: nothing to do, {target} is up to date")
        if not run.dry_run:
            with suppress(OSError):  # a page that may only be read
                target.touch()  # `info` compares it with the times of what it shows
        outcome.reused.append(target.name)
    else:
        outcome.made.append(target.name)
        if run.dry_run:
            say(f"would write {target}")
        else:
            _write(target.resolve(), page)
    return outcome


def _refuse_target(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise SercliError(f"{target}: is a folder, wanted a file; name one with -o FILE.html")
    if not target.parent.is_dir():
        raise SercliError(f"{target}: there is no folder {target.parent}; make it, or name another with -o FILE.html")
    if not target.exists():
        return
    if not target.is_file():
        raise SercliError(f"{target}: is no regular file; name one with -o FILE.html")
    with target.open("rb") as stream:
        first = stream.read(len(_DOCTYPE))
    if first not in (b"", _DOCTYPE) and not overwrite:
        raise SercliError(f"{target}: exists and is no page; choose another name, or replace it with --overwrite")


def _write(target: Path, page: bytes) -> None:
    """Whole or not at all."""
    draft = target.with_name(f".{target.name[:200]}-{os.getpid()}")
    try:
        draft.write_bytes(page)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _cure(path: Path) -> str:
    found = info.run(path)
    return f"run `{found['next']}` first" if found["next"] else f"see `{command(Store(path), 'info', [])}`"


# --- what is there

Fitted = dict[str, tuple[AutoencoderConfig, list[int]]]  # configuration, and folds that are done


def _fitted(store: Store) -> Fitted:
    found: Fitted = {}
    for name in store.names("autoencoders/*/config.yaml"):
        config = autoencoder_config(store, name)
        found[name] = config, []
        try:
            folds = folds_of(store, config.task)
            store.require(features(store, config.frontend))
        except MissingInput as error:
            say(f"{name}: left out: {error}")
            continue
        products = [(fold.number, autoencoder_fold(store, name, config, folds, fold.number)) for fold in folds.folds]
        found[name][1].extend(number for number, product in products if store.state(product).name == "fresh")
    return found


def _diagnosed(fitted: Fitted) -> list[tuple[str, tuple[AutoencoderConfig, list[int]]]]:
    """The first seed of each system, of those with a finished fold."""
    first: dict[str, str] = {}
    for name in sorted((name for name in fitted if fitted[name][1]), key=lambda name: fitted[name][0].seed):
        first.setdefault(_alike(fitted[name][0]), name)
    return [(name, fitted[name]) for name in fitted if name in first.values()]


def _alike(config: AutoencoderConfig) -> str:
    """What all seeds of an autoencoder have in common."""
    return json.dumps({**plain(config), "seed": None}, sort_keys=True)


def _scored(store: Store) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Results that are fresh, and the classifiers that have none, each with the reason."""
    scored, missing = [], []
    for name in store.names("classifiers/*/config.yaml"):
        try:
            published_result(store, name)
        except MissingInput as error:
            missing.append((name, _without_path(str(error), store.path)))
        else:
            scored.append(read_scores(store, f"results/{name}"))
    return scored, missing


# --- what is shown of it


def _content(
    store: Store, fitted: Fitted, scored: Sequence[Mapping[str, Any]], unevaluated: Sequence[tuple[str, str]]
) -> Content:
    tasks = _tasks(store)
    by_name = {task.name: task for task in tasks}
    results = {str(one["classifier"]): one for one in scored}
    comparisons = _comparisons(store)
    return Content(
        corpus=_corpus(store),
        tasks=tasks,
        systems=[_system(store, one, results, by_name) for one in group(store, scored)],
        unevaluated=unevaluated,
        comparisons=comparisons,
        elsewhere=_elsewhere(store),
        latents=[_latents(store, name, fitted) for name, _ in _diagnosed(fitted)],
        kinds=_kinds(store, fitted, results),
        seeds={name: config.seed for name, (config, _) in fitted.items()},
        unfitted=[name for name, (_, done) in fitted.items() if not done],
        sweeps=[_sweep(store, name) for name in store.names("sweeps/*/provenance.json")],
        versions=_versions(),
        digests=_digests(store, tasks),
        first_commands=_first_commands(store, tasks),
        further_commands=_of_unread(store, fitted, results),
        last_commands=_last_commands(store, results, comparisons),
    )


def _kinds(store: Store, fitted: Fitted, results: Mapping[str, Any]) -> dict[str, str]:
    """The first paragraph that each plug-in says of itself."""
    configs = [classifier_config(store, name) for name in results]
    frontends = {one.frontend for one in configs} | {config.frontend for config, _ in fitted.values()}
    made = [store.provenance(features_key(name)) for name in frontends]
    used = {
        "frontends": {str(found["config"]["frontend"]) for found in made if found},
        "autoencoders": {config.model for config, _ in fitted.values()},
        "classifiers": {config.classifier for config in configs},
    }
    found = {}
    for package, names in used.items():
        for name in sorted(names):
            with suppress(UsageError):  # a plug-in that is not installed here
                found[name] = " ".join(plugins.card(package, name).split("\n\n")[0].split())
    return found


def _corpus(store: Store) -> dict[str, Any]:
    """What `ingest` and `featurize` found."""
    utterances = store.utterances
    labels = Counter(utterance.emotion or "(not labelled)" for utterance in utterances)
    tables = sorted(store.path.glob("rejects*.tsv"))
    counts = store.path / "counts.tsv"
    try:
        card = read_card(str(store.told("corpus")))
    except (UsageError, BrokenPlugin):
        card = None  # a reader that is not installed here
    return {
        "name": str(store.told("name")),
        "reader": str(store.told("corpus")),
        "card": card._asdict() if card else None,
        "synthetic": bool(store.corpus.get("synthetic")),
        "utterances": len(utterances),
        "speakers": len({utterance.speaker for utterance in utterances}),
        "hours": sum(utterance.duration for utterance in utterances) / 3600,
        "columns": {
            column: len(values)
            for column in ("session", "gender", "style")
            if len(values := {getattr(utterance, column) for utterance in utterances} - {""}) > 1
        },
        "labels": {label: labels[label] for label in sorted(labels, key=c_order)},
        "rejects": {table.name: _rejects(table) for table in tables},
        "counts": list(read_table(counts)) if counts.is_file() else [],
    }


def _rejects(table: Path) -> dict[str, Any]:
    reasons = Counter(row.get("reason", "") for row in read_table(table))
    shown = sorted(reasons.items(), key=lambda one: (-one[1], c_order(one[0])))
    return {"n": sum(reasons.values()), "reasons": shown[:_MOST_REASONS], "more": len(shown[_MOST_REASONS:])}


def _tasks(store: Store) -> list[AskedTask]:
    """Those that are fresh; the corpus's own question first."""
    own = default_task(store)
    found = []
    for name in store.names("tasks/*/task.yaml"):
        task = task_of(store, name)
        if store.state(task_product(store, name, task)).name != "fresh":
            continue
        folds = folds_of(store, name)
        counts = Counter(folds.labels.values())
        rows = [
            FoldRow(fold.number, fold.left_out, fold.dev, *(len(fold.part(part)) for part in ("train", "dev", "test")))
            for fold in folds.folds
        ]
        found.append(
            AskedTask(
                name,
                plain(task),
                {label: counts[label] for label in folds.classes},
                len({u.speaker for u in store.utterances if u.utt_id in folds.labels}),
                rows,
                folds.digest,
                (task.target, task.classes) == (own.target, own.classes),
            )
        )
    return sorted(found, key=lambda one: (not one.usual, c_order(one.name)))


def _system(
    store: Store, one: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], tasks: Mapping[str, AskedTask]
) -> System:
    names = list(one["classifiers"])
    first = names[0]
    config = classifier_config(store, first)
    folds = folds_of(store, config.task)
    done = [
        fold["fold"]
        for fold in results[first]["per_fold"]
        if store.state(classifier_fold(store, first, config, folds, fold["fold"])).name == "fresh"
    ]
    return System(
        one,
        [results[name] for name in names],
        diagnose.histories(store, "classifiers", first, done),
        [line for name in names for line in _commands(store, name)],
        printed_for(one, results[first], tasks[config.task], str(store.told("corpus"))),
    )


def _latents(store: Store, name: str, fitted: Fitted) -> Latents:
    config, _ = fitted[name]
    classifiers = store.names("classifiers/*/config.yaml")
    return Latents(
        name,
        plain(config),
        config.task,
        task_of(store, config.task).target,
        marks_of(store, config),
        sees_labels(config),
        [one for one in classifiers if classifier_config(store, one).autoencoder == name],
        [one for one in fitted if one != name and _alike(fitted[one][0]) == _alike(config)],
        len(folds_of(store, config.task).folds),
        diagnose.read(store, name),
    )


def _elsewhere(store: Store) -> list[dict[str, Any]]:
    """Scores of other stores' classifiers, those that are fresh."""
    found = []
    for name in results_elsewhere(store):
        with suppress(SercliError):  # the other store is gone, or not as it was
            product, scores = read_elsewhere(store, name)
            store.require(product)
            found.append(scores)
    return found


def _comparisons(store: Store) -> list[dict[str, Any]]:
    """Those that are fresh."""
    found = []
    for name in store.names("comparisons/*/provenance.json"):
        asked = (store.provenance(f"comparisons/{name}") or {})["config"]
        try:
            product = comparison(store, str(asked["first"]), str(asked["second"]))
        except MissingInput:
            continue
        if store.state(product).name == "fresh":
            found.append(json.loads(store.file(product.key, "comparison.json").read_text(encoding="utf-8")))
    return found


_IN_SWEEPS = ("row", "seed", "classifier", "task", "marks", "chosen", "n_utterances", "folds_done", "folds_expected")


def _sweep(store: Store, name: str) -> Sweep:
    """Stale if a result that it shows is another by now."""
    key = f"sweeps/{name}"
    read = (store.provenance(key) or {"inputs": {}})["inputs"]
    stale = [one for one, was in read.items() if one.startswith("results/") and _result_digest(store, one) != was]
    if stale:
        return Sweep(name, [], [], "", stale[0])
    rows = list(read_table(store.file(key, "results.tsv")))
    header = list(rows[0]) if rows else []
    axes = header[1 : header.index("classifier")] if "classifier" in header else []
    figure = store.path / key / "figure.svg"
    uri = data_uri("image/svg+xml", store.file(key, "figure.svg").read_bytes()) if figure.is_file() else ""
    return Sweep(name, rows, [axis for axis in axes if axis not in _IN_SWEEPS], uri)


def _result_digest(store: Store, key: str) -> str | None:
    try:
        return published_result(store, key.partition("/")[2]).digest
    except MissingInput:
        return None


# --- what made it all


def _versions() -> dict[str, str]:
    found = {"sercli": __version__, "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _digests(store: Store, tasks: Sequence[AskedTask]) -> dict[str, str]:
    """Of what everything else was made from, and of the results."""
    found = {"corpus table": str(store.told("table"))}
    keys = [features_key(name) for name in store.names(f"{ARRAYS}/features/*/zarr.json")]
    keys += [f"results/{name}" for name in store.names("results/*/provenance.json")]
    provenance = {key: store.provenance(key) for key in keys}
    found |= {key.removeprefix(f"{ARRAYS}/"): str(made["digest"]) for key, made in provenance.items() if made}
    return found | {f"folds of {task.name}": task.digest for task in tasks}


def _first_commands(store: Store, tasks: Sequence[AskedTask]) -> list[str]:
    frontends = store.names(f"{ARRAYS}/features/*/zarr.json")
    if store.is_combined:
        sources = [f"STORE-OF-{name}" for name in store.told_names("stores")]
        made = ["combine", *sources, "STORE", "--classes", ",".join(store.told_names("classes"))]
    else:
        scale = [f"{limit:g}" for limit in store.corpus.get("scale", [])]
        made = ["ingest", "CORPUS", "STORE", "--corpus", str(store.told("corpus"))]
        made += ["--scale", ",".join(scale)] if scale else []
    return [
        shlex.join(["sercli", *made, "--name", str(store.told("name"))]),
        *(_without_place(features(store, name).command) for name in frontends),
        *(_without_place(task_product(store, t.name, task_of(store, t.name)).command) for t in tasks),
    ]


def _of_unread(store: Store, fitted: Fitted, results: Mapping[str, Any]) -> list[str]:
    read = {classifier_config(store, name).autoencoder for name in results}
    unread = {name: config for name, (config, done) in fitted.items() if done and name not in read}
    folds = {name: folds_of(store, config.task) for name, config in unread.items()}
    return [_without_place(autoencoder_fold(store, name, unread[name], folds[name], 1).command) for name in unread]


def _last_commands(store: Store, results: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    pairs = [(one["first"]["classifier"], one["second"]["classifier"]) for one in comparisons]
    return [
        *(["sercli evaluate STORE"] if results else []),
        *(shlex.join(["sercli", "compare", "STORE", *pair]) for pair in pairs),
        *(f"sercli sweep STORE STORE/sweeps/{name}/grid.yaml" for name in store.names("sweeps/*/provenance.json")),
        "sercli report STORE",
    ]


def _commands(store: Store, classifier: str) -> list[str]:
    """Autoencoder, latents and classifier of one seed."""
    config = classifier_config(store, classifier)
    folds = folds_of(store, config.task)
    lines = []
    if config.autoencoder != NO_AUTOENCODER:
        ae = autoencoder_config(store, config.autoencoder)
        lines += [
            autoencoder_fold(store, config.autoencoder, ae, folds_of(store, ae.task), 1).command,
            latents_of(store, config, 1).command,
        ]
    lines += [classifier_fold(store, classifier, config, folds, 1).command]
    return [_without_place(line) for line in lines]


def _without_path(text: str, path: Path) -> str:
    """The same wherever the store lies; its name may be a part of other words."""
    place = re.compile(rf"(?<![\w./-]){re.escape(str(path))}(?:/|(?![\w-]))")
    return place.sub(lambda found: "" if found[0].endswith("/") else "STORE", text)


def _without_place(line: str) -> str:
    """All folds, and a store wherever it lies."""
    words = shlex.split(line)
    words[2] = "STORE"
    if "--fold" in words:
        at = words.index("--fold")
        del words[at : at + 2]
    return shlex.join(words)
