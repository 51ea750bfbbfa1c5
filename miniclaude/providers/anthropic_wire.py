"""Anthropic's wire format, as a client of it: our values to JSON, its events to ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.messages import (
    Finished,
    FinishReason,
    ImagePart,
    Message,
    PromptRead,
    StreamEvent,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import Settings, Structure
from miniclaude.providers.told_values import count_of, text_if_any, text_of
from miniclaude.tokenizer.plain_tools import NO_PARAMETERS

FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
MAX_ARGUMENTS_DEPTH = 64
"""As deep as a body may be. The SDK writes them recursively, and Python's stack ends somewhere."""

NO_SAMPLING = "Anthropic's API has had no sampling parameters since its version 2026-10-21"
NOT_OFFERED = "Anthropic's API does not offer it"
ONLY_SCHEMAS = "Anthropic's API takes no form of an answer but a JSON schema"


def check_settings(settings: Settings) -> None:
    """Raises UnsupportedFieldError for the first field that Anthropic has no counterpart of. A
    value that means "leave the distribution alone" is as good as none."""
    if settings.temperature is not None and settings.temperature > 1:
        raise _unsupported("temperature", "Anthropic's scale ends at 1")
    refused = {
        "temperature": (settings.temperature not in (None, 1), NO_SAMPLING),
        "top_p": (settings.top_p not in (None, 1), NO_SAMPLING),
        "top_k": (settings.top_k not in (None, 0), NO_SAMPLING),
        "min_p": (settings.min_p not in (None, 0), NOT_OFFERED),
        "repetition_penalty": (settings.repetition_penalty not in (None, 1), NOT_OFFERED),
        "frequency_penalty": (settings.frequency_penalty not in (None, 0), NOT_OFFERED),
        "presence_penalty": (settings.presence_penalty not in (None, 0), NOT_OFFERED),
        "logit_bias": (bool(settings.logit_bias), NOT_OFFERED),
        "seed": (settings.seed is not None, NOT_OFFERED),
        "logprobs": (settings.logprobs is not None, NOT_OFFERED),
        "n": (settings.n != 1, NOT_OFFERED),
    }
    for field, (given, reason) in refused.items():
        if given:
            raise _unsupported(field, reason)


def structure_json(structure: Structure | None) -> dict[str, object]:
    """The field `output_config`; none when any text will do. The API follows every schema to the
    letter, and has no place for a name. Raises UnsupportedFieldError for what is no schema."""
    if structure is None:
        return {}
    if structure.kind != "json_schema":
        raise _unsupported(structure.param, ONLY_SCHEMAS)
    # A schema describes itself there; its own words are nearer to the matter than those beside it.
    told = {"description": structure.description} if structure.description else {}
    schema = {**told, **structure.schema}
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def _unsupported(field: str, reason: str) -> UnsupportedFieldError:
    return UnsupportedFieldError(
        f"{field}: {reason}.", hint=f"Leave {field} out, or choose another model.", param=field
    )


def conversation_json(messages: Sequence[Message]) -> dict[str, object]:
    """The fields `system` and `messages`. System messages are lifted out of the conversation, and
    messages without content, which the API refuses, are left out. The API wants all results of one
    answer's calls in the next message, before anything else: they become blocks of one message,
    with what the user says after them. Raises InvalidRequestError for tool arguments that are no
    JSON object."""
    system = "\n\n".join(m.text for m in messages if m.role == "system" and m.text)
    entries: list[tuple[str, list[dict[str, object]]]] = []
    for message in messages:
        blocks = _blocks(message)
        if message.role == "system" or not blocks:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        last_role, last = entries[-1] if entries else ("", [])
        if role == last_role == "user" and any(map(_is_result, (*last, *blocks))):
            last += blocks
            last.sort(key=_is_result, reverse=True)
        else:
            entries.append((role, blocks))
    said = [{"role": role, "content": blocks} for role, blocks in entries]
    return {"messages": said, **({"system": system} if system else {})}


def _is_result(block: dict[str, object]) -> bool:
    return block["type"] == "tool_result"


def tools_json(tools: tuple[Tool, ...], choice: str, parallel: bool) -> dict[str, object]:
    """The fields `tools` and `tool_choice`; none when there are no tools."""
    if not tools:
        return {}
    kinds = {"auto": "auto", "none": "none", "required": "any"}
    chosen: dict[str, object] = (
        {"type": kinds[choice]} if choice in kinds else {"type": "tool", "name": choice}
    )
    if not parallel and choice != "none":
        chosen["disable_parallel_tool_use"] = True
    return {
        "tools": [
            {
                "name": tool.name,
                "description": tool.description,
                # An object with a type has to stand there, whatever was given.
                "input_schema": {**NO_PARAMETERS, **tool.parameters},
                **({"strict": True} if tool.strict else {}),
            }
            for tool in tools
        ],
        "tool_choice": chosen,
    }


