"""Linear layers that multiply 8-bit floats (E4M3), for GPUs whose tensor cores do.

Half of bfloat16's bytes to read when one token is written, and by their makers' figures twice the
products a second when a prompt is read; neither was measured here. Each row of the weights has a
scale, and so has each row of what comes in: the largest number of a row becomes the largest that
the format has (Micikevicius et al. 2022, "FP8 Formats for Deep Learning"). Weights are rounded
once, what comes in anew in each call.

Errors to expect, tested: a number is off by at most 1/16 of itself, or by 2⁻¹⁰ of 1/448 of its
row's largest; for normally distributed weights, a layer's output by 4 %.

Letters in shapes: N rows of all of a batch, C input columns, R output rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import ScalingType, linear, scaled_mm

from miniclaude.errors import SettingsError
from miniclaude.model.quantize import replace_linears

FLOAT8 = torch.float8_e4m3fn
MOST, SMALLEST = 448.0, 1e-30
"""The format's largest number; the least scale, for rows of zeros."""
MULTIPLE = 16
"""What rows and columns must be a multiple of for the product; other layers keep their format."""


class Float8Linear(nn.Module):
    """A linear layer for answering, x Wᵀ + bias, in 8-bit floats. It has no parameters."""

    codes: Tensor
    scales: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight: [R, C], finite, R and C multiples of 16. bias: [R]."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        codes, scales = to_float8(weight.detach())
        self.register_buffer("codes", codes)  # [R, C]
        self.register_buffer("scales", scales.view(1, -1))  # [1, R]
        self.register_buffer("bias", None if bias is None else bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., C] -> [..., R], in x's number format."""
        codes, scales = to_float8(x.reshape(-1, self.in_features))  # [N, C], [N, 1]
        y = scaled_mm(
            codes,
            self.codes.t(),  # [C, R], by columns, as the product wants it
            scales,
            ScalingType.RowWise,
            self.scales,
            ScalingType.RowWise,
            output_dtype=torch.bfloat16,
        ).to(x.dtype)
        y = y if self.bias is None else y + self.bias.to(y.dtype)
        return y.view(*x.shape[:-1], self.out_features)

    def reference(self, x: Tensor) -> Tensor:
        """`forward`, written out: both sides as numbers again, then a plain linear layer."""
        codes, scales = to_float8(x.reshape(-1, self.in_features))
        rows = codes.float() * scales  # [N, C]
        weight = self.codes.float() * self.scales.view(-1, 1)  # [R, C]
        bias = None if self.bias is None else self.bias.float()
        return linear(rows, weight, bias).to(x.dtype).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """What print(model) says."""
        return f"{self.in_features}, {self.out_features}, float8"


def to_float8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """rows [N, C] -> codes [N, C] in E4M3, scales [N, 1] float32."""
    largest = rows.abs().amax(dim=1, keepdim=True).float()  # [N, 1]
    scales = (largest / MOST).clamp_min(SMALLEST)
    return (rows / scales).clamp(-MOST, MOST).to(FLOAT8).contiguous(), scales


def check_float8(device: torch.device) -> None:
    """Raise SettingsError where the device has no product of 8-bit floats."""
    try:
        one = torch.ones(MULTIPLE, MULTIPLE, device=device)
        Float8Linear(one, None)(one)
    except (RuntimeError, TypeError, ValueError) as error:
        raise SettingsError(
            f"dtype: {device} cannot multiply 8-bit floats.",
            hint="They need an NVIDIA GPU of the generation Ada or Hopper, or later; use bfloat16.",
            param="dtype",
        ) from error


def convert(model: nn.Module, skip: tuple[str, ...] = ("head",)) -> None:
    """Replace the linear layers of `model`, in place, by ones in 8-bit floats; the old weights are
    freed one layer at a time.

    skip: layers left as they are, by their last name; so are those whose sizes do not fit, and
    stacks of experts. Raises CheckpointError for weights that are no finite numbers.
    """

    def converted(layer: nn.Linear) -> nn.Module:
        fits = layer.in_features % MULTIPLE == layer.out_features % MULTIPLE == 0
        return Float8Linear(layer.weight, layer.bias) if fits else layer

    replace_linears(model, converted, skip)
