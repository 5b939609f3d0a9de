"""What ended training: dev, or the limit of epochs. It follows from the histories, those of older fits too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..config import build
from ..data.utterances import read_table
from ..experiments.systems import Autoencoder, Classifier
from ..learning.options import TrainingConfig


class LimitedFits(NamedTuple):
    """Of `folds` fits that dev may stop, the limit of epochs ended `limited`."""

    limited: int
    folds: int


Endings = Mapping[str, LimitedFits]  # "classifier", "autoencoder" -> its fits; without a model that has no epochs


def endings_of(classifier: Classifier, numbers: Sequence[int]) -> Endings:
    """Of a classifier and its autoencoder in these folds. Raises DamagedProduct."""
    systems: dict[str, Autoencoder | Classifier | None] = {
        "classifier": classifier,
        "autoencoder": classifier.autoencoder,
    }
    return {part: fits for part, system in systems.items() if system and (fits := limited_fits(system, numbers)).folds}


def limited_fits(system: Autoencoder | Classifier, numbers: Sequence[int]) -> LimitedFits:
    """Of the folds with these numbers. Raises DamagedProduct."""
    training = build(TrainingConfig, system.config.training, "training")
    histories = [list(read_table(system.history(number))) for number in numbers]
    watched = [rows for rows in histories if rows and "dev_loss" in rows[0]]
    return LimitedFits(sum(is_limited(rows, training) for rows in watched), len(watched))


def is_limited(history: Sequence[Mapping[str, str]], training: TrainingConfig) -> bool:
    """Whether all epochs ran and dev had not asked to stop. `history` has one row per epoch.

    >>> rows = [{"epoch": "1", "best": "0"}, {"epoch": "2", "best": "1"}]
    >>> is_limited(rows, TrainingConfig(epochs=2)), is_limited(rows, TrainingConfig(epochs=20))
    (True, False)
    """
    last = float(history[-1]["epoch"])
    best = next(float(row["epoch"]) for row in history if float(row["best"]))
    return last == training.epochs and last - best < training.patience


def together(systems: Mapping[tuple[str, str], Endings]) -> Endings:
    """The sums over the seeds of a system: its endings by the names of classifier and autoencoder.

    An autoencoder that several classifiers read counts once.
    """
    fits: dict[str, dict[str, LimitedFits]] = {}
    for names, endings in systems.items():
        for name, part in zip(names, ("classifier", "autoencoder"), strict=True):
            if part in endings:
                fits.setdefault(part, {})[name] = endings[part]
    return {part: LimitedFits(*map(sum, zip(*by_name.values(), strict=True))) for part, by_name in fits.items()}


def endings_to_json(endings: Endings) -> dict[str, dict[str, int]]:
    """As `epoch_limit` of `sercli evaluate --json`."""
    return {part: fits._asdict() for part, fits in endings.items()}
