"""Keys of products: their paths inside a store. No other module spells one."""

from ..data.hashing import digest

ARRAYS = "arrays.zarr"
CORPUS = "corpus"
REPORT = "report"
RESULTS, PREDICTIONS, DIAGNOSTICS, CROSS_CORPUS = "results", "predictions", "diagnostics", "cross-corpus"
TABLES = "tables"  # records of printed tables
AUTOENCODERS, CLASSIFIERS, COMPARISONS, SWEEPS, BUNDLES = (
    "autoencoders",
    "classifiers",
    "comparisons",
    "sweeps",
    "bundles",
)
_LONGEST_PAIR = 200  # bytes; a file name may have 255, and staging adds to it


def features(name: str) -> str:
    """The frames of all utterances, as one front end makes them."""
    return f"{ARRAYS}/features/{name}"


def task(name: str) -> str:
    """A task: its definition and its folds."""
    return f"tasks/{name}"


def autoencoder(name: str) -> str:
    """What all folds of an autoencoder share."""
    return f"{AUTOENCODERS}/{name}"


def fold(key: str, number: int) -> str:
    """One fold of an autoencoder, of a classifier, of latents or of predictions."""
    return f"{key}/fold-{number}"


def latents(autoencoder_name: str, condition: str) -> str:
    """The latents of all folds under one condition."""
    return f"{ARRAYS}/latents/{autoencoder_name}/{condition}"


def classifier(name: str) -> str:
    """What all folds of a classifier share."""
    return f"{CLASSIFIERS}/{name}"


def predictions(classifier_name: str) -> str:
    """Posteriors of all folds of a classifier."""
    return f"{PREDICTIONS}/{classifier_name}"


def predictions_fold(classifier_name: str, number: int) -> str:
    """Posteriors of the dev and test utterances of one fold."""
    return fold(predictions(classifier_name), number)


def result(classifier_name: str) -> str:
    """The scores of a classifier over its folds."""
    return f"{RESULTS}/{classifier_name}"


def cross_corpus(name: str) -> str:
    """What a classifier of another store gives for this corpus; `name` is <corpus>.<classifier>."""
    return f"{CROSS_CORPUS}/{name}"


def table(digest_of_table: str) -> str:
    """The record of a printed table."""
    return f"{TABLES}/{digest_of_table}.json"


def scores(key: str) -> str:
    """The scores beside the predictions of the folds."""
    return f"{key}/scores"


def comparison(name: str) -> str:
    """The comparison of two classifiers."""
    return f"{COMPARISONS}/{name}"


def pair(first: str, second: str) -> str:
    """The name of a comparison."""
    name = f"{first}.vs.{second}"
    return name if len(name.encode()) <= _LONGEST_PAIR else f"pair-{digest([first, second])[:16]}"


def diagnostics(autoencoder_name: str) -> str:
    """What the latents of an autoencoder keep."""
    return f"{DIAGNOSTICS}/{autoencoder_name}"


def sweep(name: str) -> str:
    """The table and the figure of a grid of experiments."""
    return f"{SWEEPS}/{name}"


def bundle(classifier_name: str, number: int | None) -> str:
    """A bundle with the models of one fold, or (None) with models that were fitted on all speakers."""
    return f"{BUNDLES}/{classifier_name}/{'all' if number is None else f'fold-{number}'}"
