"""The page of `sercli report`: what was found, as one HTML file that needs nothing else. Templates lie in `templates/`.

Whatever comes from a corpus or a store is escaped, and shown in one printable line.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.utterances import SUBSET_COLUMNS
from ..evaluation.comparison import Comparison
from ..evaluation.cross_corpus import CrossCorpusResult
from ..evaluation.groups import Group
from ..evaluation.marks import Mark, marks_apart
from ..text import printable
from . import formats, pictures
from .pictures import History, Svg

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_LONGEST = 40  # letters of a name
_HEADLINES = 6  # tasks that the summary names


@dataclass(frozen=True)
class FoldRow:
    number: int
    left_out: str
    dev: str
    train_n: int
    dev_n: int
    test_n: int


@dataclass(frozen=True)
class AskedTask:
    """A task: the question, its answers with their counts, and who is where."""

    name: str
    options: Mapping[str, Any]
    counts: Mapping[str, int]
    speakers: int
    folds: Sequence[FoldRow]
    digest: str
    usual: bool  # the corpus's own classes


@dataclass(frozen=True)
class System:
    """A system over its seeds."""

    group: Group
    histories: Mapping[int, History]  # of the first seed, by fold
    commands: Sequence[str]
    printed: Mapping[str, float]  # score -> what the paper prints, in %

    @property
    def apart(self) -> Sequence[Mark]:
        return marks_apart(self.group.marks)

    @property
    def never(self) -> list[str]:
        return self.group.test.never_predicted

    @property
    def confusion(self) -> list[tuple[str, list[tuple[int, float]]]]:
        """Of each true class: how often each was predicted, and that as a share of the row."""
        return [
            (label, [(n, n / max(1, sum(row))) for n in row])
            for label, row in zip(self.group.labels, self.group.test.confusion, strict=True)
        ]

    @property
    def by(self) -> dict[str, list[dict[str, Any]]]:
        """WA and UA of each speaker, session, gender and style, mean over seeds; of what has two values or more."""
        found = {}
        for by in SUBSET_COLUMNS:
            per = [result.per[by] for result in self.group.results]
            if len(per[0]) > 1:
                found[by] = [
                    {"name": name, "n": per[0][name].n_utterances}
                    | {
                        key: float(np.mean([getattr(one[name].scores, key) for one in per]))
                        for key in ("accuracy", "uar")
                    }
                    for name in per[0]
                ]
        return found

    @property
    def curves(self) -> Svg | None:
        has_loss = any("train_loss" in row and "dev_loss" in row for rows in self.histories.values() for row in rows)
        return pictures.curves(self.histories, "loss", "cross-entropy") if has_loss else None


@dataclass(frozen=True)
class Latents:
    """An autoencoder: how it was fitted, and what its latents keep."""

    name: str
    config: Mapping[str, Any]
    task: str
    target: str
    marks: Sequence[str]
    told: bool  # whether training sees labels
    readers: Sequence[str]  # classifiers
    twins: Sequence[str]  # the same with other seeds
    n_folds: int
    found: Mapping[str, Any]  # of `diagnostics.json`

    def mean(self, key: str) -> float | None:
        """Of what is known of each fold."""
        values = [fold[key] for fold in self.found["per_fold"]]
        return None if None in values else float(np.mean(values))

    @property
    def unfinished(self) -> int:
        """Folds that were best in their last epoch."""
        return sum(fold["kept"] == fold["epochs"] for fold in self.found["per_fold"])

    @property
    def judged(self) -> Counter[str]:
        return Counter(fold["judgement"] for fold in self.found["per_fold"])


@dataclass(frozen=True)
class Sweep:
    name: str
    rows: Sequence[Mapping[str, str]]
    axes: Sequence[str]
    figure: str  # a data URI, or empty
    stale: str = ""  # what changed


@dataclass(frozen=True)
class Content:
    """All that the page shows."""

    corpus: Mapping[str, Any]
    tasks: Sequence[AskedTask]
    systems: Sequence[System]
    unevaluated: Sequence[tuple[str, str]]  # classifier, and why it has no score
    comparisons: Sequence[Comparison]
    elsewhere: Sequence[CrossCorpusResult]  # scores of classifiers trained on other corpora
    latents: Sequence[Latents]
    kinds: Mapping[str, str]  # what the front ends, autoencoders and classifiers are
    seeds: Mapping[str, int]  # of autoencoders
    unfitted: Sequence[str]  # autoencoders without a finished fold
    sweeps: Sequence[Sweep]
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    first_commands: Sequence[str]
    further_commands: Sequence[str]  # of autoencoders that no system reads
    last_commands: Sequence[str]

    def of_task(self, task: str, apart: bool = False) -> list[System]:
        """Best on dev first: nothing is ordered by test."""
        mine = [one for one in self.systems if one.group.system.task == task and bool(one.apart) == apart]
        return sorted(mine, key=lambda one: (-one.group.dev.uar.mean, one.group.name))

    @cached_property
    def in_order(self) -> list[System]:
        found = [one for task in self.tasks for one in self.of_task(task.name)]
        return found + [one for task in self.tasks for one in self.of_task(task.name, apart=True)]

    @cached_property
    def best(self) -> list[tuple[AskedTask, System]]:
        """Of each task the honest system that is best on dev."""
        ranked = [(task, self.of_task(task.name)) for task in self.tasks]
        return [(task, systems[0]) for task, systems in ranked if systems]

    @cached_property
    def opened(self) -> str:
        """The autoencoder of a system that the summary names, else the first."""
        named = {name for _, system in self.best for name in system.group.classifiers}
        return next(
            (one.name for one in self.latents if named & {*one.readers}), self.latents[0].name if self.latents else ""
        )

    @property
    def one_seed(self) -> bool:
        return all(len(one.group.seeds) == 1 for one in self.systems)

    def rivals(self, task: AskedTask, system: System) -> dict[str, int]:
        """Of the others that may be ranked, how many lie within the interval of this one."""
        low, high = system.group.intervals.uar
        others = [one.group.test.uar.mean for one in self.of_task(task.name) if one is not system]
        return {
            "others": len(others) if low is not None else 0,
            "within": sum(low <= uar <= high for uar in others if low is not None and high is not None),
        }

    def compared(self, system: System) -> list[tuple[str, Mapping[str, float]]]:
        """The other classifier, and by how much this system (one of its seeds) is ahead in UA: `uar`, `low`, `high`."""
        found: list[tuple[str, Mapping[str, float]]] = []
        for one in self.comparisons:
            sides, sign = [one.first.classifier, one.second.classifier], 1
            if sides[1] in system.group.classifiers:
                sides, sign = sides[::-1], -1
            low, high = one.intervals.uar
            if sides[0] in system.group.classifiers and low is not None and high is not None:
                low, high = sorted((sign * low, sign * high))
                found.append((sides[1], {"uar": sign * one.difference.uar, "low": low, "high": high}))
        return found

    @property
    def entangled(self) -> bool:
        return any(Mark.ENTANGLED in one.group.marks for one in self.systems)

    @property
    def marks(self) -> list[Mark]:
        return sorted({mark for one in self.systems for mark in one.apart})


def render(content: Content) -> str:
    """The same content gives the same bytes."""
    return _environment().get_template("page.html").render(c=content)


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_in_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": formats.percent,
        "spread": formats.spread,
        "interval": formats.interval,
        "legend": pictures.legend,
        "signed": formats.signed,
        "plural": _plural,
        "breakable": _breakable,
        "short": _short,
        "share": lambda cell: formats.percent(float(cell)) if cell else "",  # a cell of a sweep's table
    }
    environment.globals |= {"headlines": _HEADLINES, "most_kinds": pictures.MOST_KINDS}
    return environment


def _in_one_line(value: Any) -> Any:
    """Bytes that are no text, line ends and signs that turn the writing direction come out as escapes."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _breakable(name: str) -> "Markup":
    """The name of a product, which may be broken behind its dots alone."""
    from markupsafe import Markup

    *parts, last = name.split(".")
    return Markup('<span class="name">{}{}</span>').format(
        Markup("").join(Markup("{}.<wbr>").format(one) for one in parts), last
    )


def _short(name: str) -> str:
    """A name that does not push all else off the page; it stands in full among the labels and folds."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 10]}…{name[-9:]}"
