"""The sections of the page of `sercli report`, as values that the templates show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..corpora.base import Card
from ..data.utterances import SUBSET_COLUMNS
from ..evaluation.agreement import RaterSummary
from ..evaluation.calibration import COVERAGES
from ..evaluation.comparison import Comparison
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.diagnostics import Diagnosis
from ..evaluation.groups import Group
from ..evaluation.human_reference import HumanReference
from ..evaluation.latent_space import LatentVerdict
from ..evaluation.marks import Mark, marks_apart
from ..evaluation.probes import Probe
from ..evaluation.stored import History
from ..experiments.configs import AutoencoderConfig
from ..experiments.fit_records import FitCost
from ..tasks.summary import CorpusSummary
from ..tasks.task import Task
from . import pictures
from .pictures import DiagnosisPictures

_SHOWN_COVERAGES = (1.0, 0.9, 0.8, 0.5)


@dataclass(frozen=True)
class RejectCounts:
    """Files or utterances that were skipped, by reason."""

    n: int
    reasons: Sequence[tuple[str, int]]  # the most frequent ones
    n_more: int  # further reasons


class ReleaseCount(NamedTuple):
    """A cell of the makers' own table of a corpus."""

    cell: str
    present: str
    expected: str


@dataclass(frozen=True)
class CorpusSection:
    """The corpus, as `ingest` and `featurize` left it."""

    name: str
    reader: str
    card: Card | None  # of the reader; None if it is not installed here
    synthetic: bool
    summary: CorpusSummary
    columns: Mapping[str, int]  # session, gender, style -> number of values, if there are several
    rejects: Mapping[str, RejectCounts]  # table -> content
    counts: Sequence[ReleaseCount]
    data_card: Mapping[str, str]  # name of a fact -> the fact
    raters: RaterSummary | None  # None for a corpus without votes of single raters
    near_copies: int  # pairs of utterances that are one recording, changed, and both kept

    @property
    def differing_counts(self) -> list[ReleaseCount]:
        """Counts that are not those of the release."""
        return [count for count in self.counts if count.present != count.expected]


class FoldRow(NamedTuple):
    """Who is in which part of a fold."""

    number: int
    left_out: str
    dev: str
    n_train: int
    n_dev: int
    n_test: int


@dataclass(frozen=True)
class TaskSection:
    """A task: the question, its classes with their counts, and its folds."""

    name: str
    definition: Task
    counts: Mapping[str, int]
    speakers: int
    folds: Sequence[FoldRow]
    digest: str
    has_default_classes: bool
    humans: Sequence[HumanReference]  # one rater against others; empty without votes on its test utterances


class SubsetRow(NamedTuple):
    """Scores of one speaker, session, and so on, mean over seeds."""

    name: str
    n: int
    accuracy: float
    uar: float


@dataclass(frozen=True)
class SystemSection:
    """A system over its seeds."""

    group: Group
    histories: Mapping[int, History]  # of the first seed, by fold
    commands: Sequence[str]
    printed: Mapping[str, float]  # score -> what the paper prints, in %
    costs: Mapping[str, FitCost]  # "classifier", "autoencoder" -> of the fits that are recorded, over seeds and folds

    @property
    def apart(self) -> Sequence[Mark]:
        """Marks that keep it out of rankings."""
        return marks_apart(self.group.marks)

    @property
    def confusion(self) -> list[tuple[str, list[tuple[int, float]]]]:
        """For each true class: how often each class was predicted, and that as a share of the row."""
        return [
            (label, [(n, n / max(1, sum(row))) for n in row])
            for label, row in zip(self.group.labels, self.group.test.confusion, strict=True)
        ]

    @property
    def subsets(self) -> dict[str, list[SubsetRow]]:
        """Rows by column, such as "speaker", for columns with several values."""
        tables = {}
        for column in SUBSET_COLUMNS:
            results = [result.per[column] for result in self.group.results]
            if len(results[0]) > 1:
                tables[column] = [
                    SubsetRow(
                        name,
                        subset.n_utterances,
                        float(np.mean([result[name].scores.accuracy for result in results])),
                        float(np.mean([result[name].scores.uar for result in results])),
                    )
                    for name, subset in results[0].items()
                ]
        return tables

    @property
    def risk(self) -> dict[int, tuple[float, float]]:
        """Share of wrong answers, raw and calibrated, by the share in % that is answered."""
        quality = self.group.posteriors
        of_coverage = dict(zip(COVERAGES, zip(quality.raw.risk, quality.calibrated.risk, strict=True), strict=True))
        return {round(100 * coverage): of_coverage[coverage] for coverage in _SHOWN_COVERAGES}

    @property
    def reliability_diagram(self) -> str:
        """As a picture."""
        return pictures.reliability_diagram(self.group.posteriors)

    @property
    def risk_coverage_curve(self) -> str:
        """As a picture."""
        return pictures.risk_coverage_curve(self.group.posteriors)

    @property
    def curves(self) -> str:
        """Training curves as a picture; empty for a classifier without epochs."""
        has_loss = any("train_loss" in row and "dev_loss" in row for rows in self.histories.values() for row in rows)
        return pictures.curves(self.histories, "loss", "cross-entropy") if has_loss else ""


