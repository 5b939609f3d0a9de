"""fit(): seeds, the loop, early stopping. Knows no emotion and no Zarr."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Protocol, cast

import torch

from ..errors import SercliError
from .options import TrainingConfig

Batch = Sequence[torch.Tensor]
Row = dict[str, float]


class Trainable(Protocol):
    """A module whose `losses` gives means over one batch, among them `loss`, the one to descend."""

    @property
    def losses(self) -> Callable[..., dict[str, torch.Tensor]]: ...
    def parameters(self) -> Iterable[torch.nn.Parameter]: ...
    def state_dict(self) -> Mapping[str, torch.Tensor]: ...
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> object: ...
    def train(self, mode: bool = True) -> object: ...


def seed_for(seed: int, fold: int, stage: str) -> int:
    """One seed for each (seed, fold, stage), far from one another."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}/{stage}".encode()).digest()[:7], "big")


def make_repeatable(device: str) -> None:
    """The same bits each time: one thread a unit on a CPU (folds fill the cores better anyway), fixed kernels on a GPU.

    An operation that has none there warns.
    """
    if device == "cpu":
        torch.set_num_threads(1)
    elif device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it is first used
        torch.use_deterministic_algorithms(True, warn_only=True)


def fit(
    model: Trainable,
    train_batches: Callable[[torch.Generator], Iterable[Batch]],
    dev_batches: Callable[[], Iterable[Batch]] | None,
    config: TrainingConfig,
    seed: int,
    device: str,
    on_epoch: Callable[[int], None] = lambda epoch: None,
    good_enough: Callable[[Row], bool] = lambda dev: False,
) -> list[Row]:
    """Descend `loss`; keep the weights of the best dev loss; stop after `patience` epochs without a better one. Without
    dev, run all epochs and keep the last weights.

    Returns one row an epoch: `epoch`, `train_<name>` and `dev_<name>` for every loss, `best` (1 for the epoch kept).
    `good_enough`, given the dev losses, ends training with the present weights. Raises SercliError if a loss is not
    finite.
    """
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator(device=device)
    optimizer = torch.optim.Adam(
        list(model.parameters()),
        lr=config.lr,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        weight_decay=config.weight_decay,
        fused=True,
    )
    kept: Trainable = model
    average = None
    if config.weight_averaging:
        ema = torch.optim.swa_utils.get_ema_multi_avg_fn(config.weight_averaging)  # type: ignore[no-untyped-call]
        average = torch.optim.swa_utils.AveragedModel(cast(torch.nn.Module, model), multi_avg_fn=ema)
        for module in average.modules():
            if isinstance(module, torch.nn.RNNBase):
                module.flatten_parameters()  # a copy's weights lie apart, and cuDNN wants them together
        kept = cast(Trainable, average.module)
    history: list[Row] = []
    best, best_epoch, best_state = math.inf, 0, _copy(kept)
    for epoch in range(1, config.epochs + 1):
        noise.manual_seed(seed + epoch)
        model.train()
        train = _run(model, train_batches(order), noise, device, config.precision, optimizer, average)
        kept.train(False)
        noise.manual_seed(seed)  # the same noise every epoch, so that dev losses differ by the weights alone
        with torch.no_grad():
            dev = _run(kept, dev_batches(), noise, device, config.precision) if dev_batches is not None else {}
        history.append({"epoch": epoch, **_named("train", train), **_named("dev", dev)})
        losses = {part: row["loss"] for part, row in (("train", train), ("dev", dev)) if row}
        if not all(map(math.isfinite, losses.values())):
            seen = ", ".join(f"{loss} ({part})" for part, loss in losses.items())
            raise SercliError(f"the loss is {seen} in epoch {epoch}; try a smaller --lr")
        on_epoch(epoch)
        done = bool(dev) and good_enough(dev)
        if not dev or dev["loss"] < best or done:
            best, best_epoch, best_state = losses.get("dev", math.inf), epoch, _copy(kept)
        if done or epoch - best_epoch >= config.patience:
            break
    model.load_state_dict(best_state)
    model.train(False)
    return [{**row, "best": float(row["epoch"] == best_epoch)} for row in history]


def _run(
    model: Trainable,
    batches: Iterable[Batch],
    noise: torch.Generator,
    device: str,
    precision: str,
    optimizer: torch.optim.Optimizer | None = None,
    average: torch.optim.swa_utils.AveragedModel | None = None,
) -> Row:
    """One pass: means of the losses, weighted by the rows of each batch; with an optimizer, a step a batch."""
    totals: dict[str, torch.Tensor] = {}
    rows = 0
    for batch in batches:
        batch = [tensor.to(device) for tensor in batch]
        mixed = torch.autocast(device.split(":")[0], dtype=torch.bfloat16) if precision == "bfloat16" else nullcontext()
        with mixed:
            losses = model.losses(*batch, generator=noise)
        if optimizer is not None:
            optimizer.zero_grad()
            losses["loss"].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if average is not None:
                average.update_parameters(cast(torch.nn.Module, model))
        size = len(batch[0])
        rows += size
        for name, value in losses.items():
            totals[name] = totals.get(name, torch.zeros((), device=device)) + value.detach() * size
    return {name: float(value) / rows for name, value in totals.items()}


def _named(part: str, losses: Row) -> Row:
    return {f"{part}_{name}": value for name, value in losses.items()}


def _copy(model: Trainable) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
