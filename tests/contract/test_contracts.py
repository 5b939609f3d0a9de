"""What every plug-in promises, whoever wrote it. A new file in one of the four folders is tested here without a line of its own."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import soundfile
import torch
import yaml
from support.command import Sercli
from support.corpora import write_arrays
from support.errors import raises
from torch import Tensor

from sercli import plugins
from sercli.autoencoders import vae
from sercli.autoencoders.base import CONDITIONS, UNCONDITIONAL, Autoencoder
from sercli.bundles.labeller import Labeller
from sercli.classifiers.base import StandardisedClassifier
from sercli.config import build, plain
from sercli.corpora.base import FIELDS, read_card, reader
from sercli.data import audio
from sercli.data.emotions import is_known
from sercli.data.utterances import DIMENSIONS, read_table, read_utterances
from sercli.errors import AudioError, SercliError, UsageError
from sercli.experiments.making import Settings
from sercli.frontends.base import Extractor, Source
from sercli.learning import checkpoints
from sercli.learning.batches import Sequences
from sercli.learning.options import TrainingConfig
from sercli.learning.training import make_repeatable
from sercli.stages import ingest
from sercli.stages.ingest import IngestOptions
from sercli.store.store import Store
from sercli.tasks.task import Task, task_name

make_repeatable("cpu")  # as the stages do: many threads on small matrices only wait for each other
PACKAGES = ["corpora", "frontends", "autoencoders", "classifiers"]
AUTOENCODERS = {name: plugins.load("autoencoders", name) for name in plugins.names("autoencoders")}
CLASSIFIERS = {name: plugins.load("classifiers", name) for name in plugins.names("classifiers")}
FRONTENDS = {name: plugins.load("frontends", name) for name in plugins.names("frontends")}
EXTRACTORS = [name for name in FRONTENDS if hasattr(FRONTENDS[name], "Extractor")]
SOURCES = [name for name in FRONTENDS if hasattr(FRONTENDS[name], "Source")]
CORPORA = {name: reader(name) for name in plugins.names("corpora")}
CONFIGURED = [(package, name) for package in PACKAGES[1:] for name in plugins.names(package)]

D, Z, C = 40, 4, 3  # inputs of an autoencoder, latents, categories


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- all plug-ins


@pytest.mark.parametrize(("package", "name"), CONFIGURED)
def test_what_is_read_from_the_source_is_what_the_config_says(package: str, name: str) -> None:
    config, light = plugins.load(package, name).Config, plugins.config_class(package, name)
    assert plugins.defaults(package, name) == {option.name: option.default for option in fields(config)}
    assert list(plugins.defaults(package, name)) == [option.name for option in fields(config)]
    assert get_type_hints(light) == get_type_hints(config)
    assert plain(build(config, plugins.defaults(package, name), name)) == plain(config())


@pytest.mark.parametrize(("package", "name"), CONFIGURED)
def test_unknown_options_are_refused_with_the_known_ones(package: str, name: str) -> None:
    config = plugins.load(package, name).Config
    with pytest.raises(UsageError) as caught:
        build(config, {"xyzzy": 1}, name)
    assert caught.value.place == name
    assert all(option.name in caught.value.expected for option in fields(config))


@pytest.mark.parametrize("package", PACKAGES)
def test_plugins_are_named_in_order_and_strangers_refused(package: str) -> None:
    assert plugins.names(package) == sorted(plugins.names(package))
    assert plugins.names(package)
    with pytest.raises(UsageError) as caught:
        plugins.load(package, "nonsense")
    assert caught.value.expected == ", ".join(plugins.names(package))


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in plugins.names(package)]
)
def test_every_plugin_says_what_it_is(package: str, name: str) -> None:
    assert len(plugins.load(package, name).__doc__ or "") > 40


# --- corpora


def build_example(name: str, folder: Path) -> Path:
    """A corpus of the reader's own example: its text files, noise where it has sound, and the junk that archives leave."""
    for number, (file, content) in enumerate(CORPORA[name].example.items()):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in audio.SUFFIXES:
            noise = np.random.default_rng(number).standard_normal(8000)
            soundfile.write(path, 0.1 * noise, 16000)
            path.with_name(f"._{path.name}").write_bytes(b"junk")
        else:
            path.write_text(content, encoding="utf-8", newline="")
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of every reader."""
    folder = tmp_path_factory.mktemp("examples")
    return {name: build_example(name, folder / name) for name in CORPORA}


def sounds(name: str) -> dict[str, str]:
    """The sound files of a reader's example, each with the speaker and the emotion that it has by the corpus."""
    return {path: told for path, told in CORPORA[name].example.items() if Path(path).suffix in audio.SUFFIXES}


