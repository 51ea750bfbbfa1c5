"""How many numbers a model folder's weights are, told by the headers of its files. No torch."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path

from miniclaude.errors import CheckpointError
from miniclaude.model.compression import Compression, is_beside
from miniclaude.model.packing import read_compression

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
ROUNDED = frozenset({"I32", "I8", "F8_E4M3"})
WORD = 32
"""Bits of the whole numbers into which compressed-tensors packs several."""
MAX_HEADER_BYTES = 32 << 20


def count_parameters(folder: Path) -> int:
    """Numbers in the folder's safetensors files; 0 where there are none, where they are packed into
    few bits by us, and for broken files, which loading will complain about."""
    try:
        files = sorted(folder.glob("*.safetensors"))
        kind = read_compression(folder) if (folder / "config.json").is_file() else None
        stats = [(file, file.stat()) for file in files]
        counts = [_count(file, stat.st_mtime_ns, stat.st_size, kind) for file, stat in stats]
    except (OSError, ValueError, CheckpointError):
        return 0
    return 0 if None in counts else sum(count for count in counts if count is not None)


@lru_cache(maxsize=1024)
def _count(file: Path, changed: int, size: int, kind: Compression | None) -> int | None:
    """Of one file as it stood at `changed`; None where not all of it is floating point, or what
    compressed-tensors has made of it. Raises OSError and ValueError."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > min(size, MAX_HEADER_BYTES):
            raise ValueError("the header is longer than the file")
        header = json.loads(opened.read(length))
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    count = 0
    for name, tensor in header.items():
        if name == "__metadata__" or (kind is not None and is_beside(name)):
            continue
        dtype = tensor.get("dtype") if isinstance(tensor, dict) else None
        if dtype not in FLOATS and (kind is None or dtype not in ROUNDED):
            return None
        shape = tensor.get("shape")
        if not isinstance(shape, list) or not all(isinstance(side, int) for side in shape):
            raise ValueError(f"{name} has no shape")
        held = WORD // kind.bits if kind is not None and dtype == "I32" else 1
        count += math.prod(shape) * held
    return count
