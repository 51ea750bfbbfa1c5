"""Packed weights as layers of a model: the plain PyTorch path, which is exact and always there.

`pack_model` puts a `PackedLinear` where a linear layer was, and a `PackedEmbedding` for the token
embedding; the forward pass knows nothing of it. Each layer unpacks its weights whenever it is used,
which is slow; `engine/fused.py` computes the same model fast.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import linear

from miniclaude.errors import CheckpointError
from miniclaude.model.config import ModelConfig
from miniclaude.model.packed import Bits, Matrix, PackedWeight, pack
from miniclaude.model.transformer import Transformer

NARROW = 512
"""Columns below which the embedding and the head have 8 bits in a model of 4: what rounding adds to
a score is averaged over the columns, and of few it changes the score. Of the bundled model, 192
wide, the embedding alone cost four fifths of all that 4 bits cost."""


def bits_of(name: str, columns: int, bits: Bits) -> Bits:
    """The bits of the weight of layer `name` in a model of `bits`."""
    return 8 if name in ("tokens", "head") and columns < NARROW else bits


class PackedLinear(nn.Module):
    """x Wᵀ + bias, W packed. It has no parameters."""

    def __init__(self, weight: PackedWeight, bias: Tensor | None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = None if bias is None else bias.detach().float()
        self.in_features, self.out_features = weight.columns, weight.rows

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., C] -> [..., R]."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return linear(x, self.weight.unpack(x.dtype), bias)


class PackedEmbedding(nn.Module):
    """Rows of a packed matrix, as float32."""

    def __init__(self, weight: PackedWeight) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, ids: Tensor) -> Tensor:
        """ids: [...] -> [..., C]."""
        return self.weight.take(ids)


def refuse_experts(config: ModelConfig, name: str = "the model") -> None:
    """Raise CheckpointError where a model, called `name`, has experts: there is no kernel for
    them."""
    if config.experts:
        raise CheckpointError(
            f"{name} has {config.experts} experts a layer, and experts are not packed into 8 or 4"
            " bits.",
            hint="Serve it with --dtype bfloat16: of its experts, only those that a token asks are"
            " computed.",
            param="dtype",
        )


def pack_model(model: Transformer, bits: Bits) -> None:
    """Pack every linear layer, the head and the token embedding (once, where the two are one), in
    place; the old weights are freed one layer at a time, and the others become float32. The model
    is for answering only then.

    Raises CheckpointError naming the layer whose weights are not finite numbers, and for a model
    with experts.
    """
    refuse_experts(model.config)
    for name in [name for name, module in model.named_modules() if type(module) is nn.Linear]:
        if name != "head" or not model.config.tied_head:
            pack_layer(model, name, bits)
    pack_layer(model, "tokens", bits)
    model.float().requires_grad_(False)


def pack_layer(model: Transformer, name: str, bits: Bits) -> None:
    """Pack one linear layer, or the embedding `tokens` and with it a tied head. Raises as
    `pack_model` does."""
    weight = model.get_submodule(name).get_parameter("weight")
    put_packed(model, name, pack_named(weight, name, bits))


def pack_named(weight: Matrix, name: str, bits: Bits) -> PackedWeight:
    """`pack` for the layer `name` of a model of `bits`, which an error names. Raises
    CheckpointError."""
    try:
        return pack(weight, bits_of(name, weight.shape[1], bits))
    except CheckpointError as error:
        raise CheckpointError(
            f"{name}.weight holds numbers that are not finite.", hint=error.hint, param=name
        ) from None


def put_packed(model: Transformer, name: str, packed: PackedWeight) -> None:
    """Put a packed weight where a layer's own was; the bias stays. With the embedding `tokens`
    comes a tied head."""
    layer = model.get_submodule(name)
    if isinstance(layer, nn.Linear):
        owner, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(owner), attribute, PackedLinear(packed, layer.bias))
        return
    setattr(model, name, PackedEmbedding(packed))
    if model.config.tied_head:
        model.add_module("head", PackedLinear(packed, None))


def layers_of(model: Transformer) -> list[tuple[str, nn.Module, bool]]:
    """Every module with parameters of its own, by name, and whether its weight is to be packed; a
    tied head is the embedding. None of them packed yet."""
    return [
        (name, module, isinstance(module, nn.Linear) or name == "tokens")
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
        and not (name == "head" and model.config.tied_head)
    ]
