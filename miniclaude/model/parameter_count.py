"""How many numbers a model folder's weights are, told by the headers of its files. No torch."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
MAX_HEADER_BYTES = 32 << 20


def count_parameters(folder: Path) -> int:
    """Numbers in the folder's safetensors files; 0 where there are none, where they are packed into
    few bits, and for broken files, which loading will complain about."""
    try:
        files = sorted(folder.glob("*.safetensors"))
        counts = [_count(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    except (OSError, ValueError):
        return 0
    return 0 if None in counts else sum(count for count in counts if count is not None)


@lru_cache(maxsize=1024)
def _count(file: Path, changed: int, size: int) -> int | None:
    """Of one file as it stood at `changed`; None where not all of it is floating point. Raises
    OSError and ValueError."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > min(size, MAX_HEADER_BYTES):
            raise ValueError("the header is longer than the file")
        header = json.loads(opened.read(length))
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    count = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(tensor, dict) or tensor.get("dtype") not in FLOATS:
            return None
        shape = tensor.get("shape")
        if not isinstance(shape, list) or not all(isinstance(side, int) for side in shape):
            raise ValueError(f"{name} has no shape")
        count += math.prod(shape)
    return count
