"""The exact tokens of a row, and which of them are learnt: what training will see.

A mask that is wrong by one token, or a template that differs from the one that serves, is seen
here at a glance and nowhere else.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from miniclaude.data.example import Example
from miniclaude.messages import Message
from miniclaude.tokenizer.chat_template import encode_training_example
from miniclaude.tokenizer.tokenizer import Tokenizer

MOST_TOKENS = 100_000
"""Tokens that are shown of a row; the counts are of all."""


@dataclass(frozen=True, slots=True)
class PreviewToken:
    """One token. text: as it can be printed anywhere: no control characters, and broken bytes as
    `<0xE2>`. learnt: whether the loss is taken on it."""

    id: int
    text: str
    learnt: bool
    special: bool


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """What one pass over the row sees: the whole of it; of a preference, one for each answer.

    count, learnt: tokens in all, and learnt; tokens: the first `MOST_TOKENS` of them."""

    label: str
    tokens: tuple[PreviewToken, ...]
    count: int
    learnt: int


def preview(example: Example, tokenizer: Tokenizer) -> tuple[PreviewPart, ...]:
    """The row as the model's tokenizer and chat template make it.

    Raises as `encode_training_example` where the template refuses the row.
    """
    if example.task == "text":
        ids = tokenizer.encode_prompt(example.text)
        return (_part("text", tokenizer, ids, [True] * len(ids)),)
    if example.task == "preference":
        return (
            _chat("chosen", example, tokenizer, (*example.messages, *example.chosen)),
            _chat("rejected", example, tokenizer, (*example.messages, *example.rejected)),
        )
    label = {True: "desirable", False: "undesirable", None: "conversation"}[example.desirable]
    return (_chat(label, example, tokenizer, example.messages),)


def as_json(example: Example, parts: tuple[PreviewPart, ...]) -> dict[str, object]:
    """For programs: every token with its id, text and whether it is learnt."""
    return {
        "place": str(example.place),
        "task": example.task,
        "parts": [
            {
                "label": part.label,
                "count": part.count,
                "learnt": part.learnt,
                "tokens": [
                    {
                        "id": token.id,
                        "text": token.text,
                        "learnt": token.learnt,
                        "special": token.special,
                    }
                    for token in part.tokens
                ],
            }
            for part in parts
        ],
    }


def printable(text: str) -> str:
    """The text with everything that could steer a terminal made visible: control characters and
    those that turn the direction of writing as `<U+001B>`; line ends stay.

    >>> printable("a\\x1b[2J\\tb")
    'a<U+001B>[2J<U+0009>b'
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char == "\n" or char.isprintable() or unicodedata.category(char) == "Zs"
        else f"<U+{ord(char):04X}>"
        for char in text
    )


def _chat(
    label: str, example: Example, tokenizer: Tokenizer, messages: tuple[Message, ...]
) -> PreviewPart:
    unlearned = example.unlearned
    if example.task == "preference":
        # Of a preference only the answer at the end is compared.
        last = len(example.messages)
        unlearned = frozenset(n for n in range(last) if messages[n].role == "assistant")
    encoded = encode_training_example(tokenizer, messages, example.tools, unlearned)
    return _part(label, tokenizer, encoded.ids, encoded.mask)


def _part(label: str, tokenizer: Tokenizer, ids: list[int], mask: list[bool]) -> PreviewPart:
    tokens = tuple(
        PreviewToken(
            token, _shown(tokenizer.token_bytes(token)), learnt, tokenizer.is_special(token)
        )
        for token, learnt in zip(ids[:MOST_TOKENS], mask, strict=False)
    )
    return PreviewPart(label, tokens, len(ids), sum(mask))


def _shown(data: bytes) -> str:
    """A token's bytes as printable text; bytes that are no UTF-8 by themselves as `<0xE2>`."""
    try:
        return printable(data.decode("utf-8"))
    except UnicodeDecodeError:
        return "".join(chr(b) if 32 <= b < 127 else f"<0x{b:02X}>" for b in data)
