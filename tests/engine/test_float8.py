"""The engine with weights in 8-bit floats: on a CPU the same products as on a GPU, only slower."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import AdapterRef, GenerationRequest, Sampling
from miniclaude.engine.worker import load
from miniclaude.model.adapter import save_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.float8 import Float8Linear, convert
from miniclaude.model.library import bundled_models
from miniclaude.model.lora import LoraConfig, add_lora, lora_parameters
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from tests.engine.tiny import run

ROOT = Path(__file__).parents[2]
BUNDLED = (bundled_models() or Path("none")) / "mini-claude-11m"


def said(adapter: str | None = None, merged: Path | None = None) -> list[int]:
    """Twelve greedy tokens of the bundled model in this format."""
    engine, info = load(EngineSpec(BUNDLED, "cpu", "float8", 1, adapter=merged))
    assert info.dtype == "float8"
    assert isinstance(engine.model, Transformer)
    assert any(isinstance(module, Float8Linear) for module in engine.model.modules())
    request = GenerationRequest(
        "a",
        tuple(range(300, 312)),
        Sampling(12, temperature=0.0, ignore_eos=True, logprobs=0),
        adapter=None if adapter is None else AdapterRef(adapter),
    )
    return [c.chosen.id for output in run(engine, request) for c in output.logprobs]


def test_it_answers_and_adapters_change_the_answer(tmp_path: Path) -> None:
    """Beside the weights in one batch, or merged before they are rounded."""
    model = load_model(BUNDLED)
    add_lora(model, LoraConfig(r=2, alpha=8, targets=("all-linear",)))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, parameter in lora_parameters(model):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    save_adapter(model, tmp_path / "tuned", base="bundled")
    alone = said()
    assert alone == said()
    assert said(adapter=str(tmp_path / "tuned")) != alone
    assert said(merged=tmp_path / "tuned") != alone


@torch.inference_mode()
def test_what_it_costs_the_bundled_model() -> None:
    """Three percent of its bits on a text at most."""
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    ids = torch.tensor([load_tokenizer(BUNDLED).encode(text)[:512]])
    model = load_model(BUNDLED, dtype=torch.bfloat16)
    losses = []
    for rounded in (False, True):
        if rounded:
            convert(model)
        losses.append(cross_entropy(model(ids[:, :-1])[0].float(), ids[0, 1:]))
    assert losses[1] < 1.03 * losses[0]
