"""The control: statistics over the utterance and a support vector machine, the other reading of "merged into the whole
utterance-level features" (paper, section 5).

Mean, standard deviation, minimum, maximum and quartiles of every latent (without an autoencoder: of every feature) and of
its first difference; standardised on the training part; one binary machine a class against the rest (scikit-learn's
SVC). Posteriors are the softmax of the decision values: in the right order, but not calibrated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..config import check_range
from ..learning.batches import Sequences
from ..learning.options import TrainingConfig
from ..learning.training import Row

UNIT = "frames"
TRAINING = {"batch_size": 32, "patience": 5}
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Config:
    deltas: bool = True
    kernel: Literal["rbf", "linear"] = "rbf"
    C: float = 1.0
    class_weight: Literal["none", "balanced"] = "balanced"

    def __post_init__(self) -> None:
        check_range(self, "C", above=0)


class Model(nn.Module):
    """latents (B, T, D) and lengths (B,) to logits (B, C): the decision values of the machines."""

    mean: Tensor
    std: Tensor
    vectors: Tensor
    weights: Tensor
    intercepts: Tensor
    gamma: Tensor

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__()
        self.config = config
        width = n_features * (2 + len(_QUANTILES)) * (2 if config.deltas else 1)
        self.register_buffer("mean", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("std", torch.ones(width, dtype=torch.float64))
        self.register_buffer(
            "vectors", torch.zeros(0, width, dtype=torch.float64)
        )  # (V, W) support vectors of all machines
        self.register_buffer("weights", torch.zeros(0, n_classes, dtype=torch.float64))  # (V, C)
        self.register_buffer("intercepts", torch.zeros(n_classes, dtype=torch.float64))
        self.register_buffer("gamma", torch.zeros((), dtype=torch.float64))

    def forward(self, latents: Tensor, lengths: Tensor) -> Tensor:
        points = (self.statistics(latents, lengths) - self.mean) / self.std
        if self.config.kernel == "rbf":
            squared = torch.cdist(points, self.vectors, compute_mode="donot_use_mm_for_euclid_dist").square()
            return torch.exp(-self.gamma * squared) @ self.weights + self.intercepts
        return points @ self.vectors.T @ self.weights + self.intercepts

    def statistics(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) -> (B, W): one utterance at a time, so that no padding is seen."""
        rows = [
            _statistics(steps[: int(n)].double(), self.config.deltas) for steps, n in zip(latents, lengths, strict=True)
        ]
        return torch.stack(rows)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """The number of support vectors is known only from the state itself."""
        for name in ("vectors", "weights"):
            self.register_buffer(name, torch.empty_like(state_dict[name]))
        return super().load_state_dict(state_dict, strict, assign)


def fit(
    model: Model,
    train: Sequences,
    dev: Sequences | None,
    training: TrainingConfig,
    seed: int,
    device: str,
    on_epoch: Callable[[int], None],
) -> list[Row]:
    """Closed fit on the training part; neither dev nor the seed is used."""
    from sklearn.svm import SVC

    points = torch.cat([model.statistics(latents, lengths) for latents, lengths, _, _ in train.batches(1)])
    labels = torch.cat([labels for _, _, labels, _ in train.batches(1)])
    model.mean.copy_(points.mean(0))
    std = points.std(0, correction=0)
    model.std.copy_(std.where(std > 1e-8, 1.0))
    points = (points - model.mean.cpu()) / model.std.cpu()
    gamma = 1.0 / (points.shape[1] * float(points.var(correction=0)))  # scikit-learn's "scale"
    weights = torch.zeros(len(points), len(model.intercepts), dtype=torch.float64)
    for label in range(len(model.intercepts)):
        class_weight = "balanced" if model.config.class_weight == "balanced" else None
        machine = SVC(kernel=model.config.kernel, C=model.config.C, gamma=gamma, class_weight=class_weight)
        machine.fit(points.numpy(), (labels == label).numpy())
        weights[machine.support_, label] = torch.from_numpy(machine.dual_coef_[0])
        model.intercepts[label] = float(machine.intercept_[0])
    used = weights.any(dim=1)
    model.register_buffer("vectors", points[used].to(device))
    model.register_buffer("weights", weights[used].to(device))
    model.gamma.fill_(gamma)
    on_epoch(1)
    return [{"epoch": 1.0, "support_vectors": float(used.sum()), "best": 1.0}]


def _statistics(steps: Tensor, deltas: bool) -> Tensor:
    """(T, D) -> (W,)."""
    quantiles = torch.quantile(steps, torch.tensor(_QUANTILES, dtype=steps.dtype, device=steps.device), dim=0)
    found = torch.cat([steps.mean(0), steps.std(0, correction=0), quantiles.flatten()])
    if not deltas:
        return found
    differences = steps.diff(dim=0) if len(steps) > 1 else torch.zeros_like(steps)
    return torch.cat([found, _statistics(differences, deltas=False)])
