"""OpenAI's wire format, as a client of it: our values to JSON, its chunks to our events."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    FinishReason,
    ImagePart,
    Message,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    Tool,
    ToolCallDelta,
    Usage,
)
from miniclaude.providers.base import Settings, Structure
from miniclaude.providers.told_values import choice_of, count_of, logprob_of, text_if_any, text_of
from miniclaude.providers.tool_answers import JsonEnd

if TYPE_CHECKING:
    from openai.types import Completion, CompletionUsage
    from openai.types.chat import ChatCompletionChunk

FINISH_REASONS = get_args(FinishReason)


def message_json(message: Message) -> dict[str, object]:
    """A message; its content is a plain string unless there are images in it."""
    entry: dict[str, object] = {"role": message.role, "content": message.text}
    if message.images:
        entry["content"] = [
            {"type": "image_url", "image_url": _image_json(part)}
            if isinstance(part, ImagePart)
            else {"type": "text", "text": part.text}
            for part in message.parts
        ]
    if message.tool_calls:
        entry["content"] = message.text or None
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        entry["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        entry["name"] = message.name
    return entry


def _image_json(image: ImagePart) -> dict[str, object]:
    detail = {} if image.detail == "auto" else {"detail": image.detail}
    return {"url": image.url, **detail}


def tools_json(tools: tuple[Tool, ...], choice: str, parallel: bool) -> dict[str, object]:
    """The fields `tools`, `tool_choice` and `parallel_tool_calls`; none when there are no tools."""
    if not tools:
        return {}
    functions = [
        {
            "name": tool.name,
            "description": tool.description,
            **({"parameters": tool.parameters} if tool.parameters else {}),
            **({"strict": True} if tool.strict else {}),
        }
        for tool in tools
    ]
    return {
        **({} if parallel else {"parallel_tool_calls": False}),
        "tools": [{"type": "function", "function": function} for function in functions],
        "tool_choice": choice
        if choice in ("auto", "none", "required")
        else {"type": "function", "function": {"name": choice}},
    }


def structure_json(structure: Structure | None) -> dict[str, object]:
    """The fields that say what the answer must look like: OpenAI's where it has one, else vLLM's,
    for `extra_body`."""
    if structure is None:
        return {}
    match structure.kind:
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "json_schema":
            given: dict[str, object] = {"name": structure.name, "schema": structure.schema}
            if structure.description:
                given["description"] = structure.description
            given["strict"] = structure.strict
            return {"response_format": {"type": "json_schema", "json_schema": given}}
        case "regex":
            return {"structured_outputs": {"regex": structure.pattern}}
        case "choice":
            return {"structured_outputs": {"choice": list(structure.choices)}}


def settings_json(settings: Settings, max_tokens_field: str) -> dict[str, object]:
    """The settings that both endpoints share; what was not set is not sent. Extensions of the API
    travel in `extra_body`."""
    fields: dict[str, object] = {
        max_tokens_field: settings.max_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "frequency_penalty": settings.frequency_penalty,
        "presence_penalty": settings.presence_penalty,
        "seed": settings.seed,
        "n": settings.n if settings.n > 1 else None,
        "stop": list(settings.stop) or None,
        "logit_bias": {str(token): bias for token, bias in settings.logit_bias.items()} or None,
    }
    extra = {
        "top_k": settings.top_k,
        "min_p": settings.min_p,
        "repetition_penalty": settings.repetition_penalty,
    }
    given = {key: value for key, value in fields.items() if value is not None}
    extensions = {key: value for key, value in extra.items() if value is not None}
    return {**given, "extra_body": extensions} if extensions else given


@dataclass(slots=True)
class _Begun:
    """The call that an index stands for now."""

    number: int
    id: str | None = None
    name: str | None = None
    whole: bool = False
    end: JsonEnd = field(default_factory=JsonEnd)


class CallNumbers:
    """The numbers of the tool calls in a stream. Some services leave `index` out: there a delta
    with an id that is not the last one's begins the next call, any other goes on with it. Some
    give all calls the same, and some every delta its own id and the call's name: there another id
    begins the next call with another name, or with arguments behind some that are whole."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, str | None]] = {}
        self._begun: dict[tuple[int, int], _Begun] = {}
        self._taken: set[tuple[int, int]] = set()
        self._highest: dict[int, int] = {}

    def of(
        self, choice: int, index: object, id: str | None, name: str | None, arguments: str
    ) -> int:
        """Which of its choice's calls a delta belongs to. Raises TypeError as `count_of` does."""
        number, last_id = self._last.get(choice, (-1, None))
        if index is not None:
            place = count_of(index, "tool_calls[].index")
            number = self._indexed(choice, place, id, name, arguments)
        elif number < 0 or (id and id != last_id):
            number += 1
        self._last[choice] = (number, id or last_id)
        return number

    def _indexed(
        self, choice: int, index: int, id: str | None, name: str | None, arguments: str
    ) -> int:
        call = self._begun.get((choice, index))
        other = call and id and name and call.id and call.name and id != call.id
        if call is None or (other and (name != call.name or (call.whole and arguments))):
            highest = self._highest.get(choice, -1)
            number = index if (choice, index) not in self._taken else highest + 1
            self._taken.add((choice, number))
            self._highest[choice] = max(highest, number)
            call = self._begun[choice, index] = _Begun(number)
        if name and call.name is None:
            call.id, call.name = id, name
        call.whole = call.whole or call.end.find(arguments) is not None
        return call.number


