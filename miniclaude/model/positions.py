"""Where a token stands, three ways: sinusoidal, learned (an embedding, nothing to compute) and
rotary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from miniclaude.model.config import RotaryConfig


def sinusoidal(positions: Tensor, width: int) -> Tensor:
    """The fixed table of Vaswani et al. 2017, section 3.5: sines in even columns, cosines in odd.

    positions: [...] whole numbers. Returns [..., width], float32.
    """
    half = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions[..., None].float() * torch.exp(half * (-math.log(10_000.0) / width))
    table = torch.zeros(*positions.shape, width, device=positions.device)
    table[..., 0::2] = angles.sin()
    table[..., 1::2] = angles[..., : width // 2].cos()
    return table


def rotary_frequencies(rotary: RotaryConfig, head_dim: int, length: Tensor) -> Tensor:
    """Radians a position for each pair of a head's dimensions.

    length: [...] tokens in the sequence so far (only `dynamic` looks at it).
    Returns [..., head_dim / 2] for `dynamic`, else [head_dim / 2]; float32.
    Source: transformers' modeling_rope_utils, Llama 3.1 reference code.
    """
    exponents = torch.arange(0, head_dim, 2, device=length.device, dtype=torch.float32) / head_dim
    if rotary.kind == "dynamic":
        stretch = rotary.factor * length / rotary.original_context - (rotary.factor - 1)
        theta = rotary.theta * stretch.clamp(min=1.0) ** (head_dim / (head_dim - 2))
        return 1.0 / theta[..., None] ** exponents
    frequencies = 1.0 / rotary.theta**exponents
    if rotary.kind == "linear":
        return frequencies / rotary.factor
    if rotary.kind == "llama3":
        wavelength = 2 * math.pi / frequencies
        longest = rotary.original_context / rotary.low_freq_factor
        shortest = rotary.original_context / rotary.high_freq_factor
        span = rotary.high_freq_factor - rotary.low_freq_factor
        smooth = (rotary.original_context / wavelength - rotary.low_freq_factor) / span
        blended = (1 - smooth) * frequencies / rotary.factor + smooth * frequencies
        scaled = torch.where(wavelength > longest, frequencies / rotary.factor, blended)
        return torch.where(wavelength < shortest, frequencies, scaled)
    return frequencies


def rotary_table(
    rotary: RotaryConfig, head_dim: int, positions: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Cosines and sines for `rotate`. positions, lengths: [B, T]. Returns two [B, T, 1, head_dim],
    float32; the two halves of the last axis are equal."""
    angles = positions[..., None].float() * rotary_frequencies(rotary, head_dim, lengths)
    angles = torch.cat((angles, angles), dim=-1)[:, :, None, :]  # [B, T, 1, head_dim]
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + head_dim/2) of x by its angle. x: [B, T, heads, head_dim]."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
