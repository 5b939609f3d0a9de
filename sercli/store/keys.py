"""Keys of products: their paths inside a store. No other module spells one."""

from ..data.hashing import digest

ARRAYS = "arrays.zarr"
CORPUS = "corpus"
REPORT = "report"
_LONGEST_PAIR = 200  # bytes; a file name may have 255, and staging adds to it


def features(name: str) -> str:
    """The frames of all utterances, as one front end makes them."""
    return f"{ARRAYS}/features/{name}"


def task(name: str) -> str:
    """A task: its definition and its folds."""
    return f"tasks/{name}"


def autoencoder(name: str) -> str:
    """What all folds of an autoencoder share."""
    return f"autoencoders/{name}"


def fold(key: str, number: int) -> str:
    """One fold of an autoencoder, of a classifier, of latents or of predictions."""
    return f"{key}/fold-{number}"


def latents(autoencoder_name: str, condition: str) -> str:
    """The latents of all folds under one condition."""
    return f"{ARRAYS}/latents/{autoencoder_name}/{condition}"


def classifier(name: str) -> str:
    """What all folds of a classifier share."""
    return f"classifiers/{name}"


def predictions_fold(classifier_name: str, number: int) -> str:
    """Posteriors of the dev and test utterances of one fold."""
    return f"predictions/{classifier_name}/fold-{number}"


def result(classifier_name: str) -> str:
    """The scores of a classifier over its folds."""
    return f"results/{classifier_name}"


def cross_corpus(corpus: str, classifier_name: str) -> str:
    """What a classifier of another store gives for this corpus."""
    return f"cross-corpus/{corpus}.{classifier_name}"


def comparison(first: str, second: str) -> str:
    """The comparison of two classifiers."""
    pair = f"{first}.vs.{second}"
    return f"comparisons/{pair if len(pair.encode()) <= _LONGEST_PAIR else f'pair-{digest([first, second])[:16]}'}"


def diagnostics(autoencoder_name: str) -> str:
    """What the latents of an autoencoder keep."""
    return f"diagnostics/{autoencoder_name}"


def sweep(name: str) -> str:
    """The table and the figure of a grid of experiments."""
    return f"sweeps/{name}"


def bundle(classifier_name: str, number: int | None) -> str:
    """A bundle with the models of one fold, or (None) with models that were fitted on all speakers."""
    return f"bundles/{classifier_name}/{'all' if number is None else f'fold-{number}'}"
