"""Cores and devices of this machine. A device is auto, cpu, cuda, cuda:N or mps; several GPUs are cuda:0,cuda:1."""

import os
import platform
import re
import sys
from pathlib import Path

from ..errors import SercliError, UsageError, listed

_NAMES = re.compile(r"auto|cpu|cuda(:\d+)?|mps|cuda:\d+(,cuda:\d+)+")


def check(device: str) -> None:
    """Raises UsageError for a text that names no device."""
    if not _NAMES.fullmatch(device):
        names = "auto, cpu, cuda, cuda:N, mps, or several: cuda:0,cuda:1"
        raise UsageError("unknown device", place="--device", seen=device, expected=names)
    if len(set(device.split(","))) < len(device.split(",")):
        fix = "for two processes on one GPU use --jobs"
        raise UsageError("a GPU is named twice", place="--device", seen=device, fix=fix)


def resolve_all(device: str) -> list[str]:
    """Every device that a checked text names. Raises SercliError for one that this machine does not have."""
    return [resolve(name) for name in device.split(",")]


def resolve(device: str) -> str:
    """The device that a checked name means on this machine. Raises SercliError for one that it does not have.

    >>> resolve("cpu")
    'cpu'
    """
    if device == "cpu" or (device == "auto" and not may_have_gpu()):
        return "cpu"  # without importing torch
    import torch

    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = [f"cuda:{i}" for i in range(n_cuda)] + (["mps"] if torch.backends.mps.is_available() else [])
    name = {"auto": next(iter(gpus), "cpu"), "cuda": "cuda:0"}.get(device, device)
    if name not in ("cpu", *gpus):
        fix = "use --device cpu or auto"
        raise SercliError(
            "this machine does not have the device",
            place="--device",
            seen=name,
            expected=listed(["cpu", *gpus]),
            fix=fix,
        )
    return name


def may_have_gpu() -> bool:
    """Whether the system shows signs of a GPU; does not import torch."""
    return sys.platform == "darwin" or any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def device_name(device: str) -> str:
    """The model of the processor or of the GPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return processor() if device == "cpu" else "Apple GPU"


def processor() -> str:
    """The model's name, which only Linux gives, in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def n_workers(jobs: int | None, n_units: int) -> int:
    """Workers for so many units: `jobs` if given, else one per core.

    >>> n_workers(4, 2)
    2
    """
    return max(1, min(jobs or n_cores(), n_units))


def devices_of_workers(device: str, jobs: int | None, n_units: int) -> list[str]:
    """The device of each worker process: unless `jobs` says how many, one per core, or one per GPU.

    >>> devices_of_workers("cpu", 2, 10)
    ['cpu', 'cpu']
    """
    devices = resolve_all(device)
    one_each = jobs is None and devices != ["cpu"]
    n = max(1, min(len(devices), n_units)) if one_each else n_workers(jobs, n_units)
    return [devices[i % len(devices)] for i in range(n)]
