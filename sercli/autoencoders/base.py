"""What autoencoders share: the base class of their models, layers, the error of a reconstruction."""

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import SercliError

UNCONDITIONAL = "unconditional"
# Of a model that sees labels: what stands in for the label of a test utterance.
CONDITIONS = ("marginal", "posterior", "posterior-segment", "oracle")


class Encoding(NamedTuple):
    """Parameters of q(z|x): mean (B, Z), and std (B, Z) where the model has one."""

    mean: Tensor
    std: Tensor | None


class AutoencoderModel(nn.Module):
    """x (B, D) to z (B, Z) and back. D is frames per segment times features: 800 for LogMel."""

    uses_labels: ClassVar[bool] = False
    has_std: ClassVar[bool] = True

    def __init__(self, n_inputs: int, latent_dim: int, n_categories: int, config: Any) -> None:
        super().__init__()
        self.n_inputs, self.latent_dim, self.n_categories, self.config = n_inputs, latent_dim, n_categories, config

    def losses(self, x: Tensor, labels: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
        """Means over the batch: `loss`, `squared_error` (summed over features), `kl` where there is one."""
        raise TypeError(f"{type(self).__name__} has no losses")

    def encode(self, x: Tensor, condition: str, labels: Tensor, evidence: Tensor | None = None) -> Encoding:
        """Latents of segments (B, D) of one utterance: of all its segments, or of a run of them with the `evidence` of all.

        `labels` (B,) are categories from 0, or -1; they are read only if the condition is oracle.
        """
        raise TypeError(f"{type(self).__name__} has no encode")

    def evidence(self, x: Tensor, condition: str) -> Tensor | None:
        """What segments (B, D) say together about the whole utterance, for `encode`; that of an utterance is the sum over its runs.

        None where the condition encodes each segment by itself.
        """
        return None

    def reconstruct(self, x: Tensor, labels: Tensor) -> Tensor:
        """The decoder's output for the mean latent, (B, D)."""
        raise TypeError(f"{type(self).__name__} has no reconstruct")

    def see_training_labels(self, labels: Tensor) -> None:
        """Called once before fitting with the categories of the training segments, (M,); -1 is none of them."""


def check_hidden(sizes: Sequence[int]) -> None:
    """Raises SercliError unless there is a hidden layer, and each has a unit."""
    if not sizes or min(sizes) < 1:
        raise SercliError(
            "wrong sizes of layers", place="hidden", seen=list(sizes), expected="one or more, each at least 1"
        )


def layers(sizes: Sequence[int]) -> nn.Sequential:
    """Fully connected layers, each followed by ReLU."""
    pairs = ((nn.Linear(n_in, n_out), nn.ReLU()) for n_in, n_out in itertools.pairwise(sizes))
    return nn.Sequential(*itertools.chain.from_iterable(pairs))


def squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """|x - x̂|² summed over features, mean over the batch (paper, equation 2); in float32."""
    return (x - reconstruction.float()).square().sum(1).mean()
