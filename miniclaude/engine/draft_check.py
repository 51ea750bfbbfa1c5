"""Whether one model can be another's draft: the same vocabulary, memory for both, and a model for
which guesses change nothing."""

from __future__ import annotations

from pathlib import Path

import torch

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.machine import free_memory, token_bytes
from miniclaude.errors import SettingsError
from miniclaude.model.config import ModelConfig
from miniclaude.model.facts import read_facts
from miniclaude.model.packing import read_packing
from miniclaude.tokenizer.tokenizer import Tokenizer


def check_draft_vocabulary(draft: Tokenizer, tokenizer: Tokenizer, folder: Path) -> None:
    """Raise SettingsError unless every id means the same to both; the models may pad their
    vocabularies differently."""
    size = draft.vocab_size
    if size != tokenizer.vocab_size:
        what = f"it has {size:,} tokens, and the model has {tokenizer.vocab_size:,}"
    else:
        pairs = (
            token
            for token in range(size)
            if draft.token_bytes(token) != tokenizer.token_bytes(token)
            or draft.is_special(token) != tokenizer.is_special(token)
        )
        other = next(pairs, None)
        if other is None:
            return
        mine, theirs = draft.token_text(other), tokenizer.token_text(other)
        what = f"token {other} is {mine!r} to it and {theirs!r} to the model"
    raise SettingsError(
        f"draft: {folder.name} has another vocabulary: {what}.",
        hint="A draft must have the model's own tokens: take a smaller model of the same family, or"
        " leave draft out.",
        param="draft",
    )


def check_draft_use(config: ModelConfig) -> None:
    """Raise SettingsError where guesses would change the answers. config: the model's."""
    if config.rotates_by_length:
        raise SettingsError(
            "draft: nothing is guessed for a model with dynamic rotary scaling: its tokens are"
            " rotated by the length of the text, and guesses make that longer.",
            hint="Leave draft out for this model.",
            param="draft",
        )


def check_draft_memory(
    folder: Path,
    config: ModelConfig,
    limits: EngineLimits,
    *,
    dtype: torch.dtype,
    device: torch.device,
    bits: int | None,
) -> None:
    """Raise SettingsError when the draft's weights, and its cache for `kv_tokens` or a text of the
    model's whole context, exceed the memory that is free. Once the model is loaded, before the
    draft is.

    config: the model's. dtype: of the draft's weights; bits: of each where they are packed. Raises
    CheckpointError when the folder holds no model.
    """
    facts = read_facts(folder)
    if read_packing(folder) is not None:
        weights = facts.weight_bytes
    else:
        weights = facts.parameters * (bits or 8 * dtype.itemsize) // 8
    kept = torch.bfloat16 if bits else dtype
    if limits.kv_dtype == "int8":
        kept = torch.int8
    cache = (limits.kv_tokens or config.context) * token_bytes(facts.config, kept)
    free = free_memory(device)
    if weights + cache > free:
        raise SettingsError(
            f"draft: {folder.name} needs {weights + cache:,} bytes beside the model, {cache:,} of"
            f" them for its cache, and {free:,} are free.",
            hint="Take a smaller draft, set a smaller dtype or kv_tokens, or leave draft out.",
            param="draft",
        )
