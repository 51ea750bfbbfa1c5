"""How a checkpoint that the compressed-tensors library wrote has its weights rounded. No torch.

Such folders are commoner on the Hub than any other that vLLM and `transformers` read in few bits: 8
or 4 bits, whole numbers or floats, packed or not, with one scale for a matrix, a row, or a group of
columns. They are read as the floats that they stand for (`compressed.py`).

Format: https://github.com/vllm-project/compressed-tensors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from miniclaude.errors import CheckpointError
from miniclaude.model.config_json import ConfigFields

METHOD = "compressed-tensors"
PACKED = "pack-quantized"
FORMATS = (PACKED, "int-quantized", "float-quantized", "naive-quantized")
STRATEGIES = ("tensor", "channel", "group")

BESIDE = re.compile(
    r".*\.(weight_zero_point|(input|output)_(scale|zero_point)|self_attn\.[qkv]_scale)"
)
"""What is passed over: zero points, which are zeros where scales are symmetric, and how
activations, keys and values would be rounded."""

CURE = (
    "Fetch the original, unquantised model, or one in 8 or 4 bits, symmetric, with a scale for a"
    " matrix, a row or a group."
)


@dataclass(frozen=True, slots=True)
class Compression:
    """How each rounded weight is stored.

    bits: of each number. numbers: whole ones, or 8-bit floats (E4M3). is_packed: several numbers in
    one of 32 bits, moved up so that none is below zero.
    """

    bits: Literal[4, 8]
    numbers: Literal["int", "float"]
    is_packed: bool

    @property
    def name(self) -> str:
        """What the numbers are called: int8, int4, float8."""
        return f"{self.numbers}{self.bits}"


def is_beside(name: str) -> bool:
    """Whether a tensor belongs to a rounded matrix and holds none of its numbers."""
    return name.endswith((".weight_scale", ".weight_shape")) or BESIDE.fullmatch(name) is not None


def compression_of(fields: ConfigFields) -> Compression:
    """What a config.json's `quantization_config` says of weights.

    How activations, keys and values would be rounded is passed over: in floats they are nearer to
    the original.
    Raises CheckpointError naming the field that asks for what is not read here.
    """
    sparse, turned = fields.section("sparsity_config"), fields.section("transform_config")
    if sparse is not None and sparse.text("format", "dense") != "dense":
        raise wrong(fields, "sparsity_config", "absent, or of format dense")
    if turned is not None and turned.section("config_groups") is not None:
        raise wrong(fields, "transform_config", "absent: nothing is turned while it computes")
    form = fields.text("format")
    if form not in FORMATS:
        raise wrong(fields, "format", f"one of {', '.join(FORMATS)}")
    groups = fields.section("config_groups")
    found = [weights_of(fields, group) for group in ({} if groups is None else groups.values)]
    if not found:
        raise wrong(fields, "config_groups", "at least one group with weights")
    kinds = {kind_of(weights, form) for weights in found}
    if len(kinds) > 1:
        raise wrong(fields, "config_groups", "of one kind: the same bits for all weights")
    return kinds.pop()


def weights_of(fields: ConfigFields, group: str) -> ConfigFields:
    """The part on weights of one group. Raises CheckpointError."""
    groups = fields.section("config_groups")
    section = None if groups is None else groups.section(group)
    weights = None if section is None else section.section("weights")
    if section is None or weights is None:
        raise wrong(fields, "config_groups", "groups that each say how weights are rounded")
    own = section.text("format")
    if own is not None and own != fields.text("format"):
        raise wrong(section, "format", f"that of the whole, {fields.text('format')}")
    return weights


def kind_of(weights: ConfigFields, form: str) -> Compression:
    """One group's compression. Raises CheckpointError."""
    numbers, bits = (weights.text("type") or "int").lower(), weights.integer("num_bits")
    if numbers == "float" and bits == 8 and form != PACKED:
        kind = Compression(8, "float", is_packed=False)
    elif numbers == "int" and bits == 8:
        kind = Compression(8, "int", is_packed=form == PACKED)
    elif numbers == "int" and bits == 4 and form == PACKED:
        kind = Compression(4, "int", is_packed=True)
    else:
        raise wrong(weights, "num_bits", "8, or 4 whole ones that are packed")
    if (weights.text("strategy") or "tensor").lower() not in STRATEGIES:
        raise wrong(weights, "strategy", f"one of {', '.join(STRATEGIES)}")
    if not weights.flag("symmetric", default=True):
        raise wrong(weights, "symmetric", "true: zero points are not read")
    if weights.values.get("actorder") not in (None, False, "weight", "static"):
        raise wrong(weights, "actorder", "none, or by weight: columns out of order are not read")
    return kind


def wrong(fields: ConfigFields, name: str, expected: str) -> CheckpointError:
    """The refusal of a field of `quantization_config`."""
    error = fields.wrong(name, expected)
    return CheckpointError(error.message, hint=CURE, param=f"quantization_config.{name}")


def as_config(bits: int, *, ignored: list[str]) -> Mapping[str, object]:
    """The `quantization_config` of whole numbers, packed, with a scale for each row.

    ignored: the linear layers that keep their floats.
    """
    weights = {"num_bits": bits, "type": "int", "symmetric": True, "strategy": "channel"}
    group = {
        "targets": ["Linear"],
        "weights": {**weights, "group_size": None, "dynamic": False},
        "input_activations": None,
        "output_activations": None,
    }
    return {
        "quant_method": METHOD,
        "format": PACKED,
        "quantization_status": "compressed",
        "config_groups": {"group_0": group},
        "ignore": ignored,
        "kv_cache_scheme": None,
    }
