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
from miniclaude.model.checkpoint import load_model
from miniclaude.model.gguf_export import TYPES, write_gguf
from miniclaude.model.gguf_import import import_gguf
from miniclaude.model.library import InstalledModel, Library, bundled_models
from miniclaude.model.merged import write_merged
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from tests.model.gguf_models import KINDS, TEXTS, Silent, write_model
from tests.tiny_adapter import write_tiny_adapter

ROOT = Path(__file__).resolve().parents[2]
STORIES = ROOT.parent / "shared" / "models" / "stories260K"

PROMPTS = {
    "chat": "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n",
    "text": "Once upon a time",
}
STEPS = 48
ROUNDED = ("q8_0", "q4_0")


def write_gguf_files(folder: Path) -> None:
    """Write the files, and gguf.json: for each, what we expect llama.cpp to find."""
    models = folder / "gguf-models"
    for kind in KINDS:
        write_model(models / kind, kind)
    if STORIES.is_dir():
        (models / "stories260K").symlink_to(STORIES)
    base = next(iter(Library(models / "none", bundled_models()).list()))
    write_tiny_adapter(base.path, folder / "gguf-adapters", base_name=base.name, strength=0.1)
    library = Library(models, bundled_models(), folder / "gguf-adapters")
    again = Library(folder / "gguf-again", None)
    expected: list[dict[str, Any]] = []
    for model in library.list():
        kinds = ["f32", "f16", "q8_0", "q4_0"] if model.name in (base.name, "stories260K") else []
        for kind in kinds or ["f32", "f16"]:
            path = folder / f"{model.name.replace(':', '-')}-{kind}.gguf"
            write_gguf(model, path, TYPES[kind], Silent())
            expected.append({"name": model.name, "kind": kind, "file": str(path)})
            if kind in ROUNDED:
                import_gguf(path, again, name=path.stem, progress=Silent())
    for entry in expected:
        name, file = str(entry["name"]), Path(str(entry["file"]))
        special = name == base.name or name.startswith("ft:")
        weights = whole(library, name, folder)
        if entry["kind"] in ROUNDED:
            weights = again.find(file.stem).path
        found = ours(weights, library.find(name), special)
        scores = file.with_suffix(".npy")
        np.save(scores, found.pop("scores"))
        entry |= {**found, "scores": str(scores)}
        entry["same"] = name in (base.name, "stories260K", "gpt2")
        entry["served"] = name == base.name
    (folder / "gguf.json").write_text(json.dumps(expected), "utf-8")


def whole(library: Library, name: str, scratch: Path) -> Path:
    """The folder with a model's weights, an adapter's added to its base's."""
    model = library.find(name)
    if model.adapter is None:
        return model.path
    folder = scratch / "merged"  # the sum is stored in the base's own numbers, bfloat16
    if not folder.exists():
        write_merged(model, folder)
    return folder


@torch.inference_mode()
def ours(weights: Path, model: InstalledModel, special: bool) -> dict[str, Any]:
    """The ids of each text, the greedy text after each prompt, and the scores that led to it. Of
    rounded files the weights are what they were rounded to: our import of the file."""
    transformer = load_model(weights)
    tokenizer = load_tokenizer(weights if model.adapter is not None else model.path)
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
