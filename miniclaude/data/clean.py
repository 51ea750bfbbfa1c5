"""Small repairs of text, and judgements whether a document is worth learning from."""

from __future__ import annotations

import re
from dataclasses import replace

from miniclaude.data.formats import Document
from miniclaude.messages import Message, TextPart

PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2026": "...",
        "\u2013": "-",
        "\u2014": " - ",
        "\u00a0": " ",
        "\u200b": "",
        "\ufeff": "",
        "\t": " ",
        "\r": "",
    }
)
"""Typographic marks that a small vocabulary does better without."""

SPACES = re.compile(" {2,}")
LINE_ENDS = re.compile(r" *\n *")
BLANK_LINES = re.compile(r"\n{3,}")
SINGLE_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")


def tidy(text: str) -> str:
    """Straight quotes and plain dashes, no doubled spaces, at most one blank line."""
    text = SPACES.sub(" ", text.translate(PLAIN))
    text = BLANK_LINES.sub("\n\n", LINE_ENDS.sub("\n", text))
    return text.strip()


def unwrap(text: str) -> str:
    """Join lines that were broken to fit a page; blank lines still part paragraphs."""
    return SINGLE_LINE_END.sub(" ", text)


def tidy_document(document: Document, *, unwrapped: bool = False) -> Document:
    """`tidy` every text of a document; `unwrapped` joins the lines of a plain one first."""
    if isinstance(document, str):
        return tidy(unwrap(document) if unwrapped else document)
    return tuple(_tidy_message(message) for message in document)


def _tidy_message(message: Message) -> Message:
    return replace(message, parts=(TextPart(tidy(message.text)),))


def is_conversation(messages: tuple[Message, ...]) -> bool:
    """Whether user and assistant speak in turn, the user first, and nobody is silent; one system
    message may stand before them."""
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    expected = ("user", "assistant")
    return len(turns) >= 2 and all(
        message.role == expected[index % 2] and message.text for index, message in enumerate(turns)
    )


def join_turns(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """One message for each run of messages by the same speaker."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            text = f"{joined[-1].text} {message.text}"
            joined[-1] = replace(joined[-1], parts=(TextPart(text),))
        else:
            joined.append(message)
    return tuple(joined)