def _blocks(message: Message) -> list[dict[str, object]]:
    if message.role == "tool":
        return [
            {
                "type": "tool_result",
                "tool_use_id": message.tool_call_id,
                "content": message.text,
            }
        ]
    blocks: list[dict[str, object]] = []
    for part in message.parts:
        if isinstance(part, ImagePart):
            source = {"type": "base64", "media_type": part.media_type, "data": part.data}
            blocks.append({"type": "image", "source": source})
        elif part.text.strip():
            blocks.append({"type": "text", "text": part.text})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_of(call)}
        for call in message.tool_calls
    ]
    return blocks


def arguments_of(call: ToolCall) -> dict[str, object]:
    """A call's arguments as the API takes them. Raises InvalidRequestError for others."""
    deep = False
    try:
        arguments = json.loads(call.arguments or "{}")
        json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()  # as the SDK does
    except ValueError:
        arguments = None
    except RecursionError:
        arguments, deep = {}, True
    if not isinstance(arguments, dict):
        raise InvalidRequestError(
            f"messages: the arguments of tool call {call.id!r} are not a JSON object"
            " that can be written again.",
            hint="Send them back as the model wrote them.",
            param="messages",
        )
    if deep or _is_deeper(arguments, MAX_ARGUMENTS_DEPTH):
        raise InvalidRequestError(
            f"messages: the arguments of tool call {call.id!r} are nested deeper than"
            f" {MAX_ARGUMENTS_DEPTH} levels.",
            hint="Flatten them.",
            param="messages",
        )
    return arguments


def _is_deeper(value: object, most: int) -> bool:
    """Whether objects and lists stand in each other more than `most` deep."""
    level = [value]
    for _ in range(most + 1):
        nested = [item for item in level if isinstance(item, dict | list)]
        if not nested:
            return False
        level = [
            child
            for item in nested
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return True


class EventReader:
    """Reads the events of one answer, in order. `finish` is None until its end was announced."""

    def __init__(self) -> None:
        self.finish: FinishReason | None = None
        self.stop_text: str | None = None
        self.ended = False
        self._calls: dict[int, int] = {}  # content block → number of the tool call
        self._silent: dict[int, object] = {}  # content blocks of calls that began, and with what
        self._input = self._cached = self._output = 0

    @property
    def usage(self) -> Usage:
        """Token counts so far; tokens written to or read from a cache are prompt tokens too."""
        return Usage(self._input, self._output, self._cached)

    def read(self, event: Any) -> list[StreamEvent]:
        """What one event says; kinds we have no use for say nothing. Raises TypeError for a value
        of another type than it should be."""
        match event.type:
            case "message_start":
                self._count(event.message.usage)
                return [PromptRead(self._input, self._cached)]
            case "content_block_start" if event.content_block.type == "tool_use":
                number = self._calls[event.index] = len(self._calls)
                block = event.content_block
                self._silent[event.index] = block.input
                id, name = text_of(block.id, "id"), text_of(block.name, "name")
                return [ToolCallDelta(0, number, id, name, "")]
            case "content_block_start" if event.content_block.type == "text":
                text = text_of(event.content_block.text, "text")
                return [TextDelta(0, text)] if text else []
            case "content_block_delta" if event.delta.type == "text_delta":
                return [TextDelta(0, text_of(event.delta.text, "text"))]
            case "content_block_delta" if event.delta.type == "input_json_delta":
                number = self._calls[event.index]
                piece = text_of(event.delta.partial_json, "partial_json")
                if piece:
                    self._silent.pop(event.index, None)
                return [ToolCallDelta(0, number, None, None, piece)]
            case "content_block_stop" if event.index in self._silent:
                # In the other protocols the arguments are JSON where there are none, too.
                whole = json.dumps(self._silent.pop(event.index) or {})
                return [ToolCallDelta(0, self._calls[event.index], None, None, whole)]
            case "message_delta":
                self._count(event.usage)
                if event.delta.stop_reason is not None:
                    self.finish = FINISH_REASONS.get(event.delta.stop_reason, "stop")
                    self.stop_text = text_if_any(event.delta.stop_sequence, "stop_sequence")
            case "message_stop" if self.finish is not None:
                self.ended = True
                return [Finished(0, self.finish, self.stop_text)]
        return []

    def _count(self, usage: Any) -> None:
        """Counts are running totals; those that an event leaves out stay as they were."""
        if usage.input_tokens is not None:
            read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
            self._cached = count_of(read, "cache_read_input_tokens")
            new = count_of(usage.input_tokens, "input_tokens")
            kept = count_of(written, "cache_creation_input_tokens")
            self._input = count_of(new + self._cached + kept, "input_tokens with the cache's")
        if usage.output_tokens is not None:
            self._output = count_of(usage.output_tokens, "output_tokens")
