"""Small models with tokenizers, one for each way that a GGUF file can differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from miniclaude.model.checkpoint import save_model
from miniclaude.model.config import RotaryConfig
from miniclaude.tokenizer.bpe import train
from miniclaude.tokenizer.gguf import CUTS, WHOLE_WORDS
from tests.model.models import GPT2, LLAMA, random_model

TEXTS = [
    "Once upon a time, there was a little girl named Lily.",
    "  two  spaces,\ttabs\n\n\nand lines \n ",
    "It's 1234567 o'clock, isn't it? I'LL 3.14159 (really!) x=y+1;",
    "Grüße, façade, naïve, Ünïcödé — “quotes” … 你好、世界 🦊👩‍👩‍👧 ½ ① ٣٤",
    "<|im_end|> </s> <s> <unk> <0x0A> [PAD7]",
    "",
    " ",
    "a" * 40,
]
VOCABULARY = 600
WIDE = {"width": 64, "mlp_width": 96, "context": 128, "vocab_size": VOCABULARY, "head_dim": 16}
STRETCHED = RotaryConfig(500_000.0, "llama3", 8.0, 1.0, 4.0, 8192)
LINEAR = RotaryConfig(kind="linear", factor=2.0)

KINDS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "gpt2": (GPT2, "gpt-2", {"heads": 4, "kv_heads": 4}),
    "llama-linear": (LLAMA, "smollm", {"rotary": LINEAR}),
    "llama-3": (LLAMA, "llama-bpe", {"rotary": STRETCHED, "tied_head": True}),
    "llama-biased": (LLAMA, "gpt-2", {"qkv_bias": True, "out_bias": True, "mlp_bias": True}),
    "mistral": (LLAMA, "gpt-2", {"windows": (64, 64)}),
    "qwen2": (LLAMA, "qwen2", {"qkv_bias": True}),
    "qwen3": (LLAMA, "qwen2", {"qk_norm": True, "head_dim": 32}),
}
"""Name → shape, rule for cutting text into words, and what is changed in the shape."""


def write_model(folder: Path, kind: str, dtype: torch.dtype = torch.float16) -> Path:
    """Write the random model of that kind into `folder`. Its vocabulary is a little smaller than
    its embedding, as usual."""
    config, cut, changes = KINDS[kind]
    save_model(
        random_model(config, **{**WIDE, **changes}).to(dtype),
        folder,
        extra_config={"bos_token_id": 0, "eos_token_id": 0},
    )
    bpe = train(TEXTS * 3, VOCABULARY - 8, ["<|endoftext|>"])
    bpe.save(folder, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    definition = bpe.tokenizer_json()
    definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": CUTS[cut]}
    definition["model"]["ignore_merges"] = cut in WHOLE_WORDS
    (folder / "tokenizer.json").write_text(json.dumps(definition), "utf-8")
    return folder


class Silent:
    """A progress that shows nothing and keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.total = self.done = 0

    def begin(self, name: str, files: int, total: int) -> None:
        """Nothing."""
        self.total = total

    def file(self, name: str) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Add up."""
        self.done += count

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)
