"""Seconds that `sercli --help` takes, and those of an empty Python beside it: median of 11 runs each."""

import statistics
import subprocess
import sys
import time


def seconds(*words: str) -> float:
    times = []
    for _ in range(11):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


ours, empty = seconds("-m", "sercli", "--help"), seconds("-c", "")
listing = "import sys, sercli.cli.commands; print([m for m in ('torch', 'zarr', 'sklearn', 'matplotlib') if m in sys.modules])"
loaded = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True).stdout.strip()
print(
    f"sercli --help: {ours:.3f} s; an empty Python: {empty:.3f} s; loaded of torch, zarr, sklearn, matplotlib: {loaded}"
)
