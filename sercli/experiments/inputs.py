"""What models read: normalised frames, their segments, and the ragged latents of a fold, straight from the store."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..autoencoders.base import Autoencoder as AutoencoderModel
from ..data.utterances import Utterance
from ..learning.batches import Sequences, Speech
from ..learning.normalisation import Statistics, normalise, statistics
from ..learning.segments import (
    Frames,
    Offsets,
    SegmentShape,
    segment_counts,
    shape_of,
)
from ..learning.training import seed_for
from ..store.ragged import Ragged
from .configs import ClassifierConfig
from .fitted import FittedAutoencoder
from .sources import Sources
from .systems import Autoencoder, Classifier

_BATCH = 4096  # segments encoded at a time
_BLOCK_FRAMES = 100_000  # read, normalised and encoded at a time


def encoded(
    model: AutoencoderModel, speech: Speech, shape: SegmentShape, condition: str, labels: Mapping[str, int], device: str
) -> Iterator[dict[str, Frames]]:
    """The latents of speech, each (M, Z), a run of an utterance's segments at a time; `labels` are read by the oracle alone.

    Each utterance is encoded by itself: even the last bits of its latents depend on no other utterance, so a new test
    recording changes nothing that a classifier was trained on.
    """
    view, starts, counts = speech.segments(shape)
    for utt_id, own in zip(speech.utt_ids, torch.split(starts, counts.tolist()), strict=True):
        for some in torch.split(own, _BATCH):
            categories = torch.full_like(some, labels.get(utt_id, -1)).to(device)
            with torch.inference_mode():
                encoding = model.encode(view[some].to(device), condition, categories)
            yield {key: value.cpu().numpy() for key, value in encoding._asdict().items() if value is not None}


def latents_read(config: ClassifierConfig) -> list[str]:
    """Which parameters of q(z|x) a classifier reads, side by side."""
    return ["mean"] if config.latents == "mean" else ["mean", "std"]


def segment_shape(features: Ragged, segment_shift_ms: float) -> SegmentShape:
    """Raises UsageError unless the shift is a whole number of the features' frames."""
    return shape_of(float(features.attributes["frame_shift_ms"]), segment_shift_ms)


def usable(features: Ragged, utt_ids: Sequence[str]) -> list[str]:
    """Utterances that have frames, in the order of the store: the others were set aside by `featurize`."""
    known = sorted(features.index[utt_id] for utt_id in utt_ids)
    return [features.utt_ids[index] for index in known if features.lengths[index] > 0]


class Normaliser:
    """Normalises speech as its configuration says. `trained` holds the statistics of the training part, once fitted."""

    def __init__(
        self,
        system: Autoencoder | Classifier,
        features: Ragged,
        trained: Statistics | None = None,
        utterances: Sequence[Utterance] | None = None,
    ) -> None:
        """`utterances` are those of the features: of the system's own store unless given."""
        self.mode, self.trained = system.config.normalise, trained
        self.features = features
        self.speaker = {u.utt_id: u.speaker for u in utterances or system.store.utterances}
        self.of_speaker: dict[str, Statistics] = {}

    def read(self, utt_ids: Sequence[str]) -> Speech:
        """Frames of the utterances that have some, normalised. Without `trained`, these are the training part."""
        chosen = usable(self.features, utt_ids)
        frames, offsets = self.features.rows("frames", chosen)
        if self.trained is None:
            self.trained = statistics(frames)
        normalise(
            frames,
            offsets,
            [
                self._statistics(utt_id, frames[a:b])
                for utt_id, a, b in zip(chosen, offsets[:-1], offsets[1:], strict=True)
            ],
        )
        return Speech(chosen, frames, offsets)

    def _statistics(self, utt_id: str, frames: Frames) -> Statistics:
        if self.mode == "utterance":
            return statistics(frames)
        if self.mode == "speaker":
            return self._statistics_of_speaker(self.speaker[utt_id])
        assert self.trained is not None
        return self.trained

    def _statistics_of_speaker(self, speaker: str) -> Statistics:
        """Over all that the speaker says in the store, whatever its label."""
        if speaker not in self.of_speaker:
            theirs = [utt_id for utt_id in self.features.utt_ids if self.speaker[utt_id] == speaker]
            self.of_speaker[speaker] = statistics(self.features.rows("frames", usable(self.features, theirs))[0])
        return self.of_speaker[speaker]


