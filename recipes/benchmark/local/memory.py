"""Wall time and peak memory of one sercli command, all its processes together (proportional set size, sampled).

usage: memory.py COMMAND [ARGUMENT …]
"""

import re
import subprocess
import sys
import time
from pathlib import Path

INTERVAL = 1.0  # s; looking at large processes takes time itself


def tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has ended meanwhile
    processes = [root]
    for pid in processes:
        processes += [child for child, parent in parents.items() if parent == pid]
    return processes


def proportional_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    match = re.search(r"^Pss: +(\d+) kB", text, flags=re.MULTILINE)
    return int(match[1]) if match else 0


def main() -> None:
    start, peak = time.perf_counter(), 0
    command = subprocess.Popen([sys.executable, "-m", "sercli", *sys.argv[1:]], stdout=subprocess.DEVNULL)
    while command.poll() is None:
        peak = max(peak, sum(map(proportional_kib, tree(command.pid))))
        time.sleep(INTERVAL)
    print(f"{' '.join(sys.argv[1:3])}: {time.perf_counter() - start:.1f} s, peak {peak / 1024:.0f} MiB")
    sys.exit(command.returncode)


if __name__ == "__main__":
    main()
