"""GGUF: a model in one file, as llama.cpp reads it. The container alone, not what its keys mean.

    "GGUF" · version · number of tensors · number of keys
    keys      name, type, value: numbers, strings, arrays of one of the two
    tensors   name, axes, length of each (the innermost first), type, place in the data
    data      each tensor at a multiple of the alignment

All numbers are little-endian; a string is its length and its UTF-8. Every count and place is
checked against the file before memory is taken for it, so a hostile file costs a message.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from miniclaude.errors import CheckpointError
from miniclaude.model import gguf_blocks
from miniclaude.model.gguf_blocks import OTHERS, TYPES, BlockType, Floats

Value = bool | int | float | str | list[str] | NDArray[Any]
"""What a key may hold. Arrays of numbers are NumPy's; floats are written as float32."""

MAGIC, VERSIONS = b"GGUF", (2, 3)
ALIGNMENT = 32

MAX_HEADER_BYTES = 64 << 20
"""All that comes before the data; the largest vocabularies in use take 16 MB."""
MAX_KEYS = 1 << 12
MAX_TENSORS = 1 << 16
MAX_ELEMENTS = 1 << 21
"""Of an array; twice the largest vocabulary known has 525,000 merges."""
MAX_NAME = 256
MAX_ALIGNMENT = 1 << 16
MAX_AXES = 4

NUMBERS = {0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?"}
NUMBERS |= {10: "<u8", 11: "<i8", 12: "<f8"}
UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9

FETCH_AGAIN = "Fetch the file again; it is incomplete, corrupt or no GGUF file."


@dataclass(frozen=True, slots=True)
class GGUFTensor:
    """Where a tensor lies. shape: the innermost axis last, as NumPy has it. start: byte offset from
    the beginning of the file."""

    file: Path
    name: str
    kind: BlockType
    shape: tuple[int, ...]
    start: int

    @property
    def bytes(self) -> int:
        """Of the whole tensor."""
        return self.kind.size(math.prod(self.shape))

    def read_rows(self, first: int, last: int) -> Floats:
        """Rows `first` up to `last` as float32 [rows, columns], all axes but the innermost being
        taken as one. Raises CheckpointError when the file ends early."""
        row = self.kind.size(self.shape[-1])
        with self.file.open("rb") as file:
            file.seek(self.start + first * row)
            data = file.read((last - first) * row)
        if len(data) != (last - first) * row:
            raise CheckpointError(
                f"{self.file} ends inside tensor {self.name!r:.80}.", hint=FETCH_AGAIN
            )
        stored = np.frombuffer(data, np.uint8).reshape(last - first, row)
        return gguf_blocks.decode(self.kind, stored)


@dataclass(frozen=True, slots=True)
class GGUFFile:
    """What a file says before its data."""

    path: Path
    metadata: dict[str, Value]
    tensors: dict[str, GGUFTensor]


def read_gguf(path: Path) -> GGUFFile:
    """Read and check everything but the data.

    Raises CheckpointError saying what is wrong and at which byte: no GGUF file, truncated, counts
    or places beyond the file, tensors of a type that is not read here.
    """
    try:
        with path.open("rb") as file:
            return _read(_Header(path, file))
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror}.", hint="Check the path and its permissions."
        ) from error


