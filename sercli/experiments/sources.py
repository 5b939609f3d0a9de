"""What the systems of a store are made from: its features and its tasks, as objects that know their products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import build, plain
from ..data.hashing import digest
from ..data.ratings import RATINGS
from ..data.utterances import SUBSET_COLUMNS, Utterance
from ..errors import Command, MissingInput, SercliError, UsageError
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.ragged import Ragged
from ..store.store import Store
from ..tasks.apart import Values, values_of, values_of_test
from ..tasks.classes import label_by_classes, label_utterances
from ..tasks.confounds import SpeakerPrediction, predict_by_speaker, shared_value, shares_text
from ..tasks.folds import Fold, Folds
from ..tasks.folds_file import FoldsFile
from ..tasks.protocols import PROTOCOLS
from ..tasks.splitting import make_folds
from ..tasks.task import COMPLETE, Task, requested_task
from ..tasks.votes import Votes, soft_labels, votes_of, within
from . import naming

FOLDS_FILE = "source.tsv"  # in the folder of a task whose folds somebody else made


class Sources:
    """Features and tasks of a store, each read once. `planned_features` do not exist yet: name -> front end's configuration.

    A snapshot: make a new one after something was published.
    """

    def __init__(self, store: Store, planned_features: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.store = store
        self._features = {name: Features(self, name, config) for name, config in (planned_features or {}).items()}
        self._tasks: dict[str, CorpusTask] = {}
        self._folds_files: dict[str, FoldsFile] = {}

    def features(self, name: str) -> Features:
        """Published (or planned) features. Raises MissingInput."""
        if name not in self._features:
            self._features[name] = Features.published(self, name)
        return self._features[name]

    def task(self, name: str) -> CorpusTask:
        """A task that exists. Raises MissingInput."""
        if name not in self._tasks:
            definition = self.store.config(keys.task(name), "task.yaml")
            place = self.store.location(keys.task(name)) / "task.yaml"
            if definition is None:
                fix = Command("folds", self.store.path, ("--task", name))
                raise MissingInput("there is no such task", place=place, fix=fix)
            self._tasks[name] = CorpusTask(self, name, build(Task, definition, str(place)))
        return self._tasks[name]

    @property
    def feature_names(self) -> list[str]:
        """Names of the published features, in C order."""
        return self.store.names(f"{keys.features('*')}/zarr.json")

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, in C order."""
        return self.store.names(f"{keys.task('*')}/task.yaml")

    @cached_property
    def corpus_task(self) -> Task:
        """The task that the corpus card gives."""
        return build(Task, self.store.corpus_fact("task"), str(self.store.corpus_folder / "corpus.yaml"))

    @cached_property
    def corpus_emotions(self) -> tuple[list[str], Mapping[str, str]]:
        """Emotions of the corpus's own task in order, and the emotion of each utterance in it."""
        emotions = requested_task({"target": "emotion", "subset": COMPLETE}, self.corpus_task)
        return label_utterances(emotions, self.store.utterances)

    def add_folds_file(self, path: Path) -> str:
        """Read folds that somebody else made; returns their digest, by which a task names them. Raises SercliError."""
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise SercliError(error.strerror or str(error), place=path, expected="a table of utt_id and fold") from None
        except UnicodeDecodeError:
            raise SercliError("not UTF-8 text", place=path, expected="a table of utt_id and fold") from None
        self._folds_files[digest(text)] = FoldsFile(str(path), text)
        return digest(text)

    def folds_file(self, folds_digest: str) -> FoldsFile:
        """Folds that were added, or that a task of the store keeps. Raises MissingInput."""
        if folds_digest not in self._folds_files:
            for path in sorted(self.store.path.glob(f"{keys.task('*')}/{FOLDS_FILE}")):
                text = path.read_text(encoding="utf-8")
                self._folds_files[digest(text)] = FoldsFile(str(path), text)
        if folds_digest not in self._folds_files:
            problem, fix = "no task keeps the file of these folds", "name the file with --folds-file"
            raise MissingInput(problem, place=self.store.path, seen=folds_digest[:8], fix=fix)
        return self._folds_files[folds_digest]


