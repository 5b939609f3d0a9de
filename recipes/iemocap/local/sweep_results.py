"""What the sweeps of the IEMOCAP recipe left in a store."""

import csv
from collections.abc import Mapping, Sequence
from functools import cache

from sercli.errors import MissingInput
from sercli.evaluation.groups import Group, group_by_system
from sercli.evaluation.results import Result
from sercli.evaluation.stored import read_result
from sercli.experiments.catalogue import Catalogue
from sercli.store import keys
from sercli.store.store import Store

MODELS = {"ae": "AE-LSTM", "vae": "VAE-LSTM", "cvae": "CVAE-LSTM"}
SWEEPS = ("table1", "table2", "figure2a", "figure2b", "variations1", "variations2", "variations3")


class SweepResults:
    """Points, results and groups of sweeps whose names begin with `prefix`. All of it must be fresh."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix, self.catalogue = store, prefix, Catalogue(store)

    @cache  # noqa: B019  # one object per run
    def rows(self, sweep: str) -> Sequence[Mapping[str, str]]:
        """The rows of a sweep; none if it was not run. Raises MissingInput unless all its results are fresh."""
        key = keys.sweep(f"{self.prefix}{sweep}")
        provenance = self.store.provenance(key)
        if provenance is None:
            return []
        for result, digest in provenance["inputs"].items():
            name = result.removeprefix(keys.result(""))
            if name != result and self.catalogue.classifier(name).published_result().digest != digest:
                fix = "run its stage of the recipe again"
                raise MissingInput(f"stale ({result} changed)", place=self.store.path / key, fix=fix)
        with self.store.file(key, "results.tsv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))

    def points(self, sweep: str) -> list[Mapping[str, str]]:
        """The rows of single systems."""
        return [row for row in self.rows(sweep) if row["row"] == "point"]

    @cache  # noqa: B019  # one object per run
    def result(self, classifier: str) -> Result:
        """The scores of a classifier. Raises MissingInput unless they are fresh."""
        self.catalogue.classifier(classifier).published_result()
        return read_result(self.store, classifier)

    @cache  # noqa: B019  # one object per run
    def groups(self, sweep: str) -> list[Group]:
        """The systems of a sweep that have one of the paper's models, each over its seeds."""
        return [group for group in self.all_groups(sweep) if group.system.model in MODELS]

    @cache  # noqa: B019  # one object per run
    def all_groups(self, sweep: str) -> list[Group]:
        """The systems of a sweep, each over its seeds."""
        results = [self.result(row["classifier"]) for row in self.points(sweep)]
        return group_by_system(results, lambda name: self.catalogue.classifier(name).seedless_key)
