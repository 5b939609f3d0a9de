"""What every product of a store is: its name, its configuration, and digests of exactly what it read.

All of it follows from the tables and the `config.yaml` files, so whether something is stale is known without reading an
array or importing torch.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

from . import plugins
from .config import TrainingConfig, build, like_default, plain, unknown_option
from .errors import MissingInput, SercliError, UsageError
from .manifest import Utterance, digest
from .normalisation import Normalise
from .store import ARRAYS, Product, Store, check_name, refuse_other_configuration
from .tasks import COMPLETE, FROM_FILE, Folds, Task, asked, difference, label, make_folds, task_name

NO_AUTOENCODER = "none"
Condition = Literal["marginal", "posterior", "oracle", "unconditional"]
UNCONDITIONAL: Condition = "unconditional"
MARGINAL: Condition = "marginal"
CLASSIFIER_TRAINING = TrainingConfig(batch_size=32, patience=5)  # the defaults of all classifiers
_TASK_KEYS = [option.name for option in fields(Task)]
_PROTOCOL_COLUMNS = {
    "leave-one-speaker-out": ["speaker", "session"],
    "leave-one-session-out": ["session", "speaker", "gender"],
    "random-10-fold": [],
    "file": ["speaker"],
    "speaker-dependent-file": [],
}


@dataclass(frozen=True)
class AutoencoderConfig:
    """What all folds of an autoencoder share, as kept in its `config.yaml`."""

    model: str = "vae"
    latent_dim: int = 128
    task: str = ""
    frontend: str = "logmel"
    segment_shift_ms: float = 100.0
    normalise: Normalise = "train"
    fit_on: Literal["train", "all"] = "train"
    reconstruction_threshold: float | None = None  # of the dev mean squared error per normalised feature
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latent_dim < 1:
            raise UsageError(f"latent_dim is {self.latent_dim}, wanted at least 1")


@dataclass(frozen=True)
class ClassifierConfig:
    """What all folds of a classifier share. Task, front end, segments and normalisation are those of its autoencoder."""

    classifier: str = "lstm"
    autoencoder: str = NO_AUTOENCODER
    task: str = ""
    frontend: str = "logmel"
    segment_shift_ms: float = 100.0
    normalise: Normalise = "train"
    condition: Condition = UNCONDITIONAL
    latents: Literal["mean,std", "mean", "sample", "none"] = "none"
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


# --- tasks


def default_task(store: Store) -> Task:
    return build(Task, store.told("task"), str(store.path / "corpus.yaml"))


def take_task(store: Store, given: dict[str, Any], usual: Task | None = None) -> tuple[str, Task]:
    """Take the task options out of `given`: name and definition, beside the `usual` one, which is the corpus's own.

    A named task that exists needs no further options.
    """
    if "folds_file" in given:
        given["folds"] = store.add_folds_file(given.pop("folds_file"))
        given.setdefault("protocol", "file")
    options = {key: given.pop(key) for key in _TASK_KEYS if key in given}
    own = default_task(store)
    name = check_name(given.pop("task")) if "task" in given else None
    known = store.shared_config(f"tasks/{name}", "task.yaml") if name is not None else None
    if name is not None and known is not None:
        task = task_of(store, name)
        wanted = asked(options, task)
        refuse_other_configuration(store.path / "tasks" / name, plain(task), plain(wanted), "--task")
        return name, task
    if name is not None and not options and name != task_name(own, own):
        raise SercliError(
            f"there is no task {name!r} in {store.path}; define it with `sercli folds {store.path} --task {name} --classes …`"
        )
    task = asked(options, usual or own)
    return name or task_name(task, own), task


def task_of(store: Store, name: str) -> Task:
    found = store.shared_config(f"tasks/{name}", "task.yaml")
    if found is None:
        path = store.location(f"tasks/{name}") / "task.yaml"
        raise MissingInput(f"{path} is missing; run `sercli folds {store.path} --task {name} …` first")
    return build(Task, found, str(store.path / "tasks" / name / "task.yaml"))


@lru_cache(maxsize=64)  # every product of a task asks for the same
def cut(store: Store, task: Task) -> Folds:
    """The folds of a task, whether it has been written or not."""
    return make_folds(task, store.utterances, store.folds_file(task.folds) if task.protocol in FROM_FILE else None)


def folds_of(store: Store, name: str) -> Folds:
    """The folds of a task that exists and is fresh."""
    task = task_of(store, name)
    store.require(task_product(store, name, task))
    return cut(store, task)


def task_product(store: Store, name: str, task: Task) -> Product:
    folds = cut(store, task)
    rows = [utterance for utterance in store.utterances if utterance.utt_id in folds.labels]
    columns = {name: digest([getattr(row, name) for row in rows]) for name in _PROTOCOL_COLUMNS[task.protocol]}
    labels = digest([[utt_id, one] for utt_id, one in sorted(folds.labels.items())])
    flags = ["--task", name, *_task_flags(task, default_task(store))]
    read = {task.target: labels, **columns, "folds": folds.digest}
    return Product(f"tasks/{name}", plain(task), read, command(store, "folds", flags))


def categories(store: Store, task: Task, folds: Folds) -> tuple[list[str], Mapping[str, str]]:
    """What a conditional autoencoder is told: the task's emotions, or for a dimension those of the corpus's own task."""
    if task.target == "emotion":
        return folds.classes, folds.labels
    return _own_emotions(store)


@lru_cache(maxsize=4)
def _own_emotions(store: Store) -> tuple[list[str], Mapping[str, str]]:
    return label(asked({"target": "emotion", "subset": COMPLETE}, default_task(store)), store.utterances)


def refuse_other_folds(name: str, its_task: str, its: Folds, task: str, folds: Folds) -> None:
    """Raises UsageError unless everybody in `folds` has the same part in those that the autoencoder `name` was fitted under."""
    reason = next(_differences_of_folds(folds, its), None)
    if reason is not None:
        raise UsageError(
            f"task {task} (folds {folds.digest[:8]}) does not lie within task {its_task} (folds {its.digest[:8]}), under which "
            f"{name} was fitted: {reason}; train another with `sercli train-ae --task {task} …`"
        )


def _differences_of_folds(folds: Folds, its: Folds) -> Iterator[str]:
    if folds.digest == its.digest:
        return
    if len(folds.folds) != len(its.folds):
        yield f"{len(folds.folds)} folds are not {len(its.folds)}"
    for here, there in zip(folds.folds, its.folds, strict=False):
        for utt_id, part in here.parts.items():
            if there.parts.get(utt_id) != part:
                yield f"in fold {here.number} {utt_id} is {part} here and {there.parts.get(utt_id, 'absent')} there"


def _task_flags(task: Task, usual: Task) -> list[str]:
    """The options that make this task; a file of folds is one that the store keeps."""
    given = {
        key: value for key, value in plain(task).items() if value != plain(asked({"target": task.target}, usual))[key]
    }
    given |= {"target": task.target} if task.target != usual.target else {}
    if given.pop("folds", ""):
        given["folds_file"] = "FOLDS.tsv"
    return [word for key, value in given.items() for word in (_flag(key), _word(value))]


# --- features


def features_key(name: str) -> str:
    return f"{ARRAYS}/features/{name}"


def features(store: Store, name: str, config: Mapping[str, Any] | None = None) -> Product:
    """`config` is that of the front end; by default whatever the published array was made with. Raises MissingInput."""
    read = {"audio": _audio_digest(store.utterances), "utterances": _ids_digest(store.utterances)}
    return Product(
        features_key(name), _frontend_config(store, name) if config is None else config, read, _featurize(store, name)
    )


def _frontend_config(store: Store, name: str) -> dict[str, Any]:
    found = store.provenance(features_key(name))
    config: dict[str, Any] | None = found["config"] if found else store.shared_config(features_key(name))
    if config is None:
        raise MissingInput(f"{store.path / features_key(name)} is missing; run `{_featurize(store, name)}` first")
    return config


def _featurize(store: Store, name: str) -> str:
    return command(store, "featurize", ["--frontend", name])


def _audio_digest(utterances: Sequence[Utterance]) -> str:
    return digest([[u.utt_id, u.digest, u.start, u.end] for u in utterances])


def _ids_digest(utterances: Sequence[Utterance]) -> str:
    return digest([u.utt_id for u in utterances])


@lru_cache(maxsize=256)  # every product of a fold asks for the same
def _feature_rows(store: Store, name: str, utt_ids: tuple[str, ...]) -> str:
    """Digest of the features of these utterances alone, so that another recording's change makes nothing else stale."""
    chosen = set(utt_ids)
    return digest([_frontend_config(store, name), _audio_digest([u for u in store.utterances if u.utt_id in chosen])])


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


