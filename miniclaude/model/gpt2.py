"""GPT-2 checkpoints (Radford et al. 2019) and those of its shape, such as DialoGPT.

Their matrices are stored [in, out] (the class that wrote them was called Conv1D), queries, keys
and values already fused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from miniclaude.model.checkpoint_format import CheckpointFormat, Piece
from miniclaude.model.config import ModelConfig
from miniclaude.model.config_json import ACTIVATION_NAMES, ConfigFields


def read_config_fields(fields: ConfigFields) -> ModelConfig:
    """config.json of a GPT2LMHeadModel. Absent fields have the defaults of `transformers`.

    `reorder_and_upcast_attn` needs no following: it changes the order of the arithmetic, not its
    result.
    """
    if not fields.flag("scale_attn_weights", True):
        raise fields.unsupported("scale_attn_weights", "attention is always scaled here")
    for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention"):
        if fields.flag(name, False):
            raise fields.unsupported(name, "that is not implemented")
    width, heads = fields.integer("n_embd"), fields.integer("n_head")
    if width % heads:
        raise fields.wrong("n_head", f"a divisor of n_embd, {width}")
    return ModelConfig(
        family="gpt2",
        vocab_size=fields.integer("vocab_size"),
        context=fields.integer("n_positions", 1024),
        width=width,
        layers=fields.integer("n_layer"),
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        mlp_width=fields.integer("n_inner", 4 * width),
        norm="layernorm",
        norm_eps=fields.number("layer_norm_epsilon", 1e-5),
        activation=fields.activation("activation_function", "gelu_new"),
        gated_mlp=False,
        positions="learned",
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        tied_head=fields.flag("tie_word_embeddings", True),
    )


def write_config_fields(config: ModelConfig) -> dict[str, object] | None:
    """config.json for `transformers`; None for what GPT2LMHeadModel cannot express."""
    plain = (
        config.norm == "layernorm"
        and config.positions == "learned"
        and config.kv_heads == config.heads
        and config.head_dim * config.heads == config.width
        and config.qkv_bias
        and config.out_bias
        and config.mlp_bias
        and not config.gated_mlp
        and not config.qk_norm
        and all(window is None for window in config.windows)
        and not config.experts
    )
    if not plain:
        return None
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.vocab_size,
        "n_positions": config.context,
        "n_ctx": config.context,
        "n_embd": config.width,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_inner": config.mlp_width,
        "activation_function": ACTIVATION_NAMES[config.activation],
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tied_head,
    }


LINEARS = {
    "attn.c_attn": "attention.qkv",
    "attn.c_proj": "attention.out",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}
NORMS = {"ln_1": "attention_norm", "ln_2": "mlp_norm"}


def pieces(config: ModelConfig) -> Iterator[Piece]:
    """Every tensor of a GPT2LMHeadModel."""
    yield Piece("transformer.wte.weight", "tokens.weight")
    yield Piece("transformer.wpe.weight", "places.weight")
    for layer in range(config.layers):
        theirs, ours = f"transformer.h.{layer}", f"blocks.{layer}"
        for their, our in NORMS.items():
            yield Piece(f"{theirs}.{their}.weight", f"{ours}.{our}.weight")
            yield Piece(f"{theirs}.{their}.bias", f"{ours}.{our}.bias")
        for their, our in LINEARS.items():
            yield Piece(f"{theirs}.{their}.weight", f"{ours}.{our}.weight", transposed=True)
            yield Piece(f"{theirs}.{their}.bias", f"{ours}.{our}.bias")
    yield Piece("transformer.ln_f.weight", "norm.weight")
    yield Piece("transformer.ln_f.bias", "norm.bias")
    if not config.tied_head:
        yield Piece("lm_head.weight", "head.weight")


FORMAT = CheckpointFormat(
    model_types=("gpt2",),
    read=read_config_fields,
    write=write_config_fields,
    pieces=pieces,
    head="lm_head.weight",
    prefix="transformer.",
    ignored=re.compile(r"transformer\.h\.\d+\.attn\.(masked_)?bias"),
)
