"""A linear classifier of the mean over all segments, of latents and features side by side."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sercli.classifiers.base import NeuralClassifier, NeuralOptions

INPUT = "latents and features"
TRAINING: dict[str, float] = {}


@dataclass(frozen=True)
class Config(NeuralOptions):
    """Options of the network."""


class Model(NeuralClassifier):
    """Mean over the real steps, dense layer."""

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__(n_features, n_classes, config)
        self.dense = nn.Linear(n_features, n_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (B, T, D) and lengths (B,) to logits (B, C)."""
        inside = torch.arange(steps.shape[1], device=steps.device) < lengths[:, None]  # (B, T)
        logits: Tensor = self.dense((steps * inside[:, :, None]).sum(1) / lengths[:, None])
        return logits