# --- autoencoders


def resolve_autoencoder(store: Store, given: Mapping[str, Any]) -> tuple[str, AutoencoderConfig, Task]:
    """Options, as flags and `--config` gave them, to a name and a whole configuration. Unknown ones are refused."""
    rest = dict(given)
    name = rest.pop("name", None)
    task, definition = take_task(store, rest)
    store.announce(f"tasks/{task}", plain(definition), "task.yaml")
    model = str(rest.get("model", AutoencoderConfig.model))
    own, training, options = _split(rest, AutoencoderConfig, TrainingConfig(), "autoencoders", model)
    config = build(AutoencoderConfig, {**own, "task": task, "training": training, "options": options}, "train-ae")
    usual = usual_autoencoder(config)
    parts = [f"{config.model}-{config.latent_dim}", *_task_parts(store, task, definition), *_differences(config, usual)]
    return check_name(name or ".".join(parts)), config, definition


def usual_autoencoder(config: AutoencoderConfig) -> AutoencoderConfig:
    """The same with every option that has a default at its default."""
    return AutoencoderConfig(
        model=config.model,
        latent_dim=config.latent_dim,
        task=config.task,
        training=plain(TrainingConfig()),
        options=plugins.declared("autoencoders", config.model, "Config"),
    )


def autoencoder_config(store: Store, name: str) -> AutoencoderConfig:
    run = f"sercli train-ae {store.path}"
    return _stored_config(store, "autoencoders", name, AutoencoderConfig, run)


