"""Adapters beside weights in 8 or 4 bits: their rows are right, and the others' are untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from miniclaude.engine.adapters import Adapters
from miniclaude.engine.engine import Engine
from miniclaude.engine.fused import FusedModel
from miniclaude.engine.kv_cache import Span
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import AdapterRef
from miniclaude.engine.worker import load
from miniclaude.model.adapter import save_adapter
from miniclaude.model.config import ModelConfig
from miniclaude.model.fused_block import all_blocks
from miniclaude.model.lora import LoraConfig, add_lora, lora_parameters, remove_adapter
from miniclaude.model.lora_batch import RowLoraLinear
from miniclaude.model.packed import Bits
from miniclaude.model.packed_layers import pack_model
from miniclaude.model.transformer import Transformer
from miniclaude.model.write_packed import write_packed
from tests.engine.test_adapters import on, write
from tests.engine.test_fused import cache_of, round_activations
from tests.engine.tiny import ByteVocabulary, ask, run, texts, tiny_model
from tests.model.models import GPT2, LLAMA, random_model
from tests.model.test_hub import Recorder
from tests.model.test_packed import error

FIRST, SECOND, BASE = [2, 3, 5], [0, 4, 1], [6, 7]
"""Blocks of three answers: one adapter's, another's, and one of the base alone."""

STEPS = [
    [Span(FIRST, 0, 5), Span(SECOND, 0, 2), Span(BASE, 0, 3)],
    [Span(FIRST, 5, 6), Span(SECOND, 2, 3), Span(BASE, 3, 4)],
    [Span(FIRST, 6, 7), Span(BASE, 4, 5)],
    [Span(BASE, 5, 6)],
]
"""Prompts; a token each, which are stacked; one adapter beside the base; the base alone."""


def ids_of(spans: list[Span]) -> Tensor:
    """Any, but each answer's the same whoever else is there."""
    ids = [7 * span.blocks[0] + place for span in spans for place in range(span.start, span.end)]
    return torch.tensor([ids])


def model_of(family: str, bits: Bits | None) -> Transformer:
    """The tiny model, packed or not."""
    model = tiny_model(family)
    if bits is not None:
        pack_model(model, bits)
    return model


def hold(model: Transformer | FusedModel, folders: list[str]) -> Adapters:
    """Put adapters on a model."""
    adapters = Adapters(model, EngineLimits())
    for folder in folders:
        adapters.hold(AdapterRef(folder))
    return adapters


def assign(adapters: Adapters, folders: list[str], spans: list[Span]) -> None:
    """Say whose the step's rows are."""
    whose = {FIRST[0]: AdapterRef(folders[0]), SECOND[0]: AdapterRef(folders[1])}
    adapters.assign((span.end - span.start, whose.get(span.blocks[0])) for span in spans)


@torch.inference_mode()
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_each_row_has_its_adapter_and_no_other(family: str, bits: Bits, tmp_path: Path) -> None:
    """Held to the forward pass over the same layers, and at 8 bits to the float model with the
    same adapters; rows of the base alone to the same rows with nobody beside them."""
    folders = [write(tmp_path, family, seed) for seed in (1, 2)]
    packed, bare, reference = (model_of(family, bits) for _ in range(3))
    exact = model_of(family, None)
    fused, alone = FusedModel(packed, 2), FusedModel(bare, 2)
    holders = [hold(model, folders) for model in (fused, reference, exact)]
    round_activations(reference)
    ours, base = cache_of(packed, torch.bfloat16), cache_of(bare, torch.bfloat16)
    plain, floats = cache_of(reference, torch.float32), cache_of(exact, torch.float32)
    for spans in STEPS:
        ids = ids_of(spans)
        for adapters in holders:
            assign(adapters, folders, spans)
        hidden = fused.hidden(ids, ours.step(spans))
        assert (
            error(hidden, reference.hidden(ids, plain.step(spans))) < 0.04
        )  # keys and values are bfloat16
        if bits == 8:
            assert error(hidden, exact.hidden(ids, floats.step(spans))) < 0.1
        last = [span for span in spans if span.blocks is BASE]
        count = last[0].end - last[0].start
        by_itself = alone.hidden(ids_of(last), base.step(last))
        assert torch.equal(hidden[:, -count:], by_itself)


TARGETS = [
    *((GPT2, name) for name in ("c_attn", "attn.c_proj", "c_fc", "mlp.c_proj")),
    *((LLAMA, f"{part}_proj") for part in ("q", "k", "v", "o", "gate", "up", "down")),
]


