"""Real weights give the text their author published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tokenizers
import torch

from miniclaude.model.cache import ContiguousCache
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import AttentionFunction, fast_attention, reference_attention

BOS = 1
STEPS = 256


@pytest.mark.parametrize("attention", [fast_attention, reference_attention])
@torch.inference_mode()
def test_documented_greedy_text(shared_folder: Path, attention: AttentionFunction) -> None:
    """The sample of llama2.c's documentation, word for word, read through the cache."""
    document = (shared_folder / "data/stories260K/EXPECTED-GREEDY-OUTPUT.md").read_text()
    sample = re.search(r"-t 0\.0\n(.*?)\n```", document, re.DOTALL)
    assert sample is not None
    folder = shared_folder / "models/stories260K"
    model = load_model(folder)
    model.use_attention(attention)
    c = model.config
    cache = ContiguousCache(
        layers=c.layers, batch=1, capacity=c.context, kv_heads=c.kv_heads, head_dim=c.head_dim
    )
    ids = [BOS]
    while len(ids) <= STEPS:
        logits = model(torch.tensor([ids[-1:]]), cache)
        cache.advance(1)
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] == BOS:
            break
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.decode(ids).strip() == sample[1].strip()
