"""Which layers an adapter can change, by the names that PEFT has for them.

The names come from the checkpoint formats' own tables: `model.layers.0.self_attn.q_proj` is some
rows of our fused `blocks.0.attention.qkv`. In a model with experts, which are no linear layers,
adapters change attention alone. Where a checkpoint itself has queries, keys and values
fused (GPT-2's `c_attn`), the slices `c_attn.q`, `c_attn.k` and `c_attn.v` can be had alone too;
PEFT has no such names, so `adapter.py` writes them as an equal adapter of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from miniclaude.errors import SettingsError
from miniclaude.model.checkpoint import FORMATS
from miniclaude.model.checkpoint_format import CheckpointFormat
from miniclaude.model.config import ModelConfig
from miniclaude.model.lora_config import ALL_LINEAR, LoraConfig, compile_pattern
from miniclaude.model.transformer import Transformer

FUSED = "attention.qkv"

IN_EXPERTS = ("mlp", "expert", "gate", "up_proj", "down_proj", "w1", "w2", "w3")
"""What tells that a target means a layer's MLP or its experts."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for an adapter.

    name: the layer's, as in the checkpoint. module: ours that computes it. rows: (start, stop) of
    that module's outputs. inputs: its in_features. part_of: the checkpoint's layer that this is
    only a slice of; empty for a layer that the checkpoint itself has.
    """

    name: str
    module: str
    rows: tuple[int, int]
    inputs: int
    part_of: str = ""

    @property
    def outputs(self) -> int:
        """How many rows."""
        return self.rows[1] - self.rows[0]


def format_of(config: ModelConfig) -> CheckpointFormat:
    """The format that a model of this configuration is written in, and whose names it has."""
    return next(form for form in FORMATS if form.write(config) is not None)


def slots_of(model: Transformer) -> Iterator[Slot]:
    """Every place for an adapter, in the checkpoint's order; slices after their whole."""
    c = model.config
    for piece in format_of(c).pieces(c):
        module, _, kind = piece.parameter.rpartition(".")
        if kind != "weight" or not module.startswith("blocks."):
            continue
        if c.experts and ".attention." not in module:
            continue
        layer = model.get_submodule(module)
        if not hasattr(layer, "in_features"):
            continue  # a norm
        inputs, outputs = sizes_of(layer)
        name = piece.name.removesuffix(".weight")
        yield Slot(name, module, piece.rows or (0, outputs), inputs)
        if piece.rows is None and module.endswith(FUSED):
            q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
            yield Slot(f"{name}.q", module, (0, q), inputs, name)
            yield Slot(f"{name}.k", module, (q, q + kv), inputs, name)
            yield Slot(f"{name}.v", module, (q + kv, q + 2 * kv), inputs, name)


def select(model: Transformer, config: LoraConfig, *, slices: bool = True) -> list[Slot]:
    """The places that `config.targets` names, each once. slices: False is PEFT's way, which knows
    no slices and passes over names that are not there, as long as one is.

    Raises SettingsError naming a target that is the head or an embedding, or that names nothing,
    and saying what there is.
    """
    slots = [slot for slot in slots_of(model) if slices or not slot.part_of]
    if config.all_linear:
        return [slot for slot in slots if not slot.part_of]
    if isinstance(config.targets, str):
        pattern = compile_pattern("targets", config.targets)
        chosen = [slot for slot in slots if pattern.fullmatch(slot.name)]
        outside = [name for name in _outside(model) if pattern.fullmatch(name)]
        if outside or not chosen:
            raise _refused(model, slots, config.targets, outside)
    else:
        chosen = []
        for target in config.targets:
            hits = [slot for slot in slots if _ends(slot.name, target)]
            outside = [name for name in _outside(model) if _ends(name, target)]
            if outside or (slices and not hits):
                raise _refused(model, slots, target, outside)
            chosen += hits
        if not chosen:
            raise _refused(model, slots, ", ".join(config.targets), [])
    wholes = {slot.name for slot in chosen}
    wanted = {slot for slot in chosen if slot.part_of not in wholes}
    return [slot for slot in slots if slot in wanted]


def short_targets(model: Transformer, names: set[str]) -> list[str]:
    """The shortest list of names that, matched as PEFT matches, means exactly these layers."""
    every = [slot.name for slot in slots_of(model) if not slot.part_of]
    for parts in (1, 2):
        ends = {".".join(name.split(".")[-parts:]) for name in names}
        if {name for name in every if any(_ends(name, end) for end in ends)} == names:
            return sorted(ends)
    return sorted(names)


def sizes_of(layer: nn.Module) -> tuple[int, int]:
    """in_features and out_features of any linear layer, quantised or not."""
    inputs, outputs = layer.in_features, layer.out_features
    assert isinstance(inputs, int)  # noqa: S101  # for the type checker: any linear layer's are
    assert isinstance(outputs, int)  # noqa: S101
    return inputs, outputs


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _outside(model: Transformer) -> list[str]:
    """The embeddings and the head, by their names in the checkpoint."""
    form = format_of(model.config)
    pieces = form.pieces(model.config)
    tables = [p.name for p in pieces if p.parameter in ("tokens.weight", "places.weight")]
    return [name.removesuffix(".weight") for name in (*tables, form.head)]


def _refused(
    model: Transformer, slots: list[Slot], target: str, outside: list[str]
) -> SettingsError:
    there = sorted({".".join(slot.name.split(".")[-2:]) for slot in slots})
    if outside:
        problem = f"{outside[0]} is an embedding or the output head, which adapters do not change"
    elif model.config.experts and any(name in target for name in IN_EXPERTS):
        problem = "of a model with experts, only the attention can be adapted"
    else:
        problem = f"no linear layer of this {model.config.family} model has a name like that"
    return SettingsError(
        f"targets: {target[:100]!r} cannot be adapted: {problem}.",
        hint=f"Use {ALL_LINEAR!r}, or some of: {', '.join(there)}.",
        param="targets",
    )