class Features:
    """Frames of all utterances of a store as one front end makes them; `config` includes the name of the plug-in."""

    def __init__(self, sources: Sources, name: str, config: Mapping[str, Any], imported: str | None = None) -> None:
        """`imported` is the digest of features that were made elsewhere, empty for features made from sound; by default it is
        that of the published array."""
        self.sources, self.store, self.name, self.config = sources, sources.store, name, config
        self.key = keys.features(name)
        if imported is None:
            provenance = self.store.provenance(self.key) or {"inputs": {}}
            imported = str(provenance["inputs"].get("imported", ""))
        self.imported = imported
        self._row_digests: dict[tuple[str, ...], str] = {}

    @classmethod
    def published(cls, sources: Sources, name: str) -> Features:
        """The features of a published array. Raises MissingInput."""
        store = sources.store
        provenance = store.provenance(keys.features(name))
        if provenance is None:
            frontend = name if name in plugins.names("frontends") else "imported"
            fix = Command("featurize", store.path, tuple(naming.frontend_options(name, {"frontend": frontend})))
            raise MissingInput("there are no such features", place=store.path / keys.features(name), fix=fix)
        return cls(sources, name, provenance["config"])

    @property
    def frontend(self) -> str:
        """Name of the front-end plug-in."""
        return str(self.config["frontend"])

    @property
    def options(self) -> dict[str, Any]:
        """Options of the front-end plug-in."""
        return {key: value for key, value in self.config.items() if key != "frontend"}

    @cached_property
    def product(self) -> Product:
        """The array as it would be made now."""
        utterances = self.store.utterances
        inputs = {"imported": self.imported} if self.imported else {"audio": _sound_digest(utterances)}
        inputs["utterances"] = digest([u.utt_id for u in utterances])
        command = Command("featurize", self.store.path, tuple(naming.frontend_options(self.name, self.config)))
        is_copy = self.imported and self.store.is_combined
        return Product(self.key, self.config, inputs, self.store.origin if is_copy else command)

    def open(self) -> Ragged:
        """The published array."""
        return self.store.ragged(self.key)

    def inputs(self, utt_ids: Sequence[str], normalise: str) -> dict[str, str]:
        """Digests of what a system reads that takes these utterances."""
        inputs = {self.key.removeprefix(f"{keys.ARRAYS}/"): self.rows_digest(utt_ids)}
        if normalise == "speaker":
            inputs["features of the same speakers"] = self._speakers_digest(utt_ids)
        return inputs

    def rows_digest(self, utt_ids: Sequence[str]) -> str:
        """Digest of the features of these utterances only: a change of another recording makes nothing else stale.

        Features made elsewhere have one digest for the whole array.
        """
        ids = tuple(utt_ids)
        if ids not in self._row_digests:
            chosen = set(ids)
            rows = [u for u in self.store.utterances if u.utt_id in chosen]
            content = [self.imported, digest([u.utt_id for u in rows])] if self.imported else [_sound_digest(rows)]
            self._row_digests[ids] = digest([self.config, *content])
        return self._row_digests[ids]

    def _speakers_digest(self, utt_ids: Sequence[str]) -> str:
        """Digest of everything that speaker normalisation of these utterances reads."""
        chosen = set(utt_ids)
        speakers = {u.speaker for u in self.store.utterances if u.utt_id in chosen}
        rows = [u for u in self.store.utterances if u.speaker in speakers]
        return digest([self.rows_digest([u.utt_id for u in rows]), [[u.utt_id, u.speaker] for u in rows]])


def _sound_digest(utterances: Sequence[Utterance]) -> str:
    return digest([[u.utt_id, u.digest, u.start, u.end] for u in utterances])


