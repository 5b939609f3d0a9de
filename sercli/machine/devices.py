"""Where to compute: auto, cpu, cuda, cuda:N, mps; or several GPUs, cuda:0,cuda:1."""

import re
import sys
from pathlib import Path

from ..errors import SercliError, UsageError

_GPUS = r"cuda:\d+(,cuda:\d+)+"


def check(device: str) -> None:
    """Raises UsageError for a name that is none."""
    if not re.fullmatch(rf"auto|cpu|cuda(:\d+)?|mps|{_GPUS}", device):
        raise UsageError(f"--device {device!r} is not one of auto, cpu, cuda, cuda:N, mps, or several: cuda:0,cuda:1")
    if len(set(device.split(","))) < len(device.split(",")):
        raise UsageError(f"--device {device} names a GPU twice; for two processes on one GPU use --jobs")


def resolve_all(device: str) -> list[str]:
    """Each device of a name that `check` passed. Raises SercliError for one that this machine has not."""
    return [resolve(one) for one in device.split(",")]


def resolve(device: str) -> str:
    """A device that is there, of a name that `check` passed. Raises SercliError for one that this machine has not."""
    if device == "cpu" or (device == "auto" and not may_have_gpu()):
        return "cpu"  # known without importing torch
    import torch

    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if device == "auto":
        return "cuda:0" if n_cuda else "mps" if has_mps else "cpu"
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= n_cuda:
            raise SercliError(
                f"--device {device}: this machine has {n_cuda} usable CUDA devices; use --device cpu or auto"
            )
        return f"cuda:{number}"
    if device == "mps" and not has_mps:
        raise SercliError("--device mps: this machine has no usable Apple GPU; use --device cpu or auto")
    return device


def may_have_gpu() -> bool:
    """Whether the system shows signs of one; known without importing torch."""
    return sys.platform == "darwin" or any(Path(sign).exists() for sign in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))
