"""Services on this machine that speak OpenAI's and Anthropic's wire formats, byte for byte.

They say back the last user message, a word at a time. Every answer leaves in pieces of three
bytes, so that characters and events are cut in the middle. Each test may ask for trouble instead.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

REASON = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass
class Asked:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class StandIn:
    """A service and its mood.

    status, error, headers: answer every request with this instead. hold: send the first events and
    then nothing more. cut: send the first events and hang up. raw: send these bytes as the stream's
    body instead, under `headers`. endless: send these a thousand times, or until the client hangs
    up. listing: send these as the list of models, of the type `listing_type`. refusals: so many
    requests are hung up on, or answered with `status`; those after them are answered well. gone:
    set once a client has hung up on what had no end.
    """

    url: str = ""
    status: int = 200
    error: object = None
    headers: dict[str, str] = field(default_factory=dict)
    hold: bool = False
    cut: bool = False
    raw: bytes | None = None
    endless: bytes | None = None
    listing: bytes | None = None
    refusals: int | None = None
    listing_type: str = "application/json"
    asked: list[Asked] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


def words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def last_user_text(body: dict[str, Any]) -> str:
    """The text of the last user message in either format, or the prompt."""
    if "prompt" in body:
        return str(body["prompt"])
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content)
    return ""


def openai_answer(path: str, body: dict[str, Any]) -> Iterator[bytes]:
    """A stream of `data:` lines."""
    chat = path.endswith("/chat/completions")
    said, n = words(last_user_text(body)), body.get("n", 1)
    limit = body.get("max_tokens", body.get("max_completion_tokens")) or len(said)
    base = {
        "id": "chatcmpl-1",
        "created": 1,
        "model": body["model"],
        "object": "chat.completion.chunk" if chat else "text_completion",
    }

    def chunk(**fields: Any) -> bytes:
        return b"data: " + json.dumps({**base, "usage": None, **fields}).encode() + b"\n\n"

    def choice(index: int, text: str | None, finish: str | None) -> dict[str, Any]:
        if not chat:
            return {"index": index, "text": text or "", "finish_reason": finish, "logprobs": None}
        delta = {} if text is None else {"content": text}
        entry: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": finish}
        if body.get("logprobs") and text:
            token = {"token": text, "bytes": list(text.encode()), "logprob": -0.5}
            entry["logprobs"] = {"content": [{**token, "top_logprobs": [token]}], "refusal": None}
        return entry

    if chat:
        for index in range(n):
            role = {"role": "assistant", "content": ""}
            yield chunk(choices=[{"index": index, "delta": role, "finish_reason": None}])
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        for call in (
            {
                "index": 0,
                "id": "c1",
                "type": "function",
                "function": {"name": name, "arguments": ""},
            },
            {"index": 0, "function": {"arguments": '{"a"'}},
            {"index": 0, "function": {"arguments": ": 1}"}},
        ):
            delta = {"tool_calls": [call]}
            yield chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
        yield chunk(choices=[choice(0, None, "tool_calls")])
    else:
        for word in said[:limit]:
            for index in range(n):
                yield chunk(choices=[choice(index, word, None)])
        for index in range(n):
            yield chunk(choices=[choice(index, None, "length" if len(said) > limit else "stop")])
    if body.get("stream_options", {}).get("include_usage"):
        count = min(limit, len(said)) * n
        usage = {
            "prompt_tokens": 7,
            "completion_tokens": count,
            "total_tokens": 7 + count,
            "prompt_tokens_details": {"cached_tokens": 3},
        }
        yield chunk(choices=[], usage=usage)
    yield b"data: [DONE]\n\n"


def anthropic_answer(path: str, body: dict[str, Any]) -> Iterator[bytes]:
    """A stream of `event:` and `data:` lines; without the former the real clients see nothing."""

    def event(kind: str, **fields: Any) -> bytes:
        data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
        return f"event: {kind}\ndata: {data}\n\n".encode()

    said = words(last_user_text(body))
    limit = body["max_tokens"]
    usage = {"input_tokens": 4, "cache_read_input_tokens": 3, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    yield event("message_start", message=message)
    yield event("ping")
    reason = "max_tokens" if len(said) > limit else "end_turn"
    stop = next((word for word in body.get("stop_sequences", ()) if f" {word}" in said), None)
    if stop is not None:
        said, reason = said[: said.index(f" {stop}")], "stop_sequence"
    if body.get("tools"):
        reason = "tool_use"
        block = {"type": "tool_use", "id": "c1", "name": body["tools"][0]["name"], "input": {}}
        pieces = [{"type": "input_json_delta", "partial_json": p} for p in ('{"a"', ": 1}")]
    else:
        block = {"type": "text", "text": ""}
        pieces = [{"type": "text_delta", "text": word} for word in said[:limit]]
    yield event("content_block_start", index=0, content_block=block)
    for piece in pieces:
        yield event("content_block_delta", index=0, delta=piece)
    yield event("content_block_stop", index=0)
    yield event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": stop},
        usage={"output_tokens": min(limit, len(said))},
    )
    yield event("message_stop")


MODELS = {
    "openai": {
        "object": "list",
        "data": [
            {"id": "big", "object": "model", "created": 5, "owned_by": "acme", "context": 4096}
        ],
    },
    "anthropic": {
        "data": [
            {
                "id": "big",
                "type": "model",
                "display_name": "Big",
                "created_at": "1970-01-01T00:00:05Z",
                "max_input_tokens": 4096,
            }
        ],
        "has_more": False,
        "first_id": "big",
        "last_id": "big",
    },
}


@asynccontextmanager
async def running_stand_in(style: str) -> AsyncIterator[StandIn]:
    """A service of the style `openai` or `anthropic` on a free port."""
    service = StandIn()
    answer = openai_answer if style == "openai" else anthropic_answer

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await read_request(reader)) is not None:
                service.asked.append(asked)
                well = service.refusals is not None and len(service.asked) > service.refusals
                if service.refusals is not None and not well and service.status == 200:
                    return
                if service.status != 200 and not well:
                    await send(writer, service.status, service.error, service.headers)
                elif asked.path.partition("?")[0].endswith("/models"):
                    listing = MODELS[style] if service.listing is None else service.listing
                    await send(writer, 200, listing, {"content-type": service.listing_type})
                elif asked.path.partition("?")[0].endswith("/count_tokens"):
                    await send(writer, 200, {"input_tokens": 11}, {})
                elif service.raw is not None:
                    await stream(writer, [service.raw], headers=service.headers)
                elif service.endless is not None:
                    await stream(writer, repeat(service.endless, 1000), step=1 << 16)
                elif service.cut:
                    events = list(answer(asked.path, asked.body))
                    await stream(writer, events[: len(events) // 2], end=False)
                    return
                elif service.hold:
                    events = list(answer(asked.path, asked.body))
                    await stream(writer, events[: len(events) // 2], end=False)
                    await reader.read()
                    service.gone.set()
                else:
                    await stream(writer, answer(asked.path, asked.body))
        except ConnectionError:
            service.gone.set()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    service.url = f"http://127.0.0.1:{port}" + ("/v1" if style == "openai" else "")
    try:
        yield service
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.splitlines()
        told = (line.partition(": ") for line in lines if line)
        headers = {name.lower(): value for name, _, value in told}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError:
        return None  # the client is gone
    return Asked(first.split(" ")[1], headers, json.loads(body or b"{}"))


async def send(
    writer: asyncio.StreamWriter, status: int, content: object, headers: dict[str, str]
) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status} {REASON.get(status, 'Trouble')}"]
    told = {"content-type": "application/json", **headers, "content-length": str(len(body))}
    lines += [f"{name}: {value}" for name, value in told.items()]
    lines += ["", ""]
    writer.write("\r\n".join(lines).encode() + body)
    await writer.drain()


async def stream(
    writer: asyncio.StreamWriter,
    events: Iterable[bytes],
    *,
    end: bool = True,
    step: int = 3,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Chunked transfer, `step` bytes a chunk."""
    told = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **(headers or {})}
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    for event in events:
        for start in range(0, len(event), step):
            piece = event[start : start + step]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
    if end:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
