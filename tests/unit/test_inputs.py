"""What a classifier reads: inputs turn standardised rows into steps, and batches pad them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sercli.data.utterances import Utterance
from sercli.errors import SercliError
from sercli.experiments.dialogues import places_in_dialogues
from sercli.learning.batches import Sequences
from sercli.learning.inputs import INPUTS, CropOptions, Crops, Dialogue, DialogueOptions, FunctionalOptions, Functionals


def utterances(*lengths: int, width: int = 2, shift_ms: float = 100.0) -> Sequences:
    """Rows that are all different."""
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    rows = torch.arange(int(offsets[-1]) * width, dtype=torch.float32).reshape(-1, width)
    return Sequences(rows, offsets, torch.arange(len(lengths)), shift_ms)


def steps_of(sequences: Sequences) -> list[Tensor]:
    return list(torch.split(sequences.rows, sequences.lengths.tolist()))


@pytest.mark.parametrize("word", ["segments", "frames", "latents and features"])
def test_whole_utterances_are_read_as_they_are(word: str) -> None:
    data = utterances(3, 1)
    source = INPUTS[word](None)
    source.fit(data)
    assert source.read(data) is data
    assert source.width(7) == 7


# --- crops


def test_crops_of_given_seconds_cut_and_pad() -> None:
    data = utterances(5, 2, 3)
    crops = Crops(CropOptions(crop_s=0.3))
    crops.fit(data)
    cropped = crops.read(data)
    assert cropped.lengths.tolist() == [3, 2, 3]
    for steps, whole in zip(steps_of(cropped), steps_of(data), strict=True):
        assert torch.equal(steps, whole[:3])
    for steps, lengths, _, positions in cropped.batches(1):
        assert steps.shape == (1, 3, 2)
        assert not steps[0, int(lengths) :].any()
        assert int(lengths) == int(cropped.lengths[positions])


@pytest.mark.parametrize(
    ("lengths", "n_rows"),
    [
        ([40, 60], 60),  # mean 5 s, standard deviation 1 s
        ([40, 62], 60),  # 5.1 + 1.1 s, to half a second
        ([1], 5),  # at least half a second
    ],
)
def test_crops_are_as_long_as_mean_and_standard_deviation_of_training(lengths: list[int], n_rows: int) -> None:
    crops = Crops(CropOptions())
    crops.fit(utterances(*lengths))
    assert crops.fitted == {"n_rows": n_rows}
    assert Crops(CropOptions(), {"n_rows": n_rows}).read(utterances(100)).lengths.tolist() == [n_rows]


def test_crops_of_short_utterances_copy_nothing() -> None:
    data = utterances(2, 1)
    assert Crops(CropOptions(), {"n_rows": 2}).read(data).rows is data.rows


def test_a_negative_crop_is_refused() -> None:
    with pytest.raises(SercliError) as refused:
        CropOptions(crop_s=-1)
    assert refused.value.place == "crop_s"


# --- functionals


@pytest.mark.parametrize("deltas", [True, False])
def test_functionals_are_those_of_numpy(deltas: bool) -> None:
    data = replace(utterances(5, 1, 4), rows=torch.randn(10, 2, generator=torch.Generator().manual_seed(0)))
    functionals = Functionals(FunctionalOptions(deltas=deltas))
    vectors = functionals.read(data)
    assert vectors.rows.shape == (3, functionals.width(2)) == (3, 28 if deltas else 14)
    assert vectors.lengths.tolist() == [1, 1, 1]
    for vector, rows in zip(vectors.rows.numpy(), steps_of(data), strict=True):
        parts = []
        for x in (rows.double().numpy(), np.diff(rows.double().numpy(), axis=0))[: 1 + deltas]:
            x = x if len(x) else np.zeros((1, 2))
            parts += [x.mean(0), x.std(0), *np.quantile(x, [0, 0.25, 0.5, 0.75, 1], axis=0)]
        np.testing.assert_allclose(vector, np.concatenate(parts), atol=1e-12)


def test_batches_of_vectors_keep_the_order_of_lengths() -> None:
    data = utterances(5, 1, 4)
    vectors = Functionals(FunctionalOptions()).read(data)
    assert [int(positions) for *_, positions in vectors.batches(1)] == [1, 2, 0]


# --- dialogues


def test_a_window_holds_the_neighbours_in_the_dialogue() -> None:
    places = torch.tensor([[0, 0], [1, 0], [0, 1], [0, 3], [1, 1]])  # place 2 of dialogue 0 is in another part
    data = replace(utterances(1, 1, 1, 1, 1), places=places)
    dialogue = Dialogue(DialogueOptions(deltas=False, n_before=1, n_after=1))
    windows = dialogue.read(data)
    vectors = Functionals(FunctionalOptions(deltas=False)).read(data).rows
    nothing = torch.zeros_like(vectors[0])
    expected = [
        [nothing, vectors[0], vectors[2]],
        [nothing, vectors[1], vectors[4]],
        [vectors[0], vectors[2], nothing],
        [nothing, vectors[3], nothing],
        [vectors[1], vectors[4], nothing],
    ]
    for window, steps in zip(steps_of(windows), expected, strict=True):
        assert torch.equal(window, torch.stack(steps))


def utterance(utt_id: str, session: str = "", start: float | None = None, **extra: str) -> Utterance:
    return Utterance(utt_id, "a.wav", start=start, session=session, extra=extra)


def test_places_follow_time_and_then_names() -> None:
    corpus = [
        utterance("a2", "s1", 7.0),
        utterance("a1", "s1", 3.0),
        utterance("b1", "s1", dialogue="d", start_in_dialogue="20.5"),
        utterance("b2", "s1", dialogue="d", start_in_dialogue="3"),
        utterance("c2", "s2"),
        utterance("c1", "s2"),
    ]
    assert places_in_dialogues(corpus) == {
        "a1": (0, 0),
        "a2": (0, 1),
        "b2": (1, 0),
        "b1": (1, 1),
        "c1": (2, 0),
        "c2": (2, 1),
    }


def test_an_utterance_without_a_dialogue_is_refused() -> None:
    with pytest.raises(SercliError) as refused:
        places_in_dialogues([utterance("a", "s"), utterance("b")])
    assert refused.value.place == "b"
    with pytest.raises(SercliError) as refused:
        places_in_dialogues([utterance("a", "s", start_in_dialogue="soon")])
    assert refused.value.seen == "soon"


# --- batches


def test_batches_hold_every_utterance_once() -> None:
    lengths = torch.randint(1, 13, (41,), generator=torch.Generator().manual_seed(5)).tolist()
    data = utterances(*lengths)
    for generator in (None, torch.Generator().manual_seed(0)):
        seen: list[int] = []
        for steps, batch_lengths, labels, positions in data.batches(8, generator):
            for row, (length, label, index) in enumerate(zip(batch_lengths, labels, positions.tolist(), strict=True)):
                assert torch.equal(steps[row, :length], steps_of(data)[index])
                assert not steps[row, length:].any()
                assert label == data.labels[index]
                seen.append(index)
        assert sorted(seen) == list(range(41))
