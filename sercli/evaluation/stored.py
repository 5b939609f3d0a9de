"""Results, predictions and comparisons that lie in a store, as values."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.utterances import read_table
from ..experiments.systems import Autoencoder, Classifier
from ..store import keys
from ..store.store import Store
from .calibration import check_finite
from .comparison import Comparison
from .cross_corpus import CrossCorpusResult
from .results import Result
from .scores import Prediction

History = Sequence[Mapping[str, float]]  # one row per epoch
PREDICTIONS, SCORES, COMPARISON = "predictions.tsv", "scores.json", "comparison.json"


def write(value: Result | CrossCorpusResult | Comparison, path: Path) -> None:
    """Write a value as JSON."""
    path.write_text(json.dumps(value.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def prediction(classes: Sequence[str], posteriors: npt.NDArray[np.floating], place: str) -> list[str]:
    """The cells of one utterance: its most probable class, then the posteriors (C,).

    Raises SercliError at `place`, the classifier and the utterance, for posteriors that are not finite.
    """
    check_finite(posteriors, place)
    return [classes[int(np.argmax(posteriors))], *(f"{p:.9g}" for p in posteriors)]


def prediction_columns(classes: Sequence[str]) -> list[str]:
    """The names of these cells."""
    return ["prediction", *(f"p_{label}" for label in classes)]


def read_result(store: Store, classifier: str) -> Result:
    """The scores of a classifier. Raises DamagedProduct."""
    return Result.from_json(store.read_json(keys.result(classifier), SCORES))


def read_predictions(store: Store, classifier: str) -> list[Prediction]:
    """Rows of dev and test of all folds that are scored, with the truth. Raises DamagedProduct."""
    return list(read_table(store.file(keys.result(classifier), PREDICTIONS)))


def read_cross_corpus_result(store: Store, key: str) -> CrossCorpusResult:
    """The scores of a classifier of another store; `key` is where its products lie. Raises DamagedProduct."""
    return CrossCorpusResult.from_json(store.read_json(f"{key}/scores", SCORES))


def read_histories(system: Autoencoder | Classifier, folds: Sequence[int]) -> dict[int, History]:
    """Losses of each epoch, by fold. Raises DamagedProduct."""
    return {
        fold: [{name: float(value) for name, value in row.items()} for row in read_table(system.history(fold))]
        for fold in folds
    }


def read_comparison(store: Store, key: str) -> Comparison:
    """A comparison by its key. Raises DamagedProduct."""
    return Comparison.from_json(store.read_json(key, COMPARISON))
