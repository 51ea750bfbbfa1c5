"""Our own checkpoint format, for the combinations that no other library's config.json can say:
sinusoidal positions, for instance, or an untried mixture of the two families.

config.json has `"model_type": "mini_claude"` and the fields of `ModelConfig` under their own names;
the tensors have the names of our own parameters. Another library refuses such a folder, rather
than load it and compute something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import get_args, get_type_hints

from miniclaude.model.checkpoint_format import CheckpointFormat, Piece
from miniclaude.model.config import ModelConfig, RotaryConfig
from miniclaude.model.config_json import ConfigFields

MODEL_TYPE = "mini_claude"


def choice(fields: ConfigFields, name: str, owner: type) -> str:
    """A string that must be one of the `Literal` alternatives of the owner's field."""
    options = get_args(get_type_hints(owner)[name])
    value = fields.text(name)
    if value not in options:
        raise fields.wrong(name, f"one of {', '.join(options)}")
    return str(value)


def read_windows(fields: ConfigFields) -> tuple[int | None, ...]:
    """A list with a whole number or null for each layer; empty when absent."""
    values = fields.values.get("windows") or []
    if not isinstance(values, list):
        raise fields.wrong("windows", "a list")
    for value in values:
        if value is not None and (type(value) is not int or value < 1):
            raise fields.wrong("windows", "a list of positive whole numbers and nulls")
    return tuple(values)


def read_rotary(fields: ConfigFields) -> RotaryConfig | None:
    """The `rotary` object."""
    section = fields.section("rotary")
    if section is None:
        return None
    context = section.values.get("original_context", 0)
    if type(context) is not int:
        raise section.wrong("original_context", "a whole number")
    return RotaryConfig(
        theta=section.number("theta"),
        kind=choice(section, "kind", RotaryConfig),  # type: ignore[arg-type]  # checked by choice
        factor=section.number("factor", 1.0),
        low_freq_factor=section.number("low_freq_factor", 1.0),
        high_freq_factor=section.number("high_freq_factor", 4.0),
        original_context=context,
    )


def read_config_fields(fields: ConfigFields) -> ModelConfig:
    """config.json as `write_config_fields` leaves it."""
    sizes = ("vocab_size", "context", "width", "layers", "heads", "kv_heads", "head_dim")
    flags = ("gated_mlp", "qkv_bias", "out_bias", "mlp_bias", "qk_norm", "tied_head", "norm_topk")
    kinds = ("family", "norm", "activation", "positions")
    return ModelConfig(
        **{name: fields.integer(name) for name in (*sizes, "mlp_width")},  # type: ignore[arg-type]
        **{name: fields.flag(name, False) for name in flags},  # type: ignore[arg-type]
        **{name: choice(fields, name, ModelConfig) for name in kinds},  # type: ignore[arg-type]
        norm_eps=fields.number("norm_eps"),
        rotary=read_rotary(fields),
        windows=read_windows(fields),
        **{name: read_count(fields, name) for name in EXPERTS},  # type: ignore[arg-type]
        sparse_layers=read_sparse_layers(fields),
    )


EXPERTS = ("experts", "experts_per_token", "expert_width", "shared_expert_width")


def read_count(fields: ConfigFields, name: str) -> int:
    """A whole number; 0 when absent."""
    return fields.integer(name) if fields.values.get(name, 0) not in (0, None) else 0


def read_sparse_layers(fields: ConfigFields) -> tuple[bool, ...]:
    """A list with true or false for each layer; empty when absent."""
    values = fields.values.get("sparse_layers") or []
    if not isinstance(values, list) or not all(isinstance(value, bool) for value in values):
        raise fields.wrong("sparse_layers", "a list of true and false")
    return tuple(values)


def write_config_fields(config: ModelConfig) -> dict[str, object]:
    """Every field of the configuration, under its own name."""
    lists = {"windows": list(config.windows), "sparse_layers": list(config.sparse_layers)}
    return {"model_type": MODEL_TYPE, **asdict(config), **lists}


LINEARS = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")


def pieces(config: ModelConfig) -> Iterator[Piece]:
    """Every parameter, as it is."""

    def whole(module: str, biased: bool) -> Iterator[Piece]:
        for name in ("weight", "bias") if biased else ("weight",):
            yield Piece(f"{module}.{name}", f"{module}.{name}")

    centred = config.norm == "layernorm"
    biases = (config.qkv_bias, config.out_bias, config.mlp_bias, config.mlp_bias)
    yield from whole("tokens", False)
    if config.positions == "learned":
        yield from whole("places", False)
    for layer in range(config.layers):
        for norm in ("attention_norm", "mlp_norm"):
            yield from whole(f"blocks.{layer}.{norm}", centred)
        if config.qk_norm:
            yield from whole(f"blocks.{layer}.attention.q_norm", False)
            yield from whole(f"blocks.{layer}.attention.k_norm", False)
        sparse = config.is_sparse(layer)
        for linear, biased in zip(LINEARS, biases, strict=True):
            if not (sparse and linear.startswith("mlp.")):
                yield from whole(f"blocks.{layer}.{linear}", biased)
        if sparse:
            yield from experts(config, f"blocks.{layer}.mlp")
    yield from whole("norm", centred)
    if not config.tied_head:
        yield from whole("head", False)


def experts(config: ModelConfig, module: str) -> Iterator[Piece]:
    """What a sparse layer has in place of its MLP."""
    names = ["router.weight", "up", "down"]
    if config.shared_expert_width:
        names += ["shared.up.weight", "shared.down.weight", "shared_gate.weight"]
        names += ["shared.up.bias", "shared.down.bias"] if config.mlp_bias else []
    for name in names:
        yield Piece(f"{module}.{name}", f"{module}.{name}")


FORMAT = CheckpointFormat(
    model_types=(MODEL_TYPE,),
    read=read_config_fields,
    write=write_config_fields,
    pieces=pieces,
    head="head.weight",
)
