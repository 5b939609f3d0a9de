"""What models read from a store: normalised frames, their segments, and the rows of a classifier in one fold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..autoencoders.base import AutoencoderModel
from ..data.utterances import Utterance
from ..learning.batches import Sequences, Speech
from ..learning.normalisation import Statistics, normalise, statistics
from ..learning.segments import Frames, Offsets, SegmentShape, segment_counts, shape_of
from ..learning.training import seed_for
from ..store.ragged import Ragged
from .configs import ClassifierConfig
from .dialogues import places_in_dialogues
from .fitted import FittedAutoencoder
from .sources import Sources
from .systems import Autoencoder, Classifier

_BATCH = 4096  # segments encoded at a time
_BLOCK_FRAMES = 100_000  # read, normalised and encoded at a time

UtteranceRows = tuple[torch.Tensor, Offsets]  # rows (N, D) of utterances, and where each begins (U+1,)


def encoded(
    model: AutoencoderModel, speech: Speech, shape: SegmentShape, condition: str, labels: Mapping[str, int], device: str
) -> Iterator[dict[str, Frames]]:
    """The latents of speech, (M, Z) each, one run of an utterance's segments at a time; only the oracle reads `labels`.

    Each utterance is encoded by itself: even the last bits of its latents depend on no other utterance, so a new test
    recording changes nothing that a classifier was trained on.
    """
    view, starts, counts = speech.segments(shape)
    for utt_id, of_utterance in zip(speech.utt_ids, torch.split(starts, counts.tolist()), strict=True):
        runs = torch.split(of_utterance, _BATCH)
        evidence = _evidence(model, (view[run].to(device) for run in runs), condition) if len(runs) > 1 else None
        for run in runs:
            categories = torch.full_like(run, labels.get(utt_id, -1)).to(device)
            with torch.inference_mode():
                encoding = model.encode(view[run].to(device), condition, categories, evidence)
            yield {key: value.cpu().numpy() for key, value in encoding._asdict().items() if value is not None}


@torch.inference_mode()
def _evidence(model: AutoencoderModel, runs: Iterable[torch.Tensor], condition: str) -> torch.Tensor | None:
    """What all segments of an utterance that is encoded in several runs say together."""
    parts = [part for run in runs if (part := model.evidence(run, condition)) is not None]
    return torch.stack(parts).sum(0) if parts else None


def segment_shape(features: Ragged, segment_shift_ms: float) -> SegmentShape:
    """Raises UsageError unless the shift is a whole number of the features' frames."""
    return shape_of(float(features.attributes["frame_shift_ms"]), segment_shift_ms)


def usable(features: Ragged, utt_ids: Sequence[str]) -> list[str]:
    """Utterances that have frames, in the order of the store; `featurize` skipped the others."""
    indices = sorted(features.index[utt_id] for utt_id in utt_ids)
    return [features.utt_ids[index] for index in indices if features.lengths[index] > 0]


def blocks(features: Ragged, utt_ids: Sequence[str]) -> Iterator[list[str]]:
    """Utterances in runs of about 100 000 frames. The plan depends on the table alone, and so do the bits."""
    block: list[str] = []
    n_frames = 0
    for utt_id in usable(features, utt_ids):
        block.append(utt_id)
        n_frames += int(features.lengths[features.index[utt_id]])
        if n_frames >= _BLOCK_FRAMES:
            yield block
            block, n_frames = [], 0
    if block:
        yield block


class Normaliser:
    """Normalises speech as a configuration says. `trained` holds the statistics of the training part, once fitted."""

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
        """Normalised frames of the utterances that have some. Without `trained`, these are the training part."""
        chosen = usable(self.features, utt_ids)
        frames, offsets = self.features.rows("frames", chosen)
        if self.trained is None:
            self.trained = statistics(frames)
        runs = zip(chosen, offsets[:-1], offsets[1:], strict=True)
        normalise(frames, offsets, [self._statistics(utt_id, frames[a:b]) for utt_id, a, b in runs])
        return Speech(chosen, frames, offsets)

    def _statistics(self, utt_id: str, frames: Frames) -> Statistics:
        if self.mode == "utterance":
            return statistics(frames)
        if self.mode != "speaker":
            assert self.trained is not None
            return self.trained
        speaker = self.speaker[utt_id]
        if speaker not in self.of_speaker:  # over all utterances of the speaker in the store, whatever their label
            utt_ids = [utt_id for utt_id in self.features.utt_ids if self.speaker[utt_id] == speaker]
            self.of_speaker[speaker] = statistics(self.features.rows("frames", usable(self.features, utt_ids))[0])
        return self.of_speaker[speaker]


class RowMaker:
    """The rows that a classifier reads, made of normalised speech: latents, features, or both side by side."""

    def __init__(self, config: ClassifierConfig, shape: SegmentShape) -> None:
        self.config, self.shape, self.source = config, shape, config.input
        self.has_latents = config.autoencoder is not None
        self.has_features = not self.has_latents or self.source.joins_features
        self.are_segments = self.has_latents or self.source.reads_segments
        self.latent_names = ["mean"] if config.latents == "mean" else ["mean", "std"]  # parameters of q(z|x)

    @property
    def shift_ms(self) -> float:
        """From one row to the next."""
        return self.shape.shift_ms if self.are_segments else self.shape.frame_shift_ms

    def width(self, n_features: int, latent_dim: int) -> int:
        """D, for features of F columns and latents of Z."""
        of_features = n_features * (self.shape.size if self.are_segments else 1) if self.has_features else 0
        return of_features + (latent_dim * len(self.latent_names) if self.has_latents else 0)

    def features(self, speech: Speech) -> UtteranceRows:
        """Frames, or segments."""
        if not self.are_segments:
            return torch.from_numpy(speech.frames), speech.offsets
        view, starts, counts = speech.segments(self.shape)
        return view[starts], _offsets(counts)

    def latents(self, autoencoder: FittedAutoencoder, speech: Speech, device: str) -> torch.Tensor:
        """Rows (M, Z) or (M, 2Z) of all segments."""
        pieces = encoded(autoencoder.model, speech, self.shape, self.config.condition, {}, device)
        rows = [np.concatenate([piece[name] for name in self.latent_names], axis=1) for piece in pieces]
        return torch.from_numpy(np.concatenate(rows))


