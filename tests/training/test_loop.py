"""The loop learns, stops, resumes and counts rightly."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.errors import SettingsError, TrainingDivergedError
from miniclaude.evaluation.perplexity import score
from miniclaude.model.transformer import Transformer
from miniclaude.training.config import TrainingConfig
from miniclaude.training.loop import accumulate_gradients, compile_mlps, train
from miniclaude.training.losses import Supervised
from miniclaude.training.precision import Precision
from miniclaude.training.run_log import RunLog
from tests.training.tiny import after, counting_batches, counting_set, tiny_model

CONFIG = TrainingConfig(
    steps=12, accumulate=2, optimizer="muon", learning_rate=0.01, warmup=2, checkpoint_every=4
)


def quiet() -> RunLog:
    return RunLog(terminal=io.StringIO())


def same_weights(one: Transformer, other: Transformer) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_killed_and_resumed_is_the_same_as_uninterrupted(tmp_path: Path, optimizer: str) -> None:
    """Bit for bit: momentum, step counts of the bias correction, data order and schedule."""
    config = replace(CONFIG, optimizer="adamw" if optimizer == "adamw" else "muon")
    batches = counting_batches()
    whole, parts = tiny_model(), tiny_model()
    train(whole, batches, config, log=quiet())
    paused = train(parts, batches, config, folder=tmp_path, log=quiet(), control=after(5))
    assert (paused.steps, paused.ended) == (5, "paused")
    resumed = tiny_model(seed=9)
    result = train(resumed, batches, config, folder=tmp_path, log=quiet())
    assert (result.steps, result.ended) == (12, "finished")
    assert same_weights(whole, resumed)
    assert not same_weights(whole, parts)


def test_it_learns_to_count() -> None:
    model = tiny_model()
    before = score(model.eval(), counting_set()).bits_per_byte
    config = replace(CONFIG, steps=60, accumulate=1)
    train(model, counting_batches(), config, log=quiet())
    after = score(model, counting_set()).bits_per_byte
    assert before > 4
    assert after < 1.5
    assert not model.training


def test_two_batches_accumulated_are_one_batch_of_both() -> None:
    """The mean is over all learnt tokens, not a mean of means: batches differ in length."""
    model = tiny_model()
    batches = [counting_batches()[0], counting_batches()[1]]
    precision = Precision(CONFIG, torch.device("cpu"))
    together, _ = accumulate_gradients(model, batches, Supervised(), precision)
    gradient = model.tokens.weight.grad
    assert gradient is not None
    apart = torch.zeros_like(gradient)
    counts = [int(batch.learn.sum()) for batch in batches]
    losses = []
    for batch, count in zip(batches, counts, strict=True):
        model.zero_grad()
        loss, _ = accumulate_gradients(model, [batch], Supervised(), precision)
        losses.append(loss * count / sum(counts))
        assert model.tokens.weight.grad is not None
        apart += model.tokens.weight.grad * count / sum(counts)
    assert sum(losses) == pytest.approx(together, rel=1e-5)
    torch.testing.assert_close(apart, gradient, atol=1e-6, rtol=1e-4)


def test_bfloat16_products_leave_float32_weights() -> None:
    model = tiny_model()
    train(model, counting_batches(), replace(CONFIG, steps=2, autocast="bfloat16"), log=quiet())
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_a_time_limit_ends_the_run_early(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=40, accumulate=1, minutes=1e-9)
    result = train(tiny_model(), counting_batches(), config, folder=tmp_path, log=quiet())
    assert (result.steps, result.ended) == (0, "finished")


def test_metrics_and_held_out_scores_are_logged(tmp_path: Path) -> None:
    terminal = io.StringIO()
    log = RunLog(tmp_path / "metrics.jsonl", terminal)
    config = replace(CONFIG, steps=4, evaluate_every=2)
    train(tiny_model(), counting_batches(), config, log=log, evaluate=lambda model: {"count": 1.5})
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if "loss" in record] == [1, 2, 3, 4]
    assert [record["step"] for record in records if "held_out" in record] == [2, 4]
    assert "held out: count 1.500" in terminal.getvalue()


def test_too_few_batches_are_refused_before_the_first_step() -> None:
    with pytest.raises(
        SettingsError, match="9000 steps of 2 batches need 17999 or more; there are"
    ):
        train(tiny_model(), counting_batches(), replace(CONFIG, steps=9000), log=quiet())


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    model = tiny_model()
    with torch.no_grad():
        model.tokens.weight.fill_(float("nan"))
    result = train(model, counting_batches(), CONFIG, log=quiet())
    assert result.ended == "diverged"
    assert isinstance(result.problem, TrainingDivergedError)
    assert "At step 1 the loss is no longer a finite number" in result.problem.message
    assert "from 0.01 to 0.001" in result.problem.hint


def test_without_a_compiler_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(*arguments: object, **options: object) -> None:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", no_compiler)
    terminal = io.StringIO()
    compile_mlps(tiny_model(), RunLog(terminal=terminal))
    assert "Going on without torch.compile: No working C++ compiler found" in terminal.getvalue()
