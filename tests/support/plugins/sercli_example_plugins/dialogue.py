"""An LSTM over the vectors of an utterance and those before it in the dialogue."""

from dataclasses import dataclass

from torch import Tensor, nn

from sercli.classifiers.base import NeuralClassifier, NeuralOptions
from sercli.learning.inputs import DialogueOptions

INPUT = "dialogue"
TRAINING = {"batch_size": 8}


@dataclass(frozen=True)
class Config(DialogueOptions, NeuralOptions):
    """Options of the network."""

    deltas: bool = False


class Model(NeuralClassifier):
    """LSTM, its output at the utterance, dense layer."""

    def __init__(self, n_features: int, n_classes: int, config: Config) -> None:
        super().__init__(n_features, n_classes, config)
        self.lstm = nn.LSTM(n_features, 16, batch_first=True)
        self.dense = nn.Linear(16, n_classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Steps (B, T, W) to logits (B, C)."""
        logits: Tensor = self.dense(self.lstm(steps)[0][:, self.config.n_before])
        return logits
