"""Options of every training by gradient descent. This module imports no NumPy: `sercli --help` reads it."""

from dataclasses import dataclass
from typing import Literal

from ..config import check_range

Normalise = Literal["train", "speaker", "utterance"]  # what a feature's mean and standard deviation are taken over
Precision = Literal["float32", "bfloat16"]
Refit = Literal["none", "train+dev"]
FLAGS = (
    "epochs",
    "batch_size",
    "lr",
    "precision",
    "refit",
)  # options with a flag of their own; the others are set with `--set`


@dataclass(frozen=True)
class TrainingConfig:
    """Adam and early stopping.

    The paper prints beta1 = 0.999 and beta2 = 0.99 (section 4.3); see conf/paper.yaml.
    """

    epochs: int = 20
    batch_size: int = 512
    lr: float = 1e-3
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    # decay per step of the moving average of weights that is tested and kept; 0: the weights themselves
    weight_averaging: float = 0.0
    patience: int = 3  # epochs without a better dev loss
    precision: Precision = "float32"
    # what the kept model is fitted on once more, for the number of epochs that dev has chosen
    refit: Refit = "none"

    def __post_init__(self) -> None:
        check_range(self, "epochs", "batch_size", "lr", "patience", "adam_epsilon", above=0)
        check_range(self, "weight_decay", at_least=0)
        check_range(self, "adam_beta1", "adam_beta2", "weight_averaging", at_least=0, below=1)
