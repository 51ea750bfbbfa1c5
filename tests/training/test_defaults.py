"""Defaults that work, and sentences that say why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from miniclaude.model.config import ModelConfig
from miniclaude.model.facts import read_facts
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.defaults import DataFacts, choose, facts_of
from miniclaude.training.machine import Machine
from miniclaude.training.memory import needed
from miniclaude.training.preflight import about_experts
from miniclaude.training.spec import TuneSpec
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.training.prepared_rows import chat_row, preference_row, write_prepared

BUNDLED = Path(__file__).parents[2] / "miniclaude/bundled/mini-claude-11m"
SEVEN = ModelConfig(
    family="llama", vocab_size=32_000, context=4096, width=4096, layers=32, heads=32, kv_heads=32,
    head_dim=128, mlp_width=11_008, norm="rmsnorm", norm_eps=1e-5, activation="silu",
    gated_mlp=True, positions="rotary", tied_head=False,
)  # fmt: skip
"""Llama 2's seven billion parameters."""

FACTS = DataFacts(task="supervised", rows=1000, held_out=100, mean=45.0, high=89)
LAPTOP = Machine(memory=8 << 30, cores=4, device="cpu", fast_bfloat16=False)


def small() -> ModelConfig:
    return read_facts(BUNDLED).config


def test_the_bundled_model_and_a_thousand_rows() -> None:
    spec, reasons = choose(small(), FACTS, LAPTOP)
    assert (spec.method, spec.objective, spec.precision) == ("lora", "supervised", "float32")
    assert spec.max_length == 128
    assert spec.epochs == 3
    assert spec.patience == 3
    assert spec.lora.alpha == 2 * spec.lora.r
    steps = FACTS.rows * FACTS.mean * spec.epochs / (spec.batch_tokens * spec.accumulate)
    assert 50 < steps < 90
    assert TuneSpec.from_dict(spec.as_dict()) == spec
    text = "\n".join(reasons)
    for why in (
        "Objective supervised: the rows are conversations.",
        "max_length 128: 99 of 100 rows have at most 89 tokens; the model reads 512.",
        "epochs 3: 1,000 rows are read 3 times; more would be learnt by heart.",
        "precision float32: this chip would have to emulate anything shorter.",
        "100 held-out rows are looked at every 6 steps",
    ):
        assert why in text


def test_small_models_are_taught_faster_than_large_ones() -> None:
    """With a seven-billion model's 2e-4 the bundled model learns next to nothing in a thousand
    rows; with its own the large one would fall apart."""
    large = Machine(memory=80 << 30, cores=8, device="cuda", fast_bfloat16=True)
    little, _ = choose(small(), FACTS, large)
    much, _ = choose(SEVEN, FACTS, large)
    assert little.learning_rate >= 1.5e-3
    assert 1.9e-4 < much.learning_rate < 2.3e-4
    preferences, _ = choose(SEVEN, dataclasses.replace(FACTS, task="preference"), large)
    assert preferences.objective == "dpo"
    assert preferences.learning_rate < much.learning_rate / 5
    assert much.precision == "bfloat16"


@pytest.mark.parametrize(("memory", "method", "bits"), [(40, "lora", 8), (19, "qlora", 8)])
def test_the_method_follows_from_the_memory(memory: int, method: str, bits: int) -> None:
    machine = Machine(memory=memory << 30, cores=8, device="cuda", fast_bfloat16=True)
    spec, reasons = choose(SEVEN, dataclasses.replace(FACTS, high=4000), machine)
    assert (spec.method, spec.bits) == (method, bits)
    assert needed(SEVEN, spec, spec.batch_tokens, "cuda").total < machine.memory
    assert f"Method {method}: 6,738 million parameters" in reasons[1]


def test_a_model_with_experts_is_as_large_as_all_and_as_slow_as_some() -> None:
    """Mixtral 8x7B's shape; memory is that of all experts."""
    mixtral = dataclasses.replace(
        SEVEN, kv_heads=8, mlp_width=14_336, experts=8, experts_per_token=2, expert_width=14_336
    )
    machine = Machine(memory=200 << 30, cores=8, device="cuda", fast_bfloat16=True)
    spec, reasons = choose(mixtral, FACTS, machine)
    assert "46,703 million parameters (12,880 million for a token)" in reasons[1]
    assert needed(mixtral, spec, 1024, "cuda").weights > 2 * 46e9
    [sentence] = about_experts(mixtral)
    assert sentence == (
        "The model has 46,702,792,704 parameters, which are all in memory; 12,879,925,248 of them"
        " compute a token, with 2 of 8 experts a layer."
    )
    assert not list(about_experts(SEVEN))


def test_a_model_that_cannot_fit_is_said_so() -> None:
    _, reasons = choose(SEVEN, FACTS, LAPTOP)
    assert "do not fit into" in reasons[1]


def test_few_rows_are_read_more_often_and_nothing_held_out_is_not_watched() -> None:
    few = DataFacts(task="kto", rows=50, held_out=0, mean=60.0, high=200)
    spec, reasons = choose(SEVEN, few, dataclasses.replace(LAPTOP, memory=200 << 30))
    assert (spec.epochs, spec.lora.r, spec.patience, spec.evaluate_every) == (5, 8, 0, 0)
    assert spec.objective == "kto"
    assert spec.batch_tokens >= 2 * spec.max_length
    assert reasons[-1] == "No early stopping: nothing is held out."
    many, _ = choose(small(), dataclasses.replace(FACTS, rows=100_000, high=2000), LAPTOP)
    assert (many.epochs, many.max_length, many.accumulate) == (1, 512, 4)


def test_facts_come_from_the_rows(tmp_path: Path) -> None:
    """The 99th percentile of the tokens, template included, not of the characters."""
    model = write_tiny_checkpoint(tmp_path / "model")
    tokenizer = load_tokenizer(model)
    rows = [chat_row("hello", "the cat")] * 99 + [chat_row("hello", "the cat sat " * 12)]
    data = write_prepared(tmp_path / "chat", rows, rows[:3])
    facts = facts_of(data, tokenizer, 256)
    assert (facts.task, facts.rows, facts.held_out) == ("supervised", 100, 3)
    assert facts.mean < facts.high < 100
    pairs = [preference_row("hello", "sat", "mat")] * 4
    pair = facts_of(write_prepared(tmp_path / "pair", pairs, task="preference"), tokenizer, 256)
    assert pair.mean == pytest.approx(2 * (pair.high - 1), abs=1)
