"""GGUF files for llama.cpp to load, and what we make of the same models: ids, scores, greedy text.

The bundled model, that model with an adapter merged in, stories260K where `shared/` is beside the
checkout, and random models of each family, each with another rule for cutting text into words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from miniclaude.model.cache import ContiguousCache
from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.config import RotaryConfig
from miniclaude.model.gguf_export import TYPES, write_gguf
from miniclaude.model.install import Progress
from miniclaude.model.library import Library, bundled_models
from miniclaude.model.merged import write_merged
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.bpe import train
from miniclaude.tokenizer.gguf import CUTS, WHOLE_WORDS
from miniclaude.tokenizer.load import load_tokenizer
from tests.model.models import GPT2, LLAMA, random_model
from tests.tiny_adapter import write_tiny_adapter

ROOT = Path(__file__).resolve().parents[2]
STORIES = ROOT.parent / "shared" / "models" / "stories260K"

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
PROMPTS = {
    "chat": "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n",
    "text": "Once upon a time",
}
STEPS = 48

WIDE = {"width": 64, "mlp_width": 96, "context": 128, "vocab_size": 600, "head_dim": 16}
STRETCHED = RotaryConfig(500_000.0, "llama3", 8.0, 1.0, 4.0, 8192)
LINEAR = RotaryConfig(kind="linear", factor=2.0, original_context=64)
RANDOM: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "gpt2": (GPT2, "gpt-2", {"heads": 4, "kv_heads": 4}),
    "llama-linear": (LLAMA, "smollm", {"rotary": LINEAR}),
    "llama-3": (LLAMA, "llama-bpe", {"rotary": STRETCHED, "tied_head": True}),
    "llama-biased": (LLAMA, "gpt-2", {"qkv_bias": True, "out_bias": True, "mlp_bias": True}),
    "mistral": (LLAMA, "gpt-2", {"windows": (64, 64)}),
    "qwen2": (LLAMA, "qwen2", {"qkv_bias": True}),
    "qwen3": (LLAMA, "qwen2", {"qk_norm": True, "head_dim": 32}),
}


class _Silent(Progress):
    def begin(self, name: str, files: int, total: int) -> None: ...
    def file(self, name: str) -> None: ...
    def advance(self, count: int) -> None: ...
    def note(self, text: str) -> None: ...


def write_gguf_files(folder: Path) -> None:
    """Write the files, and gguf.json: for each, what we expect llama.cpp to find."""
    models = folder / "gguf-models"
    write_random(models)
    if STORIES.is_dir():
        (models / "stories260K").symlink_to(STORIES)
    base = next(iter(Library(models / "none", bundled_models()).list()))
    tuned = write_tiny_adapter(base.path, folder / "gguf-adapters", base_name=base.name)
    library = Library(models, bundled_models(), folder / "gguf-adapters")
    expected: list[dict[str, Any]] = []
    for model in library.list():
        kinds = ["f32", "f16", "q8_0", "q4_0"] if model.name in (base.name, "stories260K") else []
        for kind in kinds or ["f32", "f16"]:
            path = folder / f"{model.name.replace(':', '-')}-{kind}.gguf"
            write_gguf(model, path, TYPES[kind], _Silent())
            expected.append({"name": model.name, "kind": kind, "file": str(path)})
    by_name = {
        name: ours(library, name, folder) for name in {str(entry["name"]) for entry in expected}
    }
    for name, found in by_name.items():
        np.save(folder / f"{name.replace(':', '-')}.npy", found.pop("scores"))
    for entry in expected:
        scores = folder / f"{str(entry['name']).replace(':', '-')}.npy"
        entry |= {**by_name[str(entry["name"])], "scores": str(scores)}
        entry["real"] = entry["name"] in (base.name, tuned, "stories260K")
        entry["served"] = entry["name"] == base.name
    (folder / "gguf.json").write_text(json.dumps(expected), "utf-8")


def write_random(models: Path) -> None:
    """Random models with tokenizers of their own, in float16, so that F16 files hold them."""
    for name, (config, cut, changes) in RANDOM.items():
        model = random_model(config, **{**WIDE, **changes})
        bpe = train(TEXTS * 3, WIDE["vocab_size"] - 8, ["<|endoftext|>"])
        folder = models / name
        save_model(model.half(), folder, extra_config={"eos_token_id": 0})
        bpe.save(folder, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
        definition = bpe.tokenizer_json()
        definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": CUTS[cut]}
        definition["model"]["ignore_merges"] = cut in WHOLE_WORDS
        (folder / "tokenizer.json").write_text(json.dumps(definition), "utf-8")


@torch.inference_mode()
def ours(library: Library, name: str, scratch: Path) -> dict[str, Any]:
    """The ids of each text, the greedy text after each prompt, and the scores that led to it."""
    model = library.find(name)
    folder = model.path
    if model.adapter is not None:
        folder = scratch / "merged"  # the sum is stored in the base's own numbers, bfloat16
        write_merged(model, folder)
    transformer, tokenizer = load_model(folder), load_tokenizer(folder)
    special = name == "mini-claude-4m" or name.startswith("ft:")
    prompt = PROMPTS["chat" if special else "text"]
    begin = tokenizer.encode_prompt("")
    ids = begin + tokenizer.encode(prompt, special=special)
    answer: list[int] = []
    scores = []
    for token, logits in greedy(transformer, ids):
        scores.append(logits)
        answer.append(token)
        if token in tokenizer.eos_ids or len(answer) == STEPS:
            break
    return {
        "texts": [[text, tokenizer.encode(text)] for text in TEXTS],
        "prompt": ids,
        "prompt_text": prompt,
        "special": special,
        "begin": begin,
        "answer": answer,
        "answer_text": b"".join(map(tokenizer.token_bytes, answer)).decode("utf-8", "replace"),
        "scores": np.stack(scores),
    }


def greedy(model: Transformer, ids: list[int]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """The likeliest token after `ids`, and after that, and so on, each with the scores [vocab]."""
    c = model.config
    cache = ContiguousCache(
        layers=c.layers, batch=1, capacity=c.context, kv_heads=c.kv_heads, head_dim=c.head_dim
    )
    new = ids
    while True:
        logits = model(torch.tensor([new]), cache)[0, -1]
        cache.advance(len(new))
        new = [int(logits.argmax())]
        yield new[0], logits.numpy()
