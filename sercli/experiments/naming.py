"""Names of products, and the options and commands that make them, from configurations.

A name has one part for each option that differs from its default, in a fixed order: `cvae-128.improvised.seed-1`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .. import plugins
from ..config import plain, plain_value
from ..learning.options import FLAGS
from ..tasks.task import Task, requested_task
from .configs import AutoencoderConfig, ClassifierConfig

_Config = AutoencoderConfig | ClassifierConfig
_SHORT = {"segment_shift_ms": "shift", "fit_on": "fit", "reconstruction_threshold": "threshold"}
_GROUPS = ("training", "options")


def _changes(config: _Config, defaults: _Config) -> Iterator[tuple[str, str, Any]]:
    """Group ("" for options of the system itself), key and value of each option that differs, in the order of the fields."""
    default_values = plain(defaults)
    for key, value in plain(config).items():
        group = key if key in _GROUPS else ""
        defaults_of_group = default_values[group] if group else default_values
        for name, item in value.items() if group else [(key, value)]:
            if item != plain_value(defaults_of_group[name]):
                yield group, name, item


def differences(config: _Config, defaults: _Config, keys: Collection[str] | None = None) -> list[str]:
    """One part of a name for each option of `keys` (all but the task, if None) that differs from the defaults."""
    keys = vars(config).keys() - {"seed", "task"} if keys is None else keys
    changes = [(key, value) for group, key, value in _changes(config, defaults) if not group and key in keys]
    return [flag(key).lstrip("-") if value is True else _part(key, value) for key, value in changes]


def inner_differences(config: _Config, defaults: _Config) -> list[str]:
    """The same for options of training and of the plug-in, and the seed last."""
    changes = sorted(_changes(config, defaults), key=lambda change: change[1] == "seed" and not change[0])
    return [_part(key, value) for group, key, value in changes if group or key == "seed"]


def _part(key: str, value: Any) -> str:
    return f"{_SHORT.get(key, key)}-{word(value)}"


def options_of(config: _Config, defaults: _Config) -> list[str]:
    """The command-line options that make this configuration out of the defaults."""
    words: list[str] = []
    for group, key, value in _changes(config, defaults):
        if group and key not in FLAGS:
            words += ["--set", f"{key}={word(value)}"]
        else:
            words += [flag(key)] if value is True else [flag(key), word(value)]
    return words


def task_options(task: Task, corpus_task: Task) -> list[str]:
    """The command-line options that define a task beside the corpus's own. A file of folds is the one that the store keeps."""
    defaults = plain(requested_task({"target": task.target}, corpus_task))
    values = {key: value for key, value in plain(task).items() if value != defaults[key]}
    values |= {"target": task.target} if task.target != corpus_task.target else {}
    if values.pop("folds", ""):
        values["folds_file"] = "FOLDS.tsv"
    columns = values.pop("apart", [])
    words = [text for key, value in values.items() for text in (flag(key), word(value))]
    return [*words, *(text for column in columns for text in ("--apart", column))]


def frontend_options(name: str, config: Mapping[str, Any]) -> list[str]:
    """The options of `sercli featurize` that make features of this name; only the name if the plug-in is not installed."""
    frontend = str(config["frontend"])
    is_installed = frontend in plugins.names("frontends")
    defaults = plugins.defaults("frontends", frontend) if is_installed else {}
    changed = {key: config[key] for key, default in defaults.items() if config.get(key, default) != default}
    words = ["--frontend", frontend, *(["--name", name] if name != frontend else [])]
    words += [text for key, value in changed.items() for text in ("--set", f"{key}={word(value)}")]
    return words + (["--from", "PATH"] if is_installed and plugins.defines("frontends", frontend, "Source") else [])


def flag(key: str) -> str:
    """`batch_size` is `--batch-size`."""
    return "--" + key.replace("_", "-")


def word(value: Any) -> str:
    """A value as the command line takes it; a number has all the digits that it needs.

    >>> word(1e-3), word(0.123456789)
    ('0.001', '0.123456789')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
