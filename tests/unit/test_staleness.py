"""What makes a product stale, and what does not: from the table of utterances alone, product by product, fold by fold."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from support.tables import EMOTIONS, UTTERANCES, planned

from sercli.data.utterances import Utterance
from sercli.experiments.resolve import resolve_autoencoder, resolve_classifier
from sercli.experiments.systems import Autoencoder, Classifier

Digests = dict[tuple[str, int], str]


class Systems(NamedTuple):
    """Two autoencoders, one of which sees labels, and classifiers on features and on both."""

    vae: Autoencoder
    cvae: Autoencoder
    bare: Classifier
    on_vae: Classifier
    on_cvae: Classifier


@pytest.fixture
def systems_of(tmp_path: Path) -> Callable[..., Systems]:
    """Makes a store of these utterances; returns the systems that are planned in it."""
    numbers = iter(range(1000))

    def systems(utterances: Iterable[Utterance], **options: str) -> Systems:
        catalogue = planned(tmp_path / str(next(numbers)), list(utterances))
        vae = resolve_autoencoder(catalogue, {"model": "vae", "latent_dim": 8, **options})
        cvae = resolve_autoencoder(catalogue, {"model": "cvae", "latent_dim": 8, **options})
        bare = resolve_classifier(catalogue, options)
        return Systems(vae, cvae, bare, *(resolve_classifier(catalogue, {}, model) for model in (vae, cvae)))

    return systems


def digests(systems: Systems) -> Digests:
    """Of every product with a fold: `vae`, `vae latents`, `bare`, `bare predictions`, and so on."""
    found: Digests = {}
    for name, system in zip(systems._fields, systems, strict=True):
        for k in system.fold_numbers:
            found[name, k] = system.fold(k).digest
            if isinstance(system, Classifier):
                found[f"{name} predictions", k] = system.predictions(k).digest
            else:
                found[f"{name} latents", k] = system.latents(k).digest
    return found


def changed(before: Systems, after: Systems) -> set[tuple[str, int]]:
    old, new = digests(before), digests(after)
    assert set(old) == set(new)
    return {key for key in old if old[key] != new[key]}


def parts(systems: Systems, utt_id: str) -> dict[int, str]:
    """The part of an utterance in each fold."""
    return {fold.number: fold.parts[utt_id] for fold in systems.bare.folds.folds}


def with_one(utt_id: str, **values: object) -> list[Utterance]:
    return [replace(u, **values) if u.utt_id == utt_id else u for u in UTTERANCES]  # type: ignore[arg-type]


@pytest.mark.parametrize("utt_id", [u.utt_id for u in UTTERANCES[::5]])
def test_another_sound_makes_stale_what_was_fitted_on_it(utt_id: str, systems_of: Callable[..., Systems]) -> None:
    """In the fold where the utterance is test, the models stay; its latents and predictions do not."""
    before = systems_of(UTTERANCES)
    stale = changed(before, systems_of(with_one(utt_id, digest="another sound")))
    for k, part in parts(before, utt_id).items():
        for name in Systems._fields:
            assert ((name, k) in stale) == (part != "test"), (name, part)
        assert {(f"{name} latents", k) for name in ("vae", "cvae")} <= stale
        assert {(f"{name} predictions", k) for name in ("bare", "on_vae", "on_cvae")} <= stale


@pytest.mark.parametrize("utt_id", [u.utt_id for u in UTTERANCES[::5]])
def test_another_label_makes_stale_only_what_sees_labels(utt_id: str, systems_of: Callable[..., Systems]) -> None:
    """And in the fold where the utterance is test, nothing that could leak it."""
    before = systems_of(UTTERANCES)
    emotion = next(u.emotion for u in UTTERANCES if u.utt_id == utt_id)
    other = EMOTIONS[(EMOTIONS.index(emotion) + 1) % 3]
    after = systems_of(with_one(utt_id, emotion=other))
    stale = changed(before, after)
    fitted = {k for k, part in parts(before, utt_id).items() if part != "test"}
    names = {
        "cvae",
        "cvae latents",
        *(f"{name}{kind}" for name in ("bare", "on_vae", "on_cvae") for kind in ("", " predictions")),
    }
    assert stale == {(name, k) for name in names for k in fitted}
    for old, new in zip(before[2:], after[2:], strict=True):
        assert old.result(old.fold_numbers).digest != new.result(new.fold_numbers).digest
    assert before.bare.task.product.digest != after.bare.task.product.digest
    for k in before.cvae.fold_numbers:
        assert before.cvae.latents(k, "oracle").digest != after.cvae.latents(k, "oracle").digest


def test_what_nobody_reads_makes_nothing_stale(systems_of: Callable[..., Systems]) -> None:
    before = systems_of(UTTERANCES)
    utt_id = UTTERANCES[0].utt_id
    for values in ({"text": "hello"}, {"valence": 2.0}, {"path": "moved.wav"}, {"extra": {"note": "x"}}):
        after = systems_of(with_one(utt_id, **values))
        assert not changed(before, after)
        assert before.bare.result([1, 2]).digest == after.bare.result([1, 2]).digest


def test_a_column_by_which_scores_are_grouped_makes_scores_stale(systems_of: Callable[..., Systems]) -> None:
    before, after = systems_of(UTTERANCES), systems_of(with_one(UTTERANCES[0].utt_id, gender="female"))
    assert not changed(before, after)
    assert before.bare.result([1]).digest != after.bare.result([1]).digest


def test_speaker_normalisation_reads_all_speech_of_its_speakers(systems_of: Callable[..., Systems]) -> None:
    """Also that outside the task."""
    outside = replace(UTTERANCES[0], utt_id="outside", path="o.wav", digest="outside", style="sung")
    other = replace(outside, digest="another sound")
    options = {"subset": "read"}
    plain = [systems_of([*UTTERANCES, u], **options) for u in (outside, other)]
    assert not changed(*plain)
    normalised = [systems_of([*UTTERANCES, u], **options, normalise="speaker") for u in (outside, other)]
    stale = changed(*normalised)
    for k, part in parts(normalised[0], UTTERANCES[0].utt_id).items():
        for name in Systems._fields:
            assert ((name, k) in stale) == (part != "test"), (name, part)


def test_other_folds_make_everything_stale(systems_of: Callable[..., Systems]) -> None:
    """An utterance of another speaker moves to another part, and no product may mix two ways to cut a corpus."""
    before = systems_of(UTTERANCES)
    moved = with_one(UTTERANCES[0].utt_id, speaker=UTTERANCES[-1].speaker)
    assert changed(before, systems_of(moved)) == set(digests(before))


def test_a_fold_is_made_of_what_lies_before_it(systems_of: Callable[..., Systems]) -> None:
    systems = systems_of(UTTERANCES)
    for k in systems.vae.fold_numbers:
        fold = systems.vae.fold(k)
        assert systems.vae.latents(k).inputs[systems.vae.key] == fold.digest
        assert systems.on_vae.fold(k).inputs[systems.vae.key] == fold.digest
        classifier = systems.on_vae.fold(k)
        predictions = systems.on_vae.predictions(k)
        assert predictions.inputs[systems.on_vae.key] == classifier.digest
        assert systems.on_vae.result([k]).inputs[predictions.key] == predictions.digest


def test_a_seed_makes_another_product_of_the_same_kind(systems_of: Callable[..., Systems], tmp_path: Path) -> None:
    catalogue = planned(tmp_path / "seeds")
    first, second = (resolve_autoencoder(catalogue, {"seed": seed}) for seed in (0, 1))
    assert first.seedless_key == second.seedless_key
    assert first.fold(1).digest != second.fold(1).digest
    on = [resolve_classifier(catalogue, {}, model) for model in (first, second)]
    assert on[0].seedless_key == on[1].seedless_key
    assert resolve_classifier(catalogue, {}).seedless_key != on[0].seedless_key
