"""A provider's events as the events of a response; a whole response is what the last one holds."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from miniclaude.messages import Finished, StreamEvent, TextDelta, ToolCallDelta, Usage
from miniclaude.server.disconnect import closing
from miniclaude.server.wire import told
from miniclaude.server.wire.answers import Json, incomplete, logprob_entries, new_id, own_fields
from miniclaude.server.wire.responses.body import ResponseBody

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is not complete, in this protocol's words, by our reason."""

FEWER = "Lower top_logprobs or max_output_tokens, or leave include out."

OWN_FIELDS = {"max_tokens": "max_output_tokens", "messages": "input"}
"""What providers blame, by what it is called here."""


def usage_json(usage: Usage) -> Json:
    """Token counts."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def new_item_id(prefix: str) -> str:
    """Such as `msg_9f86d081884c7d659a2feaa0`."""
    return new_id(prefix).replace("-", "_")


class ResponseEvents:
    """The events of one response. number: of the next one. many: log probabilities told so far,
    which the last events repeat, so that a stream too may hold only so many."""

    def __init__(self, body: ResponseBody, events: AsyncIterator[StreamEvent]) -> None:
        self.body = body
        self.events = events
        self.number = 0
        self.many = 0
        self.output: list[Json] = []
        self.open: int | None = None  # the call the last item is; -1: text; None: it is closed
        self.id = new_item_id("resp")
        self.created = int(time.time())

    async def stream(self) -> AsyncGenerator[Json, None]:
        """Raises what the provider's events raise, ProviderError when they end early, and
        InvalidRequestError as soon as they hold too many log probabilities."""
        finished: Finished | None = None
        usage: Usage | None = None
        async with own_fields(OWN_FIELDS), closing(self.events):
            async for event in self.events:
                if not self.number:
                    for kind in ("response.created", "response.in_progress"):
                        yield self.event(kind, response=self.response("in_progress"))
                if isinstance(event, Usage):
                    usage = event
                elif isinstance(event, Finished):
                    finished = event
                elif isinstance(event, ToolCallDelta) or (
                    isinstance(event, TextDelta) and (event.text or event.logprobs)
                ):
                    for said in self.add(event):
                        yield said
        if finished is None or usage is None:
            raise incomplete("a reason and a token count")
        reason = INCOMPLETE.get(finished.reason)
        status = "completed" if reason is None else "incomplete"
        for said in self.close(status):
            yield said
        yield self.event(f"response.{status}", response=self.response(status, usage, reason))

    def event(self, kind: str, **fields: Any) -> Json:
        """One event, numbered."""
        number, self.number = self.number, self.number + 1
        return {"type": kind, "sequence_number": number, **fields}

    def is_large(self, event: Json) -> bool:
        """Whether one of ours is better written beside the event loop."""
        return self.many > told.MANY_TOLD and not event["type"].endswith(".delta")

    def response(self, status: str, usage: Usage | None = None, reason: str | None = None) -> Json:
        """The response as it stands."""
        body = self.body
        choice = body.tool_choice
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": int(time.time()) if status == "completed" else None,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "model": body.model,
            "output": list(self.output) if usage else [],
            "parallel_tool_calls": body.parallel_tool_calls,
            "previous_response_id": None,
            "store": False,
            "temperature": body.temperature,
            "text": body.text.model_dump(by_alias=True),
            "tool_choice": choice if isinstance(choice, str) else choice.model_dump(),
            "tools": [tool.model_dump() for tool in body.tools],
            "top_logprobs": body.top_logprobs or 0,
            "top_p": body.top_p,
            "truncation": "disabled",
            "usage": None if usage is None else usage_json(usage),
            "user": body.user,
            "safety_identifier": body.safety_identifier,
            "prompt_cache_key": body.prompt_cache_key,
            "metadata": body.metadata,
        }

    def add(self, event: TextDelta | ToolCallDelta) -> Iterator[Json]:
        """More of an item, which may begin with it."""
        number = event.call_index if isinstance(event, ToolCallDelta) else -1
        if number != self.open:
            yield from self.close("completed")
            yield from self.begin(event)
            self.open = number
        item = self.output[-1]
        if isinstance(event, ToolCallDelta):
            item["arguments"] += event.arguments
            if event.arguments:
                kind = "response.function_call_arguments.delta"
                yield self.event(kind, **self.place(), delta=event.arguments)
            return
        self.many += told.count(event.logprobs)
        told.require_few(self.many, FEWER, "top_logprobs")
        logprobs = logprob_entries(event.logprobs)
        item["content"][0]["text"] += event.text
        item["content"][0]["logprobs"] += logprobs
        kind = "response.output_text.delta"
        yield self.event(kind, **self.place(), content_index=0, delta=event.text, logprobs=logprobs)

    def begin(self, event: TextDelta | ToolCallDelta) -> Iterator[Json]:
        """A new item."""
        if isinstance(event, TextDelta):
            item: Json = {"id": new_item_id("msg"), "type": "message", "role": "assistant"}
            item |= {"status": "in_progress", "content": []}
        else:
            item = {"id": new_item_id("fc"), "type": "function_call", "status": "in_progress"}
            item |= {"call_id": event.id, "name": event.name, "arguments": ""}
        self.output.append(item)
        index = len(self.output) - 1
        yield self.event("response.output_item.added", output_index=index, item={**item})
        if isinstance(event, TextDelta):
            part: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            item["content"] = [part]
            shown = {**part, "logprobs": []}
            kind = "response.content_part.added"
            yield self.event(kind, **self.place(), content_index=0, part=shown)

    def close(self, status: str) -> Iterator[Json]:
        """The end of the item that is open, if one is."""
        if self.open is None:
            return
        self.open = None
        item = self.output[-1]
        item["status"] = status
        if item["type"] == "message":
            part = item["content"][0]
            said = {"text": part["text"], "logprobs": part["logprobs"]}
            place = {**self.place(), "content_index": 0}
            yield self.event("response.output_text.done", **place, **said)
            yield self.event("response.content_part.done", **place, part=part)
        else:
            call = {"name": item["name"], "arguments": item["arguments"]}
            yield self.event("response.function_call_arguments.done", **self.place(), **call)
        index = len(self.output) - 1
        yield self.event("response.output_item.done", output_index=index, item=item)

    def place(self) -> Json:
        """Which item an event speaks of."""
        return {"item_id": self.output[-1]["id"], "output_index": len(self.output) - 1}

    def failure(self, error: Json) -> Json:
        """The event that says that the stream failed. error: as chat completions tell it; SDKs
        look for it whole, the protocol's description has its fields side by side."""
        whole = error["error"]
        fields = {name: whole[name] for name in ("message", "code", "param")}
        return self.event("error", **fields, error=whole)


async def whole(events: ResponseEvents) -> Json:
    """The response, once it is complete. Raises what the stream does."""
    last: Json = {}
    stream = events.stream()
    async with closing(stream):
        async for event in stream:
            last = event
    response: Json = last["response"]
    return response