@pytest.mark.parametrize("name", CORPORA)
def test_the_card_tells_all(name: str) -> None:
    card = read_card(name)
    assert set(FIELDS) <= set(card.facts)
    assert all(card.facts.values())
    assert len(card.summary) < 200


@pytest.mark.parametrize("name", CORPORA)
def test_default_task_is_one(name: str) -> None:
    task = build(Task, CORPORA[name].task, name)
    assert task_name(task, task) == f"{task.target}.{task.protocol}"
    assert plain(task) | CORPORA[name].task == plain(task)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_recognised_by_its_own_reader_alone(name: str, examples: dict[str, Path]) -> None:
    assert [other for other in CORPORA if CORPORA[other].recognises(examples[name])] == [name]


@pytest.mark.parametrize("name", CORPORA)
def test_every_recording_is_read_as_the_reader_says(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest.run(examples[name], store, IngestOptions(name=name, max_rejects=0), Settings(jobs=1))
    utterances = read_utterances(store / "corpus" / "utterances.tsv")
    root = Store(store).sound_root
    found = {
        (root / u.path).relative_to(examples[name].resolve()).as_posix(): f"{u.speaker} {u.emotion}" for u in utterances
    }
    assert found == {path: f"{name}_{told.removeprefix(f'{name}_')}" for path, told in sounds(name).items()}
    assert len(found) > 1
    assert len({u.speaker for u in utterances}) > 1
    assert all(is_known(u.emotion) and (u.emotion_code or not u.emotion) for u in utterances)
    assert all(u.gender in ("", "female", "male") for u in utterances)
    assert all(1 <= getattr(u, d) <= 5 for u in utterances for d in DIMENSIONS if getattr(u, d) is not None)


@pytest.mark.parametrize("name", CORPORA)
def test_a_stub_in_place_of_sound_is_set_aside(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(examples[name], corpus)
    stub = list(sounds(name))[-1]
    (corpus / stub).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    ingest.run(corpus, tmp_path / "store", IngestOptions(max_rejects=1), Settings(jobs=1))
    rejected = [
        line.split("\t") for line in (tmp_path / "store" / "corpus" / "rejects.tsv").read_text().splitlines()[1:]
    ]
    assert [(Path(path).name, reason) for path, reason in rejected] == [
        (Path(stub).name, "a git-lfs stub, not the recording; run: git lfs pull")
    ]


@pytest.mark.parametrize("name", CORPORA)
def test_the_wrong_reader_says_which_one_fits(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    wrong = next(other for other in CORPORA if other != name)
    with raises({"place": str(examples[name]), "fix": f"--corpus {name}"}):
        ingest.run(examples[name], tmp_path / "store", IngestOptions(kind=wrong), Settings())


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("files", [[], ["speech.wav", "sub/more.wav"], ["notes.txt", "labels.csv"]], ids=len)
def test_another_corpus_is_not_mistaken(name: str, files: list[str], tmp_path: Path) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("of,no\nuse,here\n")
    assert not CORPORA[name].recognises(tmp_path)
    with pytest.raises(SercliError) as caught:
        CORPORA[name].scan(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in CORPORA if CORPORA[name].has_counts])
def test_counts_of_nothing_are_the_whole_table(name: str) -> None:
    counts = CORPORA[name].counts([])
    assert len({count.name for count in counts}) == len(counts) > 1
    assert all(count.found == 0 < count.expected for count in counts)


# --- front ends


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_front_end_makes_frames_or_reads_them(name: str) -> None:
    assert (name in EXTRACTORS) != (name in SOURCES)
    assert plugins.defines("frontends", name, "Source") == (name in SOURCES)


def extractor_of(name: str) -> Extractor:
    made: Extractor = FRONTENDS[name].Extractor(FRONTENDS[name].Config())
    return made


@pytest.mark.parametrize("name", EXTRACTORS)
def test_frames_are_of_their_own_samples_alone(name: str) -> None:
    extractor = extractor_of(name)
    samples = (0.1 * random(extractor.min_samples + 12345)).numpy()
    frames = extractor(samples)
    assert frames.shape == (extractor.n_frames(len(samples)), extractor.n_features)
    assert frames.dtype == np.float32
    assert np.isfinite(frames).all()
    extractor(samples[::-1].copy())
    assert extractor(samples).tobytes() == frames.tobytes()
    assert extractor_of(name)(samples).tobytes() == frames.tobytes()
    with ThreadPoolExecutor(3) as pool:
        assert {again.tobytes() for again in pool.map(extractor, [samples] * 6)} == {frames.tobytes()}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_shortest_utterance(name: str) -> None:
    extractor = extractor_of(name)
    shortest = (0.1 * random(extractor.min_samples)).numpy()
    assert extractor.n_frames(len(shortest)) == len(extractor(shortest)) >= 1
    assert extractor.n_frames(len(shortest)) == 1 or not extractor.is_local
    assert extractor.n_frames(len(shortest) - 1) == 0
    with pytest.raises(SercliError):
        extractor(shortest[1:])


@pytest.mark.parametrize("name", EXTRACTORS)
def test_frames_of_a_piece_are_a_piece_of_the_frames(name: str) -> None:
    """Or the front end says that they are not."""
    extractor = extractor_of(name)
    shift = round(extractor.frame_shift_ms * extractor.sample_rate / 1000)
    samples = (0.1 * random(extractor.min_samples + 60 * shift)).numpy()
    piece = extractor(samples[20 * shift : 20 * shift + extractor.min_samples + 19 * shift])
    assert np.array_equal(piece, extractor(samples)[20 : 20 + len(piece)]) == extractor.is_local


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_window_has_the_frames_of_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    labeller = Labeller.__new__(Labeller)  # of which the front end alone is asked
    labeller.extractor = extractor = extractor_of(name)
    rate = extractor.sample_rate
    samples = (0.1 * random(23 * rate + 777)).numpy()
    soundfile.write(tmp_path / "long.wav", samples, rate, subtype="FLOAT")
    sections = list(labeller.sections(tmp_path / "long.wav", 4, 3))
    assert [section.start for section in sections] == [0, 3, 6, 9, 12, 15, 18, 21]
    for section in sections:
        own = samples[round(section.start * rate) : round(section.end * rate)]
        assert np.array_equal(section.frames, extractor(own)), section.start


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_recording_shorter_than_a_frame_has_no_window(name: str, tmp_path: Path) -> None:
    labeller = Labeller.__new__(Labeller)
    labeller.extractor = extractor = extractor_of(name)
    soundfile.write(tmp_path / "short.wav", (0.1 * random(extractor.min_samples - 1)).numpy(), extractor.sample_rate)
    with pytest.raises(AudioError, match="shorter than one frame"):
        list(labeller.sections(tmp_path / "short.wav", 1, 1))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_what_is_there(name: str, featurized: Path, tmp_path: Path) -> None:
    ragged = Store(featurized).ragged("arrays.zarr/features/logmel")
    source: Source = FRONTENDS[name].Source(FRONTENDS[name].Config(), write_arrays(featurized, tmp_path / "arrays"))
    assert source.frame_shift_ms > 0
    assert sorted(source.utt_ids) == ragged.utt_ids
    for utt_id in source.utt_ids:
        frames = source.read(utt_id)
        assert frames.dtype == np.float32
        assert np.array_equal(frames, ragged.rows("frames", [utt_id])[0])
    (tmp_path / "empty").mkdir()
    for path in ("empty", "nowhere"):
        with pytest.raises(SercliError, match=path):
            FRONTENDS[name].Source(FRONTENDS[name].Config(), tmp_path / path)


def test_everything_works_on_every_front_end(store: Path, sercli: Sercli, tmp_path: Path) -> None:
    """The real commands: features, one fold of an autoencoder, of a classifier, and scores."""
    given = write_arrays(store, tmp_path / "arrays")
    for name in SOURCES:
        sercli("featurize", store, "--frontend", name, "--from", given)
    fixed = {"model": "vae", "latent_dim": 2, "classifier": "functionals", "ae.hidden": [8], "ae.epochs": 1}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump({"fixed": fixed, "axes": {"frontend": list(FRONTENDS)}}))
    sercli("sweep", store, tmp_path / "grid.yaml", "--fold", 1, "--jobs", 1)
    rows = list(read_table(store / "sweeps" / "grid" / "results.tsv"))
    assert [row["frontend"] for row in rows if row["frontend"]] == list(FRONTENDS)  # beside them, chance
    made = Store(store)
    first = made.utterances[0]
    for name in FRONTENDS:
        array = made.ragged(f"arrays.zarr/features/{name}")
        assert array.attributes["rejects"] == {}
        frames = array.rows("frames", [first.utt_id])[0]
        if name in EXTRACTORS:
            extractor = extractor_of(name)
            assert array.attributes["frame_shift_ms"] == extractor.frame_shift_ms
            wanted = extractor(audio.read(made.sound_root / first.path, extractor.sample_rate))
        else:
            wanted = np.load(given / f"{first.utt_id}.npy")
        assert np.array_equal(frames, wanted)


# --- autoencoders


def autoencoder(name: str, seed: int = 0) -> Autoencoder:
    """With its default options and random weights that make every unit say something."""
    torch.manual_seed(seed)
    model: Autoencoder = AUTOENCODERS[name].Model(D, Z, C, AUTOENCODERS[name].Config())
    model.see_training_labels(torch.tensor([0, 0, 0, 1, 1, 2, -1, -1]))
    return model.eval()


def conditions(name: str) -> list[str]:
    """The label-free ones."""
    return [c for c in CONDITIONS if c != "oracle"] if AUTOENCODERS[name].Model.uses_labels else [UNCONDITIONAL]


LABELS = torch.tensor([0, 1, 2, -1, 1, 0, 2])
LABEL_FREE = [(name, condition) for name in AUTOENCODERS for condition in conditions(name)]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_what_is_read_from_the_source_is_what_the_model_says(name: str) -> None:
    model, declared = AUTOENCODERS[name].Model, plugins.attributes("autoencoders", name, "Model")
    assert issubclass(model, Autoencoder)
    assert model.uses_labels is declared["uses_labels"]
    assert model.has_std is declared["has_std"]


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_losses_are_finite_and_reach_every_weight(name: str) -> None:
    model = autoencoder(name).train()
    losses = model.losses(random(7, D), LABELS, generator=torch.Generator().manual_seed(1))
    assert {"loss", "squared_error"} <= set(losses)
    assert all(value.shape == () and torch.isfinite(value) for value in losses.values())
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    for weight, parameter in model.named_parameters():
        assert parameter.grad is not None, weight
        assert torch.isfinite(parameter.grad).all(), weight
        assert parameter.grad.any(), weight


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_losses_depend_on_the_generator_alone(name: str) -> None:
    model = autoencoder(name)
    first = model.losses(random(7, D), LABELS, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(99)
    again = model.losses(random(7, D), LABELS, generator=torch.Generator().manual_seed(1))
    assert first == again


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_descending_the_loss_lowers_it(name: str) -> None:
    model, x, labels = autoencoder(name).train(), random(64, D), LABELS.repeat(10)[:64]
    noise = torch.Generator().manual_seed(1)
    before = model.losses(x, labels, generator=noise)["loss"].item()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model.losses(x, labels, generator=noise)["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert model.losses(x, labels, generator=noise)["loss"].item() < 0.9 * before


@pytest.mark.parametrize(("name", "condition"), LABEL_FREE)
@torch.no_grad()
def test_labels_change_no_latent(name: str, condition: str) -> None:
    """The promise that the test is not void: bit-identical under any labels but for the oracle."""
    model, x = autoencoder(name), random(7, D)
    first = model.encode(x, condition, LABELS)
    assert first.mean.shape == (7, Z)
    assert (first.std is not None) == model.has_std
    for labels in (LABELS.flip(0), torch.full((7,), -1), torch.zeros(7, dtype=torch.int64)):
        again = model.encode(x, condition, labels)
        assert again.mean.numpy().tobytes() == first.mean.numpy().tobytes()
        if first.std is not None and again.std is not None:
            assert again.std.numpy().tobytes() == first.std.numpy().tobytes()
    if first.std is not None:
        assert first.std.shape == (7, Z)
        assert (first.std > 0).all()


@pytest.mark.parametrize(("name", "condition"), LABEL_FREE)
@torch.no_grad()
def test_a_segment_is_encoded_by_itself(name: str, condition: str) -> None:
    model, x = autoencoder(name), random(7, D)
    whole = model.encode(x, condition, LABELS)
    alone = [model.encode(x[row : row + 1], condition, LABELS[row : row + 1]) for row in range(7)]
    torch.testing.assert_close(torch.cat([one.mean for one in alone]), whole.mean, atol=1e-5, rtol=1e-5)
    if whole.std is not None:
        torch.testing.assert_close(torch.cat([one.std for one in alone]), whole.std, atol=1e-5, rtol=1e-5)  # type: ignore[type-var]


@pytest.mark.parametrize("name", [name for name in AUTOENCODERS if AUTOENCODERS[name].Model.uses_labels])
@torch.no_grad()
def test_the_oracle_sees_the_label(name: str) -> None:
    model, x = autoencoder(name), random(7, D)
    means = [model.encode(x, "oracle", torch.full((7,), label)).mean for label in (-1, 0, 1, 2)]
    for one in range(4):
        for other in range(one):
            assert not torch.equal(means[one], means[other])


@pytest.mark.parametrize("name", AUTOENCODERS)
@torch.no_grad()
def test_reconstruction_is_of_the_same_shape(name: str) -> None:
    reconstruction = autoencoder(name).reconstruct(random(7, D), LABELS)
    assert reconstruction.shape == (7, D)
    assert torch.isfinite(reconstruction).all()


@pytest.mark.parametrize("name", AUTOENCODERS)
@torch.no_grad()
def test_an_autoencoder_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    model, x = autoencoder(name), random(7, D)
    metadata = {"ä": [1, 2.5, None], "a": {"b": True}}
    for file in ("one", "two"):
        checkpoints.write(tmp_path / file, model.state_dict(), metadata)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    state, read = checkpoints.read(tmp_path / "one")
    assert read == metadata
    again = autoencoder(name, seed=1)
    again.see_training_labels(torch.tensor([0]))
    again.load_state_dict(state)
    for condition in conditions(name):
        first, second = model.encode(x, condition, LABELS), again.encode(x, condition, LABELS)
        assert first.mean.numpy().tobytes() == second.mean.numpy().tobytes()
        if first.std is not None and second.std is not None:
            assert first.std.numpy().tobytes() == second.std.numpy().tobytes()


# --- the Gaussian ones against their definitions


def test_kl_is_that_of_torch_distributions() -> None:
    mean, log_variance = 3 * random(50, Z), 2 * random(50, Z, seed=1)
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    truth = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(vae.kl_of_each(mean, log_variance), truth)
    torch.testing.assert_close(vae.kl(mean, log_variance), truth.mean())


@pytest.mark.parametrize("name", ["vae", "cvae"])
@torch.no_grad()
def test_loss_is_squared_error_and_beta_times_kl(name: str) -> None:
    model, x = autoencoder(name), random(7, D)
    condition = "oracle" if model.uses_labels else UNCONDITIONAL
    mean, std = model.encode(x, condition, LABELS)
    assert std is not None
    divergence = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, std), torch.distributions.Normal(0.0, 1.0)
    )
    for beta in (1.0, 0.25):
        model.config = replace(model.config, beta=beta)
        losses = model.losses(x, LABELS, generator=torch.Generator().manual_seed(3))
        torch.testing.assert_close(losses["kl"], divergence.sum(1).mean())
        torch.testing.assert_close(losses["loss"], losses["squared_error"] + beta * losses["kl"])


def test_samples_have_the_mean_and_the_spread() -> None:
    mean, log_variance = random(1, Z).expand(20000, -1), random(1, Z, seed=1).expand(20000, -1)
    drawn = vae.sample(mean, log_variance, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), (0.5 * log_variance[0]).exp(), atol=0.05, rtol=0.05)