def autoencoder_fold(store: Store, name: str, config: AutoencoderConfig, folds: Folds, number: int) -> Product:
    fold = folds.fold(number)
    further = further_training(store, config, folds, number)
    inputs = {
        **_features_read(store, config, [*fold.part("train"), *fold.part("dev"), *further]),
        "folds": folds.digest,
    }
    if sees_labels(config):
        seen = {**fold.parts, **dict.fromkeys(further, "train")}
        _, labels = categories(store, task_of(store, config.task), folds)
        inputs["labels"] = replace(fold, parts=seen).labels_in_training(labels)
    if config.fit_on == "all":
        inputs["further training utterances"] = digest(further)
    flags = [
        *_flags(config, usual_autoencoder(config)),
        "--model",
        config.model,
        "--latent-dim",
        str(config.latent_dim),
    ]
    run = command(store, "train-ae", [*flags, "--task", config.task, "--name", name, "--fold", str(number)])
    return Product(f"autoencoders/{name}/fold-{number}", {**plain(config), "fold": number}, inputs, run)


def further_training(store: Store, config: AutoencoderConfig, folds: Folds, number: int) -> list[str]:
    """With `fit_on: all`, what else is said by those who speak in the training part and in no other."""
    if config.fit_on != "all":
        return []
    parts: dict[str, set[str]] = {}
    for utterance in store.utterances:
        if part := folds.fold(number).parts.get(utterance.utt_id):
            parts.setdefault(utterance.speaker, set()).add(part)
    others = [u for u in store.utterances if u.utt_id not in folds.labels]
    return [u.utt_id for u in others if parts.get(u.speaker) == {"train"}]


def sees_labels(config: AutoencoderConfig) -> bool:
    return bool(plugins.declared("autoencoders", config.model, "Model").get("uses_labels", False))


# --- latents


def condition_of(config: AutoencoderConfig, asked: str | None) -> Condition:
    """The condition that `encode` works under. Raises UsageError for one that a model without labels cannot have."""
    if sees_labels(config):
        return build(ClassifierConfig, {"condition": asked or MARGINAL}, "encode").condition
    if asked not in (None, MARGINAL, UNCONDITIONAL):
        raise UsageError(
            f"--condition {asked}: {config.model} sees no labels and has no such condition; leave --condition out"
        )
    return UNCONDITIONAL


