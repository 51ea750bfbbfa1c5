"""Safetensors read with numpy alone, and their tensors under GGUF's names.

A peer's environment need not have PyTorch. Only float32 is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Weights:
    """The tensors of a folder of float32 shards, by name, mapped from disk."""

    def __init__(self, folder: Path) -> None:
        self.tensors: dict[str, Array] = {}
        for shard in sorted(folder.glob("*.safetensors")):
            with shard.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(size))
            header.pop("__metadata__", None)
            data = np.memmap(shard, np.uint8, "r", offset=8 + size)
            for name, entry in header.items():
                if entry["dtype"] != "F32":
                    raise SystemExit(f"{shard}: {name} is {entry['dtype']}; peers read float32")
                begin, end = entry["data_offsets"]
                self.tensors[name] = data[begin:end].view(np.float32).reshape(entry["shape"])

    def __call__(self, name: str) -> Array:
        """A matrix in float16, anything else in float32."""
        tensor = self.tensors[name]
        return np.ascontiguousarray(tensor, np.float16 if tensor.ndim == 2 else np.float32)


def gguf_tensors(weights: Weights, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Every tensor under the name that llama.cpp looks for; the head is tied, so it has none."""
    if config["model_type"] == "gpt2":
        yield from list_gpt2(weights, config["n_layer"])
    else:
        yield from list_llama(weights, config)


def list_gpt2(weights: Weights, layers: int) -> Iterator[tuple[str, Array]]:
    """GPT-2 keeps its matrices [in, out]; GGUF wants [out, in]."""
    yield "token_embd.weight", weights("transformer.wte.weight")
    yield "position_embd.weight", weights("transformer.wpe.weight").astype(np.float32)
    parts = {
        "ln_1": "attn_norm",
        "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output",
        "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down",
    }
    for layer in range(layers):
        for theirs, name in parts.items():
            weight = weights(f"transformer.h.{layer}.{theirs}.weight")
            yield f"blk.{layer}.{name}.weight", np.ascontiguousarray(weight.T)
            yield f"blk.{layer}.{name}.bias", weights(f"transformer.h.{layer}.{theirs}.bias")
    yield "output_norm.weight", weights("transformer.ln_f.weight")
    yield "output_norm.bias", weights("transformer.ln_f.bias")


def list_llama(weights: Weights, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    """Llama's, with rows of queries and keys in the order of llama.cpp's rotary positions."""
    yield "token_embd.weight", weights("model.embed_tokens.weight")
    parts = {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for layer in range(config["num_hidden_layers"]):
        for theirs, name in parts.items():
            weight = weights(f"model.layers.{layer}.{theirs}.weight")
            if name in heads:
                weight = interleaved(weight, heads[name])
            yield f"blk.{layer}.{name}.weight", weight
    yield "output_norm.weight", weights("model.norm.weight")


def interleaved(weight: Array, heads: int) -> Array:
    """Rows of each head from halves to pairs: llama.cpp turns neighbours, ours rows half a head
    apart. weight: [heads * head_dim, width]."""
    halves = weight.reshape(heads, 2, -1, weight.shape[1])  # [heads, 2, head_dim / 2, width]
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
