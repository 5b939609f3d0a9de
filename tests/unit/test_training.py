"""fit(): the best dev weights are kept, early stopping counts from them, averaging is what it says, seeds decide all."""

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from sercli.errors import SercliError
from sercli.learning.options import TrainingConfig
from sercli.learning.training import EarlyStopping, Effort, Losses, TrainingRun, fit, repeatable, seed_for


class Line(nn.Module):
    """x (B, 3) to a number; its loss is the squared error against y (B,)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weights = nn.Linear(3, 1)

    def losses(self, x: Tensor, y: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": (self.weights(x).squeeze(1) - y).square().mean()}


X = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
Y = X @ torch.tensor([1.0, -2.0, 0.5])


def train(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    for chosen in torch.split(torch.randperm(64, generator=generator), 16):
        yield X[chosen], Y[chosen]


def dev_of(y: Tensor) -> Callable[[], Iterator[tuple[Tensor, Tensor]]]:
    return lambda: iter([(X[:32], y[:32])])


def fitted(config: TrainingConfig, dev: Tensor = Y, seed: int = 0) -> tuple[Line, list[Losses]]:
    model = Line()
    return model, fit(model, train, dev_of(dev), TrainingRun(config, seed))


def dev_loss(model: Line, y: Tensor) -> float:
    return float((model.weights(X[:32]).squeeze(1) - y[:32]).square().mean().detach())


def test_the_weights_of_the_best_dev_loss_are_kept() -> None:
    model, history = fitted(TrainingConfig(epochs=30, batch_size=16, lr=0.1, patience=30), dev=-Y)
    best = min(history, key=lambda row: row["dev_loss"])
    assert best["best"] == 1
    assert sum(row["best"] for row in history) == 1
    assert best["epoch"] < 30  # dev wants the opposite of train, so it soon gets worse
    assert dev_loss(model, -Y) == pytest.approx(best["dev_loss"], rel=1e-5)


def test_training_stops_after_patience_epochs_without_a_better_dev_loss() -> None:
    _, history = fitted(TrainingConfig(epochs=30, batch_size=16, lr=0.1, patience=4), dev=-Y)
    assert history[-1]["epoch"] == next(row["epoch"] for row in history if row["best"]) + 4


def test_good_enough_ends_training() -> None:
    model = Line()
    config = TrainingConfig(epochs=50, lr=0.1)
    run = TrainingRun(config, good_enough=lambda dev: dev["loss"] < 1.0)
    history = fit(model, train, dev_of(Y), run)
    assert history[-1]["dev_loss"] < 1.0 <= history[-2]["dev_loss"]
    assert run.effort.ended_by == "good enough"


@pytest.mark.parametrize(
    ("dev", "epochs", "patience", "ended_by"),
    [
        (-Y, 30, 4, "dev"),
        (Y, 3, 4, "epoch limit"),
        (None, 3, 4, "fixed epochs"),
    ],
)
def test_what_a_fit_took_and_what_ended_it(dev: Tensor | None, epochs: int, patience: int, ended_by: str) -> None:
    run = TrainingRun(TrainingConfig(epochs=epochs, batch_size=16, lr=0.1, patience=patience))
    history = fit(Line(), train, None if dev is None else dev_of(dev), run)
    assert run.effort == Effort(steps=4 * len(history), ended_by=ended_by)  # type: ignore[arg-type]


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_averaged_weights_are_the_moving_average_over_steps(decay: float) -> None:
    config = TrainingConfig(epochs=3, batch_size=16, lr=0.01, weight_averaging=decay)
    model, _ = fitted(config)
    plain = Line()
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01)
    order, average = torch.Generator().manual_seed(0), None
    for _ in range(3):
        for x, y in train(order):
            optimizer.zero_grad()
            plain.losses(x, y, generator=order)["loss"].backward()
            optimizer.step()
            now = copy.deepcopy(plain.state_dict())
            average = now if average is None else {k: decay * average[k] + (1 - decay) * now[k] for k in now}
    assert average is not None
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, average[name])


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    config = TrainingConfig(epochs=3)
    (one, history), (two, again), (other, _) = fitted(config), fitted(config), fitted(config, seed=1)
    assert history == again
    assert torch.equal(one.weights.weight, two.weights.weight)
    assert not torch.equal(one.weights.weight, other.weights.weight)


def test_a_loss_that_is_not_finite_is_refused() -> None:
    with pytest.raises(SercliError) as refused:
        fitted(TrainingConfig(epochs=3), dev=Y * float("nan"))
    assert refused.value.place == "epoch 1"
    assert "nan" in refused.value.seen
    assert "--lr" in str(refused.value.fix)


def test_seeds_of_folds_and_stages_differ() -> None:
    seeds = {seed_for(seed, fold, stage) for seed in range(3) for fold in range(10) for stage in ("train-ae", "lstm")}
    assert len(seeds) == 60


def test_without_dev_all_epochs_run_and_the_last_weights_are_kept() -> None:
    epochs: list[int] = []
    model, config = Line(), TrainingConfig(epochs=5, batch_size=16, lr=0.1, patience=1)
    history = fit(model, train, None, TrainingRun(config, on_epoch=epochs.append))
    assert [row["epoch"] for row in history] == epochs == [1, 2, 3, 4, 5]
    assert [row["best"] for row in history] == [0, 0, 0, 0, 1]
    assert set(history[0]) == {"epoch", "train_loss", "best"}


def test_early_stopping_counts_from_the_best_epoch() -> None:
    model = Line()
    stopping = EarlyStopping(model, patience=2)
    losses = [3.0, 2.0, 2.0, 2.5]
    stops = []
    for epoch, loss in enumerate(losses, start=1):
        torch.nn.init.constant_(model.weights.weight, epoch)
        stops.append(stopping.update(epoch, {"loss": loss}, False))
    assert stops == [False, False, False, True]
    assert stopping.best_epoch == 2
    assert (stopping.best_state["weights.weight"] == 2).all()


def test_repeatable_seeds_and_gives_the_threads_back() -> None:
    n_threads = torch.get_num_threads()
    draws = []
    for _ in range(2):
        with repeatable("cpu", seed=3):
            assert torch.get_num_threads() == 1
            draws.append(torch.rand(4))
    assert torch.equal(*draws)
    assert torch.get_num_threads() == n_threads


def test_repeatable_work_on_a_cpu_does_not_load_the_compiler() -> None:
    """It takes 2 s."""
    code = (
        "import sys; from sercli.learning.training import repeatable\nwith repeatable('cpu'): pass\nprint(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" in loaded
    assert "torch._inductor" not in loaded
