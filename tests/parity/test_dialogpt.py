"""DialoGPT: GPT-2's weights under a config.json older than `model_type`."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from miniclaude.model.checkpoint import load_model
from tests.parity.conftest import make_pair


@torch.no_grad()
def test_published_config_made_small(shared_folder: Path, tmp_path: Path) -> None:
    """The same weights give the same logits, whichever config.json lies beside them."""
    pair = make_pair("gpt2", tmp_path)
    published = shared_folder / "data/gpt2-tokenizer/dialogpt_345M_config.json"
    config = json.loads(published.read_text())
    assert "model_type" not in config
    config |= {"n_embd": 32, "n_head": 4, "n_layer": 3, "vocab_size": 101}
    config |= {"n_ctx": 64, "n_positions": 64}
    (pair.folder / "config.json").write_text(json.dumps(config))
    ours = load_model(pair.folder)
    assert float((ours(pair.ids) - pair.theirs(pair.ids).logits).abs().max()) <= 1e-4
