"""What every autoencoder promises. A new file in `sercli/autoencoders` is tested here without a line of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sercli import plugins
from sercli.autoencoders import vae
from sercli.autoencoders.base import CONDITIONS, UNCONDITIONAL, AutoencoderModel
from sercli.experiments import reading
from sercli.experiments.reading import encoded
from sercli.learning import checkpoints
from sercli.learning.batches import Speech
from sercli.learning.segments import shape_of
from sercli.learning.training import repeatable

AUTOENCODERS = {name: plugins.load("autoencoders", name) for name in plugins.names("autoencoders")}
D, Z, C = 40, 4, 3  # inputs of an autoencoder, latents, categories


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the stages do: many threads on small matrices only wait for each other."""
    with repeatable("cpu"):
        yield


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def autoencoder(name: str, seed: int = 0) -> AutoencoderModel:
    """With its default options and random weights that make every unit say something."""
    torch.manual_seed(seed)
    model: AutoencoderModel = AUTOENCODERS[name].Model(D, Z, C, AUTOENCODERS[name].Config())
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
    assert issubclass(model, AutoencoderModel)
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
    """Where the condition needs the whole utterance, by what is told of it."""
    model, x = autoencoder(name), random(7, D)
    whole, evidence = model.encode(x, condition, LABELS), model.evidence(x, condition)
    alone = [model.encode(x[row : row + 1], condition, LABELS[row : row + 1], evidence) for row in range(7)]
    torch.testing.assert_close(torch.cat([row.mean for row in alone]), whole.mean, atol=1e-5, rtol=1e-5)
    if whole.std is not None:
        torch.testing.assert_close(torch.cat([row.std for row in alone]), whole.std, atol=1e-5, rtol=1e-5)  # type: ignore[type-var]


@pytest.mark.parametrize(("name", "condition"), LABEL_FREE)
@torch.no_grad()
def test_the_evidence_of_an_utterance_is_the_sum_over_its_runs(name: str, condition: str) -> None:
    model, x = autoencoder(name), random(7, D)
    whole, first, second = (model.evidence(part, condition) for part in (x, x[:3], x[3:]))
    if whole is None:
        assert first is second is None
    else:
        assert first is not None
        assert second is not None
        torch.testing.assert_close(first + second, whole)


@pytest.mark.parametrize(("name", "condition"), LABEL_FREE)
def test_latents_of_an_utterance_depend_on_no_other_and_not_on_how_it_is_cut(
    name: str, condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit-identical beside whatever other utterance; encoded in runs of two segments they are the same up to rounding."""
    model, frames = autoencoder(name), random(60, D // 10).numpy()
    block = Speech(["a", "b", "c"], frames, np.array([0, 20, 29, 60]))
    alone = Speech(["b"], frames[20:29], np.array([0, 9]))
    shape = shape_of(10.0, 10.0)

    def latents(speech: Speech) -> Tensor:
        pieces = [piece["mean"] for piece in encoded(model, speech, shape, condition, {}, "cpu")]
        return torch.from_numpy(np.concatenate(pieces))

    whole = latents(block)
    n_before, n_alone = 20 - shape.size + 1, len(latents(alone))
    assert whole[n_before : n_before + n_alone].numpy().tobytes() == latents(alone).numpy().tobytes()
    monkeypatch.setattr(reading, "_BATCH", 2)
    torch.testing.assert_close(latents(block), whole, atol=1e-5, rtol=1e-5)


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


def under_each_category(model: AutoencoderModel, x: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
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


@pytest.mark.parametrize("condition", ["marginal", "posterior", "posterior-segment"])
@torch.no_grad()
def test_cvae_without_the_label_is_the_moments_of_the_mixture(condition: str) -> None:
    """q(z|x) = Σ p(c) q(z|x, c): mean Σ p μ, variance Σ p (σ² + μ²) − μ̄²; with p(c)·exp(Σ ELBO) for `posterior`, the sum
    over the segments of the utterance; with each segment's own ELBO for `posterior-segment`."""
    model, x = autoencoder("cvae"), random(7, D)
    means, stds, elbos = (torch.stack(parts) for parts in zip(*under_each_category(model, x), strict=True))
    weights = FREQUENCIES[:, None].expand(-1, 7)
    if condition != "marginal":
        log_likelihoods = elbos.sum(1, keepdim=True) if condition == "posterior" else elbos
        weights = torch.softmax(weights.log() + log_likelihoods, dim=0)
        assert (weights.std(1).max() > 1e-3) == (condition == "posterior-segment")
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
    for condition in ("marginal", "posterior", "posterior-segment"):
        found = model.encode(x, condition, LABELS)
        torch.testing.assert_close(found.mean, oracle.mean)
        torch.testing.assert_close(found.std, oracle.std)
