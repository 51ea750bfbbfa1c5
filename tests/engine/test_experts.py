"""The worker serves a model with experts, and says why it does not pack one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.engine.worker import load
from miniclaude.errors import CheckpointError
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.load import load_tokenizer
from tests.engine.tiny import run, texts
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path, experts=4)


def test_it_answers_as_the_model_itself_does(folder: Path) -> None:
    engine, info = load(EngineSpec(folder, dtype="float32", threads=1))
    assert info.dtype == "float32"
    ids = list(range(40, 60))
    sampling = Sampling(max_tokens=8, temperature=0.0, ignore_eos=True)
    [said] = texts(run(engine, GenerationRequest("a", tuple(ids), sampling))).values()
    model = load_model(folder)
    for _ in range(8):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert said == load_tokenizer(folder).decode(ids[20:])


def test_what_the_worker_chooses_itself_is_not_packed(folder: Path) -> None:
    _, info = load(EngineSpec(folder, threads=1))
    assert info.dtype in ("float32", "bfloat16")


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_packing_is_refused_with_what_to_do(folder: Path, dtype: str) -> None:
    with pytest.raises(CheckpointError, match="has 4 experts a layer, and experts are not packed"):
        load(EngineSpec(folder, dtype=dtype, threads=1))
