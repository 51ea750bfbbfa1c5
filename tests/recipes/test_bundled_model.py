"""The model that ships: whole, small, licensed, and it ends its turns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from miniclaude.evaluation.speaking import Asked, Reply
from miniclaude.evaluation.suite import read_suite
from miniclaude.messages import text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import InstalledModel, Library, bundled_models
from miniclaude.providers.local_batch import LocalBatch

LONGEST = 200  # tokens


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    """The bundled model, found as the product finds it."""
    library = Library(tmp_path_factory.mktemp("models"), bundled_models())
    [model] = [model for model in library.list() if model.bundled]
    return model


@pytest.fixture(scope="module")
def speaker(model: InstalledModel) -> LocalBatch:
    return LocalBatch(model, device="cpu")


def say(speaker: LocalBatch, questions: Sequence[str], seed: int | None) -> list[Reply]:
    asked = [Asked((text_message("user", text),), LONGEST, seed=seed) for text in questions]
    return speaker.replies(asked, lambda: None)


def test_it_is_small_and_carries_its_card(model: InstalledModel) -> None:
    assert sum(path.stat().st_size for path in model.path.iterdir()) <= 24_000_000
    card = (model.path / "README.md").read_text(encoding="utf-8")
    for word in ("license:", "bits per byte", "cannot", "CC BY-SA"):
        assert word in card


def test_most_replies_are_words_and_end_by_themselves(speaker: LocalBatch) -> None:
    replies = say(speaker, read_suite(["bundled"], ["calculator"]).openings[:30], seed=0)
    assert sum(reply.ended for reply in replies) >= 0.8 * len(replies)
    assert all(any(letter.isalpha() for letter in reply.text) for reply in replies)
    assert not any("<|" in reply.text for reply in replies)


def test_it_says_who_it_is(speaker: LocalBatch) -> None:
    [reply] = say(speaker, ["Who are you?"], seed=None)
    assert "Mini-Claude" in reply.text


def test_transformers_reads_the_same_model(model: InstalledModel) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32)
    ours = load_model(model.path, device=torch.device("cpu"), dtype=torch.float32)
    ids = torch.randint(0, ours.config.vocab_size, (2, 40), generator=torch.manual_seed(0))
    with torch.inference_mode():
        difference = (theirs(ids).logits - ours(ids)).abs().max()
    assert difference <= 1e-4