class _Header:
    """Reads forward through a header, never past the file's end or the most we believe."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file_size = os.fstat(file.fileno()).st_size
        self.place = 0
        self._file = file

    def wrong(self, problem: str) -> CheckpointError:
        """The error for what was found here."""
        return CheckpointError(f"{self.path}, byte {self.place:,}: {problem}.", hint=FETCH_AGAIN)

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes."""
        if count > self.file_size - self.place:
            left = self.file_size - self.place
            raise self.wrong(f"{what} has {count:,} bytes where the file has {left:,} left")
        if count > MAX_HEADER_BYTES - self.place:
            raise self.wrong(f"the header is longer than {MAX_HEADER_BYTES:,} bytes")
        data = self._file.read(count)
        if len(data) != count:
            raise self.wrong(f"the file ends inside {what}")
        self.place += count
        return data

    def number(self, size: int, what: str) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size, what), "little")

    def count(self, size: int, most: int, what: str) -> int:
        """The same, where it may not exceed `most`."""
        value = self.number(size, what)
        if value > most:
            raise self.wrong(f"{what} is {value:,}; at most {most:,} are read")
        return value

    def text(self, what: str, most: int = MAX_HEADER_BYTES) -> str:
        """A string."""
        length = self.count(8, most, f"the length of {what}")
        try:
            return self.take(length, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.wrong(f"{what} is not UTF-8") from error

    def value(self, kind: int, what: str) -> Value:
        """A value of the type that number stands for."""
        if kind == STRING:
            return self.text(what)
        if kind == ARRAY:
            element = self.number(4, f"the type of {what}")
            count = self.count(8, MAX_ELEMENTS, f"the length of {what}")
            if element == STRING:
                return [self.text(f"an entry of {what}") for _ in range(count)]
            return self._array(element, count, what)
        value = self._array(kind, 1, what)[0]
        if not np.isfinite(value):
            raise self.wrong(f"{what} is {value}, which is not finite")
        if kind == FLOAT32:
            return float(str(value))  # the shortest decimal: 1e-05, not 9.99999974737875e-06
        number: bool | int | float = value.item()
        return number

    def _array(self, kind: int, count: int, what: str) -> NDArray[Any]:
        if kind not in NUMBERS:
            raise self.wrong(f"{what} has the value type {kind}, which there is not")
        dtype = np.dtype(NUMBERS[kind])
        return np.frombuffer(self.take(count * dtype.itemsize, what), dtype)


def _read(header: _Header) -> GGUFFile:
    if header.file_size < 4 or header.take(4, "the magic") != MAGIC:
        raise CheckpointError(f"{header.path} is not a GGUF file.", hint=FETCH_AGAIN)
    version = header.number(4, "the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
        raise CheckpointError(
            f"{header.path} is GGUF, "
            + ("big-endian." if swapped else f"version {version}; read are 2 and 3."),
            hint="Convert the model again with a present llama.cpp, for little-endian machines.",
        )
    tensors = header.count(8, MAX_TENSORS, "the number of tensors")
    keys = header.count(8, MAX_KEYS, "the number of keys")
    metadata: dict[str, Value] = {}
    for _ in range(keys):
        name = header.text("a key", MAX_NAME)
        if name in metadata:
            raise header.wrong(f"the key {name!r:.80} comes twice")
        shown = f"{name!r:.80}"  # as everywhere: a name may hold what drives a terminal
        metadata[name] = header.value(header.number(4, f"the type of {shown}"), shown)
    alignment = metadata.get("general.alignment", ALIGNMENT)
    if type(alignment) is not int or not 1 <= alignment <= MAX_ALIGNMENT or alignment % 8:
        raise header.wrong(f"general.alignment is {alignment!r:.80}, not a multiple of 8")
    found = [_read_entry(header) for _ in range(tensors)]
    data = header.place + -header.place % alignment
    placed: dict[str, GGUFTensor] = {}
    for name, kind, shape, offset in found:
        if name in placed:
            raise header.wrong(f"the tensor {name!r:.80} comes twice")
        if offset % alignment:
            raise header.wrong(f"tensor {name!r:.80} is at {offset:,}, which is not aligned")
        placed[name] = GGUFTensor(header.path, name, kind, shape, data + offset)
    _check_places(header, placed.values())
    return GGUFFile(header.path, metadata, placed)


def _read_entry(header: _Header) -> tuple[str, BlockType, tuple[int, ...], int]:
    """A tensor's name, type, shape and place in the data."""
    name = header.text("a tensor's name", MAX_NAME)
    shown = f"{name!r:.80}"
    axes = header.count(4, MAX_AXES, f"the number of axes of {shown}")
    lengths = [header.number(8, f"the shape of {shown}") for _ in range(axes)]
    number = header.number(4, f"the type of {shown}")
    offset = header.number(8, f"the place of {shown}")
    if number not in TYPES:
        read = ", ".join(kind.name for kind in TYPES.values())
        raise CheckpointError(
            f"{header.path}: tensor {shown} is stored as {OTHERS.get(number, f'type {number}')},"
            f" which is not read here.",
            hint=f"Choose a file of the same model in one of {read}, or the original weights.",
        )
    kind = TYPES[number]
    if not lengths or min(lengths) < 1 or lengths[0] % kind.block:
        raise header.wrong(f"tensor {shown} has the shape {lengths[::-1]} in {kind.name}")
    return name, kind, tuple(reversed(lengths)), offset


def _check_places(header: _Header, tensors: Iterable[GGUFTensor]) -> None:
    """Raise CheckpointError unless all tensors lie in the file, apart from each other."""
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.start):
        if tensor.start < end:
            raise header.wrong(f"tensor {tensor.name!r:.80} overlaps another")
        end = tensor.start + tensor.bytes
        if end > header.file_size:
            raise CheckpointError(
                f"{header.path}: tensor {tensor.name!r:.80} would end at byte {end:,}; the file has"
                f" {header.file_size:,}.",
                hint=FETCH_AGAIN,
            )


def make_header(
    metadata: Mapping[str, Value], tensors: Iterable[tuple[str, BlockType, tuple[int, ...]]]
) -> bytes:
    """All that comes before the data of tensors (name, type, shape) which follow in this order,
    each with `padding` after it."""
    entries, offset, count = bytearray(), 0, 0
    for name, kind, shape in tensors:
        entries += _string(name) + struct.pack("<I", len(shape))
        entries += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        entries += struct.pack("<IQ", kind.number, offset)
        size = kind.size(math.prod(shape))
        offset += size + len(padding(size))
        count += 1
    header = bytearray(MAGIC + struct.pack("<IQQ", VERSIONS[-1], count, len(metadata)))
    for name, value in metadata.items():
        header += _string(name) + _typed(value)
    header += entries
    return bytes(header + padding(len(header)))


def padding(size: int) -> bytes:
    """What follows `size` bytes so that the next tensor is aligned."""
    return bytes(-size % ALIGNMENT)


def _typed(value: Value) -> bytes:
    """A value after the number of its type."""
    match value:
        case bool():
            return struct.pack("<I?", BOOL, value)
        case int():
            return struct.pack("<II", UINT32, value)
        case float():
            return struct.pack("<If", FLOAT32, value)
        case str():
            return struct.pack("<I", STRING) + _string(value)
        case list():
            strings = b"".join(map(_string, value))
            return struct.pack("<IIQ", ARRAY, STRING, len(value)) + strings
    [number] = [n for n, dtype in NUMBERS.items() if np.dtype(dtype) == value.dtype]
    return struct.pack("<IIQ", ARRAY, number, len(value)) + value.tobytes()


def _string(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data
