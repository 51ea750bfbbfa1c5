"""A model as one GGUF file, which llama.cpp and what is built on it load.

Written a tensor at a time: memory is the largest tensor as it is stored, and a few megabytes. An
adapter and a model in 8 bits become a folder first (`merged.py`), which costs disk and not memory.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from miniclaude.errors import CheckpointError
from miniclaude.model.card import licence_of, read_card
from miniclaude.model.checkpoint import Plan, read_plan
from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.config import ModelConfig
from miniclaude.model.gguf_blocks import BF16, F16, F32, Q4_0, Q8_0, BlockType, Floats, encode
from miniclaude.model.gguf_config import architecture_of, rope_factors, write_metadata
from miniclaude.model.gguf_file import Value, make_header, padding
from miniclaude.model.gguf_names import (
    HEAD,
    PLACES,
    ROPE_FACTORS,
    TOKENS,
    gguf_name,
    is_rotated,
    pairs_together,
)
from miniclaude.model.install import Progress, check_disk
from miniclaude.model.library import InstalledModel
from miniclaude.model.merged import write_merged
from miniclaude.model.new_file import check_no_file, new_file
from miniclaude.model.packing import read_packing
from miniclaude.tokenizer.gguf import read_keys

TYPES = {kind.name.lower(): kind for kind in (Q8_0, Q4_0, F16, BF16, F32)}
"""What the matrices may be stored as, by the names of the command line."""

AT_ONCE = 4 << 20
"""Numbers that are converted at a time."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tensor of the file. piece: where it comes from; None for what is computed, `values`."""

    name: str
    kind: BlockType
    shape: tuple[int, ...]
    piece: Piece | None
    values: Floats | None = None

    @property
    def bytes(self) -> int:
        return self.kind.size(math.prod(self.shape))


def write_gguf(model: InstalledModel, path: Path, kind: BlockType, progress: Progress) -> None:
    """Write the model, or an adapter merged into its base, to the new file `path`.

    kind: what matrices are stored as. Norms, biases and learned positions stay float32, as
    llama.cpp wants them; matrices whose rows are no multiple of 32 become float16. With Q4_0 the
    output head is Q8_0 (llama.cpp's own tool spends more on it as well).

    Raises UnknownArchitectureError and TokenizerError for what GGUF cannot say, CheckpointError for
    numbers that the type cannot hold, ConflictError for a file that is there already, before
    anything is read, and what `new_file`, `check_disk` and loading raise.
    """
    path = path.absolute()
    check_no_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if model.adapter is None and read_packing(model.path) is None:
        _write(model.path, model.name, path, kind, progress)
        return
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        merged = Path(folder) / "merged"
        write_merged(model, merged)
        _write(merged, model.name, path, kind, progress)


def _write(folder: Path, name: str, path: Path, kind: BlockType, progress: Progress) -> None:
    plan = read_plan(folder)
    config = plan.model.config
    metadata = _metadata(folder, name, config, kind)
    window = min((window for window in config.windows if window), default=config.context)
    if window < config.context:
        progress.note(
            f"Its layers look back {window:,} tokens, which GGUF cannot say of such a model: the"
            " file's context is as long."
        )
    if "tokenizer.ggml.eos_token_id" not in metadata:
        progress.note("It names no end of a text, so llama.cpp will take one of its own choice.")
    entries = list(_entries(plan, kind))
    header = make_header(metadata, [(entry.name, entry.kind, entry.shape) for entry in entries])
    total = len(header) + sum(entry.bytes + len(padding(entry.bytes)) for entry in entries)
    check_disk(path.name, total, path.parent, instead="choose a file on another disk")
    progress.begin(path.name, 1, total)
    with new_file(path) as file:
        file.write(header)
        progress.advance(len(header))
        for entry in entries:
            progress.file(entry.name)
            _write_tensor(file, entry, plan, folder, progress)


def _metadata(folder: Path, name: str, config: ModelConfig, kind: BlockType) -> dict[str, Value]:
    metadata: dict[str, Value] = {
        "general.architecture": architecture_of(config),
        "general.type": "model",
        "general.name": name,
        "general.file_type": kind.file_type,
        "general.quantization_version": 2,
    }
    card = folder / "README.md"
    licence = licence_of(read_card(card)) if card.is_file() else None
    if licence is not None:
        metadata["general.license"] = licence
    return metadata | write_metadata(config) | read_keys(folder, config.vocab_size)


def _entries(plan: Plan, wanted: BlockType) -> Iterator[_Entry]:
    """Every tensor of the file, in order."""
    config = plan.model.config
    head = TOKENS if config.tied_head else HEAD
    factors = rope_factors(config)
    if factors is not None:
        yield _Entry(ROPE_FACTORS, F32, factors.shape, None, factors[None])
    for piece in plan.pieces:
        name = gguf_name(piece.name)
        shape = plan.stored[piece.name].shape
        shape = shape[::-1] if piece.transposed else shape
        kind = wanted
        if len(shape) == 1 or name == PLACES:
            kind = F32
        elif kind is Q4_0 and name == head:
            kind = Q8_0
        if shape[-1] % kind.block:
            kind = F16
        yield _Entry(name, kind, shape, piece)


def _write_tensor(
    file: BinaryIO, entry: _Entry, plan: Plan, folder: Path, progress: Progress
) -> None:
    for rows in _rows(entry, plan):
        try:
            data = encode(entry.kind, rows)
        except ValueError as error:
            raise CheckpointError(
                f"{folder}: tensor {entry.name} holds {error}, beyond what {entry.kind.name} can"
                " hold.",
                hint="Export it as bf16 or f32." if entry.kind is not F32 else "Restore the model.",
            ) from error
        file.write(data.data)
        progress.advance(data.nbytes)
    file.write(padding(entry.bytes))
    progress.advance(len(padding(entry.bytes)))


def _rows(entry: _Entry, plan: Plan) -> Iterator[Floats]:
    """The tensor's rows, [rows, columns] in float32, some at a time, as GGUF has them."""
    if entry.piece is None:
        assert entry.values is not None  # noqa: S101  # for the type checker
        yield entry.values
        return
    config = plan.model.config
    stored = plan.stored[entry.piece.name]
    tensor = torch.empty(stored.shape, dtype=stored.exact)
    stored.read_into(tensor)
    matrix = tensor.t() if entry.piece.transposed else tensor
    rotated = is_rotated(entry.piece, architecture_of(config))
    if matrix.dim() == 1:
        matrix = matrix[:, None] if rotated else matrix[None]  # [n, 1] or [1, n]
    step = max(AT_ONCE // matrix.shape[1] // config.head_dim, 1) * config.head_dim
    for start in range(0, len(matrix), step):
        rows: Floats = matrix[start : start + step].to(torch.float32).contiguous().numpy()
        if rotated:
            rows = pairs_together(rows, config)
        yield rows.reshape(1, -1) if len(entry.shape) == 1 else np.ascontiguousarray(rows)
