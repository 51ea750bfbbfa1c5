"""Safetensors files, read and written a tensor at a time.

A file is eight bytes (the header's length, little-endian), a JSON header that gives each tensor's
dtype, shape and place, and the tensors' bytes end to end. Reading goes straight into memory the
caller owns, so a model never exists twice; every number in the header is checked against the file
before it is believed.

Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from miniclaude.errors import CheckpointError

MAX_HEADER_BYTES = 32 << 20

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
DTYPE_NAMES |= {torch.uint8: "U8", torch.int32: "I32", torch.int64: "I64"}

BITS = {"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64}
BITS |= {"I64": 64, "F8_E4M3": 8, "F8_E5M2": 8, "F16": 16, "BF16": 16, "F32": 32, "F64": 64}

FETCH_AGAIN = "Fetch the model folder again; the file is incomplete or corrupt."


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where one tensor lies. start: byte offset from the beginning of the file."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    bytes: int

    def read_into(self, target: Tensor) -> None:
        """Fill `target`, which has this tensor's shape, converting its dtype where they differ.

        Straight into the target's memory when it is contiguous, on the CPU and of the same dtype;
        through a buffer of this one tensor's size otherwise. Raises CheckpointError when the file
        ends early or holds a dtype that is not floating point.
        """
        dtype = self.number_format()
        direct = target.dtype == dtype and target.device.type == "cpu" and target.is_contiguous()
        buffer = target if direct else torch.empty(self.shape, dtype=dtype)
        self.fill(buffer, self.start)
        if not direct:
            target.copy_(buffer)

    def read_rows(self, first: int, last: int) -> Tensor:
        """Rows `first` to `last - 1`, in the dtype they are stored in. Raises as `read_into`."""
        rows = torch.empty(last - first, *self.shape[1:], dtype=self.number_format())
        self.fill(rows, self.start + first * (self.bytes // self.shape[0]))
        return rows

    @property
    def exact(self) -> torch.dtype:
        """What holds its numbers as they are; float32 where they are no floats."""
        return DTYPES.get(self.dtype, torch.float32)

    def number_format(self) -> torch.dtype:
        """The dtype, if it is a floating-point one. Raises CheckpointError for another."""
        if self.dtype not in DTYPES:
            raise CheckpointError(
                f"{self.file}: tensor {self.name!r:.80} is stored as {self.dtype}.",
                hint=f"Weights must be one of {', '.join(DTYPES)}; quantised checkpoints are not"
                " read, so choose the original one.",
            )
        return DTYPES[self.dtype]

    def fill(self, buffer: Tensor, start: int) -> None:
        """Fill a contiguous tensor with the file's bytes from `start` on."""
        with self.file.open("rb") as file:
            file.seek(start)
            if file.readinto(byte_view(buffer)) != buffer.nbytes:
                raise CheckpointError(
                    f"{self.file} ends inside tensor {self.name!r:.80}.", hint=FETCH_AGAIN
                )

    def same_bytes(self, other: StoredTensor) -> bool:
        """Whether two tensors of equal size are equal bit for bit."""
        chunk = 1 << 20
        with self.file.open("rb") as ours, other.file.open("rb") as theirs:
            ours.seek(self.start)
            theirs.seek(other.start)
            for left in range(self.bytes, 0, -chunk):
                size = min(left, chunk)
                if ours.read(size) != theirs.read(size):
                    return False
        return True


def byte_view(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous CPU tensor, without a copy."""
    return tensor.detach().flatten().view(torch.uint8).numpy().data


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors in one file by name. Raises CheckpointError naming the file when it is missing,
    truncated, or its header contradicts itself or the file's size."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
                raise CheckpointError(
                    f"{path} is not a whole safetensors file: its header claims {length:,} bytes,"
                    f" the file has {size:,}.",
                    hint=FETCH_AGAIN,
                )
            header = json.loads(file.read(length))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}.", hint="Fetch the model folder again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: the header is not valid JSON: {error}.", hint=FETCH_AGAIN
        ) from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: the header is not a JSON object.", hint=FETCH_AGAIN)
    header.pop("__metadata__", None)
    tensors = {name: parse_entry(path, name, header[name], 8 + length) for name in header}
    end = 8 + length
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.bytes)):
        if tensor.start != end:
            raise CheckpointError(
                f"{path}: tensor {tensor.name!r:.80} overlaps another or leaves a hole.",
                hint=FETCH_AGAIN,
            )
        end += tensor.bytes
    if end != size:
        raise CheckpointError(
            f"{path} has {size:,} bytes where its header describes {end:,}.", hint=FETCH_AGAIN
        )
    return tensors


def parse_entry(path: Path, name: str, entry: object, data_start: int) -> StoredTensor:
    """One entry of the header. data_start: where in the file the tensors' bytes begin."""

    def whole_numbers(value: object) -> list[int]:
        if not isinstance(value, list) or not all(type(n) is int and n >= 0 for n in value):
            raise malformed
        return value

    malformed = CheckpointError(
        f"{path}: the header's entry for {name!r:.80} is malformed.", hint=FETCH_AGAIN
    )
    if not isinstance(entry, dict) or entry.get("dtype") not in BITS:
        raise malformed
    shape = whole_numbers(entry.get("shape"))
    offsets = whole_numbers(entry.get("data_offsets"))
    if len(offsets) != 2 or len(shape) > 8:
        raise malformed
    begin, end = offsets
    if (end - begin) * 8 != math.prod(shape) * BITS[entry["dtype"]]:
        raise malformed
    return StoredTensor(path, name, entry["dtype"], tuple(shape), data_start + begin, end - begin)


def write_shard(path: Path, tensors: Iterable[tuple[str, Tensor]], header: bytes) -> None:
    """Write a file whose header is `make_header` of the same tensors, in the same order."""
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for _, tensor in tensors:
            write_tensor(file, tensor)


def write_tensor(file: BinaryIO, tensor: Tensor) -> None:
    """Append a tensor's bytes in C order."""
    file.write(byte_view(tensor.detach().to("cpu").contiguous()))


def make_header(
    tensors: Iterable[tuple[str, torch.dtype, tuple[int, ...]]], align: int = 8
) -> bytes:
    """The JSON header of tensors (name, dtype, shape) laid end to end, padded so that the first
    one's place in the file is a multiple of `align` bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, dtype, shape in tensors:
        end = offset + math.prod(shape) * dtype.itemsize
        header[name] = {
            "dtype": DTYPE_NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-(8 + len(text)) % align)
