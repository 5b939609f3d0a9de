"""CVAE: encoder and decoder also see the emotion label c (paper, section 3.1).

The label of a test utterance is the answer, so `encode` does not use it. Each segment's q(z|x, c) is weighed

- by p(c) (`marginal`);
- by p(c)·exp(Σ ELBO(x, c)), summed over the segments of the utterance, which has one label (`posterior`);
- by p(c)·exp(ELBO(x, c)) of the segment alone (`posterior-segment`).

The expectation over q in the ELBO is replaced by the value at its mean. `oracle` uses the true label and is for studying the
paper only.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .base import AutoencoderModel, Encoding, layers, squared_error
from .vae import Config as VaeConfig
from .vae import kl, kl_of_each, sample


class Config(VaeConfig):
    """Options of a CVAE: those of a VAE."""


class Model(AutoencoderModel):
    """Encoder and decoder whose first layers also see the category."""

    uses_labels = True
    frequencies: Tensor

    def __init__(self, n_inputs: int, latent_dim: int, n_categories: int, config: Config) -> None:
        super().__init__(n_inputs, latent_dim, n_categories, config)
        self.first = nn.Linear(n_inputs + n_categories, config.hidden[0])
        self.encoder = nn.Sequential(nn.ReLU(), *layers(config.hidden))
        self.gaussian = nn.Linear(config.hidden[-1], 2 * latent_dim)  # mean and log variance side by side
        hidden = layers([latent_dim + n_categories, *config.hidden[::-1]])
        self.decoder = nn.Sequential(*hidden, nn.Linear(config.hidden[0], n_inputs))
        self.register_buffer("frequencies", torch.full((n_categories + 1,), 1 / (n_categories + 1)))

    def see_training_labels(self, labels: Tensor) -> None:
        """Keep p(c), (C+1,): "none of these" is a further category, the last."""
        counts = torch.bincount(labels.where(labels >= 0, self.n_categories), minlength=self.n_categories + 1)
        self.frequencies.copy_(counts / counts.sum())

    def losses(self, x: Tensor, labels: Tensor, *, generator: torch.Generator) -> dict[str, Tensor]:
        c = self._one_hot(labels)
        mean, log_variance = self._parameters_of_q(self.first(torch.cat([x, c], dim=1)))
        error = squared_error(x, self.decoder(torch.cat([sample(mean, log_variance, generator), c], dim=1)))
        divergence = kl(mean, log_variance)
        return {"loss": error + self.config.beta * divergence, "squared_error": error, "kl": divergence}

    def encode(self, x: Tensor, condition: str, labels: Tensor, evidence: Tensor | None = None) -> Encoding:
        if condition == "oracle":
            mean, log_variance = self._parameters_of_q(self.first(torch.cat([x, self._one_hot(labels)], dim=1)))
            return Encoding(mean, torch.exp(0.5 * log_variance))
        means, log_variances = self._under_every_category(x)  # (C+1, B, Z) each
        weights = self.frequencies[:, None].expand(-1, len(x))  # (C+1, B)
        if condition != "marginal":
            if evidence is None:
                elbo = self._elbo(x, means, log_variances)
                evidence = elbo if condition == "posterior-segment" else _sum_over_segments(elbo)
            else:
                evidence = evidence[:, None]
            weights = torch.softmax(torch.log(weights) + evidence, dim=0)
        mean = (weights[:, :, None] * means).sum(0)
        # Σ p (σ² + μ²) − μ̄², in the form that rounding cannot make negative.
        variance = (weights[:, :, None] * (log_variances.exp() + (means - mean).square())).sum(0)
        return Encoding(mean, variance.sqrt())

    def evidence(self, x: Tensor, condition: str) -> Tensor | None:
        """log p(x|c) of every category by the ELBO, up to a constant: (C+1,)."""
        if condition != "posterior":
            return None
        return _sum_over_segments(self._elbo(x, *self._under_every_category(x)))[:, 0]

    def reconstruct(self, x: Tensor, labels: Tensor) -> Tensor:
        c = self._one_hot(labels)
        mean, _ = self._parameters_of_q(self.first(torch.cat([x, c], dim=1)))
        decoded: Tensor = self.decoder(torch.cat([mean, c], dim=1))
        return decoded

    def _one_hot(self, labels: Tensor) -> Tensor:
        """(B,) -> (B, C); -1, none of the categories, is the zero vector."""
        return functional.one_hot(labels + 1, self.n_categories + 1)[:, 1:].float()

    def _parameters_of_q(self, first: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.gaussian(self.encoder(first)).float().chunk(2, dim=1)
        return mean, log_variance

    def _categories(self) -> Tensor:
        """One row for each category, and the zero vector last: (C+1, C)."""
        return torch.eye(self.n_categories + 1, self.n_categories, device=self.frequencies.device)

    def _under_every_category(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """q(z|x, c) for all c. The product with x, the bulk of the work, is done once."""
        weight = self.first.weight
        shared = functional.linear(x, weight[:, : self.n_inputs], self.first.bias)
        shifts = self._categories() @ weight[:, self.n_inputs :].T  # (C+1, H)
        pairs = [self._parameters_of_q(shared + shift) for shift in shifts]
        return torch.stack([mean for mean, _ in pairs]), torch.stack([log_variance for _, log_variance in pairs])

    def _elbo(self, x: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
        """−|x − x̂|² − β·KL for every category with z at the mean of q: (C+1, B)."""
        rows = []
        for c, mean, log_variance in zip(self._categories(), means, log_variances, strict=True):
            decoded = self.decoder(torch.cat([mean, c.expand(len(x), -1)], dim=1))
            rows.append(-(x - decoded).square().sum(1) - self.config.beta * kl_of_each(mean, log_variance))
        return torch.stack(rows)


def _sum_over_segments(elbo: Tensor) -> Tensor:
    """(C+1, B) -> (C+1, 1), up to a constant: what all categories have in common is left out, so that long sums stay exact."""
    return (elbo - elbo.mean(0)).sum(1, keepdim=True)
