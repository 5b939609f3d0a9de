"""What a classifier reads of an utterance. `INPUTS` is the only list of the words that a plug-in may say as its `INPUT`.

The rows of an utterance are segments, frames, or (with an autoencoder) the latents of its segments. They are standardised,
and then an input turns them into what the model is given. An input with options has a dataclass of them, from which the
plug-in's `Config` inherits. torch is imported where it is needed: `sercli --help` reads the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..config import Options, check_range
from ..errors import UsageError, listed

if TYPE_CHECKING:
    from torch import Tensor

    from .batches import Sequences

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
_STEP_S = 0.5  # to which the length of crops is rounded


@dataclass(frozen=True)
class CropOptions(Options):
    """Options of `crops`."""

    crop_s: float = 0.0  # length of a crop (s); 0: mean + 1 standard deviation of the training part, to half a second

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "crop_s", at_least=0)


@dataclass(frozen=True)
class FunctionalOptions(Options):
    """Options of `functionals`."""

    deltas: bool = True  # also the statistics of first differences


@dataclass(frozen=True)
class DialogueOptions(FunctionalOptions):
    """Options of `dialogue`."""

    n_before: int = 2  # utterances of the same dialogue before the one that is classified
    n_after: int = 0  # and after it

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "n_before", "n_after", at_least=0)


class Input:
    """An input, made with the plug-in's options and with what it found in the training part (`fitted`)."""

    options_class: ClassVar[type[Options]] = Options
    reads_segments: ClassVar[bool] = False  # rows without an autoencoder: segments (S·F), else frames (F)
    joins_features: ClassVar[bool] = False  # with an autoencoder the features of each segment stand beside its latents
    needs_dialogues: ClassVar[bool] = False  # it reads neighbouring utterances of a dialogue

    def __init__(self, options: Any, fitted: Mapping[str, int] | None = None) -> None:
        self.options = options
        self.fitted = dict(fitted or {})

    def width(self, n_features: int) -> int:
        """Features per step of what the model is given, for rows of `n_features`."""
        return n_features

    def fit(self, train: Sequences) -> None:
        """Take from the training part what the input needs to know, into `fitted`."""

    def read(self, sequences: Sequences) -> Sequences:
        """What the model is given: rows to steps."""
        return sequences


class Segments(Input):
    """All segments of the utterance: (T, S·F), or (T, Z) latents."""

    reads_segments = True


class Frames(Input):
    """All frames of the utterance: (T, F), or (T, Z) latents."""


class LatentsAndFeatures(Segments):
    """The latents of each segment, and beside them its features: (T, Z + S·F). Needs an autoencoder."""

    joins_features = True


class Crops(Frames):
    """The first rows of the utterance, as many for all: longer ones are cut, shorter ones padded and masked (`lengths`)."""

    options_class = CropOptions

    def fit(self, train: Sequences) -> None:
        """Fix the number of rows."""
        lengths = train.lengths.double() * train.shift_ms / 1000  # s
        longest = float(lengths.mean() + lengths.std(correction=0))
        seconds = self.options.crop_s or max(1, round(longest / _STEP_S)) * _STEP_S
        self.fitted = {"n_rows": max(1, round(1000 * seconds / train.shift_ms))}

    def read(self, sequences: Sequences) -> Sequences:
        """Cut to the number of rows of the training part; batches are padded to it."""
        import torch

        n_rows = self.fitted["n_rows"]
        lengths = sequences.lengths.clamp(max=n_rows)
        step = torch.arange(len(sequences.rows)) - sequences.offsets[:-1].repeat_interleave(sequences.lengths)
        inside = step < n_rows
        rows = sequences.rows if bool(inside.all()) else sequences.rows[inside]
        return replace(sequences, rows=rows, offsets=_offsets(lengths), n_steps=n_rows)


class Functionals(Frames):
    """One vector of statistics: mean, standard deviation, minimum, quartiles and maximum of each feature; with `deltas` also of
    its first difference. (1, W) in float64."""

    options_class = FunctionalOptions

    def width(self, n_features: int) -> int:
        """W."""
        return n_features * (2 + len(_QUANTILES)) * (2 if self.options.deltas else 1)

    def read(self, sequences: Sequences) -> Sequences:
        """One row per utterance. Batches keep the order that the utterances would have by their lengths."""
        import torch

        vectors = [functionals(rows.double(), self.options.deltas) for rows in _utterances(sequences)]
        offsets = torch.arange(len(sequences) + 1)
        return replace(sequences, rows=torch.stack(vectors), offsets=offsets, order_by=sequences.lengths)


class Dialogue(Functionals):
    """Vectors of statistics of the utterance and its neighbours in the dialogue, in order of time: (n_before + 1 + n_after, W).

    The utterance that is classified is step `n_before`. Where the dialogue ends, and where an utterance is not in the part
    that is read (training knows no test utterance), the step is zero.
    """

    options_class = DialogueOptions
    needs_dialogues = True

    def read(self, sequences: Sequences) -> Sequences:
        """Windows of a fixed number of steps."""
        import torch

        assert sequences.places is not None, "the reader of the store gives the places of utterances in dialogues"
        vectors = super().read(sequences).rows
        where = {(int(dialogue), int(place)): u for u, (dialogue, place) in enumerate(sequences.places)}
        n_before, n_steps = self.options.n_before, self.options.n_before + 1 + self.options.n_after
        windows = vectors.new_zeros(len(sequences), n_steps, vectors.shape[1])
        for u, (dialogue, place) in enumerate(sequences.places.tolist()):
            for step in range(n_steps):
                neighbour = where.get((dialogue, place - n_before + step))
                if neighbour is not None:
                    windows[u, step] = vectors[neighbour]
        offsets = n_steps * torch.arange(len(sequences) + 1)
        return replace(sequences, rows=windows.flatten(0, 1), offsets=offsets, order_by=sequences.lengths)


INPUTS: Mapping[str, type[Input]] = {
    "segments": Segments,
    "frames": Frames,
    "latents and features": LatentsAndFeatures,
    "crops": Crops,
    "functionals": Functionals,
    "dialogue": Dialogue,
}


def input_class(word: Any, place: object) -> type[Input]:
    """The input that a plug-in's `INPUT` names. Raises UsageError at `place` for a word that names none."""
    if word not in INPUTS:
        raise UsageError("unknown input", place=f"{place}: INPUT", seen=repr(word), expected=listed(INPUTS))
    return INPUTS[word]


def functionals(rows: Tensor, deltas: bool) -> Tensor:
    """Statistics of rows (T, D): mean, standard deviation, minimum, quartiles, maximum; (7·D,), or (14·D,) with `deltas`."""
    import torch

    quantiles = torch.quantile(rows, torch.tensor(_QUANTILES, dtype=rows.dtype), dim=0)
    vector = torch.cat([rows.mean(0), rows.std(0, correction=0), quantiles.flatten()])
    if not deltas:
        return vector
    differences = rows.diff(dim=0) if len(rows) > 1 else torch.zeros_like(rows)
    return torch.cat([vector, functionals(differences, deltas=False)])


def _utterances(sequences: Sequences) -> tuple[Tensor, ...]:
    """The rows (T, D) of each utterance."""
    import torch

    return torch.split(sequences.rows, sequences.lengths.tolist())


def _offsets(lengths: Tensor) -> Tensor:
    """Where each utterance begins, (U+1,), from the lengths (U,)."""
    import torch

    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
