"""Options of every training by gradient descent."""

from dataclasses import dataclass
from typing import Literal

from ..errors import SercliError


@dataclass(frozen=True)
class TrainingConfig:
    """Adam and early stopping. The paper prints beta1 = 0.999 and beta2 = 0.99 (section 4.3); see conf/paper.yaml."""

    epochs: int = 20
    batch_size: int = 512
    lr: float = 1e-3
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    weight_averaging: float = (
        0.0  # decay a step of the moving average of weights that is tested and kept; 0: the weights themselves
    )
    patience: int = 3  # epochs without a better dev loss
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "lr", "patience", "adam_epsilon"):
            if not getattr(self, name) > 0:
                raise SercliError(f"{name} is {getattr(self, name)}, wanted more than 0")
        if self.weight_decay < 0:
            raise SercliError(f"weight_decay is {self.weight_decay}, wanted at least 0")
        for name in ("adam_beta1", "adam_beta2", "weight_averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise SercliError(f"{name} is {getattr(self, name)}, wanted at least 0 and less than 1")
