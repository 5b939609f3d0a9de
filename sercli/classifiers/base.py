"""What classifiers share: the base classes of their models, and the standardisation and input before them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import Options, check_range
from ..learning import training
from ..learning.batches import Sequences
from ..learning.inputs import Input
from ..learning.normalisation import moments
from ..learning.training import Losses, TrainingRun

_INFERENCE_BATCH = 32


class ClassifierModel(nn.Module):
    """Steps (B, T, D) and lengths (B,) to logits (B, C). A plug-in's `Model` is a subclass, or one of `NeuralClassifier`."""

    dtype: ClassVar[torch.dtype] = torch.float32  # of the steps
    takes_soft_labels: ClassVar[bool] = (
        False  # whether labels of the training part may be shares of the classes, (U, C)
    )

    def __init__(self, n_features: int, n_classes: int, config: Any) -> None:
        super().__init__()
        self.n_features, self.n_classes, self.config = n_features, n_classes, config

    @classmethod
    def from_state(cls, n_features: int, n_classes: int, config: Any, state: Mapping[str, Tensor]) -> Self:
        """The model that `state_dict` described; override it where the sizes of tensors depend on training."""
        model = cls(n_features, n_classes, config)
        model.load_state_dict(state)
        return model

    def fit(self, train: Sequences, dev: Sequences | None, run: TrainingRun) -> list[Losses]:
        """Fit to the training part; without dev, since no speaker is left out, in all epochs.

        Returns the history: one row per epoch with `epoch` and `best`.
        """
        raise TypeError(f"{type(self).__name__} has no fit")


@dataclass(frozen=True)
class NeuralOptions(Options):
    """Options of every `NeuralClassifier`."""

    class_weight: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "label_smoothing", at_least=0, below=1)


class NeuralClassifier(ClassifierModel):
    """A classifier that is fitted by gradient descent on the cross-entropy. Its `Config` inherits from `NeuralOptions`."""

    takes_soft_labels = True
    class_weights: Tensor

    def __init__(self, n_features: int, n_classes: int, config: Any) -> None:
        super().__init__(n_features, n_classes, config)
        self.register_buffer("class_weights", torch.ones(n_classes))

    def losses(
        self, steps: Tensor, lengths: Tensor, labels: Tensor, *, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Means over a batch, of which `loss` is minimised; in the dev part unweighted and unsmoothed. `labels` are (B,), soft
        ones (B, C), in training only. `generator` is for random draws of training."""
        logits = self(steps, lengths).float()
        if not self.training:
            return {"loss": functional.cross_entropy(logits, labels)}
        smoothing = self.config.label_smoothing
        loss = functional.cross_entropy(logits, labels, self.class_weights, label_smoothing=smoothing)
        if (
            labels.ndim == 2
        ):  # the mean that labels (B,) have is weighted by their classes; torch takes a plain one here
            loss = loss * len(labels) / (labels @ self.class_weights).sum()
        return {"loss": loss}

    def fit(self, train: Sequences, dev: Sequences | None, run: TrainingRun) -> list[Losses]:
        """Batches of utterances of similar length; the dev loss stops the training."""
        if self.config.class_weight == "balanced":
            soft = train.labels.ndim == 2
            counts = train.labels.sum(0) if soft else torch.bincount(train.labels, minlength=self.n_classes)
            self.class_weights.copy_(len(train) / (self.n_classes * counts.clamp(min=1)))
        torch.manual_seed(run.seed)  # dropout draws from the global generator
        size = run.config.batch_size
        return training.fit(
            self,
            lambda generator: (batch[:3] for batch in train.batches(size, generator)),
            None if dev is None else lambda: (batch[:3] for batch in dev.batches(size)),
            run,
        )


class StandardisedClassifier(nn.Module):
    """A plug-in's model with what stands before it: the standardisation of rows, and the plug-in's input.

    Both know the training part alone.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: ClassifierModel, source: Input, n_features: int) -> None:
        super().__init__()
        self.network, self.source = network, source
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("std", torch.ones(n_features))

    def fit(self, train: Sequences, dev: Sequences | None, run: TrainingRun) -> list[Losses]:
        """Fit standardisation, input and model. The rows of `train` and `dev` are overwritten, to save memory."""
        self.see_training_rows(train)
        self.to(run.device)
        train = self.prepare(train, in_place=True)
        dev = None if dev is None else self.prepare(dev, in_place=True)
        return self.network.fit(train, dev, run)

    def see_training_rows(self, train: Sequences) -> None:
        """Fit the standardisation and the input."""
        mean, std = map(torch.from_numpy, moments(train.rows.numpy()))
        self.mean.copy_(mean)
        self.std.copy_(std.where(std > 1e-8, 1.0))  # a feature that never moves stays at zero
        self.source.fit(train)

    def prepare(self, sequences: Sequences, in_place: bool = False) -> Sequences:
        """What the model is given: standardised rows, as the input reads them."""
        rows = torch.sub(sequences.rows, self.mean.cpu(), out=sequences.rows if in_place else None)
        steps = self.source.read(replace(sequences, rows=rows.div_(self.std.cpu())))
        return replace(steps, rows=steps.rows.to(self.network.dtype))

    @torch.no_grad()
    def posteriors(self, sequences: Sequences, device: str) -> Tensor:
        """Class probabilities, (U, C), in the order of the utterances."""
        self.eval()
        posteriors = torch.empty(len(sequences), self.network.n_classes, dtype=torch.float64)
        for steps, lengths, _, positions in self.prepare(sequences).batches(_INFERENCE_BATCH):
            logits = self.network(steps.to(device), lengths.to(device))
            posteriors[positions] = torch.softmax(logits.double(), dim=1).cpu()
        return posteriors
