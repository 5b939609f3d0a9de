"""Reads from a store what the page of `sercli report` shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from .. import plugins
from ..config import build
from ..corpora.base import read_card
from ..data.utterances import read_table
from ..errors import BrokenPlugin, Command, MissingInput, SercliError, UsageError
from ..evaluation.agreement import summarise_ratings
from ..evaluation.comparison import Comparison
from ..evaluation.diagnostics import Diagnosis
from ..evaluation.groups import Group, group_by_system
from ..evaluation.human_reference import human_references
from ..evaluation.marks import Mark, marks_of_autoencoder
from ..evaluation.references import beside_references
from ..evaluation.results import Result
from ..evaluation.stored import read_comparison, read_cross_corpus_result, read_histories, read_result
from ..evaluation.table_records import record_rows, record_table, versions_of_fits
from ..evaluation.table_rows import row_of
from ..experiments.catalogue import Catalogue
from ..experiments.fit_records import FitCost, read_fit_record
from ..experiments.kinds import KINDS, Entry, entries
from ..experiments.shared_recordings import count_near_copies
from ..experiments.systems import Autoencoder, Classifier
from ..machine.progress import say
from ..machine.versions import versions
from ..store import keys, publishing
from ..tasks.summary import summarise
from ..text import c_order
from .data_card import data_card
from .paper import printed_scores
from .pictures import DiagnosisPictures, data_uri
from .sections import (
    AutoencoderSection,
    CorpusSection,
    FoldRow,
    Origin,
    Page,
    RejectCounts,
    ReleaseCount,
    SweepSection,
    SystemSection,
    TaskSection,
)

DIAGNOSIS, PICTURES = "diagnostics.json", "pictures.json"
_MOST_REASONS = 20
_NO_AXES = ("row", "seed", "classifier", "task", "marks", "chosen", "n_utterances", "folds_done", "folds_expected")


def usable_autoencoders(catalogue: Catalogue) -> list[Autoencoder]:
    """Autoencoders whose task and features are fresh; the others are reported."""
    autoencoders = []
    for name in catalogue.autoencoder_names:
        autoencoder = catalogue.autoencoder(name)
        try:
            autoencoder.task.require()
            publishing.require(catalogue.store, autoencoder.features.product)
        except MissingInput as error:
            say(f"{name}: skipped: {error}")
        else:
            autoencoders.append(autoencoder)
    return autoencoders


def diagnosed_autoencoders(catalogue: Catalogue) -> list[Autoencoder]:
    """Of autoencoders with a finished fold that differ in their seed only, the one with the lowest seed."""
    fitted = [autoencoder for autoencoder in usable_autoencoders(catalogue) if autoencoder.fresh_folds]
    first: dict[str, Autoencoder] = {}
    for autoencoder in sorted(fitted, key=lambda autoencoder: autoencoder.config.seed):
        first.setdefault(autoencoder.seedless_key, autoencoder)
    return [autoencoder for autoencoder in fitted if autoencoder in first.values()]


class PageReader:
    """Reads everything that the page shows; only fresh products are shown."""

    def __init__(self, catalogue: Catalogue, diagnosed: Sequence[str]) -> None:
        self.catalogue, self.store = catalogue, catalogue.store
        self.diagnosed = [catalogue.autoencoder(name) for name in diagnosed]
        self.autoencoders = [catalogue.autoencoder(name) for name in catalogue.autoencoder_names]

    def read(self) -> Page:
        """Everything, as values for the templates. The tables of scores are recorded in the store."""
        systems = self._systems()
        return Page(
            corpus=self._corpus(),
            tasks=self.tasks,
            systems=systems,
            unscored=self._scored[1],
            comparisons=self.comparisons,
            cross_corpus=[read_cross_corpus_result(self.store, entry.key) for entry in self._fresh("cross-corpus")],
            autoencoders=[self._autoencoder(autoencoder) for autoencoder in self.diagnosed],
            unfitted=[autoencoder.name for autoencoder in self.autoencoders if not autoencoder.fresh_folds],
            sweeps=[self._sweep(entry) for entry in self._entries("sweep")],
            origin=self._origin(),
            digests=self._digests_of_tables(systems),
            cross_corpus_digest=self._cross_corpus_digest(),
            comparisons_digest=self._comparisons_digest(),
        )

    def _entries(self, kind: str) -> list[Entry]:
        return list(entries(self.catalogue, [each for each in KINDS if each.name == kind]))

    def _fresh(self, kind: str) -> list[Entry]:
        return [entry for entry in self._entries(kind) if entry.judgement.is_fresh]

    # --- the corpus and its tasks

    def _corpus(self) -> CorpusSection:
        utterances = self.store.utterances
        columns = {
            column: {getattr(utterance, column) for utterance in utterances} - {""}
            for column in ("session", "gender", "style")
        }
        tables = [self.store.corpus_folder / "rejects.tsv", *sorted(self.store.path.glob("rejects-*.tsv"))]
        counts = self.store.corpus_folder / "counts.tsv"
        reader = str(self.store.corpus_fact("corpus"))
        card = None  # of a reader that is not installed here
        with suppress(UsageError, BrokenPlugin):
            card = read_card(reader)
        raters = summarise_ratings(self.store.ratings)
        return CorpusSection(
            name=self.store.name,
            reader=reader,
            card=card,
            synthetic=self.store.is_synthetic,
            summary=summarise(utterances),
            columns={column: len(values) for column, values in columns.items() if len(values) > 1},
            rejects={table.name: _rejects(table) for table in tables if table.is_file()},
            counts=[ReleaseCount(row["cell"], row["found"], row["expected"]) for row in read_table(counts)]
            if counts.is_file()
            else [],
            data_card=data_card(utterances, reader, card, raters, self.store.is_synthetic),
            raters=raters,
            near_copies=count_near_copies(self.store),
        )

    @cached_property
    def tasks(self) -> list[TaskSection]:
        """Fresh tasks; those with the default classes of the corpus first, and points of a learning curve last."""
        tasks = [self._task(entry.name) for entry in self._fresh("task")]

        def order(task: TaskSection) -> tuple[bool, bool, bytes]:
            return task.definition.has_reduced_training, not task.has_default_classes, c_order(task.name)

        return sorted(tasks, key=order)

    def _task(self, name: str) -> TaskSection:
        task = self.catalogue.task(name)
        folds, corpus_task = task.folds, self.catalogue.corpus_task
        counts = Counter(folds.labels.values())
        rows = [
            FoldRow(fold.number, fold.left_out, fold.dev, *(len(fold.part(part)) for part in ("train", "dev", "test")))
            for fold in folds.folds
        ]
        return TaskSection(
            name=name,
            definition=task.definition,
            counts={label: counts[label] for label in folds.classes},
            speakers=len({u.speaker for u in self.store.utterances if u.utt_id in folds.labels}),
            folds=rows,
            digest=folds.digest,
            has_default_classes=(task.definition.target, task.definition.classes)
            == (corpus_task.target, corpus_task.classes),
            humans=human_references(task),
        )

    # --- systems

    @cached_property
    def _scored(self) -> tuple[dict[str, Result], list[tuple[str, str]]]:
        """Fresh results by classifier, and the classifiers without one, each with the reason."""
        results: dict[str, Result] = {}
        missing: list[tuple[str, str]] = []
        for name in self.catalogue.classifier_names:
            try:
                self.catalogue.classifier(name).published_result()
            except MissingInput as error:
                missing.append((name, self._reason(error)))
            else:
                results[name] = read_result(self.store, name)
        return results, missing

    def _reason(self, error: SercliError) -> str:
        """An error in words that are the same wherever the store lies."""
        place, store = Path(error.place), self.store.path
        if place.is_relative_to(store):
            error = error.at_only(place.relative_to(store) if place != store else "STORE")
        commands = tuple(command.for_store("STORE") for command in error.commands)
        return str(error.fixed_by(commands or error.fix))

    def _systems(self) -> list[SystemSection]:
        results, key_of = list(self._scored[0].values()), lambda name: self.catalogue.classifier(name).seedless_key
        return [self._system(group) for group in beside_references(group_by_system(results, key_of))]

    def _system(self, group: Group) -> SystemSection:
        first = self.catalogue.classifier(group.classifiers[0])
        fresh = [k for k in group.results[0].folds if publishing.is_fresh(self.store, first.fold(k))]
        task = next(task for task in self.tasks if task.name == group.system.task)
        reader = str(self.store.corpus_fact("corpus"))
        return SystemSection(
            group,
            read_histories(first, fresh),
            [line for name in group.classifiers for line in self._commands(self.catalogue.classifier(name))],
            printed_scores(group.system, reader, task.has_default_classes),
            self._costs(group),
        )

    def _costs(self, group: Group) -> dict[str, FitCost]:
        """Of the fits that are recorded; an autoencoder that several seeds share counts once."""
        classifiers = [self.catalogue.classifier(name) for name in group.classifiers]
        readers = {c.autoencoder.name: c.autoencoder for c in classifiers if c.autoencoder}
        systems: dict[str, Sequence[Autoencoder | Classifier]] = {
            "classifier": classifiers,
            "autoencoder": list(readers.values()),
        }
        costs = {}
        for part, several in systems.items():
            folders = [self.store.location(keys.fold(s.key, k)) for s in several for k in group.results[0].folds]
            if records := [record for folder in folders if (record := read_fit_record(folder))]:
                costs[part] = FitCost.of(records)
        return costs

    def _digests_of_tables(self, systems: Sequence[SystemSection]) -> dict[tuple[str, Sequence[Mark]], str]:
        """By task, and the marks that set the systems of the table apart."""
        tables: dict[tuple[str, Sequence[Mark]], dict[str, list[str]]] = {}
        for system in systems:
            group = system.group
            tables.setdefault((group.system.task, system.apart), {})[group.name] = group.classifiers
        return {place: record_table(self.catalogue, rows) for place, rows in tables.items()}

    def _comparisons_digest(self) -> str:
        """Of the table of comparisons, which holds all their systems; empty without one."""
        sides = [side for comparison in self.comparisons for side in (comparison.first, comparison.second)]
        return record_table(self.catalogue, {side.system: side.classifiers for side in sides}) if sides else ""

    def _cross_corpus_digest(self) -> str:
        """Of the table of classifiers of other stores; empty without one."""
        keys_of_results = [entry.key for entry in self._fresh("cross-corpus")]
        names = [read_cross_corpus_result(self.store, key).system.classifier for key in keys_of_results]
        rows = [row_of(self.catalogue, key, name) for key, name in zip(keys_of_results, names, strict=True)]
        named = [(key.rpartition("/")[2], row) for key, row in zip(keys_of_results, rows, strict=True)]
        return record_rows(self.store, named) if named else ""

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Those that are fresh."""
        return [read_comparison(self.store, entry.key) for entry in self._fresh("comparison")]

    def _autoencoder(self, autoencoder: Autoencoder) -> AutoencoderSection:
        classifiers = [self.catalogue.classifier(name) for name in self.catalogue.classifier_names]
        alike = [other for other in self.autoencoders if other.seedless_key == autoencoder.seedless_key]
        key = keys.diagnostics(autoencoder.name)
        diagnosis, pictures = (self.store.read_json(key, name) for name in (DIAGNOSIS, PICTURES))
        return AutoencoderSection(
            name=autoencoder.name,
            config=autoencoder.config,
            task=autoencoder.task.name,
            target=autoencoder.task.definition.target,
            marks=marks_of_autoencoder(autoencoder),
            readers=[classifier.name for classifier in classifiers if classifier.autoencoder is autoencoder],
            other_seeds=[other.name for other in alike if other is not autoencoder],
            n_folds=len(autoencoder.fold_numbers),
            diagnosis=build(Diagnosis, diagnosis, self.store.location(key) / DIAGNOSIS),
            pictures=build(DiagnosisPictures, pictures, self.store.location(key) / PICTURES),
        )

    def _sweep(self, entry: Entry) -> SweepSection:
        if not entry.judgement.is_fresh:
            return SweepSection(entry.name, stale=next(iter(entry.judgement.changed), "a result"))
        rows = list(read_table(self.store.file(entry.key, "results.tsv")))
        header = list(rows[0]) if rows else []
        axes = header[1 : header.index("classifier")] if "classifier" in header else []
        has_figure = (self.store.location(entry.key) / "figure.svg").is_file()
        figure = self.store.file(entry.key, "figure.svg").read_bytes() if has_figure else b""
        uri = data_uri("image/svg+xml", figure) if figure else ""
        return SweepSection(entry.name, rows, [axis for axis in axes if axis not in _NO_AXES], uri)

    # --- how it was made

    def _origin(self) -> Origin:
        scored = [self.catalogue.classifier(name) for name in self._scored[0]]
        systems: list[Autoencoder | Classifier] = [*scored, *self.autoencoders]
        return Origin(
            fit_versions=versions_of_fits((system, system.fresh_folds) for system in systems),
            page_versions=versions("matplotlib"),
            digests=self._digests(),
            seeds={autoencoder.name: autoencoder.config.seed for autoencoder in self.autoencoders},
            plugins=self._plugins(),
            first_commands=list(map(str, self._first_commands())),
            further_commands=list(map(str, self._unread_commands())),
            last_commands=list(map(str, self._last_commands())),
        )

    def _plugins(self) -> dict[str, str]:
        """The first paragraph of the docstring of each plug-in that was used."""
        classifiers = [self.catalogue.classifier(name) for name in self._scored[0]]
        systems: list[Autoencoder | Classifier] = [*classifiers, *self.autoencoders]
        names = {
            "frontends": {system.features.frontend for system in systems},
            "autoencoders": {autoencoder.config.model for autoencoder in self.autoencoders},
            "classifiers": {classifier.config.classifier for classifier in classifiers},
        }
        descriptions = {}
        for package, plugin_names in names.items():
            for name in sorted(plugin_names):
                with suppress(UsageError):  # a plug-in that is not installed here
                    descriptions[name] = " ".join(plugins.card(package, name).split("\n\n")[0].split())
        return descriptions

    def _digests(self) -> dict[str, str]:
        """Of what everything else was made from, and of the results."""
        corpus = self.store.provenance(keys.CORPUS)
        digests = {"corpus": str(corpus["digest"])} if corpus else {}
        for kind in ("features", "result"):
            for entry in self._entries(kind):
                if provenance := self.store.provenance(entry.key):
                    digests[entry.key.removeprefix(f"{keys.ARRAYS}/")] = str(provenance["digest"])
        return digests | {f"folds of {task.name}": task.digest for task in self.tasks}

    def _first_commands(self) -> list[Command]:
        store = self.store
        if store.is_combined:
            sources = [f"STORE-OF-{name}" for name in store.corpus_names("stores")]
            words = [*sources, "STORE", "--classes", ",".join(store.corpus_names("classes"))]
        else:
            scale = [f"{limit:g}" for limit in store.corpus.get("scale", [])]
            words = ["CORPUS", "STORE", "--corpus", str(store.corpus_fact("corpus"))]
            words += ["--scale", ",".join(scale)] if scale else []
        first = Command("combine" if store.is_combined else "ingest", words=(*words, "--name", store.name))
        features = [self.catalogue.features(name).product.command for name in self.catalogue.feature_names]
        tasks = [self.catalogue.task(task.name).product.command for task in self.tasks]
        return [first, *map(_anywhere, [*features, *tasks])]

    def _unread_commands(self) -> list[Command]:
        """Of autoencoders that no scored system reads."""
        read = {self.catalogue.classifier(name).config.autoencoder for name in self._scored[0]}
        unread = [autoencoder for autoencoder in self.autoencoders if autoencoder.fresh_folds]
        return [_anywhere(autoencoder.fold(1).command) for autoencoder in unread if autoencoder.name not in read]

    def _last_commands(self) -> list[Command]:
        pairs = [(c.first.system, c.second.system) for c in self.comparisons]
        return [
            *([Command("evaluate", "STORE")] if self._scored[0] else []),
            *(Command("compare", "STORE", pair) for pair in pairs),
            *(Command("sweep", "STORE", (f"STORE/{entry.key}/grid.yaml",)) for entry in self._entries("sweep")),
            Command("report", "STORE"),
        ]

    def _commands(self, classifier: Classifier) -> list[str]:
        """Autoencoder, latents and classifier of one seed."""
        products = [classifier.fold(1)]
        if classifier.autoencoder is not None:
            latents = classifier.autoencoder.latents(1, classifier.config.condition)
            products = [classifier.autoencoder.fold(1), latents, *products]
        return [str(_anywhere(product.command)) for product in products]


def _anywhere(command: Command) -> Command:
    """For all folds, and for a store at any place."""
    return command.for_all_folds().for_store("STORE")


def _rejects(table: Path) -> RejectCounts:
    reasons = Counter(row.get("reason", "") for row in read_table(table))
    in_order = sorted(reasons.items(), key=lambda pair: (-pair[1], c_order(pair[0])))
    return RejectCounts(sum(reasons.values()), in_order[:_MOST_REASONS], len(in_order[_MOST_REASONS:]))
