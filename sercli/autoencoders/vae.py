"""VAE: the encoder gives mean and variance of q(z|x), z = μ + δ⊙σ, loss |x − x̂|² + β·KL (paper, sections 3.1 and 4.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..config import check_range
from .base import AutoencoderModel, Encoding, check_hidden, layers, squared_error


@dataclass(frozen=True)
class Config:
    """Options of a VAE."""

    hidden: tuple[int, ...] = (512, 256)
    beta: float = 1.0  # weight of the KL term; 1 in the paper

    def __post_init__(self) -> None:
        check_hidden(self.hidden)
        check_range(self, "beta", at_least=0)


class Model(AutoencoderModel):
    """Fully connected encoder and decoder, Gaussian latents."""

    def __init__(self, n_inputs: int, latent_dim: int, n_categories: int, config: Config) -> None:
        super().__init__(n_inputs, latent_dim, n_categories, config)
        self.encoder = layers([n_inputs, *config.hidden])
        self.gaussian = nn.Linear(config.hidden[-1], 2 * latent_dim)  # mean and log variance side by side
        self.decoder = nn.Sequential(*layers([latent_dim, *config.hidden[::-1]]), nn.Linear(config.hidden[0], n_inputs))

    def losses(self, x: Tensor, labels: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
        mean, log_variance = self._parameters_of_q(x)
        error = squared_error(x, self.decoder(sample(mean, log_variance, generator)))
        divergence = kl(mean, log_variance)
        return {"loss": error + self.config.beta * divergence, "squared_error": error, "kl": divergence}

    def encode(self, x: Tensor, condition: str, labels: Tensor, evidence: Tensor | None = None) -> Encoding:
        mean, log_variance = self._parameters_of_q(x)
        return Encoding(mean, torch.exp(0.5 * log_variance))

    def reconstruct(self, x: Tensor, labels: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(self._parameters_of_q(x)[0])
        return decoded

    def _parameters_of_q(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.gaussian(self.encoder(x)).float().chunk(2, dim=1)
        return mean, log_variance


def sample(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """z = μ + δ⊙σ with δ ~ N(0, 1): the reparameterisation trick (paper, section 4.3). All (B, Z)."""
    delta = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + delta * torch.exp(0.5 * log_variance)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL[N(μ, σ²) || N(0, 1)], summed over latents, mean over the batch (Kingma and Welling 2013, appendix B)."""
    return kl_of_each(mean, log_variance).mean()


def kl_of_each(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL[N(μ, σ²) || N(0, 1)] of each segment: (B, Z) -> (B,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
