"""What the model card of a bundle says of its system beside scores: how it was chosen, for whom it is worse, what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from ..corpora.base import read_card
from ..data.utterances import read_table
from ..errors import BrokenPlugin, SercliError, UsageError
from ..experiments.catalogue import Catalogue
from ..experiments.fit_records import versions_in
from ..experiments.kinds import KINDS, entries
from ..store import keys
from .endings import endings_to_json
from .groups import Group, group_by_system
from .marks import marks_apart
from .results import Result, SubsetResult
from .stored import read_result
from .table_records import record_table


@dataclass(frozen=True)
class Standing:
    """How the system stands among those of its task that may be ranked with it, when the bundle was made."""

    systems: int
    place_on_dev: int  # 1: the best
    place_on_test: int
    sweeps: dict[str, float | None]  # with this system among their points -> UA of the nested choice, by dev

    @classmethod
    def of(cls, catalogue: Catalogue, result: Result) -> Standing:
        """Of a scored classifier."""
        groups = _rivals(catalogue, result)
        own = next(group for group in groups if result.system.classifier in group.classifiers)
        by_dev, by_test = ([getattr(group, part).uar.mean or 0.0 for group in groups] for part in ("dev", "test"))
        dev, test = own.dev.uar.mean or 0.0, own.test.uar.mean
        place_on_dev, place_on_test = (
            1 + sum(score > value for score in scores) for scores, value in ((by_dev, dev), (by_test, test))
        )
        return cls(len(groups), place_on_dev, place_on_test, dict(_sweeps(catalogue, result)))


def model_facts(catalogue: Catalogue, result: Result, fits: Iterable[Path]) -> dict[str, Any]:
    """Facts as JSON values; `fits` are the folders of the fits that the bundle has its weights from. Raises DamagedProduct."""
    name = result.system.classifier
    return {
        "licence": _licence(str(catalogue.store.corpus.get("corpus", ""))),
        "versions": versions_in(fits),
        "epoch_limit": endings_to_json(result.endings),
        "selection": asdict(Standing.of(catalogue, result)),
        "spread": {column: spread_of(list(result.per[column].values())) for column in ("speaker", "session")},
        "genders": {name: _uar(subset) for name, subset in result.per["gender"].items()},
        "results": record_table(catalogue, {name: [name]}),
    }


def spread_of(subsets: list[SubsetResult]) -> dict[str, float]:
    """Lowest, median and highest UA of several speakers, say; empty for a single one. Names stay in the store."""
    scores = sorted(subset.scores.uar for subset in subsets)
    return (
        {"n": len(scores), "lowest": scores[0], "median": median(scores), "highest": scores[-1]} if scores[1:] else {}
    )


def _uar(subset: SubsetResult) -> dict[str, float]:
    return {"n_utterances": subset.n_utterances, "uar": subset.scores.uar}


def _licence(reader: str) -> str:
    """As the reader of the corpus states it; empty where nobody does."""
    with suppress(UsageError, BrokenPlugin):
        return read_card(reader).facts.get("Licence", "")
    return ""


def _rivals(catalogue: Catalogue, result: Result) -> list[Group]:
    """All systems of the task with fresh scores and the same marks that set apart; the system of this result among them."""
    results, apart = [result], marks_apart(result.marks)
    for name in catalogue.classifier_names:
        with suppress(SercliError):
            other = catalogue.classifier(name)
            if name != result.system.classifier and other.task.name == result.system.task:
                other.published_result()
                results.append(read_result(catalogue.store, name))
    alike = [other for other in results if marks_apart(other.marks) == apart]
    return group_by_system(alike, lambda name: catalogue.classifier(name).seedless_key)


def _sweeps(catalogue: Catalogue, result: Result) -> Iterator[tuple[str, float | None]]:
    """Sweeps that have the classifier as a point, with the mean over seeds of their nested rows of the same task and marks."""
    store, system = catalogue.store, result.system
    for entry in entries(catalogue, [kind for kind in KINDS if kind.name == "sweep"]):
        if keys.result(system.classifier) in (store.provenance(entry.key) or {"inputs": {}})["inputs"]:
            nested = [
                float(row["uar"])
                for row in read_table(store.file(entry.key, "results.tsv"))
                if (row["row"], row["task"], row["marks"]) == ("nested", system.task, " ".join(result.marks))
            ]
            yield entry.name, mean(nested) if nested else None
