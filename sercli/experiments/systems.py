"""What every product of a store is: its configuration, and digests of exactly what it read.

All of it follows from the tables and the `config.yaml` files, so whether something is stale is known without reading an
array or importing torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .. import plugins
from ..config import plain
from ..data.hashing import digest
from ..data.utterances import Utterance
from ..errors import MissingInput
from ..store.store import ARRAYS, Product, Store
from ..tasks.classes import label_cross_corpus
from ..tasks.folds import NOBODY, Fold, Folds
from ..tasks.protocols import CORPUS, PROTOCOLS
from ..tasks.task import Task
from ..text import c_order
from .resolve import (
    MARGINAL,
    NO_AUTOENCODER,
    UNCONDITIONAL,
    AutoencoderConfig,
    ClassifierConfig,
    Condition,
    autoencoder_config,
    categories,
    classifier_config,
    command,
    cut,
    default_task,
    flags_of,
    frontend_flags,
    sees_labels,
    task_flags,
    task_of,
    usual_autoencoder,
    usual_classifier,
)

_REMEMBERED = 1024  # digests of rows: all products of a fold ask for the same, and a sweep has many
OUT_OF_DOMAIN = "out-of-domain"


# --- tasks


def folds_of(store: Store, name: str) -> Folds:
    """The folds of a task that exists and is fresh."""
    task = task_of(store, name)
    store.require(task_product(store, name, task))
    return cut(store, task)


def task_product(store: Store, name: str, task: Task) -> Product:
    folds = cut(store, task)
    rows = [utterance for utterance in store.utterances if utterance.utt_id in folds.labels]
    columns = {name: digest([row.text_of(name) for row in rows]) for name in PROTOCOLS[task.protocol].columns}
    labels = digest([[utt_id, one] for utt_id, one in sorted(folds.labels.items())])
    flags = ["--task", name, *task_flags(task, default_task(store))]
    read = {task.target: labels, **columns, "folds": folds.digest}
    return Product(f"tasks/{name}", plain(task), read, command(store, "folds", flags))


# --- features


def features_key(name: str) -> str:
    return f"{ARRAYS}/features/{name}"


def features(store: Store, name: str, config: Mapping[str, Any] | None = None, imported: str | None = None) -> Product:
    """`config` is that of the front end, `imported` the digest of features made elsewhere; by default they are those of the
    published array. Raises MissingInput.
    """
    imported = imported or _imported(store, name)
    read = {"imported": imported} if imported else {"audio": _audio_digest(store.utterances)}
    read["utterances"] = _ids_digest(store.utterances)
    config = _frontend_config(store, name) if config is None else config
    cure = command(store, "featurize", frontend_flags(name, config))
    return Product(features_key(name), config, read, store.origin if imported and store.is_combined else cure)


def frontend_of(store: Store, name: str) -> str:
    """The plug-in that features of this name are of. Raises MissingInput."""
    return str(_frontend_config(store, name)["frontend"])


def _frontend_config(store: Store, name: str) -> dict[str, Any]:
    found = store.provenance(features_key(name))
    config: dict[str, Any] | None = found["config"] if found else store.shared_config(features_key(name))
    if config is None:
        front = name if name in plugins.names("frontends") else "imported"
        run = command(store, "featurize", frontend_flags(name, {"frontend": front}))
        raise MissingInput(f"{store.path / features_key(name)} is missing; run `{run}` first")
    return config


def _imported(store: Store, name: str) -> str:
    """Digest of the features made elsewhere that the published array holds; empty for one made from sound."""
    found = store.provenance(features_key(name)) or {"inputs": {}}
    return str(found["inputs"].get("imported", ""))


def _audio_digest(utterances: Sequence[Utterance]) -> str:
    return digest([[u.utt_id, u.digest, u.start, u.end] for u in utterances])


def _ids_digest(utterances: Sequence[Utterance]) -> str:
    return digest([u.utt_id for u in utterances])


@lru_cache(maxsize=_REMEMBERED)
def _feature_rows(store: Store, name: str, utt_ids: tuple[str, ...]) -> str:
    """Digest of the features of these utterances alone, so that another recording's change makes nothing else stale.

    Of features made elsewhere only the whole is known.
    """
    chosen = set(utt_ids)
    rows, config, imported = (
        [u for u in store.utterances if u.utt_id in chosen],
        _frontend_config(store, name),
        _imported(store, name),
    )
    return digest([config, imported, _ids_digest(rows)] if imported else [config, _audio_digest(rows)])


def _speaker_audio(store: Store, name: str, utt_ids: Sequence[str]) -> str:
    """Digest of all that speaker normalisation of these utterances looks at."""
    chosen = set(utt_ids)
    speakers = {u.speaker for u in store.utterances if u.utt_id in chosen}
    rows = [u for u in store.utterances if u.speaker in speakers]
    return digest([_feature_rows(store, name, tuple(u.utt_id for u in rows)), [[u.utt_id, u.speaker] for u in rows]])


def _features_read(
    store: Store, config: AutoencoderConfig | ClassifierConfig, utt_ids: Sequence[str]
) -> dict[str, str]:
    read = {f"features/{config.frontend}": _feature_rows(store, config.frontend, tuple(utt_ids))}
    if config.normalise == "speaker":
        read["features of the same speakers"] = _speaker_audio(store, config.frontend, utt_ids)
    return read


# --- autoencoders and latents


def autoencoder_fold(store: Store, name: str, config: AutoencoderConfig, folds: Folds, number: int) -> Product:
    fold = folds.fold(number)
    further = further_training(store, config, folds, fold)
    inputs = {
        **_features_read(store, config, [*fold.part("train"), *fold.part("dev"), *further]),
        "folds": folds.digest,
    }
    if sees_labels(config):
        inputs["labels"] = _emotions_seen(store, task_of(store, config.task), number, tuple(further))
    if config.fit_on == "all":
        inputs["further training utterances"] = digest(further)
    flags = [
        *flags_of(config, usual_autoencoder(config)),
        "--model",
        config.model,
        "--latent-dim",
        str(config.latent_dim),
    ]
    run = command(store, "train-ae", [*flags, "--task", config.task, "--name", name, "--fold", str(number)])
    return Product(f"autoencoders/{name}/fold-{number}", {**plain(config), "fold": number}, inputs, run)


@lru_cache(maxsize=_REMEMBERED)
def _emotions_seen(store: Store, task: Task, number: int, further: tuple[str, ...]) -> str:
    """Digest of what a conditional autoencoder is told in training: the categories of train, dev and the `further` ones."""
    fold = cut(store, task).fold(number)
    _, labels = categories(store, task, cut(store, task))
    return replace(fold, parts={**fold.parts, **dict.fromkeys(further, "train")}).training_labels_digest(labels)


def further_training(store: Store, config: AutoencoderConfig, folds: Folds, fold: Fold) -> list[str]:
    """With `fit_on: all`, what else is said by those who speak in the training part and in no other."""
    if config.fit_on != "all":
        return []
    parts: dict[str, set[str]] = {}
    for utterance in store.utterances:
        if part := fold.parts.get(utterance.utt_id):
            parts.setdefault(utterance.speaker, set()).add(part)
    others = [u for u in store.utterances if u.utt_id not in folds.labels]
    return [u.utt_id for u in others if parts.get(u.speaker) == {"train"}]


def latents_fold(store: Store, name: str, condition: Condition, folds: Folds, number: int) -> Product:
    config = autoencoder_config(store, name)
    inputs = {
        f"autoencoders/{name}": autoencoder_fold(store, name, config, folds, number).digest,
        **_features_read(store, config, list(folds.fold(number).parts)),
        "utterances": _who_is_encoded(store, task_of(store, config.task), number),
        "folds": folds.digest,
    }
    if condition == "oracle":
        _, labels = categories(store, task_of(store, config.task), folds)
        inputs["labels"] = digest(sorted(labels.items()))
    flags = ["--ae", name, *([] if condition in (UNCONDITIONAL, MARGINAL) else ["--condition", condition])]
    run = command(store, "encode", [*flags, "--fold", str(number)])
    return Product(
        f"{ARRAYS}/latents/{name}/{condition}/fold-{number}", {"condition": condition, "fold": number}, inputs, run
    )


@lru_cache(maxsize=_REMEMBERED)
def _who_is_encoded(store: Store, task: Task, number: int) -> str:
    parts = cut(store, task).fold(number).parts
    return digest([[u.utt_id, u.utt_id in parts] for u in store.utterances])


# --- classifiers, their latents, predictions and results


def classifier_fold(store: Store, name: str, config: ClassifierConfig, folds: Folds, number: int) -> Product:
    fold = folds.fold(number)
    inputs = {
        **_features_read(store, config, [*fold.part("train"), *fold.part("dev")]),
        "folds": folds.digest,
        "labels": _labels_seen(store, task_of(store, config.task), number),
    }
    if config.autoencoder != NO_AUTOENCODER:
        ae = autoencoder_config(store, config.autoencoder)
        inputs[f"autoencoders/{config.autoencoder}"] = autoencoder_fold(
            store, config.autoencoder, ae, cut(store, task_of(store, ae.task)), number
        ).digest
    flags = [
        "--classifier",
        config.classifier,
        "--ae",
        config.autoencoder,
        *flags_of(config, usual_classifier(store, config)),
    ]
    flags += ["--task", config.task]
    run = command(store, "train-classifier", [*flags, "--name", name, "--fold", str(number)])
    return Product(f"classifiers/{name}/fold-{number}", {**plain(config), "fold": number}, inputs, run)


@lru_cache(maxsize=_REMEMBERED)
def _labels_seen(store: Store, task: Task, number: int) -> str:
    folds = cut(store, task)
    return folds.fold(number).training_labels_digest(folds.labels)


def latents_of(store: Store, config: ClassifierConfig, number: int) -> Product:
    """The latents that a classifier reads in one fold: made under the folds of its autoencoder's task."""
    ae = autoencoder_config(store, config.autoencoder)
    return latents_fold(store, config.autoencoder, config.condition, cut(store, task_of(store, ae.task)), number)


