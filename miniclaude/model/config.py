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

EXPERT_LIMITS = {"experts": 1 << 10, "expert_width": 1 << 20, "shared_expert_width": 1 << 20}
"""The same for a mixture of experts."""

MOST_EXPERTS = 1 << 16
"""Of all layers together: each is three entries in a checkpoint's table of tensors."""


@dataclass(frozen=True, slots=True)
class RotaryConfig:
    """Rotary position embedding (Su et al. 2021, RoFormer) and how it is stretched.

    theta: base of the geometric progression of wavelengths.
    kind: `default`; `linear` divides positions by `factor` (Chen et al. 2023); `dynamic` raises
    theta once a sequence outgrows `original_context` (NTK-aware); `llama3` scales only the long
    wavelengths (Llama 3.1 reference code).
    original_context: before it is stretched, for the two kinds that ask; else 0.
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
    experts: how many MLPs of `expert_width`, gated and without biases, a sparse layer chooses from,
    `experts_per_token` of them for each token; 0 for a model whose layers are all dense. norm_topk:
    the weights of those chosen are made to add up to one. shared_expert_width: of one more MLP that
    sees every token, behind a gate; 0 for none. sparse_layers: one entry a layer, whether it is
    sparse; all are where nothing is said.
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
    experts: int = 0
    experts_per_token: int = 0
    expert_width: int = 0
    shared_expert_width: int = 0
    norm_topk: bool = False
    sparse_layers: tuple[bool, ...] = ()

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
        if self.experts:
            if not self.sparse_layers:
                object.__setattr__(self, "sparse_layers", (True,) * self.layers)
            self.check_experts()
        elif any((self.experts_per_token, self.expert_width, self.shared_expert_width)):
            raise wrong_experts(f"experts is {self.experts}, and other settings speak of experts")
        elif self.norm_topk or self.sparse_layers:
            raise wrong_experts(f"experts is {self.experts}, and some layers are to be sparse")

    def check_experts(self) -> None:
        """Raise CheckpointError for a mixture of experts that cannot be."""
        for name, most in EXPERT_LIMITS.items():
            least = 0 if name == "shared_expert_width" else 1
            if not least <= getattr(self, name) <= most:
                raise wrong_experts(
                    f"{name} is {getattr(self, name)}; it must be from {least} to {most:,}"
                )
        if not 1 <= self.experts_per_token <= self.experts:
            raise wrong_experts(
                f"experts_per_token is {self.experts_per_token}; it must be from 1 to the number of"
                f" experts, {self.experts}"
            )
        if len(self.sparse_layers) != self.layers:
            raise wrong_experts(
                f"sparse_layers has {len(self.sparse_layers)} entries for {self.layers} layers"
            )
        if not any(self.sparse_layers):
            raise wrong_experts("there are experts, and no layer is sparse")
        if self.experts * sum(self.sparse_layers) > MOST_EXPERTS:
            raise wrong_experts(
                f"{self.experts} experts in {sum(self.sparse_layers)} layers are more than"
                f" {MOST_EXPERTS:,}"
            )

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

    def is_sparse(self, layer: int) -> bool:
        """Whether the layer has experts in place of one MLP."""
        return bool(self.sparse_layers) and self.sparse_layers[layer]

    @property
    def rotates_by_length(self) -> bool:
        """Whether a key depends on how long its text had become when it was computed."""
        return self.rotary is not None and self.rotary.kind == "dynamic"

    @property
    def idle_parameters(self) -> int:
        """How many numbers are in experts that a token does not ask."""
        idle = self.experts - self.experts_per_token
        return sum(self.sparse_layers) * idle * 3 * self.width * self.expert_width

    @property
    def qkv_rows(self) -> int:
        """Output rows of the fused query/key/value projection."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim


def wrong_experts(problem: str) -> CheckpointError:
    """The error for a mixture of experts that contradicts itself or is beyond reason."""
    return CheckpointError(
        f"config.json: {problem}.",
        hint="Correct the settings of the experts, or fetch the model folder again.",
        param="experts",
    )
