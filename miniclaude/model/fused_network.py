"""A packed model as compiled code reads it, and the room that it computes in.

Letters in shapes: T tokens, T8 rounded up to eights, L layers, W width, D head_dim.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miniclaude.model.elementwise import Floats
from miniclaude.model.rounding import Rounded

Addresses = NDArray[np.int64]

PRODUCTS = ("attention.qkv", "attention.out", "mlp.up", "mlp.down")
"""A block's layers with packed weights, in the order of their use."""


class Network(NamedTuple):
    """A model as the phases read it.

    codes, scales: [L, 4] addresses of packed weights. norms: [L, 2, 2, W], of attention and MLP,
    weight and bias. head_norms: [L, 2, D], of queries and keys, used if `qk_norm`. biases: zeros
    where the model has none. windows: [L], a huge number where a layer sees everything.
    """

    bits: int
    offset: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_width: int
    gated: bool
    activation: int
    centred: bool
    qk_norm: bool
    eps: float
    scale: float
    codes: Addresses
    scales: Addresses
    norms: Floats
    head_norms: Floats
    qkv_bias: Floats
    out_bias: Floats
    up_bias: Floats
    down_bias: Floats
    windows: NDArray[np.int64]
    last_norm: Floats


class Room(NamedTuple):
    """What lies between the phases.

    x: [T8, W] the residual stream. rounded: what the next product reads. qkv: [T8, ≥ rows].
    mixed: [T8, H·D]. y: [T8, ≥ W] what is to be added to the stream. up: [T8, ≥ rows of up].
    scores: [threads, rows of a tile, most positions]. tiles: [threads, ≥ 16 and twice as many rows,
    D]. cos, sin: [T, D], empty where there is no rotation.
    """

    x: Floats
    rounded: Rounded
    qkv: Floats
    mixed: Floats
    y: Floats
    up: Floats
    scores: Floats
    tiles: Floats
    cos: Floats
    sin: Floats