def predictions_fold(store: Store, name: str, config: ClassifierConfig, folds: Folds, number: int) -> Product:
    """Posteriors of a fold's dev and test utterances. They know no label of theirs, and once made need no latents."""
    fold = folds.fold(number)
    inputs = {
        f"classifiers/{name}": classifier_fold(store, name, config, folds, number).digest,
        **_features_read(store, config, [*fold.part("dev"), *fold.part("test")]),
    }
    run = command(store, "evaluate", ["--classifier", name])
    return Product(f"predictions/{name}/fold-{number}", {"classifier": name, "fold": number}, inputs, run)


def result(store: Store, name: str, config: ClassifierConfig, folds: Folds, done: Sequence[int]) -> Product:
    """The scores of a classifier over its folds `done`."""
    products = [predictions_fold(store, name, config, folds, number) for number in done]
    inputs = {product.key: product.digest for product in products}
    labels, speakers = _scored_against(store, task_of(store, config.task))
    inputs |= {"labels": labels, "speakers": speakers, "folds": folds.digest}
    inputs |= {"synthetic": "true"} if store.corpus.get("synthetic") else {}
    return Product(f"results/{name}", plain(config), inputs, command(store, "evaluate", ["--classifier", name]))


@lru_cache(maxsize=_REMEMBERED)
def _scored_against(store: Store, task: Task) -> tuple[str, str]:
    """Digests of all labels, and of who speaks."""
    return _truth(store, cut(store, task).labels)


