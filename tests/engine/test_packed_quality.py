"""What packing costs the model that ships, in bits per byte of real text, as it is served."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from miniclaude.engine.fused import FusedModel
from miniclaude.engine.kv_cache import BlockCache, Span
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library, bundled_models
from miniclaude.model.packed import Bits
from miniclaude.model.packed_layers import pack_model
from miniclaude.tokenizer.load import load_tokenizer

DOCS = Path(__file__).resolve().parents[2] / "docs"
LENGTH, BLOCK = 256, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = Library(tmp_path_factory.mktemp("models"), bundled_models())
    [model] = [model for model in library.list() if model.bundled]
    return model.path


@pytest.fixture(scope="module")
def text() -> str:
    """Prose of our own that no model was trained on."""
    pages = ("teaching.md", "decisions/0001-engine-process.md", "decisions/0006-turns.md")
    return "".join((DOCS / page).read_text(encoding="utf-8") for page in pages)[:12_000]


def chunks(folder: Path, text: str) -> list[Tensor]:
    ids = torch.tensor(load_tokenizer(folder).encode_prompt(text))
    return list(ids[: len(ids) // LENGTH * LENGTH].view(-1, 1, LENGTH))


@torch.inference_mode()
def nats(logits: list[Tensor], rows: list[Tensor]) -> float:
    """Summed over every prediction."""
    return sum(
        float(cross_entropy(scores[:-1].float(), ids[0, 1:], reduction="sum"))
        for scores, ids in zip(logits, rows, strict=True)
    )


@torch.inference_mode()
@pytest.mark.parametrize(("bits", "most"), [(8, 0.005), (4, 0.03)])
def test_packing_costs_little(folder: Path, text: str, bits: Bits, most: float) -> None:
    """int8 may cost half a percent against bfloat16, int4 three."""
    rows = chunks(folder, text)
    plain = load_model(folder, dtype=torch.bfloat16)
    before = nats([plain(ids)[0] for ids in rows], rows)
    model = load_model(folder)
    pack_model(model, bits)
    fused = FusedModel(model, 1)
    cache = BlockCache(
        model.config,
        blocks=LENGTH // BLOCK,
        block_tokens=BLOCK,
        dtype=fused.cache_dtype,
        device=fused.device,
    )
    step = [Span(range(LENGTH // BLOCK), 0, LENGTH)]
    after = nats([fused.head(fused.hidden(ids, cache.step(step))[0]) for ids in rows], rows)
    size = len(text.encode())
    print(f"{bits} bits: {before / size / math.log(2):.4f} -> {after / size / math.log(2):.4f}")
    assert after <= (1 + most) * before
