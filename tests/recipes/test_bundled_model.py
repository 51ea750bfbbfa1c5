"""The model that ships: whole, small, licensed, and it ends its turns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.messages import text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library, bundled_models
from recipes.bundled.sample import OPENINGS, Speaker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model's folder, found as the product finds it."""
    library = Library(tmp_path_factory.mktemp("models"), bundled_models())
    [model] = [model for model in library.list() if model.bundled]
    return model.path


@pytest.fixture(scope="module")
def speaker(folder: Path) -> Speaker:
    return Speaker(folder)


def test_it_is_small_and_carries_its_card(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12_000_000
    card = (folder / "README.md").read_text(encoding="utf-8")
    for word in ("license:", "bits per byte", "cannot", "CC BY-SA"):
        assert word in card


def test_most_replies_are_words_and_end_by_themselves(speaker: Speaker) -> None:
    chats = [[text_message("user", opening)] for opening in OPENINGS]
    replies = speaker.replies(chats, replace(speaker.sampling, seed=0))
    assert sum(ended for _, ended in replies) >= 0.8 * len(replies)
    assert all(any(letter.isalpha() for letter in text) for text, _ in replies)
    assert not any("<|" in text for text, _ in replies)


def test_it_says_who_it_is(speaker: Speaker) -> None:
    [(text, _)] = speaker.replies(
        [[text_message("user", "Who are you?")]], replace(speaker.sampling, temperature=0.0)
    )
    assert "Mini-Claude" in text


def test_transformers_reads_the_same_model(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ours = load_model(folder, device=torch.device("cpu"), dtype=torch.float32)
    ids = torch.randint(0, ours.config.vocab_size, (2, 40), generator=torch.manual_seed(0))
    with torch.inference_mode():
        difference = (theirs(ids).logits - ours(ids)).abs().max()
    assert difference <= 1e-4
