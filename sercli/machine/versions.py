"""Versions of Python, of this package and of the libraries that numbers depend on."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from .. import __version__

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "zarr", "safetensors", "soundfile", "soxr")


def versions(*more: str) -> dict[str, str]:
    """By name, of what is installed; `more` are further libraries."""
    installed = {"sercli": __version__, "python": platform.python_version()}
    for name in (*LIBRARIES, *more):
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed
