"""Multiple choice: which of several continuations a model finds likeliest.

Scored as EleutherAI's evaluation harness does (Gao et al. 2021): the log-likelihood of each choice
after its context, summed over the choice's tokens. `accuracy` takes the highest sum;
`accuracy_by_length` the highest sum for each character, so that long choices are not at a
disadvantage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from miniclaude.data.batches import make_batch
from miniclaude.errors import DatasetError
from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.tokenizer import Tokenizer

Document = tuple[NDArray[np.int32], NDArray[np.bool_]]

POSITIONS = 2048
"""Most positions in one forward, unless one choice needs more."""


@dataclass(frozen=True, slots=True)
class Question:
    """choices: each with the space, if any, that parts it from the context. answer: the right one's
    place among them."""

    context: str
    choices: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class ChoiceScore:
    """likelihoods: of each question's choices, in nats. The accuracies are shares of questions."""

    likelihoods: tuple[tuple[float, ...], ...]
    accuracy: float
    accuracy_by_length: float


def split_tokens(tokenizer: Tokenizer, context: str, choice: str) -> tuple[list[int], int]:
    """The ids of context and choice, and how many of them belong to the context.

    White space at the context's end goes to the choice: tokens begin with their space.
    """
    bare = context.rstrip()
    whole = tokenizer.encode_prompt(context + choice)
    return whole, len(tokenizer.encode_prompt(bare))


def choose(model: Transformer, tokenizer: Tokenizer, questions: Sequence[Question]) -> ChoiceScore:
    """Score every choice of every question.

    Raises DatasetError for a question without choices, without a context or without the right
    answer, and for one that is longer than the model's context.
    """
    documents: list[Document] = []
    for number, question in enumerate(questions, 1):
        _check(number, question)
        for choice in question.choices:
            ids, known = split_tokens(tokenizer, question.context, choice)
            if len(ids) - 1 > model.config.context:
                raise DatasetError(
                    f"Question {number} has {len(ids):,} tokens; the model reads"
                    f" {model.config.context:,}.",
                    hint="Shorten its context, or leave it out.",
                )
            learn = np.arange(len(ids)) >= known
            documents.append((np.array(ids, np.int32), learn))
    flat = iter(log_likelihoods(model, documents))
    likelihoods = tuple(tuple(next(flat) for _ in question.choices) for question in questions)
    right = right_by_length = 0
    for question, scores in zip(questions, likelihoods, strict=True):
        right += int(np.argmax(scores)) == question.answer
        lengths = [len(choice.lstrip()) for choice in question.choices]
        right_by_length += int(np.argmax(np.divide(scores, lengths))) == question.answer
    count = max(1, len(questions))
    return ChoiceScore(likelihoods, right / count, right_by_length / count)


def _check(number: int, question: Question) -> None:
    if not question.context.strip() or not all(one.strip() for one in question.choices):
        raise DatasetError(
            f"Question {number} has an empty context or choice.",
            hint="Give it a text before the choices, and words in each of them.",
        )
    if not 0 <= question.answer < len(question.choices):
        raise DatasetError(
            f"Question {number} has {len(question.choices)} choices, and number"
            f" {question.answer} is said to be right; they are counted from 0.",
            hint="Correct the answer.",
        )


@torch.inference_mode()
def log_likelihoods(model: Transformer, documents: Sequence[Document]) -> Iterator[float]:
    """The log-likelihood of each document's marked tokens, after those before them. documents: ids
    and marks, each [length]; the first token is never scored."""
    device = model.tokens.weight.device
    start = 0
    while start < len(documents):
        end, filled = start, 0
        while end < len(documents) and (not filled or filled + len(documents[end][0]) <= POSITIONS):
            filled += len(documents[end][0])
            end += 1
        batch = make_batch(list(documents[start:end])).to(device)
        states = model.hidden(batch.ids, DocumentsApart(batch.lengths, device))  # [1, T, W]
        logits = model.head(states[batch.learn]).float()  # [n, V]
        losses = cross_entropy(logits, batch.targets[batch.learn], reduction="none")  # [n]
        counts = [int(marks[1:].sum()) for _, marks in documents[start:end]]
        yield from (-float(one.sum()) for one in torch.split(losses.double(), counts))
        start = end
