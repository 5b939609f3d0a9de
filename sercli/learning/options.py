"""Options of every training by gradient descent. This module imports no NumPy: `sercli --help` reads it."""

from dataclasses import dataclass, field, fields
from typing import Literal

from ..config import check_range

Normalise = Literal["train", "speaker", "utterance"]  # what a feature's mean and standard deviation are taken over
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class TrainingConfig:
    """Adam and early stopping. An option with a help text has a flag of its own (`--batch-size`); the others are set with `--set`.

    The paper prints beta1 = 0.999 and beta2 = 0.99 (section 4.3); see conf/paper.yaml.
    """

    epochs: int = field(default=20, metadata={"help": "Maximum number of epochs; training may stop earlier."})
    batch_size: int = field(
        default=512, metadata={"help": "Segments (autoencoder) or utterances (classifier) per step."}
    )
    lr: float = field(default=1e-3, metadata={"help": "Step size of Adam."})
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    # decay per step of the moving average of weights that is tested and kept; 0: the weights themselves
    weight_averaging: float = 0.0
    patience: int = 3  # epochs without a better dev loss
    precision: Precision = field(
        default="float32", metadata={"help": "Precision of matrix products; standard deviations and KL stay float32."}
    )

    def __post_init__(self) -> None:
        check_range(self, "epochs", "batch_size", "lr", "patience", "adam_epsilon", above=0)
        check_range(self, "weight_decay", at_least=0)
        check_range(self, "adam_beta1", "adam_beta2", "weight_averaging", at_least=0, below=1)


FLAGS: dict[str, str] = {
    option.name: option.metadata["help"] for option in fields(TrainingConfig) if "help" in option.metadata
}  # help text of each option with a flag of its own
