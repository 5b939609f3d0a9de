"""From frames to posteriors, by the models of a bundle: what `evaluate` does with a test utterance."""

import numpy as np
import numpy.typing as npt
import torch

from .. import plugins
from ..config import build, plain
from ..errors import DamagedProduct, SercliError, UsageError
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.reading import RowMaker
from ..frontends.base import Extractor
from ..learning.batches import Sequences, Speech
from ..learning.normalisation import Statistics, normalise, statistics
from ..learning.segments import Frames, shape_of
from .bundle import Bundle, check_exportable
from .file_frames import FileFrames

Posteriors = npt.NDArray[np.float64]


class Labeller:
    """Front end, normalisation, autoencoder and classifier of a bundle, loaded once. Its methods may run in many threads."""

    def __init__(self, bundle: Bundle, device: str) -> None:
        """Raises SercliError if a plug-in is not installed, or if one file is not enough for the system; DamagedProduct if the
        parts do not fit together."""
        info, self.device = bundle.info, device
        try:
            self.autoencoder = read_autoencoder(bundle.autoencoder, device) if bundle.autoencoder else None
            self.classifier = read_classifier(bundle.classifier, device)
            self.config, self.classes = self.classifier.config, self.classifier.classes
            front = plugins.load("frontends", info.frontend.name)
            check_exportable(info.name, self.config, info.frontend.name)
            options = build(front.Config, info.frontend.config, info.frontend.name)
            self.extractor: Extractor = front.Extractor(options, "cpu")
            shape = shape_of(self.extractor.frame_shift_ms, self.config.segment_shift_ms)
        except (UsageError, MemoryError, ArithmeticError) as error:
            fix = "use the version of sercli, and the plug-ins, that made the bundle"
            raise SercliError("cannot be used", place=bundle.path, seen=error, fix=fix) from None
        self.files = FileFrames(self.extractor)
        self.maker = RowMaker(self.config, shape)
        self._check_fit(bundle)

    def _check_fit(self, bundle: Bundle) -> None:
        info, ae, maker = bundle.info, self.autoencoder, self.maker
        n_features = self.extractor.n_features
        readers = [part for part, reads in ((ae, maker.has_latents), (self.classifier, maker.has_features)) if reads]
        fits = (
            (self.extractor.sample_rate, self.extractor.frame_shift_ms, maker.shape.size_ms)
            == (info.frontend.sample_rate, info.frontend.frame_shift_ms, info.segment_ms)
            and plain(self.config) == info.classifier
            and (plain(ae.config) if ae else {}) == info.autoencoder
            and list(self.classes) == list(info.classes)
            and maker.has_latents == (ae is not None)
            and (ae is None or ae.model.n_inputs == maker.shape.size * n_features)
            and len(self.classifier.model.mean) == maker.width(n_features, ae.config.latent_dim if ae else 0)
            and all(part and part.trained and len(part.trained.mean) == n_features for part in readers)
        )
        if not fits:
            fix = "export the bundle again"
            raise DamagedProduct("bundle.yaml does not describe the models", place=bundle.path, fix=fix)

    def posteriors(self, frames: Frames) -> Posteriors:
        """Class probabilities (C,) of an utterance by itself, from its frames (N, F)."""
        parts: list[torch.Tensor] = []
        if self.autoencoder is not None:
            speech = self._normalised(frames, self.autoencoder.trained)
            parts.append(self.maker.latents(self.autoencoder, speech, self.device))
        if self.maker.has_features:
            parts.append(self.maker.features(self._normalised(frames, self.classifier.trained))[0])
        rows = torch.cat(parts, dim=1)
        utterance = Sequences(
            rows, torch.tensor([0, len(rows)]), torch.zeros(1, dtype=torch.int64), self.maker.shift_ms
        )
        posteriors: Posteriors = self.classifier.model.posteriors(utterance, self.device)[0].numpy()
        return posteriors

    def _normalised(self, frames: Frames, trained: Statistics | None) -> Speech:
        if trained is None or self.config.normalise == "utterance":
            trained = statistics(frames)
        speech = Speech([""], frames.copy(), np.array([0, len(frames)]))
        normalise(speech.frames, speech.offsets, [trained])
        return speech
