"""Time of `sercli ingest` on 10 000 recordings, beside reading and digesting them once, in one thread.

usage: ingest.py WORK
"""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

RATE, SECONDS = 16000, 2.5  # as in CREMA-D, whose names they have
SENTENCES, EMOTIONS = (
    ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "MTI", "TAI", "TIE", "TSI"),
    ("ANG", "DIS", "FEA", "HAP", "SAD"),
)
LEVELS = ("LO", "HI")


def synthesise(folder: Path) -> list[Path]:
    """100 actors, 100 recordings each: noise, every one its own."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = [f"{1000 + n}_{s}_{e}_{level}" for n in range(100) for s in SENTENCES for e in EMOTIONS for level in LEVELS]
    for name in names:
        path = folder / f"{name}.wav"
        noise = rng.integers(-3000, 3000, round(RATE * SECONDS), dtype=np.int16)
        if not path.exists():
            soundfile.write(path, noise, RATE)
    return [folder / f"{name}.wav" for name in names]


def main() -> None:
    work = Path(sys.argv[1])
    paths = synthesise(work / "AudioWAV")
    start = time.perf_counter()
    for path in paths:
        hashlib.sha256(path.read_bytes()).digest()
    reference = time.perf_counter() - start
    for how in ("first", "again, from what is remembered"):
        start = time.perf_counter()
        command = [sys.executable, "-m", "sercli", "ingest", str(work / "AudioWAV"), str(work / "store")]
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        print(
            f"ingest of {len(paths)} files, {how}: {seconds:.1f} s; reading and digesting them, one thread: {reference:.1f} s"
        )


if __name__ == "__main__":
    main()
