"""Model folders of random weights in a well-known shape, made shard by shard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

Tensors = dict[str, Tensor]

SHAPES: dict[str, dict[str, int]] = {
    "dialogpt-medium": {
        "n_embd": 1024, "n_layer": 24, "n_head": 16, "n_positions": 1024, "vocab_size": 50257,
    },
    "smollm2-360m": {
        "hidden_size": 960, "num_hidden_layers": 32, "num_attention_heads": 15,
        "num_key_value_heads": 5, "intermediate_size": 2560, "max_position_embeddings": 2048,
        "vocab_size": 49152,
    },
    "llama-2-7b": {
        "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "intermediate_size": 11008, "max_position_embeddings": 4096,
        "vocab_size": 32000, "tie_word_embeddings": False,
    },
    "quick-llama": {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "intermediate_size": 192, "max_position_embeddings": 1024,
        "vocab_size": 512, "tie_word_embeddings": False,
    },
    "quick": {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 1024, "vocab_size": 512},
}  # fmt: skip

KINDS: dict[str, dict[str, object]] = {
    "gpt2": {
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    },
    "llama": {
        "architectures": ["LlamaForCausalLM"],
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
    },
}


class Normal:
    """Draws weights from a normal distribution, the same ones each time."""

    def __init__(self, dtype: str) -> None:
        self.generator = torch.Generator().manual_seed(0)
        self.dtype = getattr(torch, dtype)

    def __call__(self, *size: int) -> Tensor:
        """Mean 0, standard deviation 0.02, as a fresh model has them."""
        return (torch.randn(*size, generator=self.generator) * 0.02).to(self.dtype)


def make_checkpoint(folder: Path, shape: dict[str, int], dtype: str) -> None:
    """Write config.json and one shard for each block and for what is outside of blocks."""
    kind = "gpt2" if "n_embd" in shape else "llama"
    shards = list_gpt2(shape, Normal(dtype)) if kind == "gpt2" else list_llama(shape, Normal(dtype))
    weight_map: dict[str, str] = {}
    for number, tensors in enumerate(shards, start=1):
        shard = f"model-{number:05}.safetensors"
        save_file(tensors, folder / shard, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(tensors, shard)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = {"model_type": kind, **KINDS[kind], **shape}
    config |= {"bos_token_id": None, "eos_token_id": None, "dtype": dtype}
    (folder / "config.json").write_text(json.dumps(config))


def list_gpt2(shape: dict[str, int], normal: Normal) -> Iterator[Tensors]:
    """GPT-2's tensors, shard by shard; matrices are [in, out] there."""
    width = shape["n_embd"]

    def norm(name: str) -> Tensors:
        return {f"{name}.weight": 1 + normal(width), f"{name}.bias": normal(width)}

    for layer in range(shape["n_layer"]):
        name = f"transformer.h.{layer}"
        sizes = {
            "attn.c_attn": (width, 3 * width),
            "attn.c_proj": (width, width),
            "mlp.c_fc": (width, 4 * width),
            "mlp.c_proj": (4 * width, width),
        }
        block = {f"{name}.{part}.weight": normal(*size) for part, size in sizes.items()}
        block |= {f"{name}.{part}.bias": normal(size[1]) for part, size in sizes.items()}
        yield block | norm(f"{name}.ln_1") | norm(f"{name}.ln_2")
    yield {
        "transformer.wte.weight": normal(shape["vocab_size"], width),
        "transformer.wpe.weight": normal(shape["n_positions"], width),
    } | norm("transformer.ln_f")


def list_llama(shape: dict[str, int], normal: Normal) -> Iterator[Tensors]:
    """Llama's tensors, shard by shard; matrices are [out, in]."""
    width, mlp = shape["hidden_size"], shape["intermediate_size"]
    keys = width // shape["num_attention_heads"] * shape["num_key_value_heads"]
    for layer in range(shape["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        sizes = {
            "self_attn.q_proj": (width, width),
            "self_attn.k_proj": (keys, width),
            "self_attn.v_proj": (keys, width),
            "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (mlp, width),
            "mlp.up_proj": (mlp, width),
            "mlp.down_proj": (width, mlp),
        }
        block = {f"{name}.{part}.weight": normal(*size) for part, size in sizes.items()}
        block |= {
            f"{name}.{part}.weight": 1 + normal(width)
            for part in ("input_layernorm", "post_attention_layernorm")
        }
        yield block
    yield {
        "model.embed_tokens.weight": normal(shape["vocab_size"], width),
        "model.norm.weight": 1 + normal(width),
    }
    if not shape.get("tie_word_embeddings", True):
        yield {"lm_head.weight": normal(shape["vocab_size"], width)}


def write_numerals(folder: Path, vocab_size: int) -> None:
    """A tokenizer whose words are t0, t1, …, so that converters that ask for one are content."""
    words = {f"t{number}": number for number in range(vocab_size - 1)} | {"<e>": vocab_size - 1}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "<e>"},
    }
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings |= dict.fromkeys(("unk_token", "bos_token", "eos_token"), "<e>")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
