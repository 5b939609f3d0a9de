"""Weights and what they need to be rebuilt, in one safetensors file. Never pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import DamagedProduct

_KEY = "sercli"  # the one metadata key: several would be written in random order


def write(path: Path, state: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> None:
    """The same state and metadata give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    path.write_bytes(save(tensors, {_KEY: json.dumps(metadata, sort_keys=True, ensure_ascii=False)}))


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """State and metadata. Raises DamagedProduct."""
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = json.loads((stream.metadata() or {})[_KEY])
            if not isinstance(metadata, dict):
                raise ValueError("the metadata are not a mapping")
            return {name: stream.get_tensor(name) for name in stream.keys()}, metadata  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        reason, fix = " ".join(str(error).split()), "run the command again that made it"
        raise DamagedProduct("is not a model of sercli", place=path, seen=reason, fix=fix) from None
