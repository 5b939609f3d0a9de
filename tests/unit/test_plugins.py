"""What a plug-in declares is read from its source, base classes and types included, and nothing of it is imported."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Literal, get_type_hints

import pytest

from sercli import plugins
from sercli.config import build
from sercli.errors import BrokenPlugin, UsageError

BASE = """
raise RuntimeError("is read, never imported")
class Options:
    size: int = 3
    kind: Literal["a", "b"] = "a"
"""
PLUGIN = """
'''A plug-in for a test.'''
import torch
from torch import nn
from . import base
from .base import Options as Renamed
from sercli.autoencoders.vae import Config as VaeConfig

INPUT, COMPUTED = "frames", None
INPUT = "frames"
TRAINING = {"lr": 1e-2}
COMPUTED = torch.zeros(1)

class Here(base.Options):
    rate: float | None = None

class Config(Here, VaeConfig):
    kind: Literal["a", "b"] = "b"
    note: str = ""

class Unwritten(Renamed):
    uses_labels = True

class Model(Unwritten, nn.Module):
    has_std = False
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source of a plug-in of another package, which is installed as the autoencoder `other`."""
    package = tmp_path / "another_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "base.py").write_text(BASE)
    (package / "other.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    points = EntryPoints([EntryPoint("other", "another_package.other", "sercli.autoencoders")])
    monkeypatch.setattr(plugins, "_points", lambda package: points if package == "autoencoders" else EntryPoints())
    yield package / "other.py"
    for cached in (plugins._parsed, plugins.config_class):
        cached.cache_clear()
    sys.modules.pop("another_package", None)


def test_options_are_inherited_from_the_same_file_another_module_and_sercli(plugin: Path) -> None:
    options = {"size": 3, "kind": "b", "rate": None, "hidden": (512, 256), "beta": 1.0, "note": ""}
    assert plugins.defaults("autoencoders", "other") == options
    hints = get_type_hints(plugins.config_class("autoencoders", "other"))
    assert hints["kind"] == Literal["a", "b"]
    assert hints["rate"] == float | None
    assert hints["hidden"] == tuple[int, ...]


def test_options_are_coerced_without_an_import(plugin: Path) -> None:
    config = build(plugins.config_class("autoencoders", "other"), {"size": "7", "hidden": "16,8"}, "other")
    assert (vars(config)["size"], vars(config)["hidden"]) == (7, (16, 8))
    with pytest.raises(UsageError) as refused:
        build(plugins.config_class("autoencoders", "other"), {"kind": "c"}, "other")
    assert (refused.value.place, refused.value.seen) == ("other: kind", "'c'")
    assert "another_package.other" not in sys.modules


def test_attributes_and_constants_are_literals(plugin: Path) -> None:
    assert plugins.attributes("autoencoders", "other", "Model") == {
        "size": 3,
        "kind": "a",
        "uses_labels": True,
        "has_std": False,
    }
    assert plugins.constants("autoencoders", "other") == {"INPUT": "frames", "TRAINING": {"lr": 1e-2}}
    assert plugins.card("autoencoders", "other") == "A plug-in for a test."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("size: int", "size"),
        ("size: int = 2 ** 7", "ValueError"),
        ("shape: Alias = 1", "Alias"),
    ],
)
def test_options_that_break_the_rules_are_the_plugins_fault(plugin: Path, body: str, reason: str) -> None:
    plugin.write_text(f"class Config:\n    {body}\n")
    with pytest.raises(BrokenPlugin) as broken:
        plugins.config_class("autoencoders", "other")
    assert reason in broken.value.seen
    assert "other" in broken.value.place


def test_a_base_class_of_a_third_package_is_refused(plugin: Path) -> None:
    plugin.write_text("from third.party import Base\nclass Config(Base):\n    size: int = 1\n")
    with pytest.raises(BrokenPlugin) as broken:
        plugins.config_class("autoencoders", "other")
    assert "Base" in broken.value.seen
