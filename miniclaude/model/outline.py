"""A model folder's size in a few words, from its headers alone: cheap enough for a list. No torch.

`facts.py` checks every tensor against config.json; here nothing is checked, and what a folder does
not say is left open.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from miniclaude.errors import CheckpointError
from miniclaude.model.adapter_config import ADAPTER_CONFIG
from miniclaude.model.compression import is_beside
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.packing import GROUPS, read_compression, read_packing
from miniclaude.model.weight_files import weight_files

MAX_HEADER = 64 << 20  # bytes
CODES, SCALES = ".codes", ".scales"
LAYERS = ("num_hidden_layers", "n_layer", "layers")
HEADS = ("num_attention_heads", "n_head", "heads")
KV_HEADS = ("num_key_value_heads", "kv_heads", *HEADS)
WIDTH = ("hidden_size", "n_embd", "width")
BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5 + 2 / (GROUPS[4] or 64)}
"""Of one weight in memory, its share of the scales included."""

NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"}


@dataclass(frozen=True, slots=True)
class Outline:
    """parameters: how many numbers; of a packed model with what fills its tiles up. dtype: what
    most weights are stored in, as the settings call it. packed: whether it can only be
    held so. cache_numbers: keys and values of one token; 0 where config.json does not say."""

    parameters: int
    dtype: str
    packed: bool
    cache_numbers: int

    def memory(self, context: int) -> dict[str, int]:
        """Bytes that the weights and one conversation of `context` tokens take, about, by the
        number format they are held in. A packed model has one."""
        formats = [self.dtype] if self.packed else list(BYTES)
        return {
            name: int(
                self.parameters * BYTES[name]
                + context * self.cache_numbers * (4 if name == "float32" else 2)
            )
            for name in formats
        }


def read_outline(folder: Path, stamp: str) -> Outline | None:
    """What the folder's headers say; None where they cannot be read. stamp: another one once a file
    has changed, see `InstalledModel`."""
    return _outline(folder, stamp)


@lru_cache(maxsize=256)
def _outline(folder: Path, stamp: str) -> Outline | None:  # a key of the cache
    try:
        packing = read_packing(folder)
        file = folder / "config.json"
        config = read_json_object(file, MAX_CONFIG_BYTES) if file.is_file() else {}
        compression = read_compression(folder) if file.is_file() else None
        is_adapter = (folder / ADAPTER_CONFIG).is_file() and not file.is_file()
        paths = sorted(folder.glob("*.safetensors")) if is_adapter else weight_files(folder)
        tensors = [tensor for path in paths for tensor in _tensors(path)]
    except (OSError, ValueError, RecursionError, CheckpointError):
        return None
    sizes: Counter[str] = Counter()
    parameters = 0
    whole_rows = {name for name, dtype, _ in tensors if name.endswith(SCALES) and dtype == "F32"}
    for name, dtype, numbers in tensors:
        if name.endswith(SCALES) or (compression is not None and is_beside(name)):
            continue
        if compression is not None and dtype in ("I32", "I8", "F8_E4M3"):
            numbers = numbers * 32 // compression.bits if compression.is_packed else numbers
            dtype = compression.name
        packed_here = packing is not None and name.endswith(CODES)
        # In 4 bits groups have scales, in bfloat16; in 8, which a layer may have too, rows.
        bits = 8 if name.removesuffix(CODES) + SCALES in whole_rows else 4
        parameters += numbers * 8 // bits if packed_here else numbers
        sizes[dtype] += numbers
    if not parameters:
        return None
    stored = sizes.most_common(1)[0][0]
    dtype = NAMES.get(stored, stored) if packing is None else packing.dtype
    return Outline(parameters, dtype, packing is not None, _cache_numbers(config))


def _tensors(path: Path) -> Iterator[tuple[str, str, int]]:
    """Name, number format and count of each tensor in a file. Raises OSError, ValueError."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER:
            raise ValueError(length)
        header = json.loads(file.read(length))
    for name, entry in header.items() if isinstance(header, dict) else ():
        if name == "__metadata__" or not isinstance(entry, dict):
            continue
        shape = entry.get("shape")
        if isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape):
            yield name, str(entry.get("dtype"))[:16], math.prod(shape)


def _cache_numbers(config: dict[str, object]) -> int:
    layers, heads, kv_heads, width = (_first(config, n) for n in (LAYERS, HEADS, KV_HEADS, WIDTH))
    head_dim = _first(config, ("head_dim",)) or (width // heads if heads else 0)
    return 2 * layers * kv_heads * head_dim


def _first(config: dict[str, object], names: tuple[str, ...]) -> int:
    values = [config.get(name) for name in names]
    return next((v for v in values if type(v) is int and 0 < v < 1 << 20), 0)
