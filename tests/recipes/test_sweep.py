"""Runs beside one another: what is varied is what is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.errors import SettingsError
from recipes.bundled.sources import load_recipe
from recipes.bundled.sweep import varied

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "bundled" / "recipe.toml"


def test_numbers_go_where_they_belong() -> None:
    recipe = varied(
        load_recipe(RECIPE),
        ["width=128", "heads=2", "qk_norm=true", "schedule=cosine", "decay=0.5"],
    )
    assert (recipe.model.width, recipe.model.heads, recipe.model.qk_norm) == (128, 2, True)
    assert (recipe.pretrain.schedule, recipe.pretrain.decay) == ("cosine", 0.5)
    assert recipe.model_config(512).head_dim == 64
    assert recipe.tune == load_recipe(RECIPE).tune


def test_an_unknown_name_is_refused() -> None:
    # A misspelt name would train the same model again and look like "no difference".
    with pytest.raises(SettingsError, match=r"'widht' is a field neither of \[model\]"):
        varied(load_recipe(RECIPE), ["widht=128"])
