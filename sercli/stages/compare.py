"""`sercli compare`: two systems on the same utterances, and whether their difference is more than chance."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..evaluation.comparison import Comparison, Evaluated, check_comparable, check_same_question, compare
from ..evaluation.groups import Group
from ..evaluation.stored import COMPARISON, read_comparison, read_predictions, read_result, write
from ..evaluation.table_records import record_table
from ..experiments.catalogue import Catalogue
from ..experiments.making import Outcome, Settings, make_here
from ..experiments.systems import Classifier, comparison_product
from ..store import publishing
from ..store.store import Store


def run(store_path: Path, first: str, second: str, settings: Settings) -> tuple[Outcome, Comparison | None]:
    """The comparison of the systems of two classifiers, over all their seeds; None if a dry run would make it.

    Raises SercliError for scores of some folds only, and for two systems that cannot be compared.
    """
    store = Store(store_path)
    catalogue = Catalogue(store)
    classifiers = [catalogue.classifier(name) for name in (first, second)]
    if classifiers[0].seedless_key == classifiers[1].seedless_key:
        problem = "a system is compared with itself"
        expected = "two systems that differ in more than their seeds"
        raise UsageError(problem, place="compare", seen=f"{first}, {second}", expected=expected)
    check_same_question(*classifiers)
    systems = [catalogue.fits(classifier) for classifier in classifiers]
    product = comparison_product(*systems)
    if not publishing.is_fresh(store, product):
        check_comparable(*map(_read, systems))

    def fill(built: Path) -> None:
        a, b = map(_read, systems)
        write(compare(a, b, store.utterances, _warnings(systems, [a.group, b.group])), built / COMPARISON)

    outcome = make_here(store, product, settings, fill)
    outcome.say_if_nothing_to_do()
    return outcome, None if settings.dry_run and outcome.made else read_comparison(store, product.key)


def record(store_path: Path, comparison: Comparison) -> str:
    """Record the table of both systems in the store, for `sercli verify`; returns its digest."""
    sides = (comparison.first, comparison.second)
    return record_table(Catalogue(Store(store_path)), {side.system: side.classifiers for side in sides})


def _read(fits: Sequence[Classifier]) -> Evaluated:
    store = fits[0].store
    group = Group.of([read_result(store, fit.name) for fit in fits])
    tested = {utt_id for fold in fits[0].folds.folds for utt_id in fold.part("test")}
    return Evaluated.of(group, {fit.name: read_predictions(store, fit.name) for fit in fits}, tested)


def _warnings(systems: Sequence[Sequence[Classifier]], groups: Sequence[Group]) -> list[str]:
    """Why the two may differ for another reason than what they are."""
    warnings = []
    a, b = (group.name for group in groups)
    if groups[0].marks != groups[1].marks:
        marks = [" ".join(group.marks) or "no mark" for group in groups]
        warnings.append(f"the marks differ: {a} has {marks[0]}, {b} has {marks[1]}")
    tasks = [fits[0].task for fits in systems]
    if tasks[0].folds.folds != tasks[1].folds.folds:
        of_folds = f"{a} has those of {tasks[0].name}, {b} those of {tasks[1].name}"
        warnings.append(f"the folds differ, so training or dev does: {of_folds}")
    return warnings
