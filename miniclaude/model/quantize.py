"""Linear layers whose frozen weights take one byte or half a byte each (QLoRA's base).

A base that is not trained needs no exact weights, only good ones: int8 with one scale an output row
(LLM.int8(), Dettmers et al. 2022, without its outliers apart), or NF4, sixteen levels placed at the
quantiles of a normal distribution, with one scale for each group of 64 (QLoRA, Dettmers et al.
2023, section 3). The arithmetic stays in the input's number format: a layer unpacks its weights,
multiplies and forgets them, once on the way forward and once on the way back.

Errors to expect, both tested: a weight is off by at most 1/254 of the largest in its row (int8) or
by 0.153 of the largest in its group (NF4); for normally distributed weights, a layer's output by
1 % and by 10 %.

Letters in shapes: R output rows, C input columns, G groups of a row, g weights of a group.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, pad

from miniclaude.errors import CheckpointError, SettingsError

Bits = Literal[8, 4]


def normal_float_levels() -> list[float]:
    """The sixteen levels of NF4, from -1 to 1, rising (QLoRA, section 3 and appendix E).

    Seven quantiles on the negative side, eight on the positive and an exact zero, so that a weight
    that is nothing stays nothing.
    """
    edge = 0.5 * ((1 - 1 / 30) + (1 - 1 / 32))  # the outermost quantile; the last half step is cut
    normal = NormalDist()
    positive = [normal.inv_cdf(0.5 + (edge - 0.5) * step / 8) for step in range(1, 9)]
    negative = [normal.inv_cdf(0.5 - (edge - 0.5) * step / 7) for step in range(1, 8)]
    largest = normal.inv_cdf(edge)
    return sorted(level / largest for level in [*negative, 0.0, *positive])


class QuantizedLinear(nn.Module):
    """A frozen linear layer, x Wᵀ + bias, that holds W in few bits.

    It has no parameters: everything is a buffer, and only its input gets a gradient.
    """

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, bits: Bits, group: int = 64) -> None:
        """weight: [R, C], finite, of any float format. bias: [R]. group: weights that share a
        scale in four bits; in eight, a whole row does."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.bits, self.group = bits, group
        exact = weight.detach().float()
        codes, scales = to_int8(exact) if bits == 8 else to_nf4(exact, group)
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", None if bias is None else bias.detach().clone())

    def unpack(self, dtype: torch.dtype) -> Tensor:
        """[R, C]: the weights, or, where `scaled_after`, the bare codes, whose rows are still to be
        multiplied by `scales` (as integers they are exact in every format)."""
        if self.bits == 4:
            return from_nf4(self.codes, self.scales, dtype)[:, : self.in_features]
        codes = self.codes.to(dtype)
        return codes if self.scaled_after(dtype) else codes.mul_(self.scales.to(dtype)[:, None])

    def scaled_after(self, dtype: torch.dtype) -> bool:
        """Whether the scales are applied to the product. Not in float16: a product with numbers up
        to 127 is soon beyond its 65,504."""
        return self.bits == 8 and dtype != torch.float16

    def dequantize(self) -> Tensor:
        """The weights as float32, [R, C]."""
        weight = self.unpack(torch.float32)
        return weight * self.scales[:, None] if self.bits == 8 else weight

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., C] -> [..., R]."""
        product: Tensor = _FrozenProduct.apply(x, self)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias.to(product.dtype)

    def reference(self, x: Tensor) -> Tensor:
        """`forward`, written out: all weights as numbers again, then a plain linear layer."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return linear(x, self.dequantize().to(x.dtype), bias)

    def extra_repr(self) -> str:
        """What print(model) says."""
        return f"{self.in_features}, {self.out_features}, bits={self.bits}"


