"""`sercli doctor`: what this machine has, and what sercli can use of it."""

import functools
import os
import platform
import shutil
import sys
import tempfile
import timeit
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from .. import __version__, plugins
from ..errors import SercliError
from ..machine import devices
from ..text import printable, size_of

_NEEDED = 4 * 2**30  # bytes of memory for the largest step of the paper's recipe
_PRODUCTS = 20  # matrix products that are timed
_KINDS = ("corpora", "frontends", "autoencoders", "classifiers", "executors")


@dataclass(frozen=True)
class Disk:
    """The disk of a folder; sizes in bytes."""

    free: int
    total: int
    writable: bool


@dataclass(frozen=True)
class Device:
    """A value of `--device`; memory in bytes; `problem` is empty if it works."""

    name: str
    memory: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class Machine:
    """Facts about this machine and this installation."""

    sercli: str
    python: str
    executable: str
    system: str
    processor: str
    cores: int
    memory: int  # bytes
    disks: dict[str, Disk]  # by folder
    devices: dict[str, Device]
    auto_device: str | None  # what `--device auto` means
    bfloat16_speedup: float | None  # of matrix products on one core, over float32
    libsndfile: str | None
    versions: dict[str, str | None]  # of required libraries, and of the installed optional ones
    plugins: dict[str, list[str]]  # names by kind

    def problems(self) -> Iterator[SercliError]:
        """What does not work, each with its fix."""
        for name in (name for name, installed in self.versions.items() if installed is None):
            yield SercliError("is not installed", place=name, fix=f"run `pip install {name}`")
        if self.memory < _NEEDED:
            yield SercliError("little memory", seen=size_of(self.memory), fix="fit large corpora with --jobs 1")
        for folder, disk in self.disks.items():
            if not disk.writable:
                yield SercliError("cannot be written to", place=folder, fix="work in another folder")
            if disk.free < _NEEDED:
                free = f"{size_of(disk.free)} free"
                yield SercliError("latents of a large corpus need more", place=folder, seen=free)
        if self.libsndfile is None:
            fix = "run `pip install --force-reinstall soundfile`"
            yield SercliError("cannot be loaded", place="libsndfile", fix=fix)
        for name, device in self.devices.items():
            if device.problem:
                yield SercliError(device.problem, place=f"--device {name}")
        if devices.may_have_gpu() and self.auto_device == "cpu":
            fix = "install a build for it (pytorch.org)"
            yield SercliError("PyTorch cannot use the GPU", place="--device", fix=fix)

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values, with the problems as sentences."""
        return {**asdict(self), "problems": [str(problem) for problem in self.problems()]}

    def text(self) -> str:
        """One line per fact, then the problems."""
        facts = [f"{name:12}{printable(fact)}" for name, fact in self._facts()]
        problems = [f"Problem: {printable(str(problem))}" for problem in self.problems()]
        return "\n".join([*facts, "", *(problems or ["Everything works."])])

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield "sercli", f"{self.sercli}, Python {self.python} ({self.executable})"
        yield "system", self.system
        yield "cores", f"{self.cores} of {self.processor}: --jobs {self.cores} by default"
        yield "memory", size_of(self.memory)
        for folder, disk in self.disks.items():
            yield "disk", f"{folder}: {size_of(disk.free)} free of {size_of(disk.total)}"
        for name, device in self.devices.items():
            memory = f", {size_of(device.memory)}" if device.memory else ""
            auto = ", the choice of --device auto" if name == self.auto_device else ""
            yield "device", f"--device {name}: {device.name}{memory}{auto}{', NOT usable' if device.problem else ''}"
        if self.bfloat16_speedup:
            advice = "use --precision bfloat16" if self.bfloat16_speedup > 1.2 else "--precision bfloat16 gains nothing"
            yield "precision", f"bfloat16 products are {self.bfloat16_speedup:.1f} times as fast as float32: {advice}"
        yield "sound", f"libsndfile {self.libsndfile}"
        yield "libraries", ", ".join(f"{name} {installed or 'MISSING'}" for name, installed in self.versions.items())
        for kind, names in self.plugins.items():
            yield kind, ", ".join(names)


def run() -> Machine:
    """Look at this machine; loads PyTorch to try its devices."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    available, auto_device = _devices(memory)
    return Machine(
        sercli=__version__,
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=devices.processor(),
        cores=devices.n_cores(),
        memory=memory,
        disks={folder: _disk(folder) for folder in (os.getcwd(), tempfile.gettempdir())},
        devices=available,
        auto_device=auto_device,
        bfloat16_speedup=None if auto_device is None else _bfloat16_speedup(),
        libsndfile=_libsndfile(),
        versions={name: _version(name) for name in _libraries()},
        plugins={kind: plugins.names(kind) for kind in _KINDS},
    )


def _disk(folder: str) -> Disk:
    usage = shutil.disk_usage(folder)
    return Disk(usage.free, usage.total, os.access(folder, os.W_OK))


def _libraries() -> list[str]:
    """Names of the required libraries, and of those of the extras that are installed."""
    requirements = [requirement.partition(";") for requirement in requires("sercli") or []]
    names = [(name.partition(">")[0].partition("=")[0].strip(), extra) for name, _, extra in requirements]
    return [name for name, extra in names if not extra or _version(name) is not None]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices(memory: int) -> tuple[dict[str, Device], str | None]:
    """What `--device` takes on this machine, and what `auto` means."""
    cpu = Device(devices.processor(), memory)
    try:
        import torch
    except (ImportError, OSError) as error:
        return {"cpu": replace(cpu, problem=f"PyTorch cannot be loaded ({error}); install it again")}, None
    available = {"cpu": cpu}
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(number)
        available[f"cuda:{number}"] = Device(properties.name, properties.total_memory)
    if torch.backends.mps.is_available():
        available["mps"] = Device("Apple GPU")
    for name, device in available.items():
        try:
            ones = torch.ones(64, 64, device=name)
            problem = "" if float((ones @ ones).sum()) == 64**3 else "a matrix product is wrong"
        except RuntimeError as error:
            problem = " ".join(str(error).split())
        available[name] = replace(device, problem=problem)
    return available, devices.resolve("auto")


def _bfloat16_speedup() -> float:
    """Of the product in the autoencoder's first layer, (B, S·F) by (S·F, H), on one core."""
    import torch

    seconds = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for kind in (torch.float32, torch.bfloat16):
        segments, weights = torch.ones(512, 800, dtype=kind), torch.ones(800, 512, dtype=kind)
        segments @ weights  # the first one is slower
        product = functools.partial(torch.matmul, segments, weights)
        seconds.append(min(timeit.repeat(product, number=1, repeat=_PRODUCTS)))
    torch.set_num_threads(threads)
    return seconds[0] / seconds[1]


def _libsndfile() -> str | None:
    """Its version; None where it cannot be loaded."""
    try:
        from ..data import audio
    except (ImportError, OSError):
        return None
    return str(audio.LIBSNDFILE)
