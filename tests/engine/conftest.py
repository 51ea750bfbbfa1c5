"""What several tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.model.checkpoint import save_model
from miniclaude.tokenizer.bpe import train
from tests.engine.tiny import tiny_model


@pytest.fixture(scope="package")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a model folder, with a byte-level vocabulary of its size."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(tiny_model(), folder)
    tokenizer = train(["ab"], vocab_size=257, special_tokens=["<|endoftext|>"])
    tokenizer.save(folder, eos_token="<|endoftext|>")
    return folder