def _truth(store: Store, labels: Mapping[str, str]) -> tuple[str, str]:
    about = ("speaker", "session", "gender", "style", CORPUS)
    rows = [[u.utt_id, *(u.text_of(column) for column in about)] for u in store.utterances if u.utt_id in labels]
    return digest(sorted(labels.items())), digest(rows)


# --- out of domain


def predictions_elsewhere(store: Store, other: Store, name: str, number: int) -> Product:
    """Posteriors that a fold of another store's classifier gives to every utterance that has a class of its."""
    config = classifier_config(other, name)
    fitted = classifier_fold(other, name, config, cut(other, task_of(other, config.task)), number)
    labels, classes = labels_elsewhere(store, other, name)
    inputs = {fitted.key: fitted.digest, **_features_read(store, config, sorted(labels)), "classes": digest(classes)}
    key = f"{OUT_OF_DOMAIN}/{_elsewhere(other, name)}/fold-{number}"
    return Product(
        key, {"corpus": other.told("name"), "classifier": name, "fold": number}, inputs, _with(store, other, name)
    )


def result_elsewhere(store: Store, other: Store, name: str, done: Sequence[int]) -> Product:
    """The scores of another store's classifier, by the models of its folds `done`."""
    products = [predictions_elsewhere(store, other, name, number) for number in done]
    labels, _ = labels_elsewhere(store, other, name)
    truth, speakers = _truth(store, labels)
    inputs = {**{product.key: product.digest for product in products}, "labels": truth, "speakers": speakers}
    inputs |= {"synthetic": "true"} if store.corpus.get("synthetic") or other.corpus.get("synthetic") else {}
    config = {"corpus": other.told("name"), **plain(classifier_config(other, name))}
    return Product(f"{OUT_OF_DOMAIN}/{_elsewhere(other, name)}/scores", config, inputs, _with(store, other, name))


