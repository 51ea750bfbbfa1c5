"""The trained model as a folder: the blocks' weights in 8 bits and the rest in bfloat16, tokenizer,
sampling defaults, card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from miniclaude.model.checkpoint import save_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.tokenizer import Tokenizer
from recipes.bundled.prepare import END_OF_TEXT

SHARD_BYTES = 4_000_000
"""Of a file of weights: a repository keeps several small files more gladly than a large one."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
GENERATION = {
    "do_sample": True,
    "temperature": 0.5,
    "top_p": 0.9,
    "repetition_penalty": 1.05,
    "max_new_tokens": 200,
}
"""Defaults that suit so small a model; a request may ask for others."""


def export(model: Transformer, tokenizer: Tokenizer, run: Path, to: Path, card: Path) -> None:
    """Write the model folder; one with experts, whole in bfloat16. card: its README.md, where there
    is one."""
    [end_of_text] = tokenizer.encode(END_OF_TEXT, special=True)
    ends = [*tokenizer.eos_ids, end_of_text]
    generation: Mapping[str, object] = {**GENERATION, "eos_token_id": ends}
    companions = [run / "tokenizer" / name for name in TOKENIZER_FILES]
    for name, text in (
        ("generation_config.json", json.dumps(generation, indent=2) + "\n"),
        ("README.md", card.read_text(encoding="utf-8") if card.exists() else ""),
    ):
        (run / name).write_text(text, encoding="utf-8")
        companions.append(run / name)
    save_model(
        model.to("cpu", torch.bfloat16),
        to,
        max_shard_bytes=SHARD_BYTES,
        extra_config={"eos_token_id": ends},
        companions=companions,
        overwrite=True,
        int8=not model.config.experts,
    )