def latents_fold(store: Store, name: str, condition: Condition, folds: Folds, number: int) -> Product:
    config = autoencoder_config(store, name)
    inputs = {
        f"autoencoders/{name}": autoencoder_fold(store, name, config, folds, number).digest,
        **_features_read(store, config, list(folds.fold(number).parts)),
        "utterances": digest([[u.utt_id, u.utt_id in folds.fold(number).parts] for u in store.utterances]),
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


# --- classifiers


def resolve_classifier(store: Store, given: Mapping[str, Any]) -> tuple[str, ClassifierConfig, Task]:
    """Options to a name and a whole configuration; what the autoencoder decided is inherited and cannot be changed."""
    rest = dict(given)
    name = rest.pop("name", None)
    classifier = str(rest.get("classifier", ClassifierConfig.classifier))
    autoencoder = str(rest.get("autoencoder", NO_AUTOENCODER))
    if autoencoder == NO_AUTOENCODER:
        task, definition = take_task(store, rest)
        inherited: dict[str, Any] = {"task": task}
        base = ""
    else:
        ae = autoencoder_config(store, autoencoder)
        inherited = _inherit(rest, ae, autoencoder)
        rest.pop("condition", None)
        fitted = task_of(store, ae.task)
        asks_another = rest.get("task", ae.task) != ae.task or any(key in rest for key in (*_TASK_KEYS, "folds_file"))
        inherited["task"], definition = take_task(store, rest, fitted) if asks_another else (ae.task, fitted)
        if definition == fitted:
            inherited["task"] = ae.task
        refuse_other_folds(autoencoder, ae.task, cut(store, fitted), inherited["task"], cut(store, definition))
        rest.pop("task", None)
        base = ".".join([autoencoder, *(difference(definition, fitted) if inherited["task"] != ae.task else [])])
    store.announce(f"tasks/{inherited['task']}", plain(definition), "task.yaml")
    own, training, options = _split(
        {**inherited, **rest}, ClassifierConfig, CLASSIFIER_TRAINING, "classifiers", classifier
    )
    config = build(ClassifierConfig, {**own, "training": training, "options": options}, "train-classifier")
    if autoencoder == NO_AUTOENCODER and (config.condition, config.latents) != (UNCONDITIONAL, "none"):
        raise UsageError("--condition and --latents need an autoencoder; name one with --ae")
    usual = usual_classifier(store, config)
    if not base:
        features_parts = _differences(config, usual, ("segment_shift_ms", "normalise"), whole=False)
        base = ".".join([config.frontend, *_task_parts(store, config.task, definition), *features_parts])
    parts = [base, config.classifier, *_differences(config, usual, ("condition", "latents"), whole=True)]
    return check_name(name or ".".join(parts)), config, definition


def usual_classifier(store: Store, config: ClassifierConfig) -> ClassifierConfig:
    """The same with every option of its own at its default."""
    usual: dict[str, Any] = {
        "classifier": config.classifier,
        "autoencoder": config.autoencoder,
        "training": plain(CLASSIFIER_TRAINING),
        "options": plugins.declared("classifiers", config.classifier, "Config"),
    }
    if config.autoencoder != NO_AUTOENCODER:
        usual |= _inherit({}, autoencoder_config(store, config.autoencoder), config.autoencoder)
    return ClassifierConfig(**{**usual, "task": config.task})


def _inherit(given: Mapping[str, Any], config: AutoencoderConfig, name: str) -> dict[str, Any]:
    for key in ("frontend", "segment_shift_ms", "normalise"):
        if key in given and given[key] != getattr(config, key, None):
            flag = f"--{key.removesuffix('_ms').replace('_', '-')}"
            raise UsageError(
                f"{flag} is decided by the autoencoder {name}; train another with `sercli train-ae {flag} …`"
            )
    has_std = plugins.declared("autoencoders", config.model, "Model").get("has_std", True)
    if not has_std and given.get("latents") not in (None, "mean"):
        raise UsageError(f"--latents {given['latents']}: {name} gives no standard deviation; use --latents mean")
    return {
        "task": config.task,
        "frontend": config.frontend,
        "segment_shift_ms": config.segment_shift_ms,
        "normalise": config.normalise,
        "condition": condition_of(config, given.get("condition")),
        "latents": "mean,std" if has_std else "mean",
        "seed": config.seed,
    }


def reads_segments(config: ClassifierConfig) -> bool:
    """Whether a classifier without an autoencoder reads segments, not frames."""
    return bool(plugins.declared_constant("classifiers", config.classifier, "UNIT") == "segments")


def classifier_config(store: Store, name: str) -> ClassifierConfig:
    return _stored_config(store, "classifiers", name, ClassifierConfig, f"sercli train-lstm {store.path}")


def classifier_fold(store: Store, name: str, config: ClassifierConfig, folds: Folds, number: int) -> Product:
    fold = folds.fold(number)
    inputs = {
        **_features_read(store, config, [*fold.part("train"), *fold.part("dev")]),
        "folds": folds.digest,
        "labels": fold.labels_in_training(folds.labels),
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
        *_flags(config, usual_classifier(store, config)),
    ]
    flags += ["--task", config.task]
    run = command(store, "train-classifier", [*flags, "--name", name, "--fold", str(number)])
    return Product(f"classifiers/{name}/fold-{number}", {**plain(config), "fold": number}, inputs, run)


# --- latents of a classifier, its predictions and results


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
    about = ("speaker", "session", "gender", "style")
    utterances = [u for u in store.utterances if u.utt_id in folds.labels]
    products = [predictions_fold(store, name, config, folds, number) for number in done]
    inputs = {product.key: product.digest for product in products}
    inputs |= {
        "labels": digest(sorted(folds.labels.items())),
        "speakers": digest([[u.utt_id, *(getattr(u, column) for column in about)] for u in utterances]),
        "folds": folds.digest,
    }
    return Product(f"results/{name}", plain(config), inputs, command(store, "evaluate", ["--classifier", name]))


# --- names, flags, commands

C = TypeVar("C", bound=AutoencoderConfig | ClassifierConfig)
_SHORT = {"segment_shift_ms": "shift", "fit_on": "fit", "reconstruction_threshold": "threshold"}
_FLAGS = {
    "epochs",
    "batch_size",
    "lr",
    "precision",
}  # training options with a flag of their own; the others go by --set


def _stored_config(store: Store, kind: str, name: str, cls: type[C], run: str) -> C:
    config = store.shared_config(f"{kind}/{name}")
    if config is None:
        known = sorted(found.parent.name for found in (store.path / kind).glob("*/config.yaml"))
        there = f" (there are: {', '.join(known)})" if known else ""
        raise MissingInput(f"there is no {name!r} among the {kind} of {store.path}{there}; run `{run} …` first")
    return build(cls, config, str(store.path / kind / name / "config.yaml"))


def _split(
    given: Mapping[str, Any], cls: type[C], usual: TrainingConfig, package: str, plugin: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Options to those of the step itself, of training (whole), and of the plug-in (whole)."""
    known = {option.name for option in fields(cls)} - {"training", "options"}
    in_training = {option.name for option in fields(TrainingConfig)}
    defaults = plugins.declared(package, plugin, "Config")
    own = {key: value for key, value in given.items() if key in known}
    training = {key: value for key, value in given.items() if key in in_training}
    rest = {key: value for key, value in given.items() if key not in known | in_training}
    for key in rest:
        if key not in defaults:
            raise unknown_option(plugin, key, [*defaults, *sorted(in_training), *sorted(known)])
    options = {key: like_default(defaults[key], value, f"{plugin}: {key}") for key, value in rest.items()}
    whole = plain(build(TrainingConfig, {**plain(usual), **training}, "training"))
    return own, whole, {key: _plain_value(value) for key, value in {**defaults, **options}.items()}


def _task_parts(store: Store, name: str, task: Task) -> list[str]:
    own = default_task(store)
    return difference(task, own) if name == task_name(task, own) else [name]


def _differences(config: C, usual: C, keys: Sequence[str] | None = None, whole: bool = True) -> list[str]:
    """One part of the name for each option that differs, in the order of the configuration; the seed last."""
    values, defaults = plain(config), plain(usual)
    chosen = (
        [key for key in values if key not in ("training", "options", "seed", "task")] if keys is None else list(keys)
    )
    pairs = [(key, values[key], defaults[key]) for key in chosen]
    if whole:
        for group in ("training", "options"):
            pairs += [(key, value, _plain_value(defaults[group][key])) for key, value in values[group].items()]
        pairs.append(("seed", values["seed"], defaults["seed"]))
    return [f"{_SHORT.get(key, key)}-{_word(value)}" for key, value, usually in pairs if value != usually]


def _flags(config: C, usual: C) -> list[str]:
    """The command-line options that make this configuration out of the usual one."""
    values, defaults = plain(config), plain(usual)
    words: list[str] = []
    for key in values:
        if key in ("training", "options"):
            for option, value in values[key].items():
                if value != _plain_value(defaults[key][option]):
                    flag = [_flag(option)] if option in _FLAGS else ["--set"]
                    words += [*flag, _word(value) if option in _FLAGS else f"{option}={_word(value)}"]
        elif values[key] != defaults[key]:
            words += [_flag(key), _word(values[key])]
    return words


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def _plain_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def command(store: Store, name: str, flags: Sequence[str]) -> str:
    return shlex.join(["sercli", name, str(store.path), *flags])


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
