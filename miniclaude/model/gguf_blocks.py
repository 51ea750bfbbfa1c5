"""How GGUF stores numbers: plain floats, and blocks of 32 that share a scale.

    Q8_0   scale d (float16), then 32 codes q (int8);            x = d·q
    Q4_0   scale d (float16), then 32 codes q of 4 bits (0..15); x = d·(q − 8)

Byte j of a Q4_0 block holds code j in its low half and code j + 16 in its high half. The scale of a
Q8_0 block is its largest magnitude over 127; that of a Q4_0 block its number of largest magnitude
over −8, sign and all. Bit for bit what ggml's reference functions give.

Q6_K is read and not written: llama.cpp's own Q4_0 files keep their output head in it. 256 numbers
share a float16, each 16 of them an int8 scale besides, and codes have 6 bits, of which 4 and 2 lie
apart.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

BLOCK = 32
"""Numbers that share a scale."""


@dataclass(frozen=True, slots=True)
class BlockType:
    """One way to store numbers.

    number: in tensor entries. file_type: in `general.file_type`. block: numbers that are stored
    together, of which a row is a multiple. bytes: of a block.
    encode: float32 [blocks, block] → uint8 [blocks, bytes]; None where it is only read. decode: the
    reverse.
    """

    name: str
    number: int
    file_type: int
    block: int
    bytes: int
    encode: Callable[[Floats], Bytes] | None
    decode: Callable[[Bytes], Floats]

    def size(self, numbers: int) -> int:
        """Bytes of that many numbers, a multiple of the block."""
        return numbers // self.block * self.bytes


MOST = {"F32": 3.4028234e38, "BF16": 3.3895e38, "F16": 65504.0}
MOST |= {"Q8_0": 127 * MOST["F16"], "Q4_0": 8 * MOST["F16"]}
"""The largest number that each type can hold."""


def encode(kind: BlockType, rows: Floats) -> Bytes:
    """float32 [rows, columns] → uint8 [rows, bytes of a row].

    Raises ValueError, with the number at fault, for what the type cannot hold: infinity, NaN, and
    what is beyond float16 where that is what numbers or scales are stored in.
    """
    assert kind.encode is not None  # noqa: S101  # for the type checker
    count, columns = rows.shape
    blocks = np.ascontiguousarray(rows, np.float32).reshape(-1, kind.block)
    largest = np.abs(blocks).max(initial=0)
    if not largest <= MOST[kind.name]:  # NaN neither
        raise ValueError(f"{largest:g}")
    return kind.encode(blocks).reshape(count, kind.size(columns))


def decode(kind: BlockType, rows: Bytes) -> Floats:
    """uint8 [rows, bytes of a row] → float32 [rows, columns]; not finite where the scale is not."""
    with np.errstate(invalid="ignore"):  # infinity times zero
        numbers = kind.decode(np.ascontiguousarray(rows).reshape(-1, kind.bytes))
    return numbers.reshape(rows.shape[0], -1)


def _encode_f32(blocks: Floats) -> Bytes:
    return blocks.astype("<f4").view(np.uint8)


def _decode_f32(stored: Bytes) -> Floats:
    return stored.view("<f4").astype(np.float32)


def _encode_f16(blocks: Floats) -> Bytes:
    return blocks.astype("<f2").view(np.uint8)


def _decode_f16(stored: Bytes) -> Floats:
    return stored.view("<f2").astype(np.float32)


def _encode_bf16(blocks: Floats) -> Bytes:
    """The upper half of a float32, rounded to the nearest, ties to even."""
    bits = blocks.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").view(np.uint8)


def _decode_bf16(stored: Bytes) -> Floats:
    return (stored.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _inverse(scale: Floats) -> Floats:
    """1 / scale; 0 where it is 0, for then all numbers are."""
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)


def _encode_q8_0(blocks: Floats) -> Bytes:
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)  # [blocks, 1]
    scaled = blocks * _inverse(scale)
    whole = np.trunc(scaled)
    codes = whole + np.trunc(2 * (scaled - whole))  # to the nearest, ties away from zero
    return np.hstack([scale.astype("<f2").view(np.uint8), codes.astype(np.int8).view(np.uint8)])


def _decode_q8_0(stored: Bytes) -> Floats:
    scale = stored[:, :2].copy().view("<f2").astype(np.float32)  # [blocks, 1]
    return scale * stored[:, 2:].view(np.int8).astype(np.float32)


def _encode_q4_0(blocks: Floats) -> Bytes:
    place = np.abs(blocks).argmax(axis=1, keepdims=True)
    scale = np.take_along_axis(blocks, place, axis=1) / np.float32(-8)  # [blocks, 1]
    shifted = np.trunc(blocks * _inverse(scale) + np.float32(8.5))
    codes = np.minimum(shifted, 15).astype(np.uint8)
    halves = codes[:, : BLOCK // 2] | (codes[:, BLOCK // 2 :] << 4)
    return np.hstack([scale.astype("<f2").view(np.uint8), halves])


def _decode_q4_0(stored: Bytes) -> Floats:
    scale = stored[:, :2].copy().view("<f2").astype(np.float32)  # [blocks, 1]
    codes = np.hstack([stored[:, 2:] & 0x0F, stored[:, 2:] >> 4])
    return scale * (codes.astype(np.float32) - 8)


def _decode_q6_k(stored: Bytes) -> Floats:
    low, high, scales, common = np.split(stored, [128, 192, 208], axis=1)
    low = low.reshape(-1, 2, 64)  # 4 bits of 128 numbers: first all low halves, then all high ones
    fours = np.concatenate([low & 0x0F, low >> 4], axis=2)  # [blocks, 2, 128]
    shifts = np.array([0, 2, 4, 6], np.uint8)[:, None]
    twos = (high.reshape(-1, 2, 1, 32) >> shifts) & 3  # [blocks, 2, 4, 32]
    codes = (fours | twos.reshape(-1, 2, 128) << 4).astype(np.float32) - 32
    scale = common.copy().view("<f2").astype(np.float32) * scales.view(np.int8).astype(np.float32)
    numbers: Floats = scale[:, :, None] * codes.reshape(-1, 16, 16)
    return numbers.reshape(-1, 256)


F32 = BlockType("F32", 0, 0, 1, 4, _encode_f32, _decode_f32)
F16 = BlockType("F16", 1, 1, 1, 2, _encode_f16, _decode_f16)
Q4_0 = BlockType("Q4_0", 2, 2, BLOCK, 2 + BLOCK // 2, _encode_q4_0, _decode_q4_0)
Q8_0 = BlockType("Q8_0", 8, 7, BLOCK, 2 + BLOCK, _encode_q8_0, _decode_q8_0)
Q6_K = BlockType("Q6_K", 14, 18, 256, 210, None, _decode_q6_k)
BF16 = BlockType("BF16", 30, 32, 1, 2, _encode_bf16, _decode_bf16)

TYPES = {kind.number: kind for kind in (F32, F16, Q4_0, Q8_0, Q6_K, BF16)}

OTHERS = {
    3: "Q4_1",
    6: "Q5_0",
    7: "Q5_1",
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    12: "Q4_K",
    13: "Q5_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
}
"""Types there are and we do not read, by name, so that a refusal can say which."""
