"""`sercli doctor`: what this machine has, and what of it can be used."""

import functools
import os
import platform
import shutil
import sys
import tempfile
import timeit
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from .. import __version__, plugins
from ..machine import devices
from ..text import size_of

_NEEDED = 4 * 2**30  # bytes of memory that the largest step of the paper's recipe takes
_PRODUCTS = 20


def run() -> dict[str, Any]:
    """All of it as JSON; `problems` are lines for people, each with its cure."""
    found: dict[str, Any] = {
        "sercli": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": devices.n_cores(),
        "memory": _memory(),
        "disks": {str(folder): _disk(folder) for folder in _folders()},
        "versions": {name: _version(name) for name in _libraries()},
        "devices": _devices(),
        "libsndfile": _sound(),
        "plugins": {kind: plugins.names(kind) for kind in ("corpora", "frontends", "autoencoders", "classifiers")},
    }
    return {**found, "problems": _problems(found)}


def _processor() -> str:
    """Its name, where the system tells: Linux by /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> dict[str, int | None]:
    """Bytes of this machine, and of what a container or a cluster's job allows; None where nobody says."""
    sizes = [os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES")]
    total = sizes[0] * sizes[1]
    limits = [limit for limit in _memory_limits() if limit < total]
    return {"total": total, "allowed": min(limits, default=None)}


def _memory_limits() -> Iterator[int]:
    """Of the control groups that this process is in and of those around them, version 1 or 2 (Linux)."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, kinds, group in groups:
        if kinds and "memory" not in kinds.split(","):
            continue
        top = Path("/sys/fs/cgroup/memory" if kinds else "/sys/fs/cgroup")
        name = "memory.limit_in_bytes" if kinds else "memory.max"
        own = top / group.strip("/")
        for folder in (own, *own.parents):
            with suppress(OSError, ValueError):  # no such file, or "max"
                yield int((folder / name).read_text())


def _folders() -> list[Path]:
    try:
        return [Path.cwd(), Path(tempfile.gettempdir())]
    except OSError:  # the working folder was deleted
        return [Path("/")]


def _disk(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(folder)
    return {"free": usage.free, "total": usage.total, "writable": os.access(folder, os.W_OK)}


def _libraries() -> list[str]:
    """What the package asks for, by name; those of its extras that are there as well."""
    asked = [requirement.partition(";") for requirement in requires("sercli") or []]
    names = [(name.partition(">")[0].partition("=")[0].strip(), extra) for name, _, extra in asked]
    return [name for name, extra in names if not extra or _version(name) is not None]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> dict[str, Any]:
    """What `--device` takes here, with names and memory (bytes), whether each works, and what `auto` comes to."""
    cpu: dict[str, Any] = {"name": _processor(), "memory": _memory()["total"]}
    try:
        import torch
    except (ImportError, OSError) as error:
        cpu["problem"] = f"PyTorch cannot be loaded ({_line(error)}); install it again"
        return {"found": {"cpu": cpu}, "auto": None, "bfloat16_speedup": None}
    found = {"cpu": cpu}
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(number)
        found[f"cuda:{number}"] = {"name": about.name, "memory": about.total_memory}
    if torch.backends.mps.is_available():
        found["mps"] = {"name": "Apple GPU", "memory": None}
    for name, device in found.items():
        try:
            ones = torch.ones(64, 64, device=name)
            device["problem"] = "" if float((ones @ ones).sum()) == 64**3 else "a matrix product comes out wrong"
        except RuntimeError as error:
            device["problem"] = _line(error)
    return {"found": found, "auto": devices.resolve("auto"), "bfloat16_speedup": _bfloat16_speedup()}


def _bfloat16_speedup() -> float:
    """How much faster than in float32 a core multiplies what the autoencoder's first layer does, (B, S·F) by (S·F, H)."""
    import torch

    seconds = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for kind in (torch.float32, torch.bfloat16):
        segments, weights = torch.ones(512, 800, dtype=kind), torch.ones(800, 512, dtype=kind)
        segments @ weights  # the first one prepares
        seconds.append(
            min(timeit.repeat(functools.partial(torch.matmul, segments, weights), number=1, repeat=_PRODUCTS))
        )
    torch.set_num_threads(threads)
    return seconds[0] / seconds[1]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _sound() -> str | None:
    """The version of libsndfile, which reads the recordings; None where it cannot be loaded."""
    try:
        from ..data import audio
    except (ImportError, OSError):
        return None
    return str(audio.LIBSNDFILE)


def _problems(found: dict[str, Any]) -> list[str]:
    lines = [
        f"{name}: is not installed; run `pip install {name}`" for name, one in found["versions"].items() if one is None
    ]
    memory = found["memory"]["allowed"] or found["memory"]["total"]
    if memory < _NEEDED:
        lines.append(f"memory: {size_of(memory)}; fit large corpora with --jobs 1")
    for folder, disk in found["disks"].items():
        if not disk["writable"]:
            lines.append(f"{folder}: cannot be written to; work in another folder")
        if disk["free"] < _NEEDED:
            lines.append(f"{folder}: {size_of(disk['free'])} free; latents of a large corpus take more")
    if found["libsndfile"] is None:
        lines.append("libsndfile: cannot be loaded; run `pip install --force-reinstall soundfile`")
    for name, device in found["devices"]["found"].items():
        if device["problem"]:
            lines.append(f"--device {name}: {device['problem']}")
    if devices.may_have_gpu() and found["devices"]["auto"] == "cpu":
        lines.append(
            "a GPU seems to be here, but this build of PyTorch cannot use it; install one for it (pytorch.org)"
        )
    return lines
