"""What is asked for: options to tasks, to configurations of autoencoders and classifiers, and to their names.

All of it follows from the tables and the `config.yaml` files.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from .. import plugins
from ..config import build, plain, unknown_option
from ..errors import DamagedProduct, MissingInput, SercliError, UsageError
from ..learning.options import FLAGS, Normalise, TrainingConfig
from ..store.ragged import MAKE_AGAIN
from ..store.store import Store, check_name, refuse_other_configuration
from ..tasks.classes import label_utterances
from ..tasks.folds import Folds
from ..tasks.protocols import FROM_FILE
from ..tasks.splitting import make_folds
from ..tasks.task import COMPLETE, Task, name_differences, requested_task, task_name

NO_AUTOENCODER = "none"
Condition = Literal["marginal", "posterior", "oracle", "unconditional"]
UNCONDITIONAL: Condition = "unconditional"
MARGINAL: Condition = "marginal"
CLASSIFIER_TRAINING = TrainingConfig(batch_size=32, patience=5)  # the defaults of all classifiers
_TASK_KEYS = [option.name for option in fields(Task)]


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
        given["folds"] = store.add_folds_file(Path(given.pop("folds_file")))
        given.setdefault("protocol", "file")
    options = {key: given.pop(key) for key in _TASK_KEYS if key in given}
    own = default_task(store)
    name = check_name(given.pop("task")) if "task" in given else None
    known = store.shared_config(f"tasks/{name}", "task.yaml") if name is not None else None
    if name is not None and known is not None:
        task = task_of(store, name)
        wanted = requested_task(options, task)
        refuse_other_configuration(store.path / "tasks" / name, plain(task), plain(wanted), "--task")
        return name, task
    if name is not None and not options and name != task_name(own, own):
        raise SercliError(
            f"there is no task {name!r} in {store.path}; define it with `sercli folds {store.path} --task {name} --classes …`"
        )
    task = requested_task(options, usual or own, own)
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


def categories(store: Store, task: Task, folds: Folds) -> tuple[list[str], Mapping[str, str]]:
    """What a conditional autoencoder is told: the task's emotions, or for a dimension those of the corpus's own task."""
    if task.target == "emotion":
        return folds.classes, folds.labels
    return _own_emotions(store)


@lru_cache(maxsize=4)
def _own_emotions(store: Store) -> tuple[list[str], Mapping[str, str]]:
    return label_utterances(
        requested_task({"target": "emotion", "subset": COMPLETE}, default_task(store)), store.utterances
    )


def task_flags(task: Task, usual: Task) -> list[str]:
    """The options that make this task; a file of folds is one that the store keeps."""
    given = {
        key: value
        for key, value in plain(task).items()
        if value != plain(requested_task({"target": task.target}, usual))[key]
    }
    given |= {"target": task.target} if task.target != usual.target else {}
    if given.pop("folds", ""):
        given["folds_file"] = "FOLDS.tsv"
    return [word for key, value in given.items() for word in (_flag(key), _word(value))]


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
        options=plugins.defaults("autoencoders", config.model),
    )


def autoencoder_config(store: Store, name: str) -> AutoencoderConfig:
    run = f"sercli train-ae {store.path}"
    return _stored_config(store, "autoencoders", name, AutoencoderConfig, run)


def sees_labels(config: AutoencoderConfig) -> bool:
    return bool(plugins.attributes("autoencoders", config.model, "Model")["uses_labels"])


def condition_of(config: AutoencoderConfig, asked: str | None) -> Condition:
    """The condition that `encode` works under. Raises UsageError for one that a model without labels cannot have."""
    if sees_labels(config):
        return build(ClassifierConfig, {"condition": asked or MARGINAL}, "encode").condition
    if asked not in (None, MARGINAL, UNCONDITIONAL):
        raise UsageError(
            f"--condition {asked}: {config.model} sees no labels and has no such condition; leave --condition out"
        )
    return UNCONDITIONAL


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
        base = ".".join(
            [
                autoencoder,
                *(name_differences(definition, fitted, default_task(store)) if inherited["task"] != ae.task else []),
            ]
        )
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


def usual_classifier(store: Store, config: ClassifierConfig) -> ClassifierConfig:
    """The same with every option of its own at its default."""
    usual: dict[str, Any] = {
        "classifier": config.classifier,
        "autoencoder": config.autoencoder,
        "training": plain(CLASSIFIER_TRAINING),
        "options": plugins.defaults("classifiers", config.classifier),
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
    has_std = plugins.attributes("autoencoders", config.model, "Model")["has_std"]
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
    return bool(plugins.constants("classifiers", config.classifier)["UNIT"] == "segments")


def classifier_config(store: Store, name: str) -> ClassifierConfig:
    return _stored_config(store, "classifiers", name, ClassifierConfig, f"sercli train-lstm {store.path}")


# --- names, flags, commands


C = TypeVar("C", bound=AutoencoderConfig | ClassifierConfig)
_SHORT = {"segment_shift_ms": "shift", "fit_on": "fit", "reconstruction_threshold": "threshold"}


def _stored_config(store: Store, kind: str, name: str, cls: type[C], run: str) -> C:
    config = store.shared_config(f"{kind}/{name}")
    if config is None:
        known = sorted(found.parent.name for found in (store.path / kind).glob("*/config.yaml"))
        there = f" (there are: {', '.join(known)})" if known else ""
        raise MissingInput(f"there is no {name!r} among the {kind} of {store.path}{there}; run `{run} …` first")
    where = store.path / kind / name / "config.yaml"
    try:
        return build(cls, config, str(where))
    except UsageError as error:
        raise DamagedProduct(f"{error}; delete {where.parent} and {MAKE_AGAIN}") from None


def _split(
    given: Mapping[str, Any], cls: type[C], usual: TrainingConfig, package: str, plugin: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Options to those of the step itself, of training (whole), and of the plug-in (whole)."""
    known = {option.name for option in fields(cls)} - {"training", "options"}
    in_training = {option.name for option in fields(TrainingConfig)}
    defaults = plugins.defaults(package, plugin)
    own = {key: value for key, value in given.items() if key in known}
    training = {key: value for key, value in given.items() if key in in_training}
    rest = {key: value for key, value in given.items() if key not in known | in_training}
    for key in rest:
        if key not in defaults:
            raise unknown_option(plugin, key, [*defaults, *sorted(in_training), *sorted(known)])
    options = plain(build(plugins.config_class(package, plugin), rest, plugin))
    return own, plain(build(TrainingConfig, {**plain(usual), **training}, "training")), options


