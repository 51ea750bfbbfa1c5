"""What a local model reads: a conversation as ids, and what is far too long refused before that."""

from __future__ import annotations

import asyncio
from functools import partial

from miniclaude.errors import ContextLengthError, InvalidRequestError
from miniclaude.messages import Message
from miniclaude.providers.base import ChatRequest
from miniclaude.providers.loaded import LoadedModel
from miniclaude.providers.local_reading import MAX_CHARACTERS_PER_TOKEN
from miniclaude.tokenizer.chat_template import encode_chat

SHORT, SHORT_MESSAGE = 4096, 64
"""A conversation of so many characters, each message counted as some more, is encoded in a
millisecond or two: sooner than another thread has begun, and nobody waits for it long."""


async def chat_prompt(loaded: LoadedModel, request: ChatRequest) -> list[int]:
    """The conversation as ids. Raises InvalidRequestError for a model without a chat template,
    ContextLengthError as `check_size` does, and what `encode_chat` raises."""
    if loaded.tokenizer.template is None:
        raise InvalidRequestError(
            f"model: {request.model!r} has no chat template, so it cannot chat.",
            hint="Send the text to /completions, or choose a model that was tuned to chat.",
            param="model",
        )
    characters = sum(_characters(message) for message in request.messages)
    check_size(loaded, characters, "messages")
    tools = () if request.tool_choice == "none" else request.tools
    check_size(loaded, sum(len(str(tool)) for tool in tools), "tools")
    encode = partial(encode_chat, loaded.tokenizer, thinking=request.reasoning_effort != "none")
    if request.continues:
        *before, begun = request.messages
        encoded = await asyncio.to_thread(encode, before, tools)
        return encoded + await asyncio.to_thread(loaded.tokenizer.encode, begun.text)
    is_short = characters + SHORT_MESSAGE * len(request.messages) <= SHORT
    has_calls = bool(tools) or any(message.tool_calls for message in request.messages)
    if is_short and not has_calls and loaded.tokenizer.template.is_ours:
        return encode(request.messages)
    return await asyncio.to_thread(encode, request.messages, tools)


def least_prompt(loaded: LoadedModel, request: ChatRequest) -> int:
    """Tokens that the conversation has at least, known without rendering it. Of somebody else's
    template nothing is known: it may leave messages out."""
    template = loaded.tokenizer.template
    if template is None or not template.is_ours:
        return 1
    return 1 + sum(loaded.tokenizer.least_tokens(message.text) for message in request.messages)


def check_size(loaded: LoadedModel, characters: int, field: str) -> None:
    """Refuse what cannot fit before it costs seconds to encode. Raises ContextLengthError.

    No tokenizer puts more than a few dozen characters of ordinary text into a token, so text of
    this many is far beyond the context.
    """
    context = loaded.info.context
    if characters > context * MAX_CHARACTERS_PER_TOKEN:
        raise ContextLengthError(
            f"The prompt has {characters:,} characters, which is more than the"
            f" {context:,} tokens of the model's context can hold.",
            hint="Shorten the conversation, or choose a model with a longer context.",
            param=field,
        )


def _characters(message: Message) -> int:
    """All that a template may write of a message."""
    calls = sum(len(call.id) + len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.text) + calls + len(message.name or "") + len(message.tool_call_id or "")
