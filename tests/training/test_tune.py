"""Fine-tuning as its callers see it: any method, any objective, resumable."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.errors import CheckpointError, DatasetError, SettingsError
from miniclaude.model.lora import LoraConfig, LoraLinear, lora_parameters
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.bpe import train as train_bpe
from miniclaude.tokenizer.chat_formats import store_template
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.averaging import trained_parameters
from miniclaude.training.run_log import RunLog
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tune import tune
from tests.training.prepared_rows import chat_row, preference_row, write_prepared
from tests.training.tiny import after, tiny_model

SPEC = TuneSpec(
    lora=LoraConfig(r=4, alpha=8),
    steps=6,
    accumulate=2,
    batch_tokens=64,
    max_length=64,
    learning_rate=0.02,
    evaluate_every=3,
    checkpoint_every=2,
)
ROWS = [chat_row(f"What is {n}?", f"{n} is a number.") for n in range(12)]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """Bytes and ChatML."""
    folder = tmp_path_factory.mktemp("tokenizer")
    bpe = train_bpe(["What is a number?"], 270, ["<|im_start|>", "<|im_end|>"])
    bpe.save(folder, eos_token="<|im_end|>")
    store_template(folder, "chatml")
    return load_tokenizer(folder)


@pytest.fixture
def dataset(tmp_path: Path) -> PreparedDataset:
    return write_prepared(tmp_path / "data", ROWS[:9], ROWS[9:])


def model_for(tokenizer: Tokenizer, seed: int = 0) -> Transformer:
    config = replace(tiny_model().config, vocab_size=tokenizer.vocab_size, context=64)
    model = Transformer(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return model


def quiet() -> RunLog:
    return RunLog(terminal=io.StringIO())


@pytest.mark.parametrize(
    ("method", "precision"),
    [
        ("lora", "float32"),
        ("lora", "bfloat16"),
        ("lora", "float16"),
        ("qlora", "float32"),
        ("qlora", "bfloat16"),
        ("full", "bfloat16"),
    ],
)
def test_every_method_learns_in_every_precision(
    tokenizer: Tokenizer, dataset: PreparedDataset, tmp_path: Path, method: str, precision: str
) -> None:
    """The base is frozen in half precision where it can be; what is learnt is float32."""
    spec = TuneSpec.from_dict({**SPEC.as_dict(), "method": method, "precision": precision})
    model = model_for(tokenizer)
    log = RunLog(tmp_path / "run" / "metrics.jsonl", io.StringIO())
    result = tune(model, tokenizer, dataset, spec, tmp_path / "run", log=log)
    assert (result.run.ended, result.run.steps) == ("finished", 6)
    trained = trained_parameters(model)
    assert all(parameter.dtype == torch.float32 for parameter in trained.values())
    assert (model.tokens.weight.dtype == torch.float32) == (
        method == "full" or precision == "float32"
    )
    if method != "full":
        assert len(trained) == len(list(lora_parameters(model)))
    records = [json.loads(line) for line in log.path.read_text().splitlines()] if log.path else []
    held_out = [record["held_out"]["loss"] for record in records if "held_out" in record]
    assert len(held_out) == 2
    assert held_out[-1] < held_out[0] < 6
    assert records[0]["trained"] > 0
    assert {"learning_rate", "gradient_norm", "tokens_per_second"} <= set(records[0])


@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_a_model_with_experts_is_tuned(
    tokenizer: Tokenizer, dataset: PreparedDataset, tmp_path: Path, method: str
) -> None:
    """Adapters change its attention; all weights are trained with an eye on an even load, which
    the held-out loss knows nothing of."""
    spec = TuneSpec.from_dict({**SPEC.as_dict(), "method": method})
    model = Transformer(
        replace(model_for(tokenizer).config, experts=3, experts_per_token=2, expert_width=16)
    )
    model.initialise(torch.Generator().manual_seed(0))
    log = RunLog(tmp_path / "run" / "metrics.jsonl", io.StringIO())
    assert tune(model, tokenizer, dataset, spec, tmp_path / "run", log=log).run.steps == 6
    assert log.path is not None
    records = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert ("balance" in records[0]) == (method == "full")
    held_out = [record["held_out"] for record in records if "held_out" in record]
    assert held_out[-1]["loss"] < held_out[0]["loss"]
    assert "balance" not in held_out[0]


def test_no_precision_is_lost_between_two_sessions(
    tokenizer: Tokenizer, dataset: PreparedDataset, tmp_path: Path
) -> None:
    """A quantised or half-precision base is made anew on resuming, and must be the same one."""
    spec = TuneSpec.from_dict({**SPEC.as_dict(), "method": "qlora", "precision": "bfloat16"})
    whole, parts, resumed = (model_for(tokenizer) for _ in range(3))
    tune(whole, tokenizer, dataset, spec, tmp_path / "whole", log=quiet())
    tune(
        parts,
        tokenizer,
        dataset,
        spec,
        tmp_path / "parts",
        log=quiet(),
        control=after(3),
    )
    tune(resumed, tokenizer, dataset, spec, tmp_path / "parts", log=quiet())
    for (name, one), (_, other) in zip(
        lora_parameters(whole), lora_parameters(resumed), strict=True
    ):
        assert torch.equal(one, other), name


def test_another_base_data_set_or_setting_is_refused(
    tokenizer: Tokenizer, dataset: PreparedDataset, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    tune(model_for(tokenizer), tokenizer, dataset, SPEC, run, log=quiet())
    with pytest.raises(CheckpointError, match="belongs to another run: base was "):
        tune(model_for(tokenizer, seed=5), tokenizer, dataset, SPEC, run, log=quiet())
    other = write_prepared(tmp_path / "other", ROWS[:8], ROWS[9:])
    with pytest.raises(CheckpointError, match="data was "):
        tune(model_for(tokenizer), tokenizer, other, SPEC, run, log=quiet())
    measured = write_prepared(tmp_path / "measured", ROWS[:9], ROWS[10:])  # early stopping's best
    with pytest.raises(CheckpointError, match="data was "):  # would be that of other rows
        tune(model_for(tokenizer), tokenizer, measured, SPEC, run, log=quiet())
    spec = replace(SPEC, clip=0.5)
    with pytest.raises(CheckpointError, match=r"clip was 1\.0, now 0\.5"):
        tune(model_for(tokenizer), tokenizer, dataset, spec, run, log=quiet())


def test_preferences_are_learnt_by_the_same_loop(tokenizer: Tokenizer, tmp_path: Path) -> None:
    rows = [preference_row(f"What is {n}?", f"{n} is a number.", "No idea.") for n in range(8)]
    dataset = write_prepared(tmp_path / "data", rows[:6], rows[6:], task="preference")
    spec = replace(SPEC, objective="dpo", batch_tokens=128)
    model = model_for(tokenizer)
    result = tune(model, tokenizer, dataset, spec, tmp_path / "run", log=quiet())
    assert result.run.steps == 6
    assert result.run.held_out["loss"] < 0.6931, "the better answer is preferred by now"
    with pytest.raises(DatasetError, match=r"data holds preferences .* from conversations"):
        tune(model_for(tokenizer), tokenizer, dataset, SPEC, tmp_path / "new", log=quiet())


def test_patience_without_held_out_rows_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    dataset = write_prepared(tmp_path / "data", ROWS)
    spec = replace(SPEC, patience=2)
    with pytest.raises(SettingsError, match="patience needs held-out examples"):
        tune(model_for(tokenizer), tokenizer, dataset, spec, tmp_path / "run", log=quiet())


def test_further_evaluations_are_logged_beside_the_loss(
    tokenizer: Tokenizer, dataset: PreparedDataset, tmp_path: Path
) -> None:
    model = model_for(tokenizer)
    result = tune(
        model,
        tokenizer,
        dataset,
        SPEC,
        tmp_path / "run",
        log=quiet(),
        evaluate=lambda model: {"kindness": 0.5},
    )
    assert list(result.run.held_out) == ["loss", "kindness"]
    assert any(isinstance(module, LoraLinear) for module in model.modules())
    assert not model.training
