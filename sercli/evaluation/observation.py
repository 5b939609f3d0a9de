"""What one fold's autoencoder makes of the utterances: latents, reconstructions and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..experiments.fitted import read_autoencoder
from ..experiments.systems import Autoencoder
from ..store import publishing
from .latent_space import Array

if TYPE_CHECKING:
    import torch

    from ..learning.batches import Speech
    from ..store.ragged import Ragged

_MOST_UTTERANCES = 2000  # that are looked at


class SegmentError(NamedTuple):
    """Squared error per normalised feature of one segment of an utterance."""

    utt_id: str
    position: int  # of the segment in the utterance
    error: float  # of the reconstruction
    error_of_mean: float  # of always answering the training mean


@dataclass
class Observation:
    """What was observed of one fold."""

    latents: dict[str, Array] = field(default_factory=dict)  # utt_id -> (Z,), mean over segments
    features: dict[str, Array] = field(default_factory=dict)  # utt_id -> (F,), mean over normalised frames
    dev_means: list[Array] = field(default_factory=list)  # (M, Z) per utterance
    dev_stds: list[Array] = field(default_factory=list)
    dev_errors: list[SegmentError] = field(default_factory=list)
    test_errors: list[SegmentError] = field(default_factory=list)


class FoldObserver:
    """The autoencoder of one fold, with everything that it reads. Labels are shown only to models that see them in training."""

    def __init__(self, autoencoder: Autoencoder, features: Ragged, number: int, device: str) -> None:
        from ..experiments.reading import Normaliser, segment_shape

        self.autoencoder, self.features, self.device = autoencoder, features, device
        self.fold = autoencoder.folds.fold(number)
        self.fitted = read_autoencoder(autoencoder.weights(number), device)
        self.shape = segment_shape(features, autoencoder.config.segment_shift_ms)
        self._normaliser = Normaliser(autoencoder, features, self.fitted.trained)
        categories, labels = autoencoder.task.categories
        self._categories = {utt_id: categories.index(label) for utt_id, label in labels.items()}
        latents = autoencoder.latents(number)
        is_fresh = publishing.is_fresh(autoencoder.store, latents)
        self._stored_latents = autoencoder.store.ragged(latents.key) if is_fresh else None

    def observe(self, with_test_errors: bool) -> Observation:
        """Look at about 2 000 utterances of the fold; errors of the test part only where they are shown."""
        from ..experiments.reading import blocks

        observation = Observation()
        for block in blocks(self.features, self._chosen()):
            speech = self._normaliser.read(block)
            for utt_id, a, b in zip(speech.utt_ids, speech.offsets[:-1], speech.offsets[1:], strict=True):
                observation.features[utt_id] = speech.frames[a:b].mean(axis=0, dtype=np.float64)
            means, stds = self._latents(speech)
            view, starts, counts = speech.segments(self.shape)
            edges = np.concatenate([[0], np.cumsum(counts)])
            for utt_id, a, b in zip(speech.utt_ids, edges[:-1], edges[1:], strict=True):
                observation.latents[utt_id] = means[a:b].mean(axis=0, dtype=np.float64)
                part = self.fold.parts[utt_id]
                if part == "dev":
                    observation.dev_means.append(means[a:b])
                    observation.dev_stds.append(stds[a:b])
                    observation.dev_errors += self._errors(utt_id, view[starts[int(a) : int(b)]])
                elif part == "test" and with_test_errors:
                    observation.test_errors += self._errors(utt_id, view[starts[int(a) : int(b)]])
        return observation

    def _chosen(self) -> list[str]:
        """Every k-th usable utterance of each part, in C order."""
        from ..experiments.reading import usable

        parts = [usable(self.features, self.fold.part(part)) for part in ("train", "dev", "test")]
        step = -(-sum(map(len, parts)) // _MOST_UTTERANCES)
        return [utt_id for part in parts for utt_id in part[::step]]

    def _latents(self, speech: Speech) -> tuple[Array, Array]:
        """Means and standard deviations (M, Z) of all segments: those of the store or, with the same bits, computed anew."""
        from ..experiments.reading import encoded

        names = ("mean", "std") if self.fitted.model.has_std else ("mean",)
        if self._stored_latents is not None:
            rows, _ = self._stored_latents.rows(names, speech.utt_ids)
            arrays = np.split(rows, len(names), axis=1)
        else:
            condition = self.autoencoder.config.condition(None)
            pieces = list(encoded(self.fitted.model, speech, self.shape, condition, {}, self.device))
            arrays = [np.concatenate([piece[name] for piece in pieces]) for name in names]
        return arrays[0], arrays[-1]

    def _errors(self, utt_id: str, segments: torch.Tensor) -> Iterator[SegmentError]:
        errors = (segments - self._reconstruct(utt_id, segments)).square().mean(1).tolist()
        errors_of_mean = segments.square().mean(1).tolist()
        for index, pair in enumerate(zip(errors, errors_of_mean, strict=True)):
            yield SegmentError(utt_id, index, *pair)

    def _reconstruct(self, utt_id: str, segments: torch.Tensor) -> torch.Tensor:
        """Segments (M, S·F) from their mean latents; as in training, a model that sees labels is given the true one."""
        import torch

        categories = torch.full((len(segments),), self._categories.get(utt_id, -1), dtype=torch.int64)
        with torch.inference_mode():
            return self.fitted.model.reconstruct(segments.to(self.device), categories.to(self.device)).float().cpu()

    def segment_pair(self, utt_id: str, index: int) -> tuple[Array, Array]:
        """A segment and its reconstruction, (S, F) both, in standard deviations of each feature."""
        view, starts, _ = self._normaliser.read([utt_id]).segments(self.shape)
        segment = view[starts[index : index + 1]]
        pair = (segment, self._reconstruct(utt_id, segment))
        original, reconstruction = (each.numpy().reshape(self.shape.size, -1) for each in pair)
        return original, reconstruction

    def count_usable(self) -> int:
        """Number of utterances of the fold that have frames."""
        from ..experiments.reading import usable

        return len(usable(self.features, list(self.fold.parts)))
