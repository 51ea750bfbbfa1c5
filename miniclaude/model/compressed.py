"""Weights in the compressed-tensors format, read as the floats that they stand for, and written.

A rounded matrix is two or three tensors of a file: whole numbers or 8-bit floats, `weight_scale`,
and where the numbers are packed `weight_shape`. `gathered` makes one of them that reads like any
other, a few rows at a time, so that what loads, packs, merges and exports need not know.

Format: https://github.com/vllm-project/compressed-tensors
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from miniclaude.errors import CheckpointError
from miniclaude.model.compression import BESIDE, Compression
from miniclaude.model.shards import DTYPES, FETCH_AGAIN, StoredTensor

WEIGHT, PACKED, SCALE, SHAPE = "weight", "weight_packed", "weight_scale", "weight_shape"
CHUNK = 4 << 20
"""Numbers that are unpacked at once."""
WORD = 32
"""Bits of the whole numbers that several are packed into."""
MOST, OFFSET, SMALLEST = 127, 128, 1e-30
"""In 8 bits: the largest whole number, what is added before packing, and the least scale."""


@dataclass(frozen=True, slots=True)
class CompressedTensor(StoredTensor):
    """A matrix [R, C] whose numbers are rounded; `dtype` is that of its scales.

    codes: [R, C], or [R, words of 32 bits] where they are packed. scales: one, [R] or [R, 1], or
    [R, C / columns of a group]. `start` is that of the codes, `bytes` what both take.
    """

    codes: StoredTensor
    scales: StoredTensor
    kind: Compression

    @property
    def exact(self) -> torch.dtype:
        """Numbers times scales are more than their scales' format holds."""
        return torch.float32

    def read_into(self, target: Tensor) -> None:
        """Fill `target` [R, C]. Raises CheckpointError when a file ends early."""
        for first, last in self.steps():
            target[first:last].copy_(self.read_rows(first, last))

    def steps(self) -> Iterator[tuple[int, int]]:
        """The rows that are unpacked at once: the first, and the one behind the last."""
        rows, columns = self.shape
        step = max(1, CHUNK // columns)
        return ((first, min(rows, first + step)) for first in range(0, rows, step))

    def read_rows(self, first: int, last: int) -> Tensor:
        """Rows `first` to `last - 1`, [rows, C], in float32."""
        scales = self.read_scales(first, last).float()
        numbers = self.read_numbers(first, last).float()
        groups = numbers.view(last - first, scales.shape[1], -1)  # [rows, G, C / G]
        return (groups * scales[:, :, None]).view(last - first, -1)  # [rows, C]

    def read_numbers(self, first: int, last: int) -> Tensor:
        """The rounded numbers of some rows, [rows, C], before they are scaled."""
        stored = {"I8": torch.int8, "F8_E4M3": torch.float8_e4m3fn, "I32": torch.int32}
        rows = torch.empty(last - first, self.codes.shape[1], dtype=stored[self.codes.dtype])
        self.codes.fill(rows, self.codes.start + first * (self.codes.bytes // self.shape[0]))
        if not self.kind.is_packed:
            return rows
        held = rows.view(torch.uint8)  # [rows, bytes]; the lowest bits come first
        if self.kind.bits == 4:
            held = torch.stack((held & 15, held >> 4), dim=-1).flatten(1)  # [rows, 2 * bytes]
        return held[:, : self.shape[1]].to(torch.int16) - (1 << (self.kind.bits - 1))

    def read_scales(self, first: int, last: int) -> Tensor:
        """The scales of some rows, [rows, G]; G is 1 where columns share them."""
        if math.prod(self.scales.shape) == 1:
            one = torch.empty(1, 1, dtype=self.scales.number_format())
            self.scales.fill(one, self.scales.start)
            return one.expand(last - first, 1)
        return self.scales.read_rows(first, last).view(last - first, -1)

    def same_bytes(self, other: StoredTensor) -> bool:
        """Whether two matrices of equal size stand for the same numbers."""
        return all(torch.equal(self.read_rows(*at), other.read_rows(*at)) for at in self.steps())


def gathered(
    folder: Path, stored: dict[str, StoredTensor], kind: Compression
) -> dict[str, StoredTensor]:
    """The tensors of a folder with each rounded matrix as one, by the name it had before.

    Raises CheckpointError for a matrix whose parts are missing or do not belong together.
    """
    codes = PACKED if kind.is_packed else WEIGHT
    result = {name: tensor for name, tensor in stored.items() if not BESIDE.fullmatch(name)}
    for name, tensor in stored.items():
        module, _, part = name.rpartition(".")
        if part == codes and f"{module}.{SCALE}" in stored:
            for own in (codes, SCALE, SHAPE):
                result.pop(f"{module}.{own}", None)
            result[f"{module}.{WEIGHT}"] = compressed(
                folder, f"{module}.{WEIGHT}", tensor, stored, kind
            )
    return result


def compressed(
    folder: Path, name: str, codes: StoredTensor, stored: dict[str, StoredTensor], kind: Compression
) -> CompressedTensor:
    """One matrix of its parts. Raises CheckpointError."""
    module = name.removesuffix(f".{WEIGHT}")
    scales = stored[f"{module}.{SCALE}"]
    wanted = "I32" if kind.is_packed else "I8" if kind.numbers == "int" else "F8_E4M3"
    if codes.dtype != wanted or len(codes.shape) != 2 or scales.dtype not in DTYPES:
        raise CheckpointError(
            f"{codes.file}: {codes.name!r:.80} is {codes.dtype} {list(codes.shape)} with scales in"
            f" {scales.dtype}, where config.json asks for a matrix of {wanted} with floats.",
            hint=FETCH_AGAIN,
        )
    shape = codes.shape
    if kind.is_packed:
        shape = read_shape(folder, f"{module}.{SHAPE}", stored)
        words = math.ceil(shape[1] * kind.bits / WORD)
        if codes.shape != (shape[0], words):
            raise mismatch(codes, shape)
    rows, columns = shape
    if rows < 1 or columns < 1:
        raise mismatch(codes, shape)
    grouped = len(scales.shape) == 2 and scales.shape[1] and columns % scales.shape[1] == 0
    if scales.shape not in ((), (1,), (1, 1), (rows,)) and not (
        grouped and scales.shape[0] == rows
    ):
        raise mismatch(scales, shape)
    return CompressedTensor(
        codes.file,
        name,
        scales.dtype,
        shape,
        codes.start,
        codes.bytes + scales.bytes,
        codes,
        scales,
        kind,
    )


def read_shape(folder: Path, name: str, stored: dict[str, StoredTensor]) -> tuple[int, int]:
    """The sizes of a packed matrix, which the file holds as a tensor. Raises CheckpointError."""
    at = stored.get(name)
    if at is None or at.dtype != "I64" or at.shape != (2,):
        raise CheckpointError(
            f"{folder}: {name!r:.80} is missing, or not two whole numbers.", hint=FETCH_AGAIN
        )
    sizes = torch.empty(2, dtype=torch.int64)
    at.fill(sizes, at.start)
    rows, columns = (int(size) for size in sizes.tolist())
    return rows, columns


def mismatch(part: StoredTensor, shape: tuple[int, ...]) -> CheckpointError:
    """The refusal of parts whose sizes contradict one another."""
    return CheckpointError(
        f"{part.file}: {part.name!r:.80} has shape {list(part.shape)}, which does not fit a matrix"
        f" of {list(shape)}.",
        hint=FETCH_AGAIN,
    )


def compress(weight: Tensor) -> dict[str, Tensor]:
    """The parts of a matrix [R, C] in 8 bits, C a multiple of 4, by the names they have after the
    layer's: packed whole numbers, and for each row the scale that its largest number asks for."""
    largest = weight.float().abs().amax(dim=1, keepdim=True)  # [R, 1]
    scales = (largest / MOST).clamp_min(SMALLEST).to(torch.bfloat16)
    codes = (weight.float() / scales.float()).round().clamp(-MOST, MOST)  # [R, C]
    held = (codes.to(torch.int16) + OFFSET).to(torch.uint8)
    return {
        PACKED: held.view(torch.int32),  # [R, C / 4]
        SCALE: scales,
        SHAPE: torch.tensor(weight.shape, dtype=torch.int64),
    }
