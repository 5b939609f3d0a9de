"""A convolution over crops of the utterance, and the mean over time: an example with training defaults and the usual fit."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sercli.classifiers.base import NeuralClassifier, NeuralOptions
from sercli.learning.inputs import CropOptions

INPUT = "crops"
TRAINING = {"batch_size": 8, "epochs": 7, "lr": 0.01}


@dataclass(frozen=True)
class Config(CropOptions, NeuralOptions):
    """Options of the network."""

    n_maps: int = 8


class Model(NeuralClassifier):
    """Convolution, ReLU, mean over the real steps, dense layer."""

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__(n_features, n_classes, config)
        self.convolution = nn.Conv1d(n_features, config.n_maps, kernel_size=3, padding=1)
        self.dense = nn.Linear(config.n_maps, n_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (B, T, D) and lengths (B,) to logits (B, C)."""
        inside = (torch.arange(steps.shape[1], device=steps.device) < lengths[:, None])[:, :, None]  # (B, T, 1)
        maps = torch.relu(self.convolution((steps * inside).mT)).mT  # (B, T, M)
        logits: Tensor = self.dense((maps * inside).sum(1) / lengths[:, None])
        return logits