class CorpusTask:
    """A task asked of the corpus of a store, written or only planned: its definition, its folds, its product."""

    def __init__(self, sources: Sources, name: str, definition: Task) -> None:
        self.sources, self.store = sources, sources.store
        self.name, self.definition = name, definition

    @cached_property
    def folds(self) -> Folds:
        """Labels and folds. Raises SercliError where the corpus cannot be cut so."""
        is_from_file = PROTOCOLS[self.definition.protocol].split is None
        file = self.sources.folds_file(self.definition.folds) if is_from_file else None
        return make_folds(self.definition, self.store.utterances, file)

    @cached_property
    def product(self) -> Product:
        """task.yaml and folds.tsv."""
        rows = [u for u in self.store.utterances if u.utt_id in self.folds.labels]
        protocol = PROTOCOLS[self.definition.protocol]
        columns = {column: digest([u.text_of(column) for u in rows]) for column in protocol.columns}
        for column in self.definition.apart:
            columns[f"apart {column}"] = digest([shared_value(u, column) for u in rows])
        if self.definition.has_reduced_training:
            columns["speaker"] = digest([u.speaker for u in rows])
        labels = digest([[utt_id, label] for utt_id, label in sorted(self.folds.labels.items())])
        words = ("--task", self.name, *naming.task_options(self.definition, self.sources.corpus_task))
        inputs = {self.definition.target: labels, **columns, "folds": self.folds.digest}
        command = Command("folds", self.store.path, words)
        return Product(keys.task(self.name), plain(self.definition), inputs, command)

    def require(self) -> None:
        """Raises MissingInput unless the task is written and fresh."""
        publishing.require(self.store, self.product)

    @cached_property
    def votes(self) -> Votes:
        """What single raters say in the terms of the task. Raises DamagedProduct."""
        return votes_of(self.definition, self.folds.classes, self.store.ratings)

    def soft_labels(self, utt_ids: Iterable[str]) -> dict[str, list[float]]:
        """The share of each class among the raters of each utterance. Raises UsageError for a task without votes."""
        classes = self.folds.classes
        if not any(within(vote, classes) for raters in self.votes.values() for vote in raters.values()):
            raise UsageError(
                "the corpus has no votes of raters on these classes",
                place="--soft-labels",
                seen=f"{len(self.store.ratings)} votes in {RATINGS}.tsv",
                expected=", ".join(classes),
                fix="leave the option out",
            )
        return soft_labels(self.votes, classes, self.folds.labels, utt_ids)

    @cached_property
    def categories(self) -> tuple[list[str], Mapping[str, str]]:
        """What a conditional autoencoder sees: the task's emotions, or for a dimension the corpus's own emotions.

        Returns their names in order and the name of each utterance of the store that has one: with `fit_on: all` an
        autoencoder also reads utterances outside the task's subset.
        """
        if self.definition.target == "emotion":
            classes = self.folds.classes
            return classes, label_by_classes(self.definition, classes, self.store.utterances)
        return self.sources.corpus_emotions

    @property
    def categories_digest(self) -> str:
        """Digest of the categories of the task's own utterances."""
        names = self.categories[1]
        return digest(sorted((utt_id, names[utt_id]) for utt_id in self.folds.labels if utt_id in names))

    def shared_with_test(self, fold: Fold, utt_ids: Sequence[str]) -> set[str]:
        """Those that share a value with a test utterance of a fold, in the columns that the task sets apart."""
        tested = values_of_test(fold, self._values_apart)
        return {utt_id for utt_id in utt_ids if not tested.isdisjoint(self._values_apart[utt_id])}

    @cached_property
    def _values_apart(self) -> dict[str, Values]:
        return {u.utt_id: values_of(u, self.definition.apart) for u in self.store.utterances}

    @cached_property
    def truth_inputs(self) -> dict[str, str]:
        """Digests of all labels and of who speaks: what scores depend on beside predictions."""
        return truth_inputs(self.store, self.folds.labels)

    @cached_property
    def by_speaker(self) -> SpeakerPrediction:
        """How well the speaker alone predicts the label."""
        return predict_by_speaker(self.folds.labels, self.store.utterances)

    @cached_property
    def shares_text(self) -> bool:
        """Whether most test utterances repeat a sentence of training."""
        return shares_text(self.folds.folds, self.store.utterances)


def truth_inputs(store: Store, labels: Mapping[str, str]) -> dict[str, str]:
    """Digests of labels, and of the columns by which scores are grouped."""
    rows = [
        [u.utt_id, *(u.text_of(column) for column in SUBSET_COLUMNS)] for u in store.utterances if u.utt_id in labels
    ]
    return {"labels": digest(sorted(labels.items())), "speakers": digest(rows)}
