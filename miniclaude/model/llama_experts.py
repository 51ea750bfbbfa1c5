"""How Llama's relatives with experts write them down: Mixtral (Jiang et al. 2024), Qwen2-MoE and
Qwen3-MoE.

On disk each expert's three matrices are apart, or, as some writers of transformers 5 leave them,
all experts' are one stack. Ours are two stacks, `mlp.up` and `mlp.down`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.config import EXPERT_LIMITS, ModelConfig
from miniclaude.model.config_json import ConfigFields
from miniclaude.model.shards import StoredTensor

SPARSE = ("mixtral", "qwen2_moe", "qwen3_moe")

MATRICES = {
    "mixtral": ("block_sparse_moe", "w1", "w3", "w2"),
    "qwen2_moe": ("mlp", "gate_proj", "up_proj", "down_proj"),
    "qwen3_moe": ("mlp", "gate_proj", "up_proj", "down_proj"),
}
"""The module that has the experts, and what gate, values and the way back are called in each."""

STACKED = re.compile(r"(model\.layers\.\d+\.)mlp\.(experts\.(gate_up_proj|down_proj)|gate\.weight)")


def read_experts(fields: ConfigFields, model_type: str, layers: int) -> dict[str, Any]:
    """ModelConfig's fields about experts; none of them for a dense model.

    Raises UnknownArchitectureError for what would change what is computed or learnt,
    CheckpointError for what cannot be.
    """
    if model_type not in SPARSE:
        return {}
    noise = fields.values.get("router_jitter_noise")
    if noise not in (None, 0, 0.0):
        raise fields.unsupported("router_jitter_noise", "a router is never disturbed here")
    count = "num_local_experts"
    mixtral = model_type == "mixtral"
    if model_type == "qwen2_moe" or (not mixtral and fields.values.get(count) is None):
        count = "num_experts"
    most = EXPERT_LIMITS["expert_width"]
    return {
        "experts": fields.integer(count, most=EXPERT_LIMITS["experts"]),
        "experts_per_token": fields.integer("num_experts_per_tok"),
        "expert_width": fields.integer(
            "intermediate_size" if mixtral else "moe_intermediate_size", most=most
        ),
        "shared_expert_width": fields.integer("shared_expert_intermediate_size", most=most)
        if model_type == "qwen2_moe"
        else 0,
        "norm_topk": mixtral or fields.flag("norm_topk_prob", False),
        "sparse_layers": (True,) * layers if mixtral else read_sparse_layers(fields, layers),
    }


def read_sparse_layers(fields: ConfigFields, layers: int) -> tuple[bool, ...]:
    """Every `decoder_sparse_step`-th layer, but for those that `mlp_only_layers` names."""
    step = fields.integer("decoder_sparse_step", 1)
    dense = set(fields.places("mlp_only_layers") or ())
    return tuple((layer + 1) % step == 0 and layer not in dense for layer in range(layers))


def without_experts(config: ModelConfig) -> ModelConfig:
    """The same model with dense layers alone."""
    return replace(
        config,
        experts=0,
        experts_per_token=0,
        expert_width=0,
        shared_expert_width=0,
        norm_topk=False,
        sparse_layers=(),
    )


def write_experts(config: ModelConfig, model_type: str) -> dict[str, object]:
    """config.json's fields about experts, as every version of `transformers` reads them."""
    if model_type not in SPARSE:
        return {}
    if model_type == "mixtral":
        return {
            "num_local_experts": config.experts,
            "num_experts_per_tok": config.experts_per_token,
        }
    written: dict[str, object] = {
        "num_experts": config.experts,
        "num_experts_per_tok": config.experts_per_token,
        "moe_intermediate_size": config.expert_width,
        "norm_topk_prob": config.norm_topk,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [
            layer for layer, sparse in enumerate(config.sparse_layers) if not sparse
        ],
    }
    if model_type == "qwen2_moe":
        written["shared_expert_intermediate_size"] = config.shared_expert_width
    return written


def expert_pieces(config: ModelConfig, model_type: str, layer: int) -> Iterator[Piece]:
    """Every tensor of a sparse layer's experts."""
    module, gate, values, back = MATRICES[model_type]
    theirs, ours = f"model.layers.{layer}.{module}", f"blocks.{layer}.mlp"
    inner, shared = config.expert_width, config.shared_expert_width
    yield Piece(f"{theirs}.gate.weight", f"{ours}.router.weight")
    for expert in range(config.experts):
        one = f"{theirs}.experts.{expert}"
        yield Piece(f"{one}.{gate}.weight", f"{ours}.up", (0, inner), expert=expert)
        yield Piece(f"{one}.{values}.weight", f"{ours}.up", (inner, 2 * inner), expert=expert)
        yield Piece(f"{one}.{back}.weight", f"{ours}.down", expert=expert)
    if shared:
        one = f"{theirs}.shared_expert"
        yield Piece(f"{one}.{gate}.weight", f"{ours}.shared.up.weight", (0, shared))
        yield Piece(f"{one}.{values}.weight", f"{ours}.shared.up.weight", (shared, 2 * shared))
        yield Piece(f"{one}.{back}.weight", f"{ours}.shared.down.weight")
        yield Piece(f"{one}_gate.weight", f"{ours}.shared_gate.weight")


def unfused(
    stored: dict[str, StoredTensor], model_type: str, experts: int
) -> dict[str, StoredTensor]:
    """The tensors with every stack of experts cut into the matrices that it consists of: they lie
    one after another, so each is a tensor of its own at its own place in the file. A stack of any
    other shape is left, and then refused by its name."""
    if not any(name.endswith(".experts.gate_up_proj") for name in stored):
        return stored
    module, gate, values, back = MATRICES[model_type]
    names = {"gate_up_proj": (gate, values), "down_proj": (back,)}
    result: dict[str, StoredTensor] = {}
    for name, tensor in stored.items():
        found = STACKED.fullmatch(name)
        if found is None:
            result[name] = tensor
        elif found[3] is None:
            result[f"{found[1]}{module}.gate.weight"] = tensor
        else:
            parts = names[found[3]]
            if len(tensor.shape) != 3 or tensor.shape[0] != experts or tensor.shape[1] % len(parts):
                result[name] = tensor
                continue
            single = [f"{e}.{part}.weight" for e in range(experts) for part in parts]
            shape = (tensor.shape[1] // len(parts), tensor.shape[2])
            size = tensor.bytes // len(single)
            for place, own in enumerate(single):
                own = f"{found[1]}{module}.experts.{own}"
                start = tensor.start + place * size
                result[own] = replace(tensor, name=own, shape=shape, start=start, bytes=size)
    return result