class ClassifierInput:
    """Reads the rows of a classifier in one fold."""

    def __init__(
        self,
        classifier: Classifier,
        fold: int,
        trained: Statistics | None = None,
        autoencoder: FittedAutoencoder | None = None,
        sources: Sources | None = None,
    ) -> None:
        """`trained` is the normalisation of features, once it is fitted. Latents are those of the store, unless a fitted
        `autoencoder` is given to make them. The features are those of `sources`, the classifier's own unless given.
        """
        self.config, self.fold, self.autoencoder = classifier.config, fold, autoencoder
        sources = sources or classifier.sources
        utterances = sources.store.utterances
        self.features = sources.features(classifier.config.frontend).open()
        self.maker = RowMaker(self.config, segment_shape(self.features, self.config.segment_shift_ms))
        self.normaliser = Normaliser(classifier, self.features, trained, utterances)
        self.latents: Ragged | None = None
        if autoencoder is not None:
            assert classifier.autoencoder is not None
            encoder = classifier.autoencoder
            self.encoder_normaliser = Normaliser(encoder, self.features, autoencoder.trained, utterances)
        elif (product := classifier.latents(fold)) is not None:
            self.latents = classifier.store.ragged(product.key)
        self.places = places_in_dialogues(utterances) if self.maker.source.needs_dialogues else {}

    @property
    def trained(self) -> Statistics | None:
        """The normalisation of features; None where only latents are read."""
        return self.normaliser.trained

    def usable(self, utt_ids: Sequence[str]) -> list[str]:
        """Utterances that have rows, in the order of the store."""
        return usable(self.latents or self.features, utt_ids)

    def blocks(self, utt_ids: Sequence[str]) -> Iterator[list[str]]:
        """Runs of utterances that can be read one after another; a single one where neighbours are read together."""
        return iter([self.usable(utt_ids)]) if self.maker.source.needs_dialogues else blocks(self.features, utt_ids)

    def read(self, utt_ids: Sequence[str], labels: Mapping[str, int]) -> Sequences:
        """Rows (N, D) of the usable utterances; `labels` maps each to its class."""
        chosen = self.usable(utt_ids)
        parts: list[torch.Tensor] = []
        if self.maker.has_latents:
            rows, offsets = self._latents(chosen)
            parts.append(rows)
        if self.maker.has_features:
            rows, offsets = self.maker.features(self.normaliser.read(chosen))
            parts.append(rows)
        return Sequences(
            parts[0] if len(parts) == 1 else torch.cat(parts, dim=1),
            torch.from_numpy(offsets),
            torch.tensor([labels[utt_id] for utt_id in chosen], dtype=torch.int64),
            self.maker.shift_ms,
            torch.tensor([self.places[utt_id] for utt_id in chosen]) if self.places else None,
        )

    def _latents(self, utt_ids: Sequence[str]) -> UtteranceRows:
        if self.autoencoder is not None:
            return self._encoded(self.autoencoder, utt_ids)
        assert self.latents is not None
        rows, offsets = self.latents.rows(self.maker.latent_names, utt_ids)
        if self.config.latents == "sample":
            mean, std = np.split(rows, 2, axis=1)
            rows = mean + std * self._noise(utt_ids, mean.shape[1], offsets)
        return torch.from_numpy(rows), offsets

    def _encoded(self, autoencoder: FittedAutoencoder, utt_ids: Sequence[str]) -> UtteranceRows:
        """The latents of `_latents`, made here."""
        lengths = self.features.lengths[[self.features.index[utt_id] for utt_id in utt_ids]]
        offsets = _offsets(segment_counts(lengths, self.maker.shape.size, self.maker.shape.shift))
        width = autoencoder.config.latent_dim * len(self.maker.latent_names)
        rows, n_filled = torch.empty(int(offsets[-1]), width), 0
        for block in blocks(self.features, utt_ids):
            some = self.maker.latents(autoencoder, self.encoder_normaliser.read(block), "cpu")
            rows[n_filled : n_filled + len(some)] = some
            n_filled += len(some)
        return rows, offsets

    def _noise(self, utt_ids: Sequence[str], width: int, offsets: Offsets) -> npt.NDArray[np.float32]:
        """δ ~ N(0, 1), (N, Z): drawn per utterance by its name, so that it is the same in whatever part it is read."""
        drawn = [
            np.random.default_rng(seed_for(self.config.seed, self.fold, f"sample {utt_id}")).standard_normal((n, width))
            for utt_id, n in zip(utt_ids, np.diff(offsets), strict=True)
        ]
        return np.concatenate(drawn).astype(np.float32)


def _offsets(counts: Offsets) -> Offsets:
    """Where each utterance begins, (U+1,), from the rows of each, (U,)."""
    return np.concatenate([[0], np.cumsum(counts)])
