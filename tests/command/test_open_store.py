"""A store is plain Zarr and plain tables: read by zarr, xarray and pandas."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import xarray
import zarr


def test_the_store_is_one_zarr_group(trained: Path) -> None:
    group = zarr.open_group(trained / "arrays.zarr", mode="r")
    frames = group["features/logmel/frames"]
    assert isinstance(frames, zarr.Array)
    assert frames.metadata.dimension_names == ("frame", "feature")  # type: ignore[union-attr]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Cc]onsolidated.*")
        latents = xarray.open_zarr(
            trained / "arrays.zarr", group="latents/cvae-8/marginal/fold-1", consolidated=False, chunks=None
        )
    assert latents["mean"].dims == latents["std"].dims == ("segment", "latent")
    assert latents.sizes["latent"] == 8
    assert np.isfinite(latents["mean"]).all()
    assert (latents["std"] > 0).all()
    table = pd.read_csv(trained / "corpus" / "utterances.tsv", sep="\t", quoting=3, keep_default_na=False)
    assert latents["utt_id"].to_numpy().tolist() == table["utt_id"].tolist()
    assert latents.sizes["segment"] == int(latents["offsets"][-1])


def test_the_table_is_read_right_by_pandas(trained: Path) -> None:
    table = pd.read_csv(trained / "corpus" / "utterances.tsv", sep="\t", quoting=3, keep_default_na=False)
    assert len(table) == 36
    assert table["utt_id"].is_unique
    assert table["utt_id"].tolist() == sorted(table["utt_id"])
    assert set(table["emotion"]) == {"anger", "neutral", "sadness"}
    assert table["speaker"].nunique() == 4
    assert table["speaker"].str.match(r"^toy_\D").all()  # never looks like a number
    assert (table["duration"] > 0).all()
    assert (table["sample_rate"] == 16000).all()
    assert table["digest"].str.fullmatch("[0-9a-f]{64}").all()
