"""Classifiers: one file each, with `Config`, `Model` and `fit`.

A `Model` maps (latents (B, T, D), lengths (B,)) to logits (B, C); `fit(model, train, dev, training, seed, device,
on_epoch)` fits it and returns its history; where `dev` is None, since nobody is left out, it runs all epochs. Where there
is no autoencoder, a plug-in reads `UNIT`, "segments" or "frames", of the features. Contract, held by tests over all
plug-ins: padding changes no answer, test labels change nothing.
"""

import torch
from torch import Tensor, nn

from ..learning.batches import Sequences
from ..learning.normalisation import moments

_INFERENCE_BATCH = 32


class StandardisedClassifier(nn.Module):
    """A plug-in's model behind the standardisation of its inputs, which was fitted on the training part alone."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, n_features: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("std", torch.ones(n_features))

    def see_training_rows(self, rows: Tensor) -> None:
        """Fit the standardisation: rows (N, D) of the training part."""
        mean, std = map(torch.from_numpy, moments(rows.numpy()))
        self.mean.copy_(mean)
        self.std.copy_(std.where(std > 1e-8, 1.0))  # a latent that never moves is left at zero

    def standardise(self, sequences: Sequences, in_place: bool = False) -> Sequences:
        """In place, nothing is left of what came in."""
        rows = torch.sub(sequences.rows, self.mean.cpu(), out=sequences.rows if in_place else None)
        return Sequences(rows.div_(self.std.cpu()), sequences.offsets, sequences.labels)

    @torch.no_grad()
    def posteriors(self, sequences: Sequences, device: str) -> Tensor:
        """Class probabilities, (U, C), in the order of the utterances."""
        self.eval()
        standardised = self.standardise(sequences)
        found: list[tuple[Tensor, Tensor]] = []
        for latents, lengths, _, positions in standardised.batches(_INFERENCE_BATCH):
            logits = self.network(latents.to(device), lengths.to(device))
            found.append((positions, torch.softmax(logits.double(), dim=1).cpu()))
        result = torch.empty(len(sequences), found[0][1].shape[1], dtype=torch.float64)
        for positions, posteriors in found:
            result[positions] = posteriors
        return result