def blocks(features: Ragged, utt_ids: Sequence[str]) -> Iterator[list[str]]:
    """Utterances in runs of about 100 000 frames. The plan comes from the table alone, so the bits do as well."""
    block: list[str] = []
    held = 0
    for utt_id in usable(features, utt_ids):
        block.append(utt_id)
        held += int(features.lengths[features.index[utt_id]])
        if held >= _BLOCK_FRAMES:
            yield block
            block, held = [], 0
    if block:
        yield block


class ClassifierInput:
    """Ragged inputs of a classifier in one fold: latents, or features where there is no autoencoder."""

    def __init__(
        self,
        classifier: Classifier,
        fold: int,
        trained: Statistics | None = None,
        autoencoder: FittedAutoencoder | None = None,
        sources: Sources | None = None,
    ) -> None:
        """Latents are those of the store, unless a fitted `autoencoder` is given to make them.

        The features are those of `sources`, the classifier's own unless given.
        """
        self.config, self.fold, self.autoencoder = classifier.config, fold, autoencoder
        sources = sources or classifier.sources
        self.features = sources.features(classifier.config.frontend).open()
        self.latents: Ragged | None = None
        system: Autoencoder | Classifier = classifier
        if autoencoder is not None:
            assert classifier.autoencoder is not None
            system, trained = classifier.autoencoder, autoencoder.trained
        elif (product := classifier.latents(fold)) is not None:
            self.latents = classifier.store.ragged(product.key)
        self.normaliser = Normaliser(system, self.features, trained, sources.store.utterances)

    def usable(self, utt_ids: Sequence[str]) -> list[str]:
        return usable(self.latents or self.features, utt_ids)

    def read(self, utt_ids: Sequence[str], labels: Mapping[str, int]) -> Sequences:
        """Rows (N, D) of the usable utterances; `labels` maps each to its class."""
        chosen = self.usable(utt_ids)
        has_autoencoder = self.config.autoencoder is not None
        rows, offsets = self._latents(chosen) if has_autoencoder else self._features(chosen)
        return Sequences(
            rows, torch.from_numpy(offsets), torch.tensor([labels[utt_id] for utt_id in chosen], dtype=torch.int64)
        )

    def _features(self, utt_ids: Sequence[str]) -> tuple[torch.Tensor, Offsets]:
        speech = self.normaliser.read(utt_ids)
        if not self.config.reads_segments:
            return torch.from_numpy(speech.frames), speech.offsets
        rows, counts = speech.segment_rows(segment_shape(self.features, self.config.segment_shift_ms))
        return rows, np.concatenate([[0], np.cumsum(counts)])

    def _latents(self, utt_ids: Sequence[str]) -> tuple[torch.Tensor, Offsets]:
        if self.autoencoder is not None:
            return self._encoded(self.autoencoder, utt_ids)
        assert self.latents is not None
        rows, offsets = self.latents.rows(latents_read(self.config), utt_ids)
        if self.config.latents == "sample":
            mean, std = np.split(rows, 2, axis=1)
            rows = mean + std * self._noise(utt_ids, mean.shape[1], offsets)
        return torch.from_numpy(rows), offsets

    def _encoded(self, autoencoder: FittedAutoencoder, utt_ids: Sequence[str]) -> tuple[torch.Tensor, Offsets]:
        """The same without a store's latents."""
        shape = segment_shape(self.features, autoencoder.config.segment_shift_ms)
        lengths = self.features.lengths[[self.features.index[utt_id] for utt_id in utt_ids]]
        counts = segment_counts(lengths, shape.size, shape.shift)
        offsets: Offsets = np.concatenate([[0], np.cumsum(counts)])
        names, width = latents_read(self.config), autoencoder.config.latent_dim
        rows, filled = np.empty((int(offsets[-1]), width * len(names)), np.float32), 0
        for block in blocks(self.features, utt_ids):
            speech = self.normaliser.read(block)
            for some in encoded(autoencoder.model, speech, shape, self.config.condition, {}, "cpu"):
                n = len(some["mean"])
                np.concatenate([some[name] for name in names], axis=1, out=rows[filled : filled + n])
                filled += n
        return torch.from_numpy(rows), offsets

    def _noise(self, utt_ids: Sequence[str], width: int, offsets: Offsets) -> npt.NDArray[np.float32]:
        """δ ~ N(0, 1), (N, Z): drawn for each utterance by its name, so that it is the same in whatever part it is read."""
        drawn = [
            np.random.default_rng(seed_for(self.config.seed, self.fold, f"sample {utt_id}")).standard_normal((n, width))
            for utt_id, n in zip(utt_ids, np.diff(offsets), strict=True)
        ]
        return np.concatenate(drawn).astype(np.float32)
