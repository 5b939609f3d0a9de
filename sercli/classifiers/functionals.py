"""The control: statistics over the utterance and a support vector machine, the other reading of "merged into the whole
utterance-level features" (paper, section 5).

The statistics (`sercli.learning.inputs.functionals`) of latents, or of features without an autoencoder, are standardised
on the training part; one binary machine (scikit-learn's SVC) separates each class from the others. Posteriors are the
softmax of the decision values: in the right order, but far too uncertain until a temperature calibrates them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor

from ..config import check_range
from ..learning.batches import Sequences
from ..learning.inputs import FunctionalOptions
from ..learning.training import Losses, TrainingRun
from .base import ClassifierModel

INPUT = "functionals"
CLOSED_FORM = True


@dataclass(frozen=True)
class Config(FunctionalOptions):
    """Options of the support vector machine."""

    kernel: Literal["rbf", "linear"] = "rbf"
    C: float = 1.0
    class_weight: Literal["none", "balanced"] = "balanced"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "C", above=0)


class Model(ClassifierModel):
    """Logits are the decision values of the machines."""

    dtype = torch.float64
    mean: Tensor
    std: Tensor
    vectors: Tensor
    weights: Tensor
    intercepts: Tensor
    gamma: Tensor

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__(n_features, n_classes, config)
        for name, shape in {
            "mean": (n_features,),
            "std": (n_features,),
            "vectors": (0, n_features),  # (V, W) support vectors of all machines
            "weights": (0, n_classes),  # (V, C)
            "intercepts": (n_classes,),
            "gamma": (),
        }.items():
            self.register_buffer(name, torch.zeros(shape, dtype=self.dtype))

    @classmethod
    def from_state(cls, n_features: int, n_classes: int, config: Config, state: Mapping[str, Tensor]) -> Self:
        """The number of support vectors V is known from the state alone."""
        model = cls(n_features, n_classes, config)
        for name in ("vectors", "weights"):
            model.register_buffer(name, torch.empty_like(state[name]))
        model.load_state_dict(state)
        return model

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Vectors (B, 1, W) to logits (B, C)."""
        points = (steps[:, 0] - self.mean) / self.std
        if self.config.kernel == "rbf":
            squared = torch.cdist(points, self.vectors, compute_mode="donot_use_mm_for_euclid_dist").square()
            return torch.exp(-self.gamma * squared) @ self.weights + self.intercepts
        return points @ self.vectors.T @ self.weights + self.intercepts

    def fit(self, train: Sequences, dev: Sequences | None, run: TrainingRun) -> list[Losses]:
        """Solve the machines on the training part; neither dev nor the seed is used."""
        from sklearn.svm import SVC

        batches = [(steps[:, 0], labels) for steps, _, labels, _ in train.batches(1)]
        points, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        std = points.std(0, correction=0)
        self.mean.copy_(points.mean(0))
        self.std.copy_(std.where(std > 1e-8, 1.0))
        points = (points - self.mean.cpu()) / self.std.cpu()
        gamma = 1.0 / (points.shape[1] * float(points.var(correction=0)))  # scikit-learn's "scale"
        weights = torch.zeros(len(points), self.n_classes, dtype=self.dtype)
        class_weight = "balanced" if self.config.class_weight == "balanced" else None
        for label in range(self.n_classes):
            machine = SVC(kernel=self.config.kernel, C=self.config.C, gamma=gamma, class_weight=class_weight)
            machine.fit(points.numpy(), (labels == label).numpy())
            weights[machine.support_, label] = torch.from_numpy(machine.dual_coef_[0])
            self.intercepts[label] = float(machine.intercept_[0])
        is_support = weights.any(dim=1)
        self.register_buffer("vectors", points[is_support].to(run.device))
        self.register_buffer("weights", weights[is_support].to(run.device))
        self.gamma.fill_(gamma)
        run.on_epoch(1)
        return [{"epoch": 1.0, "support_vectors": float(is_support.sum()), "best": 1.0}]
