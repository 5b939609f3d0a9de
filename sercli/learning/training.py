"""Training by gradient descent: seeds, the loop, early stopping. Knows neither emotions nor stores."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

import torch

from ..errors import SercliError
from .options import TrainingConfig

Batch = Sequence[torch.Tensor]
Losses = dict[str, float]  # of one epoch, by name
Ending = Literal["dev", "good enough", "epoch limit", "fixed epochs", "closed form"]  # fixed: there was no dev to ask


class Trainable(Protocol):
    """A module whose `losses` gives means over one batch, among them `loss`, which is minimised."""

    @property
    def losses(self) -> Callable[..., dict[str, torch.Tensor]]: ...
    def parameters(self) -> Iterable[torch.nn.Parameter]: ...
    def state_dict(self) -> Mapping[str, torch.Tensor]: ...
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> object: ...
    def train(self, mode: bool = True) -> object: ...


@dataclass
class Effort:
    """What a fit took; `fit` fills it in. A model that is solved in closed form takes no step."""

    steps: int = 0  # of the optimiser
    ended_by: Ending = "closed form"

    def end(self, ended_by: Ending) -> None:
        """Where a model is fitted again for as many epochs as dev chose, the first fit counts."""
        if self.ended_by == "closed form":
            self.ended_by = ended_by


@dataclass(frozen=True)
class TrainingRun:
    """How one model is fitted: options, seed, device, and what is called after each epoch; `effort` is filled in."""

    config: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    device: str = "cpu"
    on_epoch: Callable[[int], None] = lambda epoch: None  # is given the number of epochs that are done
    good_enough: Callable[[Losses], bool] = lambda dev: False  # is given the dev losses; True ends training
    effort: Effort = field(default_factory=Effort)


def seed_for(seed: int, fold: int, stage: str) -> int:
    """One seed per (seed, fold, stage), far from all others."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}/{stage}".encode()).digest()[:7], "big")


@contextmanager
def repeatable(device: str, seed: int | None = None) -> Iterator[None]:
    """Inside, the same work gives the same bits: one thread on a CPU (folds fill the cores better anyway), fixed kernels on
    a GPU, and the global generator started from `seed`.

    An operation without a repeatable kernel warns.
    """
    n_threads, is_strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if device == "cpu":
        torch.set_num_threads(1)
    elif device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it is first used
        torch.use_deterministic_algorithms(True, warn_only=True)
    if seed is not None:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        if device.startswith("cuda"):  # on a CPU this call would only import torch._inductor, which takes 2 s
            torch.use_deterministic_algorithms(is_strict)


class EarlyStopping:
    """Remembers the weights of the best dev loss, and says when `patience` epochs brought no better one.

    Without dev losses, each epoch is the best so far.
    """

    def __init__(self, model: Trainable, patience: int) -> None:
        self.model, self.patience = model, patience
        self.best_loss, self.best_epoch, self.best_state = math.inf, 0, _copy(model)

    def update(self, epoch: int, dev: Losses, is_good_enough: bool) -> bool:
        """Whether to stop after this epoch."""
        if not dev or dev["loss"] < self.best_loss or is_good_enough:
            self.best_loss, self.best_epoch, self.best_state = dev.get("loss", math.inf), epoch, _copy(self.model)
        return is_good_enough or epoch - self.best_epoch >= self.patience


def fit(
    model: Trainable,
    train_batches: Callable[[torch.Generator], Iterable[Batch]],
    dev_batches: Callable[[], Iterable[Batch]] | None,
    training: TrainingRun,
) -> list[Losses]:
    """Minimise `loss` with Adam; keep the weights of the best dev loss; stop after `patience` epochs without a better one.

    Without dev, all epochs run and the last weights are kept. Returns one row per epoch: `epoch`, `train_<name>` and
    `dev_<name>` for every loss, `best` (1 for the epoch whose weights are kept). Raises SercliError if a loss is not finite.
    """
    config, seed = training.config, training.seed
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator(device=training.device)
    optimizer = _adam(model, config)
    tested, average = kept_model(model, config.weight_averaging)

    def descend(loss: torch.Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        average()
        training.effort.steps += 1

    history: list[Losses] = []
    stopping = EarlyStopping(tested, config.patience)
    for epoch in range(1, config.epochs + 1):
        noise.manual_seed(seed + epoch)
        model.train()
        train = _mean_losses(model, train_batches(order), noise, config.precision, descend)
        tested.train(False)
        noise.manual_seed(seed)  # the same noise in every epoch, so that dev losses differ by the weights alone
        with torch.no_grad():
            dev = _mean_losses(tested, dev_batches(), noise, config.precision) if dev_batches is not None else {}
        history.append({"epoch": epoch, **_named("train", train), **_named("dev", dev)})
        _check_finite(history[-1])
        training.on_epoch(epoch)
        is_good_enough = bool(dev) and training.good_enough(dev)
        if stopping.update(epoch, dev, is_good_enough):
            training.effort.end("good enough" if is_good_enough else "dev")
            break
    else:
        training.effort.end("fixed epochs" if dev_batches is None else "epoch limit")
    model.load_state_dict(stopping.best_state)
    model.train(False)
    return [{**row, "best": float(row["epoch"] == stopping.best_epoch)} for row in history]


def _adam(model: Trainable, config: TrainingConfig) -> torch.optim.Adam:
    return torch.optim.Adam(
        list(model.parameters()),
        lr=config.lr,
        betas=(config.adam_beta1, config.adam_beta2),
        eps=config.adam_epsilon,
        weight_decay=config.weight_decay,
        fused=True,
    )


def kept_model(model: Trainable, decay: float) -> tuple[Trainable, Callable[[], None]]:
    """The model that is tested and kept, and what to call after each step.

    With a decay above 0 it is a copy whose weights are the moving average of the model's; else the model itself.
    """
    if not decay:
        return model, lambda: None
    module = cast(torch.nn.Module, model)
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    average = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=ema)
    for part in average.modules():
        if isinstance(part, torch.nn.RNNBase):
            part.flatten_parameters()  # a copy's weights lie apart, and cuDNN wants them together
    return cast(Trainable, average.module), lambda: average.update_parameters(module)


def _mean_losses(
    model: Trainable,
    batches: Iterable[Batch],
    noise: torch.Generator,
    precision: str,
    descend: Callable[[torch.Tensor], None] | None = None,
) -> Losses:
    """One pass: means of the losses, weighted by the rows of each batch; with `descend`, one step per batch."""
    device = noise.device
    totals: dict[str, torch.Tensor] = {}
    rows = 0
    for batch in batches:
        batch = [tensor.to(device) for tensor in batch]
        mixed = torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bfloat16" else nullcontext()
        with mixed:
            losses = model.losses(*batch, generator=noise)
        if descend is not None:
            descend(losses["loss"])
        size = len(batch[0])
        rows += size
        for name, value in losses.items():
            totals[name] = totals.get(name, torch.zeros((), device=device)) + value.detach() * size
    return {name: float(value) / rows for name, value in totals.items()}


def _check_finite(row: Losses) -> None:
    losses = {name: row[name] for name in ("train_loss", "dev_loss") if name in row}
    if not all(map(math.isfinite, losses.values())):
        seen = ", ".join(f"{name} {loss}" for name, loss in losses.items())
        raise SercliError(
            "the loss is not finite", place=f"epoch {row['epoch']:.0f}", seen=seen, fix="try a smaller --lr"
        )


def _named(part: str, losses: Losses) -> Losses:
    return {f"{part}_{name}": value for name, value in losses.items()}


def _copy(model: Trainable) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