def under_each_category(model: Autoencoder, x: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Mean, std and ELBO of x under every category and none, by asking the oracle."""
    found = []
    for category in [*range(C), -1]:
        labels = torch.full((len(x),), category)
        mean, std = model.encode(x, "oracle", labels)
        assert std is not None
        q = torch.distributions.Normal(mean.double(), std.double())
        divergence = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
        error = (x - model.reconstruct(x, labels)).double().square().sum(1)
        found.append((mean.double(), std.double(), -error - model.config.beta * divergence))
    return found


FREQUENCIES = torch.tensor([3, 2, 1, 2]).double() / 8  # of what `autoencoder` has seen


@pytest.mark.parametrize("condition", ["marginal", "posterior"])
@torch.no_grad()
def test_cvae_without_the_label_is_the_moments_of_the_mixture(condition: str) -> None:
    """q(z|x) = Σ p(c) q(z|x, c): mean Σ p μ, variance Σ p (σ² + μ²) − μ̄²; with p(c)·exp(ELBO) for `posterior`."""
    model, x = autoencoder("cvae"), random(7, D)
    means, stds, elbos = (torch.stack(parts) for parts in zip(*under_each_category(model, x), strict=True))
    weights = FREQUENCIES[:, None].expand(-1, 7)
    if condition == "posterior":
        weights = torch.softmax(weights.log() + elbos, dim=0)
        assert weights.std(1).max() > 1e-3  # the weights are each segment's own
    mean = (weights[:, :, None] * means).sum(0)
    variance = (weights[:, :, None] * (stds.square() + means.square())).sum(0) - mean.square()
    encoding = model.encode(x, condition, LABELS)
    assert encoding.std is not None
    torch.testing.assert_close(encoding.mean.double(), mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(encoding.std.double(), variance.sqrt(), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_cvae_of_one_category_needs_no_mixture() -> None:
    model, x = autoencoder("cvae"), random(7, D)
    model.see_training_labels(torch.ones(5, dtype=torch.int64))
    oracle = model.encode(x, "oracle", torch.ones(7, dtype=torch.int64))
    for condition in ("marginal", "posterior"):
        found = model.encode(x, condition, LABELS)
        torch.testing.assert_close(found.mean, oracle.mean)
        torch.testing.assert_close(found.std, oracle.std)


# --- classifiers


def variants() -> dict[str, tuple[ModuleType, Any]]:
    """Every classifier with its defaults, and with every other value of each option that has few."""
    found: dict[str, tuple[ModuleType, Any]] = {}
    for name, module in CLASSIFIERS.items():
        found[name] = (module, module.Config())
        for option, hint in get_type_hints(module.Config).items():
            choices = get_args(hint) if get_origin(hint) is Literal else (False, True) if hint is bool else ()
            for value in choices:
                if value != getattr(module.Config(), option):
                    found[f"{name}-{option}-{value}"] = (module, replace(module.Config(), **{option: value}))
    if "lstm" in found:  # the two that meet in the padding
        module = found["lstm"][0]
        found["lstm-both-ways-mean"] = (module, replace(module.Config(), bidirectional=True, pooling="mean"))
    return found


VARIANTS = variants()
WIDTH, CLASSES = 5, ["c", "a", "b"]


def sequences(seed: int, n: int = 36) -> Sequences:
    """Utterances of 1 to 12 rows; the class moves one feature each."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 13, (n,), generator=generator)
    labels = torch.arange(n) % len(CLASSES)
    rows = torch.randn(int(lengths.sum()), WIDTH, generator=generator)
    rows += 4 * torch.nn.functional.one_hot(labels, WIDTH).repeat_interleave(lengths, dim=0)
    return Sequences(rows, torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]), labels)