def _task_parts(store: Store, name: str, task: Task) -> list[str]:
    own = default_task(store)
    return name_differences(task, own) if name == task_name(task, own) else [name]


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


def flags_of(config: C, usual: C) -> list[str]:
    """The command-line options that make this configuration out of the usual one."""
    values, defaults = plain(config), plain(usual)
    words: list[str] = []
    for key in values:
        if key in ("training", "options"):
            for option, value in values[key].items():
                if value != _plain_value(defaults[key][option]):
                    flag = [_flag(option)] if option in FLAGS else ["--set"]
                    words += [*flag, _word(value) if option in FLAGS else f"{option}={_word(value)}"]
        elif values[key] != defaults[key]:
            words += [_flag(key), _word(values[key])]
    return words


def frontend_flags(name: str, config: Mapping[str, Any]) -> list[str]:
    """The options of `featurize` that make features of this name; of a plug-in that is not installed, its name alone."""
    front = str(config["frontend"])
    is_known = front in plugins.names("frontends")
    usual = plugins.defaults("frontends", front) if is_known else {}
    changed = [(key, config[key]) for key in usual if config.get(key, usual[key]) != usual[key]]
    words = ["--frontend", front, *(["--name", name] if name != front else [])]
    words += [word for key, value in changed for word in ("--set", f"{key}={_word(value)}")]
    return words + (["--from", "PATH"] if is_known and plugins.defines("frontends", front, "Source") else [])


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
