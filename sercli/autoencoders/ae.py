"""AE: 800 → 512 → 256 → Z and back, the paper's comparison (section 4.3): a fully connected layer in place of the Gaussian one."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .base import AutoencoderModel, Encoding, check_hidden, layers, squared_error


@dataclass(frozen=True)
class Config:
    """Options of an autoencoder."""

    hidden: tuple[int, ...] = (512, 256)

    def __post_init__(self) -> None:
        check_hidden(self.hidden)


class Model(AutoencoderModel):
    """Fully connected encoder and decoder."""

    has_std = False

    def __init__(self, n_inputs: int, latent_dim: int, n_categories: int, config: Config) -> None:
        super().__init__(n_inputs, latent_dim, n_categories, config)
        self.encoder = layers([n_inputs, *config.hidden])
        self.latent = nn.Linear(config.hidden[-1], latent_dim)
        self.decoder = nn.Sequential(*layers([latent_dim, *config.hidden[::-1]]), nn.Linear(config.hidden[0], n_inputs))

    def losses(self, x: Tensor, labels: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
        error = squared_error(x, self.reconstruct(x, labels))
        return {"loss": error, "squared_error": error}

    def encode(self, x: Tensor, condition: str, labels: Tensor, evidence: Tensor | None = None) -> Encoding:
        return Encoding(self.latent(self.encoder(x)), None)

    def reconstruct(self, x: Tensor, labels: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(self.latent(self.encoder(x)))
        return decoded
