"""Rate of VAE training (batch 512), beside that of its matrix products alone; one core, as each fold has."""

import time
from collections.abc import Iterator

import torch

from sercli.autoencoders import vae
from sercli.learning.options import TrainingConfig
from sercli.learning.segments import segment_view
from sercli.learning.training import TrainingRun, fit

SIZES = ((800, 512), (512, 256), (256, 256), (128, 256), (256, 512), (512, 800))  # of the six layers
BATCH, SEGMENTS, EPOCHS = 512, 16384, 4


def products_alone(dtype: torch.dtype) -> float:
    """Segments a second if only the products of forward and backward took time."""
    layers = [
        (
            torch.randn(BATCH, n_in, dtype=dtype),
            torch.randn(n_in, n_out, dtype=dtype),
            torch.randn(BATCH, n_out, dtype=dtype),
        )
        for n_in, n_out in SIZES
    ]
    start = time.perf_counter()
    for _ in range(EPOCHS * SEGMENTS // BATCH):
        for index, (x, weight, gradient) in enumerate(layers):
            x @ weight
            x.T @ gradient
            if index > 0:  # nobody asks for the gradient of the data
                gradient @ weight.T
    return EPOCHS * SEGMENTS / (time.perf_counter() - start)


def training(precision: str) -> float:
    """Segments a second of the product's own loop."""
    view = segment_view(torch.randn(10 * SEGMENTS, 80), 10)
    starts = torch.arange(0, 10 * SEGMENTS - 9, 10)

    def batches(generator: torch.Generator) -> Iterator[list[torch.Tensor]]:
        order = torch.randperm(len(starts), generator=generator)
        for chosen in torch.split(order, BATCH):
            yield [view[starts[chosen]], torch.zeros(len(chosen), dtype=torch.int64)]

    def dev() -> Iterator[list[torch.Tensor]]:
        yield [view[starts[:BATCH]], torch.zeros(BATCH, dtype=torch.int64)]

    model = vae.Model(800, 128, 4, vae.Config())
    config = TrainingConfig(epochs=EPOCHS, precision=precision)  # type: ignore[arg-type]
    start = time.perf_counter()
    fit(model, batches, dev, TrainingRun(config))
    return EPOCHS * SEGMENTS / (time.perf_counter() - start)


def main() -> None:
    torch.set_num_threads(1)
    rates = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        products_alone(dtype)
        training(name)
        alone = (products_alone(dtype) + products_alone(dtype)) / 2
        rates[name] = training(name)
        print(
            f"{name:9} train-ae {rates[name]:7.0f} segments/s, products alone {alone:7.0f}: {rates[name] / alone:.2f}"
        )
    print(f"bfloat16 over float32: {rates['bfloat16'] / rates['float32']:.2f}")


if __name__ == "__main__":
    main()