@torch.enable_grad()
def fitted(variant: str, seed: int = 7) -> tuple[StandardisedClassifier, list[dict[str, float]]]:
    module, config = VARIANTS[variant]
    torch.manual_seed(seed)
    train, dev = sequences(0), sequences(1)
    model = StandardisedClassifier(module.Model(WIDTH, len(CLASSES), config), WIDTH)
    model.see_training_rows(train.rows)
    torch.rand(3)  # what else was drawn is no business of `fit`
    training = TrainingConfig(epochs=12, batch_size=8, lr=1e-2, patience=5)
    history = module.fit(
        model.network, model.standardise(train), model.standardise(dev), training, seed, "cpu", lambda epoch: None
    )
    return model, history


@pytest.fixture(scope="module")
def fit_once() -> Callable[[str], StandardisedClassifier]:
    known: dict[str, StandardisedClassifier] = {}

    def get(variant: str) -> StandardisedClassifier:
        if variant not in known:
            known[variant] = fitted(variant)[0]
        return known[variant].eval()

    return get


FitOnce = Callable[[str], StandardisedClassifier]


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_padding_never_changes_an_answer(variant: str, fit_once: FitOnce) -> None:
    network = fit_once(variant).network
    for latents, lengths, _, _ in sequences(2).batches(16):
        plainly = network(latents, lengths)
        for rubbish in (0.0, 100.0):
            padded = torch.cat([latents, torch.full((len(latents), 9, WIDTH), rubbish)], dim=1)
            torch.testing.assert_close(network(padded, lengths), plainly, atol=1e-5, rtol=1e-5)
        for row, length in enumerate(lengths):
            alone = network(latents[row : row + 1, : int(length)], lengths[row : row + 1])
            torch.testing.assert_close(alone[0], plainly[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_posteriors_are_probabilities_in_the_order_of_labels(variant: str, fit_once: FitOnce) -> None:
    data = sequences(3)
    posteriors = fit_once(variant).posteriors(data, "cpu")
    assert posteriors.shape == (len(data), len(CLASSES))
    assert (posteriors >= 0).all()
    torch.testing.assert_close(posteriors.sum(1), torch.ones(len(data), dtype=torch.float64))
    assert (posteriors.argmax(1) == data.labels).double().mean() > 0.8


@pytest.mark.parametrize("variant", VARIANTS)
def test_answers_see_no_label_and_come_in_the_order_asked(variant: str, fit_once: FitOnce) -> None:
    data, model = sequences(3), fit_once(variant)
    posteriors = model.posteriors(data, "cpu")
    blind = model.posteriors(replace(data, labels=torch.zeros_like(data.labels)), "cpu")
    assert blind.numpy().tobytes() == posteriors.numpy().tobytes()
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    pieces = [data.rows[data.offsets[i] : data.offsets[i + 1]] for i in order.tolist()]
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), data.lengths[order].cumsum(0)])
    shuffled = model.posteriors(Sequences(torch.cat(pieces), offsets, data.labels[order]), "cpu")
    torch.testing.assert_close(shuffled, posteriors[order], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_fitting_twice_gives_the_same_bytes(variant: str, fit_once: FitOnce, tmp_path: Path) -> None:
    model, history = fitted(variant)
    checkpoints.write(tmp_path / "one", fit_once(variant).state_dict(), {})
    checkpoints.write(tmp_path / "two", model.state_dict(), {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert history
    assert sum(row["best"] for row in history) == 1
    assert [row["epoch"] for row in history] == list(range(1, len(history) + 1))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_classifier_comes_back_bit_for_bit(variant: str, fit_once: FitOnce, tmp_path: Path) -> None:
    module, config = VARIANTS[variant]
    model = fit_once(variant)
    checkpoints.write(tmp_path / "model", model.state_dict(), {})
    state, _ = checkpoints.read(tmp_path / "model")
    torch.manual_seed(1)
    again = StandardisedClassifier(module.Model(WIDTH, len(CLASSES), config), WIDTH)
    again.network.load_state_dict({k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")})
    again.mean.copy_(state["mean"])
    again.std.copy_(state["std"])
    data = sequences(4)
    assert again.posteriors(data, "cpu").numpy().tobytes() == model.posteriors(data, "cpu").numpy().tobytes()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_says_what_it_reads(name: str) -> None:
    assert CLASSIFIERS[name].UNIT in ("segments", "frames")
    assert plugins.constants("classifiers", name)["UNIT"] == CLASSIFIERS[name].UNIT


def test_batches_hold_every_utterance_once() -> None:
    data = sequences(5, n=41)
    for generator in (None, torch.Generator().manual_seed(0)):
        seen: list[int] = []
        for latents, lengths, labels, positions in data.batches(8, generator):
            for row, (length, label, index) in enumerate(zip(lengths, labels, positions.tolist(), strict=True)):
                own = data.rows[data.offsets[index] : data.offsets[index + 1]]
                assert torch.equal(latents[row, :length], own)
                assert not latents[row, length:].any()
                assert label == data.labels[index]
                seen.append(index)
        assert sorted(seen) == list(range(41))


def test_standardisation_leaves_a_still_feature_alone() -> None:
    model = StandardisedClassifier(torch.nn.Identity(), 2)
    rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    model.see_training_rows(rows)
    standardised = model.standardise(Sequences(rows, torch.tensor([0, 2]), torch.tensor([0]))).rows
    assert torch.equal(standardised, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
