"""`sercli compare`: two classifiers on the same utterances, and whether their difference is more than chance."""

from pathlib import Path

from ..errors import UsageError
from ..evaluation.comparison import Comparison, Evaluated, check_comparable, compare
from ..evaluation.results import Result
from ..evaluation.stored import COMPARISON, read_comparison, read_predictions, read_result, write
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings, make_here
from ..store import publishing
from ..store.store import Store


def run(store_path: Path, first: str, second: str, settings: Settings) -> tuple[Outcome, Comparison | None]:
    """The comparison; None if a dry run would make it. Raises SercliError for two classifiers that cannot be compared."""
    if first == second:
        problem = "a classifier is compared with itself"
        raise UsageError(problem, place="compare", seen=first, expected="two classifiers")
    store = Store(store_path)
    catalogue = Catalogue(store)
    product = catalogue.classifier(first).comparison(catalogue.classifier(second))
    if not publishing.is_fresh(store, product):
        check_comparable(_read(store, first), _read(store, second))

    def fill(built: Path) -> None:
        a, b = _read(store, first), _read(store, second)
        write(compare(a, b, _warnings(catalogue, a.result, b.result)), built / COMPARISON)

    outcome = make_here(store, product, settings, fill)
    outcome.say_if_nothing_to_do()
    return outcome, None if settings.dry_run and outcome.made else read_comparison(store, product.key)


def _read(store: Store, classifier: str) -> Evaluated:
    return Evaluated.of(read_result(store, classifier), read_predictions(store, classifier))


def _warnings(catalogue: Catalogue, first: Result, second: Result) -> list[str]:
    """Why the two may differ for another reason than what they are."""
    warnings = []
    names = [result.system.classifier for result in (first, second)]
    if first.marks != second.marks:
        marks = [" ".join(result.marks) or "no mark" for result in (first, second)]
        warnings.append(f"the marks differ: {names[0]} has {marks[0]}, {names[1]} has {marks[1]}")
    tasks = [result.system.task for result in (first, second)]
    if catalogue.task(tasks[0]).folds.folds != catalogue.task(tasks[1]).folds.folds:
        of_folds = f"{names[0]} has those of {tasks[0]}, {names[1]} those of {tasks[1]}"
        warnings.append(f"the folds differ, so training or dev does: {of_folds}")
    return warnings
