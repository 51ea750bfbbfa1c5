"""Numbers in blocks: bit for bit what llama.cpp's own functions make of them."""

from __future__ import annotations

import hashlib
import re
import struct

import numpy as np
import pytest

from miniclaude.model.gguf_blocks import (
    BF16,
    F16,
    F32,
    Q4_0,
    Q6_K,
    Q8_0,
    BlockType,
    Floats,
    decode,
    encode,
)


def numbers() -> Floats:
    """[6, 64]: ordinary ones, a block of zeros, tiny and large ones, and halves between codes."""
    rows = np.random.default_rng(0).standard_normal((6, 64)).astype(np.float32)
    rows[1, :32] = 0
    rows[2] *= 1e-6
    rows[3] *= 1000
    rows[4] = np.arange(64) - 31.5
    rows[4, 0] = rows[4, 32] = 127
    rows[5] = -np.abs(rows[5])
    return rows


def one_by_one(kind: BlockType, stored: bytes) -> list[float]:
    """A block's numbers by the definition of its type, one at a time."""
    if kind is Q8_0:
        (scale,) = struct.unpack("<e", stored[:2])
        return [scale * code for code in struct.unpack("<32b", stored[2:])]
    if kind is Q4_0:
        (scale,) = struct.unpack("<e", stored[:2])
        codes = [stored[2 + j % 16] >> (4 * (j // 16)) & 15 for j in range(32)]
        return [scale * (code - 8) for code in codes]
    low, high, scales = stored[:128], stored[128:192], struct.unpack("<16b", stored[192:208])
    (scale,) = struct.unpack("<e", stored[208:])
    values = []
    for n in range(256):
        half, place = divmod(n, 128)
        four = low[64 * half + place % 64] >> (4 * (place // 64)) & 15
        two = high[32 * half + place % 32] >> (2 * (place // 32)) & 3
        values.append(float(np.float32(scale) * scales[n // 16]) * ((four | two << 4) - 32))
    return values


@pytest.mark.parametrize("kind", [Q8_0, Q4_0, Q6_K], ids=lambda kind: kind.name)
def test_decoding_is_the_definition(kind: BlockType) -> None:
    stored = np.random.default_rng(1).integers(0, 256, (3, 2 * kind.bytes), dtype=np.uint8)
    place = 208 if kind is Q6_K else 0
    for block in (0, kind.bytes):  # a scale that is a number
        stored[:, block + place : block + place + 2] = np.frombuffer(struct.pack("<e", 0.37), "u1")
    found = decode(kind, stored)
    for row in range(3):
        data = stored[row].tobytes()
        expected = one_by_one(kind, data[: kind.bytes]) + one_by_one(kind, data[kind.bytes :])
        np.testing.assert_allclose(found[row], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "sha256"),
    [
        (Q8_0, "2adb9ff54dfcb2a206ece099b97a1d28c5a518aaa63cd614ea4740179f572ef5"),
        (Q4_0, "366626a2ee42c2d54bd652be3f9e993d7aa0e8dc42354e86aa722a9c28bc5911"),
        (BF16, "1568d35fc41bdd2d47ab00ead401bed77f328b4de479f533a60063ad0b4f4236"),
    ],
    ids=lambda value: value.name if isinstance(value, BlockType) else "",
)
def test_encoding_is_that_of_the_gguf_package(kind: BlockType, sha256: str) -> None:
    """The hash is of what `gguf` 0.19's `quants.quantize` gives. `make clients` compares whole
    models with the package itself."""
    assert hashlib.sha256(encode(kind, numbers()).tobytes()).hexdigest() == sha256


@pytest.mark.parametrize("kind", [Q8_0, Q4_0, F16, BF16, F32], ids=lambda kind: kind.name)
def test_what_was_decoded_is_encoded_as_it_was(kind: BlockType) -> None:
    """A file that goes in and out again must not lose a little more each time. (A Q4_0 block with
    neither end of its range taken may choose another scale for the same numbers.)"""
    stored = encode(kind, numbers())
    again = encode(kind, decode(kind, stored))
    tolerance = 1e-3 if kind in (Q8_0, Q4_0) else 0
    np.testing.assert_allclose(decode(kind, again), decode(kind, stored), rtol=tolerance)


@pytest.mark.parametrize(("kind", "steps"), [(Q8_0, 127), (Q4_0, 8)], ids=["Q8_0", "Q4_0"])
def test_no_number_is_off_by_more_than_a_step(kind: BlockType, steps: int) -> None:
    rows = numbers()
    off = np.abs(decode(kind, encode(kind, rows)) - rows).reshape(-1, 32)
    most = np.abs(rows.reshape(-1, 32)).max(axis=1, keepdims=True)
    # A scale is a float16, the smallest of which is 2 ** -24.
    assert (off <= 1.01 * most / steps + steps * 2.0**-24).all()


@pytest.mark.parametrize("kind", [F16, Q8_0, Q4_0, F32, BF16], ids=lambda kind: kind.name)
@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e38])
def test_what_a_type_cannot_hold_is_refused(kind: BlockType, bad: float) -> None:
    """An infinite weight in the file would make every answer nonsense without a word."""
    if bad == 1e38 and kind in (F32, BF16):
        return
    rows = numbers()
    rows[2, 3] = bad
    with pytest.raises(ValueError, match=re.escape(f"{bad:g}")):
        encode(kind, rows)


def test_a_scale_that_is_not_finite_is_no_warning() -> None:
    """A hostile file's infinite scale is the importer's to refuse, in its own words alone."""
    stored = np.zeros((1, 34), np.uint8)
    stored[0, :2] = np.frombuffer(np.float16(np.inf).tobytes(), np.uint8)
    assert not np.isfinite(decode(Q8_0, stored)).any()
