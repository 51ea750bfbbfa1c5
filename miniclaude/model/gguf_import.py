"""A GGUF file as a model folder like any other: config.json, safetensors, tokenizer.json.

Written some rows at a time, so memory stays at a few megabytes. Numbers keep their type; those in
blocks become float16, which holds a float16 scale times a small whole number to one part in 2,000.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch

from miniclaude.errors import CheckpointError
from miniclaude.model.checkpoint import CONFIG
from miniclaude.model.checkpoint_format import CheckpointFormat, Piece
from miniclaude.model.config import ModelConfig
from miniclaude.model.gguf_config import read_metadata
from miniclaude.model.gguf_export import AT_ONCE
from miniclaude.model.gguf_file import GGUFFile, GGUFTensor, read_gguf
from miniclaude.model.gguf_names import ROPE_FACTORS, gguf_name, halves_together, is_rotated
from miniclaude.model.install import Progress, check_disk, check_name, install, staging_folder
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.shards import DTYPE_NAMES, make_header, write_tensor
from miniclaude.model.staging import IMPORTING
from miniclaude.model.transformer import Transformer
from miniclaude.model.weight_files import WEIGHTS
from miniclaude.tokenizer.gguf import write_files

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16}
"""What becomes of numbers stored so; all others become float16."""


class _Part(NamedTuple):
    """A tensor of the file and its place in the checkpoint. shape: there."""

    tensor: GGUFTensor
    piece: Piece
    shape: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES.get(self.tensor.kind.name, torch.float16)


def import_gguf(
    source: Path, library: Library, *, name: str | None = None, progress: Progress
) -> InstalledModel:
    """Put the model in the GGUF file `source` into the library as `name`, or as the file is called.

    Raises InvalidRequestError for a bad name, ConflictError when the name is taken,
    CheckpointError, UnknownArchitectureError and TokenizerError saying what in the file is wrong or
    not implemented, DiskFullError.
    """
    source = source.expanduser().resolve()
    name = name or source.stem
    check_name(library, name)
    gguf = read_gguf(source)
    form, config = read_metadata(gguf)
    parts = _parts(gguf, form, config)
    total = sum(math.prod(part.shape) * part.dtype.itemsize for part in parts)
    with staging_folder(library, name, IMPORTING) as staging:
        check_disk(name, total, staging)
        progress.begin(name, 1, total)
        largest = max(parts, key=lambda part: math.prod(part.shape))
        fields = {
            **write_files(gguf.metadata, staging, source),
            **(form.write(config) or {}),
            "torch_dtype": str(largest.dtype).removeprefix("torch."),
        }
        (staging / CONFIG).write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
        header = make_header((part.piece.name, part.dtype, part.shape) for part in parts)
        with (staging / WEIGHTS).open("wb") as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for part in parts:
                progress.file(part.piece.name)
                _write_part(file, part, gguf, config, progress)
        return install(staging, library, name, {"file": str(source)}, progress)


def _parts(gguf: GGUFFile, form: CheckpointFormat, config: ModelConfig) -> list[_Part]:
    """Every tensor of the checkpoint. Raises CheckpointError unless the file has exactly those."""
    left = dict(gguf.tensors)
    left.pop(ROPE_FACTORS, None)
    pieces = list(form.pieces(config))
    for piece in pieces:
        if gguf_name(piece.name) not in left:
            raise CheckpointError(
                f"{gguf.path} has no tensor {gguf_name(piece.name)}.",
                hint="It holds a part of a model, or one that is not implemented here.",
            )
    with torch.device("meta"):
        model = Transformer(config)
    parts = []
    for piece in pieces:
        name = gguf_name(piece.name)
        tensor = left.pop(name)
        shape = piece.shape(model.get_parameter(piece.parameter).shape)
        expected = shape[::-1] if piece.transposed else shape
        if tensor.shape != expected:
            raise CheckpointError(
                f"{gguf.path}: tensor {name} has shape {list(tensor.shape)} where the file's keys"
                f" ask for {list(expected)}.",
                hint="The file contradicts itself; fetch it again.",
            )
        parts.append(_Part(tensor, piece, shape))
    if left:
        shown = ", ".join(f"{name!r:.80}" for name in sorted(left)[:3])
        shown += " ..." if len(left) > 3 else ""
        raise CheckpointError(
            f"{gguf.path} has {len(left)} tensors that there is no place for: {shown}.",
            hint="The model has parts that are not implemented here, so its answers would be wrong;"
            " choose another model.",
        )
    return parts


def _write_part(
    file: BinaryIO, part: _Part, gguf: GGUFFile, config: ModelConfig, progress: Progress
) -> None:
    """Append a tensor as the checkpoint has it, some rows at a time; one that lies transposed
    there, whole."""
    tensor, piece = part.tensor, part.piece
    rotated = is_rotated(piece, str(gguf.metadata["general.architecture"]))
    rows = math.prod(tensor.shape[:-1])
    step = max(AT_ONCE // tensor.shape[-1] // config.head_dim, 1) * config.head_dim
    for start in range(0, rows, rows if piece.transposed else step):
        stop = rows if piece.transposed else min(start + step, rows)
        numbers = tensor.read_rows(start, stop)
        if rotated:
            columns = 1 if len(tensor.shape) == 1 else tensor.shape[-1]
            numbers = halves_together(numbers.reshape(-1, columns), config)
        written = torch.from_numpy(np.ascontiguousarray(numbers)).to(part.dtype)
        if not torch.isfinite(written).all():
            raise CheckpointError(
                f"{gguf.path}: tensor {tensor.name} holds numbers that are not finite, or beyond"
                f" {DTYPE_NAMES[part.dtype]}.",
                hint="Fetch the file again, or choose another one of the model.",
            )
        write_tensor(file, written.t() if piece.transposed else written)
        progress.advance(written.nbytes)
