"""From options, as flags and files give them, to tasks, autoencoders and classifiers with whole configurations and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import plugins
from ..config import build, plain, unknown_option
from ..errors import Command, SercliError, UsageError, listed
from ..learning.options import TrainingConfig
from ..store import keys, publishing
from ..store.locations import check_name
from ..tasks.task import Task, name_differences, requested_task, task_name
from . import naming
from .catalogue import Catalogue
from .configs import AutoencoderConfig, ClassifierConfig, inherited, training_defaults
from .sources import CorpusTask
from .systems import Autoencoder, Classifier, fold_difference

TASK_OPTIONS = frozenset({*(field.name for field in fields(Task)), "task", "folds_file"})
_INHERITED = ("frontend", "segment_shift_ms", "normalise")  # an autoencoder decides these for its classifiers

Options = Mapping[str, Any]


def resolve_task(catalogue: Catalogue, options: Options, defaults: Task | None = None) -> CorpusTask:
    """The task that the task options among `options` name or define; absent ones are those of `defaults`, the corpus's own
    task unless given. A task that exists needs its name only. Raises SercliError, UsageError.
    """
    definition = {key: options[key] for key in TASK_OPTIONS - {"task", "folds_file"} if key in options}
    if "folds_file" in options:
        definition["folds"] = catalogue.add_folds_file(Path(options["folds_file"]))
        definition.setdefault("protocol", "file")
    corpus_task = catalogue.corpus_task
    name = check_name(options["task"]) if "task" in options else None
    store = catalogue.store
    if name is not None and store.config(keys.task(name), "task.yaml") is not None:
        task = catalogue.task(name)
        requested = requested_task(definition, task.definition)
        place = store.location(keys.task(name))
        publishing.check_same_config(place, plain(task.definition), plain(requested), "--task")
        return task
    if name is not None and not definition and name != task_name(corpus_task, corpus_task):
        command = Command("folds", store.path, ("--task", name, "--classes", "A,B"))
        names = ", ".join(catalogue.task_names)
        raise SercliError("there is no such task", place=store.path, seen=name, expected=names, fix=command)
    task_definition = requested_task(definition, defaults or corpus_task, corpus_task)
    return CorpusTask(catalogue, name or task_name(task_definition, corpus_task), task_definition)


def resolve_autoencoder(catalogue: Catalogue, options: Options) -> Autoencoder:
    """The autoencoder that the options define. Raises UsageError for unknown options and impossible values."""
    task = resolve_task(catalogue, options)
    rest = {key: value for key, value in options.items() if key not in TASK_OPTIONS}
    name = rest.pop("name", None)
    model = str(rest.get("model", AutoencoderConfig.model))
    values = _grouped(rest, AutoencoderConfig, TrainingConfig(), "autoencoders", model)
    config = build(AutoencoderConfig, {**values, "task": task.name}, "train-ae")
    defaults = config.defaults()
    parts = [f"{config.model}-{config.latent_dim}", *_task_parts(task), *naming.differences(config, defaults)]
    parts += naming.inner_differences(config, defaults)
    autoencoder = Autoencoder(catalogue, check_name(name or ".".join(parts)), config, task)
    autoencoder.check_name_is_free()
    return autoencoder


def resolve_classifier(catalogue: Catalogue, options: Options, autoencoder: Autoencoder | None = None) -> Classifier:
    """The classifier that the options define, on a planned `autoencoder` or on the one that the options name.

    It inherits what the autoencoder decided, and another value is refused. Raises UsageError.
    """
    rest = {key: value for key, value in options.items() if key not in TASK_OPTIONS}
    name, autoencoder_name = rest.pop("name", None), rest.pop("autoencoder", None)
    if autoencoder is None and autoencoder_name is not None:
        autoencoder = catalogue.autoencoder(str(autoencoder_name))
    if autoencoder is None:
        task, values = resolve_task(catalogue, options), dict[str, Any]()
    else:
        task, values = _task_on_latents(catalogue, options, autoencoder), _inherit(rest, autoencoder)
    kind = str(rest.get("classifier", ClassifierConfig.classifier))
    training = training_defaults(kind)
    values |= _grouped({**values, **rest}, ClassifierConfig, training, "classifiers", kind)
    config = build(ClassifierConfig, {**values, "task": task.name}, "train-classifier")
    name = check_name(name or _classifier_name(config, task, autoencoder))
    classifier = Classifier(catalogue, name, config, task, autoencoder)
    classifier.check_name_is_free()
    return classifier


def _classifier_name(config: ClassifierConfig, task: CorpusTask, autoencoder: Autoencoder | None) -> str:
    defaults = config.defaults(autoencoder.config if autoencoder else None)
    if autoencoder is None:
        options = naming.differences(config, defaults, ("segment_shift_ms", "normalise"))
        parts = [config.frontend, *_task_parts(task), *options]
    else:
        parts = [autoencoder.name]
        if task.name != autoencoder.task.name:
            parts += name_differences(task.definition, autoencoder.task.definition, task.sources.corpus_task)
    inputs = naming.differences(config, defaults, ("condition", "latents", "soft_labels"))
    return ".".join([*parts, config.classifier, *inputs, *naming.inner_differences(config, defaults)])


def _task_on_latents(catalogue: Catalogue, options: Options, autoencoder: Autoencoder) -> CorpusTask:
    """The task of a classifier on latents: that of the autoencoder unless the options define another, whose folds must lie
    within the folds under which the autoencoder was fitted. Raises UsageError."""
    fitted = autoencoder.task
    is_same = options.get("task", fitted.name) == fitted.name and not TASK_OPTIONS - {"task"} & options.keys()
    task = fitted if is_same else resolve_task(catalogue, options, fitted.definition)
    if task.definition == fitted.definition:
        return fitted
    if difference := fold_difference(task.folds, fitted.folds):
        problem = f"the folds do not lie within those under which {autoencoder.name} was fitted"
        place, expected = (f"task {t.name} (folds {t.folds.digest[:8]})" for t in (task, fitted))
        fix = Command("train-ae", catalogue.store.path, ("--task", task.name))
        raise UsageError(problem, place=place, seen=difference, expected=f"the parts of {expected}", fix=fix)
    _check_nothing_shared(task, autoencoder)
    return task


def _check_nothing_shared(task: CorpusTask, autoencoder: Autoencoder) -> None:
    """Raises UsageError for an autoencoder that was fitted on what the task sets apart from its test utterances."""
    for fold in task.folds.folds if task.definition.apart else ():
        if shared := task.shared_with_test(fold, sorted(autoencoder.fitted_on(fold.number))):
            raise UsageError(
                f"{autoencoder.name} was fitted on what --apart leaves out",
                place=f"task {task.name}, fold {fold.number}",
                seen=f"{min(shared)} shares {listed(task.definition.apart)} with a test utterance",
                fix=Command("train-ae", task.store.path, ("--task", task.name)),
            )


def _inherit(options: Options, autoencoder: Autoencoder) -> dict[str, Any]:
    """What a classifier takes from its autoencoder. Raises UsageError where the options say something else."""
    config = autoencoder.config
    for key in _INHERITED:
        if key in options and options[key] != getattr(config, key):
            flag = naming.flag(key.removesuffix("_ms") if key == "segment_shift_ms" else key)
            fix = Command("train-ae", autoencoder.store.path, (flag, naming.word(options[key])))
            problem, expected = f"the autoencoder {autoencoder.name} decides this option", getattr(config, key)
            raise UsageError(problem, place=naming.flag(key), seen=options[key], expected=expected, fix=fix)
    if not config.has_std and (latents := options.get("latents")) not in (None, "mean"):
        problem, fix_latents = f"{autoencoder.name} gives no standard deviation", "use --latents mean"
        raise UsageError(problem, place="--latents", seen=latents, expected="mean", fix=fix_latents)
    condition = config.condition(options.get("condition"))
    return {**inherited(config), "autoencoder": autoencoder.name, "condition": condition}


def _grouped(
    options: Options,
    cls: type[AutoencoderConfig | ClassifierConfig],
    training_defaults: TrainingConfig,
    package: str,
    plugin: str,
) -> dict[str, Any]:
    """Options by the field of the configuration they belong to: those of training and of the plug-in whole, in their groups,
    in the types that the plug-in declares.

    Raises UsageError for an unknown option, and for a value that the plug-in cannot take.
    """
    shared = {field.name for field in fields(cls)} - {"training", "options", "task"}
    training = {field.name for field in fields(TrainingConfig)}
    plugin_options = {key: value for key, value in options.items() if key not in shared | training}
    valid_keys = plugins.defaults(package, plugin)
    for key in plugin_options:
        if key not in valid_keys:
            raise unknown_option(plugin, key, [*valid_keys, *sorted(training), *sorted(shared)])
    trained = {key: value for key, value in options.items() if key in training}
    return {
        **{key: value for key, value in options.items() if key in shared},
        "training": plain(build(TrainingConfig, {**plain(training_defaults), **trained}, "training")),
        "options": plain(build(plugins.config_class(package, plugin), plugin_options, plugin)),
    }


def _task_parts(task: CorpusTask) -> list[str]:
    corpus_task = task.sources.corpus_task
    if task.name != task_name(task.definition, corpus_task):
        return [task.name]
    return name_differences(task.definition, corpus_task)
