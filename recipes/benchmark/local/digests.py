"""Digests of everything that the published numbers rest on, one per line: arrays and weights by content, tables by their bytes.

usage: digests.py STORE > FILE      (before and after a change of the code; then `diff` the two files)
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zarr
from safetensors.numpy import load_file

TABLES = (
    "*/*/fold-*/history.tsv",
    "predictions/*/fold-*/predictions.tsv",
    "results/*/predictions.tsv",
    "tasks/*/folds.tsv",
)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]


def arrays(group: zarr.Group, prefix: str = "") -> Iterator[str]:
    for name, item in sorted(group.members()):
        if isinstance(item, zarr.Group):
            yield from arrays(item, f"{prefix}{name}/")
        else:
            values = np.asarray(item[:])
            is_text = values.dtype.kind not in "fi"
            content = "\n".join(map(str, values)).encode() if is_text else np.ascontiguousarray(values).tobytes()
            yield f"array {prefix}{name} {values.shape} {sha(content)}"


def weights(path: Path) -> str:
    """Of all tensors with their names and types: the metadata of the file may change."""
    content = hashlib.sha256()
    for name, tensor in sorted(load_file(path).items()):
        content.update(f"{name}{tensor.dtype}".encode())
        content.update(tensor.tobytes())
    return content.hexdigest()[:24]


def main() -> None:
    store = Path(sys.argv[1])
    print(*arrays(zarr.open_group(store / "arrays.zarr", mode="r", use_consolidated=False)), sep="\n")
    for path in sorted(path for pattern in TABLES for path in store.glob(pattern)):
        print("table", path.relative_to(store), sha(path.read_bytes()))
    for path in sorted(store.glob("*/*/fold-*/*.safetensors")):
        print("weights", path.relative_to(store), weights(path))


if __name__ == "__main__":
    main()
