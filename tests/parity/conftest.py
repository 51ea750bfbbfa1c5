"""A random checkpoint of each family, written by `transformers` and loaded by both sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from tests.parity.families import FAMILIES


@dataclass(frozen=True)
class Pair:
    """One checkpoint on disk, theirs and ours in memory, and a text to read."""

    folder: Path
    theirs: Any
    ours: Transformer
    ids: torch.Tensor  # [2, 40]


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Their progress bars are not ours to test."""
    messages: Any = transformers.logging
    messages.set_verbosity_error()
    messages.disable_progress_bar()


def shake(model: Any) -> None:
    """Weights large enough that the likeliest token stands out, biases and norms that matter."""
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            parameter.data.add_(0.3 * noise)
        else:
            parameter.data.copy_(0.25 * noise)


def load_theirs(folder: Path, **options: Any) -> Any:
    """A folder through `transformers`; no tensor may be missing, left over or of wrong shape."""
    loader: Any = transformers.AutoModelForCausalLM
    model, info = loader.from_pretrained(folder, output_loading_info=True, **options)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[problem], (problem, info[problem])
    return model.eval()


def make_pair(name: str, root: Path) -> Pair:
    """Build, save and load the checkpoint of one family."""
    loader: Any = transformers.AutoModelForCausalLM
    theirs = loader.from_config(FAMILIES[name]()).eval()
    shake(theirs)
    theirs.save_pretrained(root / name)
    ids = torch.randint(101, (2, 40), generator=torch.Generator().manual_seed(3))
    return Pair(root / name, theirs, load_model(root / name), ids)


@pytest.fixture(scope="session", params=list(FAMILIES))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Each family in turn."""
    return make_pair(request.param, tmp_path_factory.mktemp("parity"))