def chat_events(
    chunk: ChatCompletionChunk, n: int, numbers: CallNumbers
) -> Generator[StreamEvent, None, None]:
    """The news in one chunk of a chat of `n` choices. numbers: the whole stream's. Usage is left to
    `usage_event`. Raises TypeError for what is of another type than it should be."""
    for choice in chunk.choices or ():
        delta, index = choice.delta, choice_of(choice.index, n)
        logprobs = tuple(
            ChosenLogprob(_token(entry), tuple(_token(top) for top in entry.top_logprobs or ()))
            for entry in (choice.logprobs and choice.logprobs.content) or ()
        )
        text = text_of(delta.content, "delta.content") + text_of(delta.refusal, "delta.refusal")
        if text or logprobs:
            yield TextDelta(index, text, logprobs)
        for call in delta.tool_calls or ():
            function = call.function
            id = text_if_any(call.id, "tool_calls[].id")
            name = text_if_any(function.name, "function.name") if function else None
            arguments = text_of(function.arguments, "function.arguments") if function else ""
            number = numbers.of(index, call.index, id, name, arguments)
            yield ToolCallDelta(index, number, id, name, arguments)
        if choice.finish_reason:
            yield Finished(index, finish_reason(choice.finish_reason), _stop_text(choice))


def completion_events(chunk: Completion, n: int) -> Generator[StreamEvent, None, None]:
    """The news in one chunk of a raw completion of `n` choices. Raises TypeError as `chat_events`
    does."""
    for choice in chunk.choices or ():
        index, text = choice_of(choice.index, n), text_of(choice.text, "text")
        logprobs: tuple[ChosenLogprob, ...] = ()
        if choice.logprobs is not None and choice.logprobs.tokens:
            values = choice.logprobs.token_logprobs or []
            tops = choice.logprobs.top_logprobs or [{}] * len(choice.logprobs.tokens)
            logprobs = tuple(
                ChosenLogprob(
                    _told_token(token, value),
                    tuple(_told_token(other, v) for other, v in (top or {}).items()),
                )
                for token, value, top in zip(choice.logprobs.tokens, values, tops, strict=False)
            )
        if text or logprobs:
            yield TextDelta(index, text, logprobs)
        if choice.finish_reason:
            yield Finished(index, finish_reason(choice.finish_reason))


def usage_event(usage: CompletionUsage) -> Usage:
    """Token counts of the whole request. Raises TypeError as `chat_events` does."""
    details = usage.prompt_tokens_details
    return Usage(
        count_of(usage.prompt_tokens, "usage.prompt_tokens"),
        count_of(usage.completion_tokens, "usage.completion_tokens"),
        count_of(details.cached_tokens, "cached_tokens") if details else 0,
    )


def finish_reason(reason: str) -> FinishReason:
    """Ours for theirs; services invent more, and all of those mean that the answer is complete."""
    if reason == "function_call":
        return "tool_calls"
    return reason if reason in FINISH_REASONS else "stop"  # type: ignore[return-value]


def _stop_text(choice: Any) -> str | None:
    """The stop string that ended the choice: an extension of vLLM's, `stop_reason`."""
    told = getattr(choice, "stop_reason", None)
    return text_of(told, "stop_reason") if isinstance(told, str) else None


def _token(entry: Any) -> TokenLogprob:
    token = text_of(entry.token, "a token")
    content = bytes(entry.bytes) if entry.bytes is not None else token.encode()
    return TokenLogprob(token, content, logprob_of(entry.logprob))


def _told_token(text: object, logprob: object) -> TokenLogprob:
    token = text_of(text, "a token")
    return TokenLogprob(token, token.encode(), logprob_of(logprob))
