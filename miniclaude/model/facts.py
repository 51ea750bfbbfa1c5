"""What a model folder holds, found without reading its weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from miniclaude.model.checkpoint import read_plan
from miniclaude.model.compressed import CompressedTensor
from miniclaude.model.config import ModelConfig
from miniclaude.model.packing import read_packing


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """config: as the weights have it. parameters: how many numbers, tied ones counted once.
    active_parameters: of them, those that compute a token; fewer where there are experts.
    dtype: what most weights are stored in, safetensors' name; int8 or int4 where they are packed,
    int8, int4 or float8 where compressed-tensors has rounded them.
    floats: what a whole copy would be stored in, safetensors' name; F32 where they are packed.
    cache_bytes_per_token: keys and values of one token in float32; bfloat16 where they are packed.
    weight_bytes: memory of the weights in float32, or packed as they are."""

    config: ModelConfig
    parameters: int
    active_parameters: int
    dtype: str
    floats: str
    cache_bytes_per_token: int
    weight_bytes: int


def read_facts(folder: Path) -> ModelFacts:
    """Checks config.json against every tensor's name and shape, as `load_model` does.

    Raises CheckpointError or UnknownArchitectureError, naming the file or tensor at fault.
    """
    packing = read_packing(folder)
    if packing is None:
        model, _, stored = read_plan(folder)
    else:
        from miniclaude.model.packed_folder import read_packed_plan

        model, _, stored = read_packed_plan(folder)
    config = model.config
    dtypes: Counter[str] = Counter()
    floats: Counter[str] = Counter()
    for tensor in stored.values():
        own = tensor.kind.name if isinstance(tensor, CompressedTensor) else tensor.dtype
        dtypes[own] += tensor.bytes
        if own == tensor.dtype:
            floats[own] += tensor.bytes
    parameters = sum(parameter.numel() for parameter in model.parameters())
    numbers = 2 * config.layers * config.kv_heads * config.head_dim
    return ModelFacts(
        config=config,
        parameters=parameters,
        active_parameters=parameters - config.idle_parameters,
        dtype=dtypes.most_common(1)[0][0] if packing is None else packing.dtype,
        floats=floats.most_common(1)[0][0] if packing is None and floats else "F32",
        cache_bytes_per_token=numbers * (4 if packing is None else 2),
        weight_bytes=4 * parameters if packing is None else dtypes.total(),
    )
