"""Sizes of models, told without reading their weights."""

from __future__ import annotations

import json
from pathlib import Path

from miniclaude.model.facts import read_facts
from miniclaude.model.parameter_count import count_parameters
from tests.tiny_checkpoint import write_tiny_checkpoint


def header(folder: Path, **tensors: object) -> Path:
    folder.mkdir(exist_ok=True)
    raw = json.dumps({"__metadata__": {}, **tensors}).encode()
    (folder / "model.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)
    return folder


def test_a_model_has_as_many_as_its_facts_say(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "tiny")
    assert count_parameters(tmp_path / "tiny") == read_facts(tmp_path / "tiny").parameters > 0


def test_what_cannot_be_told_is_nought_and_never_an_error(tmp_path: Path) -> None:
    """GET /models must list the good models beside a broken one."""
    packed = header(tmp_path / "packed", w={"dtype": "U8", "shape": [4], "data_offsets": [0, 4]})
    odd = header(tmp_path / "odd", w={"dtype": "F32", "shape": "four"})
    listed = header(tmp_path / "listed", w=[1])
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "model.safetensors").write_bytes(b"\xff" * 9)
    for folder in (packed, odd, listed, cut, tmp_path / "gone"):
        assert count_parameters(folder) == 0