def results_elsewhere(store: Store) -> list[str]:
    """What has been scored with classifiers of other stores: `<corpus>.<classifier>`, in C order."""
    found = {path.parents[1].name for path in (store.path / OUT_OF_DOMAIN).glob("*/scores/provenance.json")}
    return sorted(found, key=c_order)


def labels_elsewhere(store: Store, other: Store, name: str) -> tuple[Mapping[str, str], list[str]]:
    """A store's utterances by the classes of another's classifier, and which of its classes occur."""
    task = task_of(other, classifier_config(other, name).task)
    combined = Task(classes=tuple(other.told_names("classes"))).merges if other.is_combined else []
    known = {source: name for name, sources in combined for source in sources}
    classes, labels = label_cross_corpus(task, cut(other, task).classes, store.utterances, known)
    return labels, classes


def _elsewhere(other: Store, name: str) -> str:
    return f"{other.told('name')}.{name}"


def _with(store: Store, other: Store, name: str) -> str:
    return command(store, "evaluate", ["--with", f"{other.path}:{name}"])


# --- comparisons


_LONGEST_PAIR = 200  # bytes; a file's name may have 255, and staging puts more beside it


def comparison(store: Store, first: str, second: str) -> Product:
    """What two classifiers' published results say side by side. Raises MissingInput unless both are there and fresh."""
    read = {f"results/{name}": published_result(store, name).digest for name in (first, second)}
    pair = f"{first}.vs.{second}"
    name = pair if len(pair.encode()) <= _LONGEST_PAIR else f"pair-{digest([first, second])[:16]}"
    return Product(
        f"comparisons/{name}", {"first": first, "second": second}, read, command(store, "compare", [first, second])
    )


def published_result(store: Store, name: str) -> Product:
    """The result of a classifier over the folds it was made from, whatever was fitted or pruned since. Raises MissingInput."""
    config = classifier_config(store, name)
    folds = folds_of(store, config.task)
    read = (store.provenance(f"results/{name}") or {"inputs": {}})["inputs"]
    done = [fold.number for fold in folds.folds if f"predictions/{name}/fold-{fold.number}" in read]
    product = result(store, name, config, folds, done)
    store.require(product)
    return product


# --- what the latents keep


_DIAGNOSED = "3"  # the form of what is found, and how it is drawn


def diagnostics(store: Store, name: str, done: Sequence[int]) -> Product:
    """What the latents of an autoencoder keep, over its folds `done`."""
    config = autoencoder_config(store, name)
    task = task_of(store, config.task)
    folds = cut(store, task)
    fitted = [autoencoder_fold(store, name, config, folds, number) for number in done]
    labels, speakers = _scored_against(store, task)
    inputs = {product.key: product.digest for product in fitted}
    inputs |= _features_read(store, config, sorted({utt_id for fold in folds.folds for utt_id in fold.parts}))
    inputs |= {"labels": labels, "speakers": speakers, "folds": folds.digest, "form": _DIAGNOSED}
    if sees_labels(config):
        inputs["categories"] = digest(sorted(categories(store, task, folds)[1].items()))
    return Product(f"diagnostics/{name}", {"autoencoder": name}, inputs, command(store, "report", []))


# --- bundles


EVERYBODY = "all"  # the name of the bundle whose models leave nobody out


def bundle(store: Store, name: str, fold: int) -> Product:
    """What labels new audio as a classifier does: its models of one fold, or (NOBODY) new ones that leave nobody out."""
    read = {f"results/{name}": published_result(store, name).digest}
    which = EVERYBODY if fold == NOBODY else f"fold-{fold}"
    flags = ["--classifier", name, *([] if fold == NOBODY else ["--fold", str(fold)]), "BUNDLE"]
    return Product(
        f"bundles/{name}/{which}", {"classifier": name, "fold": which}, read, command(store, "export", flags)
    )
