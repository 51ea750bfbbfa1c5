"""Llama checkpoints (Touvron et al. 2023) and its relatives: Mistral, Qwen2, Qwen3, and those with
experts, Mixtral, Qwen2-MoE and Qwen3-MoE.

They differ by what is added to the same block: a sliding window, biases on queries, keys and
values, a norm on queries and keys, experts (`llama_experts.py`). On disk the projections are apart;
ours are fused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from miniclaude.model.checkpoint_format import CheckpointFormat, Piece
from miniclaude.model.config import LIMITS, ModelConfig, RotaryConfig
from miniclaude.model.config_json import ACTIVATION_NAMES, ConfigFields
from miniclaude.model.llama_experts import (
    expert_pieces,
    read_experts,
    unfused,
    without_experts,
    write_experts,
)
from miniclaude.model.shards import StoredTensor

ROTARY_KINDS = ("default", "linear", "dynamic", "llama3")


def read_rotary(fields: ConfigFields, model_type: str = "llama") -> RotaryConfig:
    """`rope_theta` and `rope_scaling`, or the `rope_parameters` that transformers 5 writes."""
    theta = fields.number("rope_theta", 1e6 if model_type == "mixtral" else 10_000.0)
    scaling = fields.section("rope_scaling") or fields.section("rope_parameters")
    if fields.number("partial_rotary_factor", 1.0) != 1.0:
        raise fields.unsupported("partial_rotary_factor", "a head is always rotated whole here")
    if scaling is None:
        return RotaryConfig(theta=theta)
    theta = scaling.number("rope_theta", theta)
    name = "rope_type" if scaling.values.get("rope_type") is not None else "type"
    kind = scaling.text(name, "default")
    if scaling.number("partial_rotary_factor", 1.0) != 1.0:
        raise scaling.unsupported("partial_rotary_factor", "a head is always rotated whole here")
    if any(isinstance(value, dict) for value in scaling.values.values()):
        raise fields.unsupported("rope_parameters", "one setting must serve all layers here")
    context = fields.integer("max_position_embeddings", 2048)
    match kind:
        case "default":
            return RotaryConfig(theta=theta)
        case "linear":
            return RotaryConfig(theta, kind, scaling.number("factor"))
        case "dynamic":
            return RotaryConfig(theta, kind, scaling.number("factor"), original_context=context)
        case "llama3":
            return RotaryConfig(
                theta=theta,
                kind="llama3",
                factor=scaling.number("factor"),
                low_freq_factor=scaling.number("low_freq_factor"),
                high_freq_factor=scaling.number("high_freq_factor"),
                original_context=scaling.integer("original_max_position_embeddings", context),
            )
    raise scaling.unsupported(name, f"rotary kinds implemented are {', '.join(ROTARY_KINDS)}")


def read_windows(fields: ConfigFields, model_type: str, layers: int) -> tuple[int | None, ...]:
    """How far back each layer looks: everywhere for Llama; all layers alike for Mistral, Mixtral
    and Qwen3-MoE; as `layer_types`, or else `max_window_layers`, say for the other Qwens."""
    if model_type == "llama":
        return (None,) * layers
    if model_type in ("mistral", "mixtral"):
        absent = "sliding_window" not in fields.values
        slides = model_type == "mistral" if absent else fields.values["sliding_window"] is not None
        return (fields.integer("sliding_window", 4096) if slides else None,) * layers
    if (
        not fields.flag("use_sliding_window", False)
        or fields.values.get("sliding_window", 0) is None
    ):
        return (None,) * layers
    window = fields.integer("sliding_window", 4096)
    if model_type == "qwen3_moe":
        return (window,) * layers
    kinds = fields.texts("layer_types")
    if kinds is None:
        first = fields.values.get("max_window_layers", 28)
        if type(first) is not int or first < 0:
            raise fields.wrong("max_window_layers", "a whole number")
        if model_type == "qwen2_moe":  # every other one of the first layers
            return tuple(window if n < first and n % 2 == 0 else None for n in range(layers))
        return tuple(window if layer >= first else None for layer in range(layers))
    if set(kinds) - {"full_attention", "sliding_attention"}:
        raise fields.unsupported("layer_types", "only full_attention and sliding_attention exist")
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def read_config_fields(fields: ConfigFields) -> ModelConfig:
    """config.json of any of the relatives. Absent fields have the defaults of `transformers`; sizes
    have none.

    `max_position_embeddings` is the context before dynamic stretching, which begins there, so that
    `context` is that times the factor. Of all other kinds it is the context after it: so
    `transformers` takes it, and so most folders mean it.
    """
    model_type = fields.text("model_type") or "llama"
    width, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    rotary = read_rotary(fields, model_type)
    context = fields.integer("max_position_embeddings", 2048)
    if rotary.kind == "dynamic":
        context = int(context * rotary.factor)
    if model_type == "qwen3":
        head_dim = fields.integer("head_dim", 128)
    elif fields.values.get("head_dim") is None and width % heads:
        raise fields.wrong("num_attention_heads", f"a divisor of hidden_size, {width}")
    else:
        head_dim = fields.integer("head_dim", max(width // heads, 1))
    layers = fields.integer("num_hidden_layers", most=LIMITS["layers"])
    biased = model_type in BIAS_IS_SAID and fields.flag("attention_bias", False)
    qkv_biased = model_type == "qwen2_moe" and fields.flag("qkv_bias", True)
    return ModelConfig(
        family="llama",
        vocab_size=fields.integer("vocab_size"),
        context=context,
        width=width,
        layers=layers,
        heads=heads,
        kv_heads=fields.integer("num_key_value_heads", heads),
        head_dim=head_dim,
        mlp_width=fields.integer("intermediate_size"),
        norm="rmsnorm",
        norm_eps=fields.number("rms_norm_eps", 1e-5 if model_type == "mixtral" else 1e-6),
        activation=fields.activation("hidden_act", "silu"),
        gated_mlp=True,
        positions="rotary",
        rotary=rotary,
        qkv_bias=biased or qkv_biased or model_type == "qwen2",
        out_bias=biased,
        mlp_bias=model_type == "llama" and fields.flag("mlp_bias", False),
        qk_norm=model_type in ("qwen3", "qwen3_moe"),
        tied_head=fields.flag("tie_word_embeddings", False),
        windows=read_windows(fields, model_type, layers),
        **read_experts(fields, model_type, layers),
    )


def model_type_of(config: ModelConfig) -> str | None:
    """The relative whose block is exactly this one; None when there is none."""
    if config.experts:
        return sparse_type_of(config)
    windowed = any(window is not None for window in config.windows)
    uniform = len(set(config.windows)) == 1
    same_bias = config.qkv_bias == config.out_bias
    if config.norm != "rmsnorm" or config.positions != "rotary" or not config.gated_mlp:
        return None
    if config.qk_norm:
        return "qwen3" if same_bias and not config.mlp_bias else None
    if config.qkv_bias and not config.out_bias and not config.mlp_bias:
        derived = config.head_dim * config.heads == config.width
        return "qwen2" if derived else None
    if windowed:
        plain = uniform and not (config.qkv_bias or config.out_bias or config.mlp_bias)
        return "mistral" if plain else None
    return "llama" if same_bias and config.width % config.heads == 0 else None


def sparse_type_of(config: ModelConfig) -> str | None:
    """The same for a model with experts."""
    dense = without_experts(config)
    if config.shared_expert_width:
        return "qwen2_moe" if model_type_of(replace(dense, qkv_bias=True)) == "qwen2" else None
    alike = len(set(config.windows)) == 1
    if config.qk_norm:
        return "qwen3_moe" if alike and model_type_of(dense) == "qwen3" else None
    plain = alike and not (config.qkv_bias or config.out_bias or config.mlp_bias)
    everywhere = all(config.sparse_layers) and config.expert_width == config.mlp_width
    known = plain and everywhere and config.norm_topk and model_type_of(dense) is not None
    return "mixtral" if known else None


BIAS_IS_SAID = ("llama", "qwen3", "qwen3_moe")
"""Those whose config.json says whether attention has biases."""

ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}


def write_config_fields(config: ModelConfig) -> dict[str, object] | None:
    """config.json for `transformers`; None when no relative can express the configuration.

    Rotary settings are written in the older form, which every version of `transformers` reads.
    """
    model_type = model_type_of(config)
    windows = {window for window in config.windows if window is not None}
    if model_type is None or config.rotary is None or len(windows) > 1:
        return None
    rotary = config.rotary
    stretched = rotary.kind == "dynamic"
    written: dict[str, object] = {
        "architectures": [ARCHITECTURES[model_type]],
        "model_type": model_type,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": rotary.original_context if stretched else config.context,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.mlp_width,
        "hidden_act": ACTIVATION_NAMES[config.activation],
        "rms_norm_eps": config.norm_eps,
        "rope_theta": rotary.theta,
        "rope_scaling": write_rope_scaling(rotary),
        "tie_word_embeddings": config.tied_head,
    }
    if model_type in BIAS_IS_SAID:
        written["attention_bias"] = config.qkv_bias
    if model_type == "qwen2_moe":
        written["qkv_bias"] = config.qkv_bias
    if model_type == "llama":
        written["mlp_bias"] = config.mlp_bias
    if model_type in ("mistral", "mixtral"):
        written["sliding_window"] = config.windows[0]
    if model_type.startswith("qwen"):
        written["use_sliding_window"] = bool(windows)
        written["sliding_window"] = max(windows, default=None)
    if model_type in ("qwen2", "qwen3", "qwen2_moe"):
        written["layer_types"] = [
            "full_attention" if window is None else "sliding_attention" for window in config.windows
        ]
    return written | write_experts(config, model_type)


def write_rope_scaling(rotary: RotaryConfig) -> dict[str, object] | None:
    """The `rope_scaling` object, None for plain rotary embedding."""
    if rotary.kind == "default":
        return None
    scaling: dict[str, object] = {"rope_type": rotary.kind, "factor": rotary.factor}
    if rotary.kind == "llama3":
        scaling["low_freq_factor"] = rotary.low_freq_factor
        scaling["high_freq_factor"] = rotary.high_freq_factor
        scaling["original_max_position_embeddings"] = rotary.original_context
    return scaling


def pieces(config: ModelConfig) -> Iterator[Piece]:
    """Every tensor of a checkpoint of this family."""
    q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
    attention = {
        "self_attn.q_proj": ("attention.qkv", (0, q), config.qkv_bias),
        "self_attn.k_proj": ("attention.qkv", (q, q + kv), config.qkv_bias),
        "self_attn.v_proj": ("attention.qkv", (q + kv, q + 2 * kv), config.qkv_bias),
        "self_attn.o_proj": ("attention.out", None, config.out_bias),
    }
    mlp = {
        "mlp.gate_proj": ("mlp.up", (0, config.mlp_width), config.mlp_bias),
        "mlp.up_proj": ("mlp.up", (config.mlp_width, 2 * config.mlp_width), config.mlp_bias),
        "mlp.down_proj": ("mlp.down", None, config.mlp_bias),
    }
    norms = {"input_layernorm": "attention_norm", "post_attention_layernorm": "mlp_norm"}
    if config.qk_norm:
        norms["self_attn.q_norm"] = "attention.q_norm"
        norms["self_attn.k_norm"] = "attention.k_norm"
    yield Piece("model.embed_tokens.weight", "tokens.weight")
    for layer in range(config.layers):
        theirs, ours = f"model.layers.{layer}", f"blocks.{layer}"
        for their, our in norms.items():
            yield Piece(f"{theirs}.{their}.weight", f"{ours}.{our}.weight")
        sparse = config.is_sparse(layer)
        for their, (our, rows, biased) in (attention if sparse else attention | mlp).items():
            yield Piece(f"{theirs}.{their}.weight", f"{ours}.{our}.weight", rows)
            if biased:
                yield Piece(f"{theirs}.{their}.bias", f"{ours}.{our}.bias", rows)
        if sparse:
            yield from expert_pieces(config, str(model_type_of(config)), layer)
    yield Piece("model.norm.weight", "norm.weight")
    if not config.tied_head:
        yield Piece("lm_head.weight", "head.weight")


def apart(stored: dict[str, StoredTensor], config: ModelConfig) -> dict[str, StoredTensor]:
    """The tensors with experts that are stored as one stack taken apart."""
    return unfused(stored, str(model_type_of(config)), config.experts) if config.experts else stored


FORMAT = CheckpointFormat(
    model_types=tuple(ARCHITECTURES),
    read=read_config_fields,
    write=write_config_fields,
    pieces=pieces,
    head="lm_head.weight",
    prefix="model.",
    ignored=re.compile(r"model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq"),
    unfused=apart,
)