@dataclass(frozen=True)
class AutoencoderSection:
    """An autoencoder: how it was fitted, and what its latents keep."""

    name: str
    config: AutoencoderConfig
    task: str
    target: str
    marks: Sequence[Mark]
    readers: Sequence[str]  # classifiers
    other_seeds: Sequence[str]  # autoencoders that differ in their seed only
    n_folds: int
    diagnosis: Diagnosis
    pictures: DiagnosisPictures

    @cached_property
    def probes(self) -> dict[str, Probe]:
        """By question."""
        return {probe.question: probe for probe in self.diagnosis.probes}

    @property
    def error(self) -> float:
        """Mean over folds."""
        return float(np.mean([fold.error for fold in self.diagnosis.per_fold]))

    @property
    def n_active(self) -> float | None:
        """Active units, mean over folds; None for a model without a posterior."""
        numbers = [fold.n_active for fold in self.diagnosis.per_fold if fold.n_active is not None]
        return float(np.mean(numbers)) if numbers else None

    @property
    def n_unfinished(self) -> int:
        """Number of folds whose last epoch was the best."""
        return sum(fold.best_epoch == fold.n_epochs for fold in self.diagnosis.per_fold)

    @cached_property
    def judgements(self) -> Counter[LatentVerdict]:
        """Number of folds by judgement."""
        return Counter(fold.judgement for fold in self.diagnosis.per_fold)


@dataclass(frozen=True)
class SweepSection:
    """The table of a sweep; `stale` names what changed, and then there is no table."""

    name: str
    rows: Sequence[Mapping[str, str]] = ()
    axes: Sequence[str] = ()
    figure: str = ""  # a data URI, or empty
    stale: str = ""


@dataclass(frozen=True)
class Origin:
    """What made everything."""

    fit_versions: Mapping[str, str]  # of all fits; several where they differ
    page_versions: Mapping[str, str]
    digests: Mapping[str, str]
    seeds: Mapping[str, int]  # of autoencoders
    plugins: Mapping[str, str]  # front ends, autoencoders and classifiers -> what they are
    first_commands: Sequence[str]
    further_commands: Sequence[str]  # of autoencoders that no system reads
    last_commands: Sequence[str]


@dataclass(frozen=True)
class Page:
    """Everything that the page shows."""

    corpus: CorpusSection
    tasks: Sequence[TaskSection]
    systems: Sequence[SystemSection]
    unscored: Sequence[tuple[str, str]]  # classifier, and why it has no score
    comparisons: Sequence[Comparison]
    cross_corpus: Sequence[CrossCorpusResult]
    autoencoders: Sequence[AutoencoderSection]
    unfitted: Sequence[str]  # autoencoders without a finished fold
    sweeps: Sequence[SweepSection]
    origin: Origin
    digests: Mapping[
        tuple[str, Sequence[Mark]], str
    ]  # task, and the marks that set a table's systems apart -> its digest
    cross_corpus_digest: str = ""
    comparisons_digest: str = ""  # of all systems in the table of comparisons

    def systems_of(self, task: str, *, apart: bool = False) -> list[SystemSection]:
        """Systems of a task that are ranked together, or those apart. Best on dev first: nothing is ordered by test."""
        systems = [s for s in self.systems if s.group.system.task == task and bool(s.apart) == apart]
        return sorted(systems, key=lambda s: (-s.group.dev.uar.mean, s.group.name))

    def tables_of(self, task: str) -> list[list[SystemSection]]:
        """Systems of a task by table: those that are ranked together, then those that the same marks set apart."""
        tables: dict[Sequence[Mark], list[SystemSection]] = {}
        for system in [*self.systems_of(task), *self.systems_of(task, apart=True)]:
            tables.setdefault(system.apart, []).append(system)
        return list(tables.values())

    @cached_property
    def in_order(self) -> list[SystemSection]:
        """All systems; those apart come last."""
        return [s for apart in (False, True) for task in self.tasks for s in self.systems_of(task.name, apart=apart)]

    @cached_property
    def best(self) -> list[tuple[TaskSection, SystemSection]]:
        """For each task the system without marks of its own that is best on dev; points of a learning curve only alone."""
        ranked = [(task, self.systems_of(task.name)) for task in self.tasks]
        best = [(task, systems[0]) for task, systems in ranked if systems]
        return [(task, system) for task, system in best if not task.definition.has_reduced_training] or best

    @cached_property
    def opened(self) -> str:
        """The autoencoder of a system that the summary names, else the first."""
        named = {name for _, system in self.best for name in system.group.classifiers}
        readable = [a.name for a in self.autoencoders if named & {*a.readers}]
        return next(iter([*readable, *(a.name for a in self.autoencoders)]), "")

    @property
    def has_one_seed(self) -> bool:
        """Whether every system was trained with a single seed."""
        return all(len(system.group.seeds) == 1 for system in self.systems)