class _FrozenProduct(torch.autograd.Function):
    """x Wᵀ that keeps no unpacked W from the forward to the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: QuantizedLinear) -> Tensor:
        """x: [..., C] -> [..., R], in autocast's format where that is on."""
        device = x.device.type
        autocast = torch.is_autocast_enabled(device)
        ctx.layer, ctx.given = layer, x.dtype
        ctx.product = torch.get_autocast_dtype(device) if autocast else x.dtype
        with torch.autocast(device, enabled=False):
            y = linear(x.to(ctx.product), layer.unpack(ctx.product))
            return y * layer.scales.to(y.dtype) if layer.scaled_after(ctx.product) else y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The input's gradient, [..., R] -> [..., C]."""
        layer, [gradient] = ctx.layer, gradients
        if layer.scaled_after(ctx.product):
            gradient = gradient * layer.scales.to(gradient.dtype)
        return (gradient @ layer.unpack(ctx.product)).to(ctx.given), None


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """weight [R, C] -> codes [R, C] int8 from -127 to 127, scales [R] float32."""
    scales = weight.abs().amax(dim=1) / 127  # [R]
    steps = scales.masked_fill(scales == 0, 1)  # a row of zeros stays one
    return (weight / steps[:, None]).round_().to(torch.int8), scales


def to_nf4(weight: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """weight [R, C] -> codes [R, G·g/2] uint8, two to a byte, and scales [R, G] bfloat16."""
    rows, columns = weight.shape
    padded = pad(weight, (0, -columns % group)).view(rows, -1, group)  # [R, G, g]
    scales = padded.abs().amax(dim=2).to(torch.bfloat16)  # [R, G]
    steps = scales.float().masked_fill(scales == 0, 1)
    levels = torch.tensor(normal_float_levels(), device=weight.device)
    borders = (levels[1:] + levels[:-1]) / 2  # halfway between neighbours: the nearest level wins
    codes = torch.bucketize(padded / steps[..., None], borders, out_int32=True)
    pairs = codes.to(torch.uint8).view(rows, -1, 2)  # [R, G·g/2, 2]
    return pairs[..., 0] * 16 + pairs[..., 1], scales


def from_nf4(codes: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """The reverse, padding included: [R, G·g] of `dtype`. A byte is looked up as its two levels."""
    levels = torch.tensor(normal_float_levels(), dtype=dtype, device=codes.device)
    table = torch.cartesian_prod(levels, levels)  # [256, 2]
    rows, groups = scales.shape
    values = embedding(codes.int(), table).view(rows, groups, -1)  # [R, G, g]
    return values.mul_(scales.to(dtype)[..., None]).view(rows, -1)


def quantize(
    model: nn.Module, bits: Bits, group: int = 64, skip: tuple[str, ...] = ("head",)
) -> None:
    """Replace every nn.Linear of `model`, in place, by a QuantizedLinear; the old weights are
    freed one layer at a time.

    skip: layers left as they are, by their last name. The head is one, since its weight is often
    the embedding's too. Adapters are added afterwards.
    Raises SettingsError for bits or groups that are none, CheckpointError for weights that are no
    finite numbers.
    """
    if bits not in (8, 4):
        raise SettingsError(f"bits is {bits}.", hint="It must be 8 or 4.", param="bits")
    if group < 2 or group % 2:
        raise SettingsError(
            f"group is {group}.", hint="It must be an even number above 0.", param="group"
        )
    replace_linears(
        model, lambda layer: QuantizedLinear(layer.weight, layer.bias, bits, group), skip
    )


def replace_linears(
    model: nn.Module, make: Callable[[nn.Linear], nn.Module], skip: tuple[str, ...]
) -> None:
    """Replace every nn.Linear of `model`, in place, by what `make` makes of it; the old weights are
    freed one layer at a time.

    skip: layers left as they are, by their last name. Raises CheckpointError for weights that are
    no finite numbers.
    """
    found = [
        (parent, name, child, f"{prefix}.{name}".lstrip("."))
        for prefix, parent in model.named_modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear and name not in skip
    ]
    while found:
        parent, name, child, where = found.pop()
        if not child.weight.isfinite().all():
            raise CheckpointError(
                f"{where}.weight holds numbers that are not finite.",
                hint="The model is damaged; fetch it again.",
                param=where,
            )
        setattr(parent, name, make(child))
