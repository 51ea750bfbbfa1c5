"""What is held out of a dataset, ready to be scored and to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from miniclaude.data.example import Example, Place
from miniclaude.data.tokens import TokenDocument, TokenSet, split_text
from miniclaude.errors import DatasetError, MiniClaudeError
from miniclaude.messages import Message, Tool
from miniclaude.tokenizer.chat_template import encode_training_examples
from miniclaude.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation up to where the assistant should speak, and what it said in the dataset."""

    place: Place
    messages: tuple[Message, ...]
    answer: str
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """documents: all rows, of which what the assistant says is scored (of plain text, everything).
    prompts: some rows to be answered. left_out: rows that hold nothing to score."""

    documents: TokenSet
    prompts: tuple[Prompt, ...]
    left_out: int = 0


def hold_out(
    examples: Iterable[Example], tokenizer: Tokenizer, context: int, prompts: int = 16
) -> HeldOut:
    """The rows as documents of at most `context` tokens, and up to `prompts` of them to be
    answered, spread evenly over the rows.

    Of a preference the chosen answer is scored, of KTO the desirable ones.
    Raises DatasetError when there is nothing to score.
    """
    rows = [good for good in map(good_example, examples) if good is not None]
    sizes = [0 if tokenizer.is_special(n) else len(tokenizer.token_bytes(n)) for n in
             range(tokenizer.vocab_size)]  # fmt: skip
    documents: list[TokenDocument] = []
    left_out = 0
    chats = [row for row in rows if row.messages]
    for encoded in encode_training_examples(tokenizer, chats):
        if isinstance(encoded, MiniClaudeError) or not any(encoded.mask[1:context]):
            left_out += 1
            continue
        ids, mask = encoded.ids[:context], encoded.mask[:context]
        learnt = sum(sizes[token] for token, counts in zip(ids, mask, strict=True) if counts)
        documents.append(TokenDocument(ids, mask, learnt))
    for row in rows:
        if not row.messages:
            ids = [*tokenizer.encode_prompt(row.text), *tokenizer.eos_ids[:1]]
            documents += split_text(ids, sizes, context - 1)
    if not documents:
        raise DatasetError(
            f"None of the {len(rows):,} held-out rows has anything to score.",
            hint="Prepare the dataset with more validation rows, or raise the length allowed.",
            code="no_trainable_tokens",
        )
    return HeldOut(TokenSet.gather(documents), choose_prompts(chats, prompts), left_out)


def good_example(example: Example) -> Example | None:
    """The row as a conversation worth imitating; None for an answer to avoid."""
    if example.task == "preference":
        messages = (*example.messages, *example.chosen)
        spoken = (n for n, one in enumerate(example.messages) if one.role == "assistant")
        return Example(example.place, messages, tools=example.tools, unlearned=frozenset(spoken))
    return None if example.desirable is False else example


def choose_prompts(rows: Sequence[Example], count: int) -> tuple[Prompt, ...]:
    """Up to `count` rows that end with an answer in words, evenly spread."""
    fitting = [row for row in rows if row.messages[-1].text.strip() and len(row.messages) > 1]
    count = min(count, len(fitting))
    chosen = [fitting[index * len(fitting) // count] for index in range(count)]
    return tuple(
        Prompt(row.place, row.messages[:-1], row.messages[-1].text, row.tools) for row in chosen
    )
