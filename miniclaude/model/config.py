"""The shape of a transformer, independent of any model's name.

`gpt2.py` and `llama.py` read one of these from a checkpoint's own config.json. Sizes are counts of
scalars unless a unit is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from miniclaude.errors import CheckpointError

LIMITS = {
    "vocab_size": 1 << 24,
    "context": 1 << 28,
    "width": 1 << 18,
    "layers": 1 << 12,
    "heads": 1 << 12,
    "kv_heads": 1 << 12,
    "head_dim": 1 << 14,
    "mlp_width": 1 << 20,
}
"""The most we believe of each size: well beyond any model known, and far from exhausting memory
before the weights themselves are looked at."""


@dataclass(frozen=True, slots=True)
class RotaryConfig:
    """Rotary position embedding (Su et al. 2021, RoFormer) and how it is stretched.

    theta: base of the geometric progression of wavelengths.
    kind: `default`; `linear` divides positions by `factor` (Chen et al. 2023); `dynamic` raises
    theta once a sequence outgrows `original_context` (NTK-aware); `llama3` scales only the long
    wavelengths (Llama 3.1 reference code).
    """

    theta: float = 10_000.0
    kind: Literal["default", "linear", "dynamic", "llama3"] = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context: int = 0


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything the forward pass needs to know.

    context: most positions a sequence may have, in tokens.
    mlp_width: width of the hidden layer of each block's MLP.
    windows: one entry a layer; an int limits attention to that many last positions, itself
    included; None sees everything.
    """

    family: Literal["gpt2", "llama"]
    vocab_size: int
    context: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    norm: Literal["layernorm", "rmsnorm"]
    norm_eps: float
    activation: Literal["gelu_tanh", "gelu", "silu", "relu"]
    gated_mlp: bool
    positions: Literal["learned", "sinusoidal", "rotary"]
    rotary: RotaryConfig | None = None
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    tied_head: bool = True
    windows: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        for name, most in LIMITS.items():
            if not 1 <= getattr(self, name) <= most:
                raise CheckpointError(
                    f"config.json: {name} is {getattr(self, name)}.",
                    hint=f"It must be a whole number from 1 to {most:,}; fetch the model folder"
                    " again.",
                    param=name,
                )
        if self.heads % self.kv_heads:
            raise CheckpointError(
                f"config.json: {self.heads} attention heads cannot share {self.kv_heads} key/value"
                " heads evenly.",
                hint="The number of heads must be a multiple of the number of key/value heads.",
                param="kv_heads",
            )
        if self.positions == "rotary" and self.rotary is None:
            object.__setattr__(self, "rotary", RotaryConfig())
        if not self.windows:
            object.__setattr__(self, "windows", (None,) * self.layers)
        if len(self.windows) != self.layers:
            raise CheckpointError(
                f"config.json: {len(self.windows)} attention windows for {self.layers} layers.",
                hint="There must be one entry of layer_types for each layer.",
                param="layer_types",
            )
        if self.rotary is not None:
            self.check_rotary(self.rotary)

    def check_rotary(self, rotary: RotaryConfig) -> None:
        """Raise CheckpointError for rotary settings that make no rotation."""
        if self.head_dim % 2:
            raise CheckpointError(
                f"config.json: head_dim is {self.head_dim}.",
                hint="Rotary position embedding turns dimensions in pairs; it must be even.",
                param="head_dim",
            )
        stretched = rotary.kind in ("dynamic", "llama3")
        level = rotary.kind == "llama3" and rotary.low_freq_factor == rotary.high_freq_factor
        if level or rotary.factor < 1 or (stretched and rotary.original_context < 1):
            raise CheckpointError(
                f"config.json: the rotary settings contradict each other: {rotary}.",
                hint="factor is at least 1, original_context positive, and the two frequency"
                " factors differ; fetch the model folder again.",
                param="rope_scaling",
            )
        if rotary.kind == "dynamic" and self.head_dim == 2:
            raise CheckpointError(
                "config.json: dynamic rotary scaling needs more than one pair of dimensions.",
                hint="head_dim must be 4 or more.",
                param="head_dim",
            )

    @property
    def qkv_rows(self) -> int:
        """Output rows of the fused query/key/value projection."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim
