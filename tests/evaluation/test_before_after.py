"""The base and the tuned model on the same rows, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from miniclaude.data.example import Example, Place
from miniclaude.evaluation.before_after import BeforeAfter, Measured, measure
from miniclaude.evaluation.held_out import HeldOut, Prompt, hold_out
from miniclaude.evaluation.overlap import Overlap
from miniclaude.evaluation.perplexity import HeldOutScore
from miniclaude.evaluation.writing import write_with
from miniclaude.messages import text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from tests.tiny_checkpoint import write_tiny_checkpoint

BUNDLED = Path(__file__).parents[2] / "miniclaude/bundled/mini-claude-11m"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Transformer, Tokenizer]:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("model"))
    return load_model(folder), load_tokenizer(folder)


def prompt(text: str, answer: str = "the cat") -> Prompt:
    return Prompt(Place("v.jsonl", 1), (text_message("user", text),), answer)


def measured(nats: float, tokens: int = 100) -> Measured:
    return Measured("model", HeldOutScore(nats, tokens, 400), Overlap(0, 0, ""), ())


def test_the_engines_answers_are_the_likeliest_tokens() -> None:
    """Batched answers must come back in the order of their prompts, each what greedy decoding
    gives for it alone."""
    model, tokenizer = load_model(BUNDLED), load_tokenizer(BUNDLED)
    prompts = [prompt("Hello!"), prompt("Name three animals."), prompt("Who wrote Hamlet?")]
    answers = write_with(model, tokenizer, max_tokens=8)(prompts)
    for one, answer in zip(prompts, answers, strict=True):
        ids = encode_chat(tokenizer, one.messages)
        start = len(ids)
        with torch.inference_mode():
            while len(ids) < start + 8:
                token = int(model(torch.tensor([ids]))[0, -1].argmax())
                if token in tokenizer.eos_ids:
                    break
                ids.append(token)
        assert answer == tokenizer.decode(ids[start:])
    assert len(set(answers)) == 3


def test_a_prompt_without_room_gets_no_answer(tiny: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = tiny
    model.train()
    answers = write_with(model, tokenizer, max_tokens=3)([prompt("cat " * 300), prompt("hello")])
    assert answers[0] == ""
    assert answers[1]
    assert model.training
    model.eval()
    assert write_with(model, tokenizer)([]) == []


def test_measuring_scores_and_asks(tiny: tuple[Transformer, Tokenizer]) -> None:
    model, tokenizer = tiny
    chat = text_message("user", "hello"), text_message("assistant", "the cat sat")
    held: HeldOut = hold_out([Example(Place("v.jsonl", 1), chat)], tokenizer, 100)
    result = measure("base", model, held, lambda prompts: ["the cat sat"] * len(prompts))
    assert result.overlap.exact == 1
    assert result.answers == ("the cat sat",)
    assert result.score.tokens == int(held.documents.learn.sum())
    assert measure("base", model, held).answers == ()


@pytest.mark.parametrize(
    ("after", "learnt", "verdict"),
    [
        (200.0, True, r"answers better than the base: perplexity 20\.09 before, 7\.39 after\.$"),
        (400.0, False, r"answers worse than .* Train for fewer epochs, or with a lower learning"),
        (300.1, False, r"as well as the base: .* It has learnt little\.$"),
    ],
)
def test_the_verdict_says_what_happened(after: float, learnt: bool, verdict: str) -> None:
    result = BeforeAfter(measured(300), measured(after), ())
    assert result.learnt is learnt
    assert re.search(verdict, result.verdict)
