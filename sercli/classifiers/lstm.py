"""Two LSTM layers (tanh), a dense layer, softmax (paper, sections 3.2 and 4.3)."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..config import check_range
from .base import NeuralClassifier, NeuralOptions

INPUT = "segments"
TRAINING = {"batch_size": 32, "patience": 5}


@dataclass(frozen=True)
class Config(NeuralOptions):
    """Options of the LSTM."""

    hidden: int = 128
    pooling: Literal["last", "mean", "attention"] = "last"
    bidirectional: bool = False
    dropout: float = 0.0  # before each LSTM layer and before the dense layer
    # std of one N(0, 1) vector per utterance, added to all its steps in training: a voice unlike any in training
    offset_noise: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "hidden", at_least=1)
        check_range(self, "dropout", at_least=0, below=1)


class Model(NeuralClassifier):
    """Padded steps change no answer: each direction starts inside."""

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__(n_features, n_classes, config)
        width = config.hidden * (2 if config.bidirectional else 1)
        sizes = [n_features, width]
        self.forwards = nn.ModuleList(nn.LSTM(size, config.hidden, batch_first=True) for size in sizes)
        backward_sizes = sizes if config.bidirectional else []
        self.backwards = nn.ModuleList(nn.LSTM(size, config.hidden, batch_first=True) for size in backward_sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.attention = nn.Linear(width, 1) if config.pooling == "attention" else None
        self.dense = nn.Linear(width, n_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (B, T, D) and lengths (B,) to logits (B, C)."""
        for layer, forward in enumerate(self.forwards):
            steps = self.dropout(steps)
            both = [forward(steps)[0]]
            if self.config.bidirectional:
                both.append(_reverse(self.backwards[layer](_reverse(steps, lengths))[0], lengths))
            steps = torch.cat(both, dim=2)  # (B, T, H) or (B, T, 2H)
        logits: Tensor = self.dense(self.dropout(self._pool(steps, lengths)))
        return logits

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, H) -> (B, H), over the real steps."""
        inside = torch.arange(steps.shape[1], device=steps.device) < lengths[:, None]  # (B, T)
        if self.config.pooling == "mean":
            return (steps * inside[:, :, None]).sum(1) / lengths[:, None]
        if self.attention is not None:
            scores = self.attention(steps).squeeze(2).masked_fill(~inside, float("-inf"))
            return (torch.softmax(scores.float(), dim=1)[:, :, None] * steps).sum(1)
        half = self.config.hidden
        rows = torch.arange(len(steps), device=steps.device)
        last = steps[rows, lengths - 1, :half]
        return torch.cat([last, steps[:, 0, half:]], dim=1)  # the backward direction ends at the first step

    def losses(
        self, steps: Tensor, lengths: Tensor, labels: Tensor, *, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The cross-entropy, in training with the offset noise."""
        if self.training and self.config.offset_noise:
            offset = torch.randn(steps[:, :1].shape, generator=generator, device=steps.device)
            steps = steps + self.config.offset_noise * offset
        return super().losses(steps, lengths, labels, generator=generator)


def _reverse(steps: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence backwards within its length; padding stays where it is. (B, T, D) -> (B, T, D)."""
    positions = torch.arange(steps.shape[1], device=steps.device)
    mirrored = lengths[:, None] - 1 - positions  # (B, T), negative in the padding
    source = mirrored.where(mirrored >= 0, positions)
    return steps.gather(1, source[:, :, None].expand_as(steps))
