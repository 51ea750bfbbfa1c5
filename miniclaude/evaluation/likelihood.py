"""Perplexity and bits per byte of held-out conversations and texts, by the engine that serves.

`perplexity.py` scores tensors of a model in this process; here any speaker is asked, so that
adapters and weights in 8 or 4 bits are measured as they answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from miniclaude.data.example import Example, Place
from miniclaude.errors import MiniClaudeError
from miniclaude.evaluation.conduct import quiet
from miniclaude.evaluation.perplexity import HeldOutScore
from miniclaude.evaluation.speaking import Document, Speaker, Told
from miniclaude.messages import Message
from miniclaude.tokenizer.chat_template import encode_training_examples

LONGEST = 2_048
"""Tokens of one document that are read."""


def conversation_documents(
    conversations: Sequence[Sequence[Message]], speaker: Speaker
) -> list[Document]:
    """Each conversation as ids, and which of them the assistant said. What the chat template
    refuses, or has nothing of the assistant within the context, is left out."""
    place = Place("suite", 1)
    rows = [Example(place, tuple(messages)) for messages in conversations]
    longest = min(LONGEST, speaker.facts.context)
    documents: list[Document] = []
    for encoded in encode_training_examples(speaker.tokenizer, rows):
        if not isinstance(encoded, MiniClaudeError) and any(encoded.mask[1:longest]):
            documents.append((encoded.ids[:longest], encoded.mask[:longest]))
    return documents


def text_documents(texts: Sequence[str], speaker: Speaker) -> list[Document]:
    """Each text as ids, of which all but the first are scored."""
    longest = min(LONGEST, speaker.facts.context)
    encoded = (speaker.tokenizer.encode_prompt(text)[:longest] for text in texts)
    return [(ids, [place > 0 for place in range(len(ids))]) for ids in encoded if len(ids) > 1]


def score(documents: Sequence[Document], speaker: Speaker, told: Told = quiet) -> HeldOutScore:
    """Of the marked tokens of all documents together."""
    tokenizer = speaker.tokenizer
    nats = speaker.nats(documents, told)
    tokens = size = 0
    for ids, mask in documents:
        scored = [token for token, counts in zip(ids[1:], mask[1:], strict=True) if counts]
        tokens += len(scored)
        size += sum(
            len(tokenizer.token_bytes(token)) for token in scored if not tokenizer.is_special(token)
        )
    return HeldOutScore(sum(nats), tokens, size)
