"""Multiple choice, held to the plain definition."""

from __future__ import annotations

import pytest
import torch

from miniclaude.errors import DatasetError
from miniclaude.evaluation import multiple_choice
from miniclaude.evaluation.multiple_choice import Question, choose, split_tokens
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from tests.tiny_checkpoint import write_tiny_checkpoint

QUESTIONS = [
    Question("the cat sat on", (" the mat", " you", " hello, how are you today?"), 0),
    Question("hello, how", (" are you", " the cat"), 1),
    Question("user ", ("assistant", "system"), 1),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Transformer, Tokenizer]:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "model")
    return load_model(folder), load_tokenizer(folder)


def plain_likelihood(model: Transformer, ids: list[int], known: int) -> float:
    """One choice by itself, one token after the other."""
    with torch.inference_mode():
        logprobs = model(torch.tensor([ids[:-1]]))[0].log_softmax(-1)
    return sum(float(logprobs[at - 1, ids[at]]) for at in range(known, len(ids)))


@pytest.mark.parametrize("positions", [1, 40, 4096])
def test_packed_scores_are_those_of_each_choice_alone(
    tiny: tuple[Transformer, Tokenizer], positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice must not see another's tokens, nor be given another's score."""
    monkeypatch.setattr(multiple_choice, "POSITIONS", positions)
    model, tokenizer = tiny
    result = choose(model, tokenizer, QUESTIONS)
    for question, scores in zip(QUESTIONS, result.likelihoods, strict=True):
        for choice, score in zip(question.choices, scores, strict=True):
            ids, known = split_tokens(tokenizer, question.context, choice)
            assert score == pytest.approx(plain_likelihood(model, ids, known), abs=1e-4)


def test_long_choices_are_judged_by_the_character(tiny: tuple[Transformer, Tokenizer]) -> None:
    """A sum over many tokens is lower whatever they are: by sums alone the shortest choice wins."""
    model, tokenizer = tiny
    by_length = Question("the cat", (" sat on the mat, hello, how are you today?", " x"), 0)
    result = choose(model, tokenizer, [by_length])
    assert result.accuracy == 0.0
    assert result.accuracy_by_length == 1.0


def test_the_space_between_belongs_to_the_choice(tiny: tuple[Transformer, Tokenizer]) -> None:
    _, tokenizer = tiny
    one = split_tokens(tokenizer, "the cat ", "sat")
    assert one == split_tokens(tokenizer, "the cat", " sat")


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (Question("a", (), 0), "Question 1 has 0 choices"),
        (Question("a", ("b", "c"), 2), "number 2 is said to be right; they are counted from 0"),
        (Question(" ", ("b",), 0), "empty context or choice"),
        (Question("a", ("b", " "), 0), "empty context or choice"),
        (Question("the cat " * 200, ("sat",), 0), "the model reads 256"),
    ],
)
def test_a_question_that_cannot_be_scored_is_named(
    tiny: tuple[Transformer, Tokenizer], question: Question, says: str
) -> None:
    with pytest.raises(DatasetError, match=says):
        choose(*tiny, [question])
