"""What a run is asked for survives JSON, and nonsense is refused by the name of its field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from miniclaude.errors import SettingsError
from miniclaude.model.lora import LoraConfig
from miniclaude.training.spec import TuneSpec


def test_a_spec_survives_json() -> None:
    spec = TuneSpec(
        method="qlora",
        lora=LoraConfig(r=4, targets=("q_proj", "v_proj"), rank_pattern={"q_proj": 8}),
        bits=4,
        epochs=2,
        ema=0.99,
    )
    assert TuneSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
    assert TuneSpec.from_dict({}) == TuneSpec()


@pytest.mark.parametrize(
    ("values", "param", "says"),
    [
        ({"learning_rat": 1}, "learning_rat", "learning_rat is not a setting of fine-tuning"),
        ({"epochs": "3"}, "epochs", "must be a number"),
        ({"steps": 2.5}, "steps", "must be a whole number"),
        ({"seed": True}, "seed", "must be a whole number"),
        ({"gradient_checkpointing": 1}, "gradient_checkpointing", "must be true or false"),
        ({"method": "dora"}, "method", "must be one of lora, qlora, full"),
        ({"bits": 3}, "bits", "must be one of 8, 4"),
        ({"learning_rate": float("nan")}, "learning_rate", "must be from 0 to 10"),
        ({"learning_rate": 0}, "learning_rate", "nothing is learnt"),
        ({"accumulate": 0}, "accumulate", "must be from 1 to 4,096"),
        ({"epochs": 0}, "epochs", "some epochs, or for some steps"),
        ({"lora": {"rank": 8}}, "lora.rank", "lora.rank is not a setting"),
        ({"lora": 8}, "lora", "must be an object"),
        ({"lora": {"r": -1}}, "r", "r is -1"),
    ],
)
def test_nonsense_is_refused_by_name(values: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TuneSpec.from_dict(values)
    assert caught.value.param == param
    assert says in str(caught.value)
