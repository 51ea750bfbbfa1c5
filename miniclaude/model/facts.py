"""What a model folder holds, found without reading its weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from miniclaude.model.checkpoint import read_plan
from miniclaude.model.config import ModelConfig


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """config: as the weights have it. parameters: how many numbers, tied ones counted once.
    dtype: what most weights are stored in, safetensors' name. cache_bytes_per_token: keys and
    values of one token in float32."""

    config: ModelConfig
    parameters: int
    dtype: str
    cache_bytes_per_token: int


def read_facts(folder: Path) -> ModelFacts:
    """Checks config.json against every tensor's name and shape, as `load_model` does.

    Raises CheckpointError or UnknownArchitectureError, naming the file or tensor at fault.
    """
    model, _, stored = read_plan(folder)
    config = model.config
    dtypes: Counter[str] = Counter()
    for tensor in stored.values():
        dtypes[tensor.dtype] += tensor.bytes
    return ModelFacts(
        config=config,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        dtype=dtypes.most_common(1)[0][0],
        cache_bytes_per_token=2 * 4 * config.layers * config.kv_heads * config.head_dim,
    )
