"""What packing a model's weights costs: bits per byte of a text, before and after.

Before is the original in bfloat16; after is what the engine computes from the packed folder, with
activations rounded as they are while it serves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from miniclaude.engine.kv_cache import BlockCache, Span
from miniclaude.errors import InvalidRequestError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.packed_folder import map_packed
from miniclaude.tokenizer.load import load_tokenizer

LENGTH, BLOCK = 256, 16
"""Tokens that are read at once, each piece by itself; and in a block of the cache."""

MAX_CHARACTERS = 400_000
"""Of the text that are read: about 100,000 tokens."""


@dataclass(frozen=True, slots=True)
class PackingCost:
    """before, after: bits per byte. size: bytes that were scored."""

    before: float
    after: float
    size: int

    def __str__(self) -> str:
        more = 100 * (self.after / self.before - 1)
        return (
            f"On {self.size:,} bytes of text it needs {self.after:.4f} bits a byte, where the"
            f" original in bfloat16 needs {self.before:.4f}: {more:+.2f} %."
        )


@torch.inference_mode()
def packing_cost(original: Path, packed: Path, text: Path) -> PackingCost:
    """Score a text file by both models, one after the other.

    It takes the memory of the original in bfloat16. Raises InvalidRequestError for a file that is
    not UTF-8 text of at least one piece, CheckpointError.
    """
    pieces, size = read_pieces(original, text)
    model = load_model(original, dtype=torch.bfloat16)
    before = sum(nats(model(piece)[0], piece) for piece in pieces)
    del model
    after = sum(nats(scores, piece) for piece, scores in served(packed, pieces))
    bits = math.log(2) * size
    return PackingCost(before / bits, after / bits, size)


def read_pieces(folder: Path, text: Path) -> tuple[list[Tensor], int]:
    """The text in the model's tokens, cut into pieces [1, LENGTH] whose rest is left, and the bytes
    of all tokens that are predicted."""
    try:
        with text.open(encoding="utf-8") as file:
            content = file.read(MAX_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(
            f"measure: {text} is not readable as UTF-8 text: {error}.",
            hint="Give a plain text file of the kind that the model is to read.",
            param="measure",
        ) from error
    tokenizer = load_tokenizer(folder)
    ids = tokenizer.encode_prompt(content)
    rows = torch.tensor(ids[: len(ids) // LENGTH * LENGTH]).view(-1, 1, LENGTH)
    size = sum(len(tokenizer.token_bytes(token)) for token in rows[..., 1:].flatten().tolist())
    if not size:
        raise InvalidRequestError(
            f"measure: {text} has {len(ids):,} tokens; at least {LENGTH} are scored.",
            hint="Give a longer text.",
            param="measure",
        )
    return list(rows), size


def served(folder: Path, pieces: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Each piece and its scores [LENGTH, V], as the engine computes them."""
    from miniclaude.engine.fused import FusedModel

    fused = FusedModel(map_packed(folder), torch.get_num_threads())
    blocks = LENGTH // BLOCK
    cache = BlockCache(
        fused.config,
        blocks=blocks,
        block_tokens=BLOCK,
        dtype=fused.cache_dtype,
        device=fused.device,
    )
    step = [Span(range(blocks), 0, LENGTH)]
    for piece in pieces:
        yield piece, fused.head(fused.hidden(piece, cache.step(step))[0])


def nats(scores: Tensor, piece: Tensor) -> float:
    """Of all predictions in a piece: scores [LENGTH, V]."""
    return float(cross_entropy(scores[:-1].float(), piece[0, 1:], reduction="sum"))