@torch.inference_mode()
@pytest.mark.parametrize(("config", "target"), TARGETS, ids=lambda given: str(given)[:12])
def test_every_target_changes_what_it_should(
    config: ModelConfig, target: str, tmp_path: Path
) -> None:
    """One at a time, so that none hides behind another; queries, keys and values are parts of one
    layer, as are gate and up. The reference adds the same 8-bit numbers."""
    packed, reference = random_model(config), random_model(config)
    folder = tmp_path / "adapter"
    with torch.inference_mode(mode=False):
        add_lora(packed, LoraConfig(r=5, alpha=15, targets=(target,)))
        with torch.no_grad():
            for _, parameter in lora_parameters(packed):
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
        save_adapter(packed, folder, base="tiny")
        remove_adapter(packed)
    for model in (packed, reference):
        pack_model(model, 8)
    fused = FusedModel(packed, 2)
    [ours, exact] = [hold(model, [str(folder)]) for model in (fused, reference)]
    round_activations(reference)
    [stored] = fused.adapters.attached.values()
    for layer, parts in stored.unpack().items():
        wrapper = reference.get_submodule(layer)
        assert isinstance(wrapper, RowLoraLinear)
        wrapper.parts = dict.fromkeys(wrapper.parts, parts)
    spans = [Span(FIRST, 0, 6), Span(SECOND, 0, 5)]
    for adapters in (ours, exact):
        adapters.assign([(6, AdapterRef(str(folder))), (5, None)])
    found = fused.hidden(ids_of(spans), cache_of(packed, torch.bfloat16).step(spans))
    wanted = reference.hidden(ids_of(spans), cache_of(reference, torch.float32).step(spans))
    assert error(found, wanted) < 0.02  # keys and values are bfloat16
    ours.assign([(11, None)])
    bare = fused.hidden(ids_of(spans), cache_of(packed, torch.bfloat16).step(spans))
    assert error(bare[:, :6], wanted[:, :6]) > 0.5


def test_adapters_come_and_go_while_others_answer(tmp_path: Path) -> None:
    """One that leaves may not take another's weights with it, nor leave it its own; and nothing is
    compiled anew for the first that comes."""
    folders = [write(tmp_path, "llama", seed, r=1 + 6 * seed) for seed in range(4)]
    limits = EngineLimits(block_tokens=4, kv_tokens=512, max_running=4, max_adapters=2)
    engine = Engine(FusedModel(model_of("llama", 8), 2), ByteVocabulary(), limits)
    requests = [on(folder, ask(str(folder), "Hello, how")) for folder in (None, *folders)]
    known = len(all_blocks.signatures)  # type: ignore[attr-defined]  # what Numba made of it
    alone = {key: text for each in requests for key, text in texts(run(engine, each)).items()}
    long = on(folders[0], ask("long", "Hello, how", max_tokens=40))
    outputs = []
    engine.submit(long)
    for request in requests[2:]:
        engine.submit(request)
        while request.id in engine.live:
            outputs += engine.step()
        assert len(engine.adapters.loaded) == 2
    outputs += run(engine)
    together = texts(outputs)
    assert together["long", 0].startswith(alone[folders[0], 0])
    assert together.items() >= {key: alone[key] for key in [(f, 0) for f in folders[1:]]}.items()
    assert len(set(alone.values())) == 5
    assert len(all_blocks.signatures) == known  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize("bits", [8, 4])
def test_the_engine_answers_many_adapters_as_it_answers_one(bits: Bits, tmp_path: Path) -> None:
    folders = [write(tmp_path, "llama", seed) for seed in (1, 2)]
    requests = [on(folder, ask(str(folder), "Hello, how")) for folder in (None, *folders)]
    limits = EngineLimits(block_tokens=4, kv_tokens=512, max_running=4)
    engine = Engine(FusedModel(model_of("llama", bits), 1), ByteVocabulary(), limits)
    together = texts(run(engine, *requests))
    alone = {key: text for each in requests for key, text in texts(run(engine, each)).items()}
    assert together == alone
    assert len(set(alone.values())) == 3


def test_a_stored_base_takes_adapters(model_folder: Path, tmp_path: Path) -> None:
    """A folder that `models quantize` wrote once refused them."""
    stored = tmp_path / "stored"
    stored.mkdir()
    write_packed(model_folder, stored, 4, progress=Recorder())
    requests = [ask("base", "abc"), on(write(tmp_path, "gpt2", 1), ask("tuned", "abc"))]
    said = []
    for folder, dtype in ((stored, "auto"), (model_folder, "int4")):
        engine, _ = load(EngineSpec(folder, dtype=dtype, threads=1))
        said.append(texts(run(engine, *requests)))
    assert said[0] == said[1]
    assert said[0]["base", 0] != said[0]["tuned", 0]
