"""What a piece of work takes: time and memory."""

import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # what the kernel takes as: forget the peak of resident memory (man 5 proc)


class Usage(NamedTuple):
    """Seconds by the clock, seconds of the processor over all threads, and bytes.

    The peak of memory is that of the whole process, its libraries included; that of the device is what PyTorch allocated.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int
    peak_device_memory: int | None  # None on a CPU


class Meter:
    """Measures what its process uses from now on. Where the system cannot forget an earlier peak of memory, that one counts."""

    def __init__(self, device: str) -> None:
        self.device = device
        with suppress(OSError):  # not Linux, or a container without it
            _CLEAR.write_text(_RESET_PEAK)
        if self._is_cuda:
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        self._start, self._cpu_start = time.perf_counter(), time.process_time()

    def read(self) -> Usage:
        """The usage until now."""
        device_memory = None
        if self._is_cuda:
            import torch

            device_memory = torch.cuda.max_memory_allocated(self.device)
        seconds, cpu_seconds = time.perf_counter() - self._start, time.process_time() - self._cpu_start
        return Usage(round(seconds, 3), round(cpu_seconds, 3), peak_memory(), device_memory)

    @property
    def _is_cuda(self) -> bool:
        return self.device.startswith("cuda")


def peak_memory() -> int:
    """The most bytes of resident memory that this process had, since a `Meter` started where the system can forget."""
    with suppress(OSError):
        if match := re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE):
            return 1024 * int(match[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
