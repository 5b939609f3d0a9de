"""How a fit went: versions, device, time, memory, steps, and what ended it. `fit.json` beside the weights.

It does not belong to the product: provenance does not list it, no digest covers it, and nothing is stale without it. So products
hold no times, and the same command gives the same bytes but for this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from ..config import build
from ..errors import UsageError
from ..machine.devices import device_name
from ..machine.usage import Meter
from ..machine.versions import versions
from ..store.locations import FIT_RECORD
from ..store.publishing import write_json

if TYPE_CHECKING:
    import torch

    from ..learning.training import Losses, TrainingRun


UNRECORDED = "fits without a record"


@dataclass(frozen=True)
class FitRecord:
    """Facts of one fit, of reading its data too; times in seconds, memory in bytes."""

    versions: dict[str, str]
    device: str
    device_name: str  # model of the processor or GPU
    threads: int
    seconds: float
    cpu_seconds: float
    peak_memory: int  # of the process, with its libraries
    peak_device_memory: int | None
    weights: int
    steps: int
    epochs: int
    ended_by: str  # a word of `sercli.learning.training.Ending`

    @classmethod
    def of(cls, meter: Meter, model: torch.nn.Module, run: TrainingRun, history: Sequence[Losses]) -> FitRecord:
        """The facts of a fit that has just ended, in the thread that ran it; `meter` was started before it."""
        import torch

        return cls(
            versions=versions(),
            device=meter.device,
            device_name=device_name(meter.device),
            threads=torch.get_num_threads(),
            **meter.read()._asdict(),
            weights=n_weights(model),
            steps=run.effort.steps,
            epochs=len(history),
            ended_by=run.effort.ended_by,
        )

    def write(self, folder: Path) -> None:
        """Beside the weights."""
        write_json(folder / FIT_RECORD, asdict(self))


@dataclass(frozen=True)
class FitCost:
    """What several fits of one system took: means of numbers, the largest of memories."""

    fits: int
    weights: int  # of the largest: closed forms differ in size
    steps: float
    epochs: float
    seconds: float
    cpu_seconds: float
    peak_memory: int
    peak_device_memory: int | None
    devices: str

    @classmethod
    def of(cls, records: Sequence[FitRecord]) -> FitCost:
        """Of at least one fit."""
        means = {
            name: mean(getattr(r, name) for r in records) for name in ("steps", "epochs", "seconds", "cpu_seconds")
        }
        return cls(
            fits=len(records),
            weights=max(r.weights for r in records),
            peak_memory=max(r.peak_memory for r in records),
            peak_device_memory=max((r.peak_device_memory for r in records if r.peak_device_memory), default=None),
            devices=", ".join(sorted({f"{r.device_name}, {r.threads} thread{'s' * (r.threads > 1)}" for r in records})),
            **means,
        )


def n_weights(model: torch.nn.Module) -> int:
    """Number of trained weights; of a model that is fitted in closed form, the numbers that it keeps."""
    return sum(p.numel() for p in model.parameters()) or sum(t.numel() for t in model.state_dict().values())


def versions_in(folders: Iterable[Path]) -> dict[str, str]:
    """Versions by library, of the fits in these folders; several where they differ. `UNRECORDED` counts fits without a record."""
    versions: dict[str, set[str]] = {}
    records = [read_fit_record(folder) for folder in folders]
    for record in records:
        for name, version in record.versions.items() if record else ():
            versions.setdefault(name, set()).add(version)
    joined = {name: ", ".join(sorted(several)) for name, several in versions.items()}
    return {**joined, UNRECORDED: str(records.count(None))} if None in records else joined


def read_fit_record(folder: Path) -> FitRecord | None:
    """The record of a fold; None where it is missing or cannot be read, since nothing depends on it."""
    try:
        values = json.loads((folder / FIT_RECORD).read_text(encoding="utf-8"))
        return build(FitRecord, values, FIT_RECORD) if isinstance(values, Mapping) else None
    except (OSError, ValueError, UsageError):
        return None
