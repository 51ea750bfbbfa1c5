"""The sampling that a model's makers recommend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.errors import CheckpointError
from miniclaude.model.generation_config import GENERATION_CONFIG, read_sampling_defaults


def folder_with(folder: Path, **fields: object) -> Path:
    (folder / GENERATION_CONFIG).write_text(json.dumps(fields))
    return folder


def test_recommended_sampling_is_read(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, do_sample=True, temperature=0.6, top_k=40, top_p=0.9, eos_token_id=2
    )
    assert read_sampling_defaults(folder) == {"temperature": 0.6, "top_k": 40, "top_p": 0.9}


def test_nothing_is_recommended_without_the_file_or_without_sampling(tmp_path: Path) -> None:
    """transformers ignores the numbers unless do_sample is set, so a folder that it decodes
    greedily must not become creative here."""
    assert read_sampling_defaults(tmp_path) == {}
    assert read_sampling_defaults(folder_with(tmp_path, temperature=0.6)) == {}


@pytest.mark.parametrize(("name", "value"), [("temperature", -1), ("top_p", 1.5), ("top_k", True)])
def test_a_value_out_of_range_is_named(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(CheckpointError, match=f"{name} is {value}; it must be a number from 0"):
        read_sampling_defaults(folder_with(tmp_path, do_sample=True, **{name: value}))
