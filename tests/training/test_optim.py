"""The schedule's corners, and who is trained how."""

from __future__ import annotations

import pytest

from miniclaude.errors import SettingsError
from miniclaude.training.adamw import AdamW
from miniclaude.training.config import TrainingConfig
from miniclaude.training.muon import Muon
from miniclaude.training.optim import learning_rate_factor, make_optimizers, set_learning_rates
from tests.training.tiny import tiny_model


def test_the_rate_rises_stays_and_falls() -> None:
    config = TrainingConfig(steps=100, warmup=9, decay=0.5, final_rate=0.1)
    factors = [learning_rate_factor(step, step / 100, config) for step in range(100)]
    assert factors[0] == pytest.approx(0.1), "the first step already learns"
    assert factors[9:51] == [1.0] * 42
    assert factors[75] == pytest.approx(0.55)
    assert learning_rate_factor(100, 1.0, config) == pytest.approx(0.1)


def test_without_decay_the_rate_stays() -> None:
    config = TrainingConfig(steps=10, warmup=0, decay=0.0)
    assert [learning_rate_factor(step, step / 10, config) for step in range(10)] == [1.0] * 10


def test_norms_and_embeddings_are_not_decayed_and_muon_gets_the_matrices() -> None:
    model = tiny_model()
    adamw, muon = make_optimizers(model, TrainingConfig(steps=1, optimizer="muon"))
    assert isinstance(muon, Muon)
    [undecayed] = adamw.param_groups
    assert undecayed["weight_decay"] == 0.0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(parameter)] for parameter in muon.param_groups[0]["params"]}
    assert all(name.startswith("blocks") and "norm" not in name for name in matrices)
    assert len(matrices) == 2 * 4
    assert len(undecayed["params"]) + len(matrices) == len(names), "each parameter exactly once"


def test_every_group_follows_the_schedule_from_its_own_peak() -> None:
    config = TrainingConfig(steps=10, optimizer="muon", warmup=1, decay=0.0)
    optimizers = make_optimizers(tiny_model(), config)
    set_learning_rates(optimizers, 0, 0.0, config)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    assert rates == [config.learning_rate / 2, config.muon_learning_rate / 2]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("steps", 0, "steps is 0"),
        ("learning_rate", float("nan"), "learning_rate is nan"),
        ("warmup", -1, "warmup is -1"),
        ("decay", 1.5, "decay is 1.5"),
    ],
)
def test_a_configuration_out_of_bounds_is_refused(field: str, value: float, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        TrainingConfig(**{"steps": 1, field: value})  # type: ignore[arg-type]


def test_adamw_alone_decays_the_matrices() -> None:
    [adamw] = make_optimizers(tiny_model(), TrainingConfig(steps=1, weight_decay=0.3))
    assert isinstance(adamw, AdamW)
    assert [group["weight_decay"] for group in adamw.param_groups] == [0.0, 0.3]
