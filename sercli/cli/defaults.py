"""Defaults as `--help` prints them, read from plug-ins and dataclasses."""

from collections.abc import Iterable, Mapping
from typing import Any

from .. import plugins
from ..experiments.naming import word
from ..learning.options import FLAGS


def words_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Each default as it would be typed."""
    return {key: word(value) for key, value in options.items()}


def values_of_plugins(package: str, names: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
    """The options of each plug-in of a kind, with their defaults."""
    names = plugins.names(package) if names is None else names
    return {name: words_of(plugins.defaults(package, name)) for name in names}


def without_flags(training: Mapping[str, str]) -> dict[str, str]:
    """The options of training that can only be given with --set."""
    return {key: text for key, text in training.items() if key not in FLAGS}


def merged_words(options: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The default of each option: one value, or one for each plug-in where they differ.

    >>> merged_words({"lstm": {"epochs": 20, "patience": 5}, "cnn": {"epochs": 20, "patience": 3}})
    {'epochs': '20', 'patience': '5 (lstm), 3 (cnn)'}
    """
    texts: dict[str, dict[str, str]] = {}
    for plugin, values in options.items():
        for key, text in words_of(values).items():
            texts.setdefault(key, {})[plugin] = text
    merged = {}
    for key, by_plugin in texts.items():
        differ = len({*by_plugin.values()}) > 1
        each = [f"{text} ({plugin})" for plugin, text in by_plugin.items()]
        merged[key] = ", ".join(each) if differ else next(iter(by_plugin.values()))
    return merged
