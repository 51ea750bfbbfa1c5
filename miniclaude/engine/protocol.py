"""What the server and the engine's worker process say to each other: one JSON object a line.

To the worker: first the spec, then `{"submit": request}` and `{"cancel": id}`. From it: once
`{"ready": info}` or `{"failed": error}`, then `{"outputs": [...]}` and `{"refused": ...}`; with
outputs come `{"guessed": counts}`, what was guessed since they came last. While requests wait
and another might find no room, `{"queue": queued}` comes before each step; `{"queue": null}`
after it takes that back.
No torch here, and nothing but JSON: a worker gone wrong can at most send wrong text.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from miniclaude import errors
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import (
    AdapterRef,
    CallMark,
    ChosenToken,
    GenerationRequest,
    Output,
    Reading,
    Sampling,
    TokenInfo,
)
from miniclaude.errors import EngineError, MiniClaudeError, RateLimitError

MAX_LINE = 32 << 20
"""Bytes in a line, its end included. A prompt of a million tokens has a quarter of this."""

Json = dict[str, Any]

GUESSED = ("lookup_proposed", "lookup_accepted", "draft_proposed", "draft_accepted")
"""What is counted of guessed tokens: by whom, and whether they were what came."""

PACKED: dict[str, Literal[8, 4]] = {"int8": 8, "int4": 4}
"""Formats of weights that only the CPU's own kernels read, and their bits."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What a worker is started with.

    folder: the model's. device, dtype: as `miniclaude.device` names them; a dtype of int8 or int4
    packs the weights, on the CPU. threads: for arithmetic
    on the CPU; None is one for each physical core. adapter: the folder of one to add into the
    weights. draft: the folder of a smaller model that guesses what comes next.
    """

    folder: Path
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    limits: EngineLimits = field(default_factory=EngineLimits)
    adapter: Path | None = None
    draft: Path | None = None


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a worker that is ready tells of itself. context, kv_tokens: in tokens. width: numbers
    in a hidden state, and so in an embedding."""

    vocab_size: int
    context: int
    width: int
    kv_tokens: int
    device: str
    dtype: str
    threads: int


def encode_line(message: Json) -> bytes:
    """A message as a line. Non-ASCII text is escaped, so that any string passes, even half a
    surrogate pair."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode_line(line: bytes) -> Json:
    """The message of a line. Raises EngineError when it is not one whole JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EngineError(
            f"The engine's protocol was broken: {line[:80]!r} is not a message.",
            hint="Ask again; if it happens again, this is a fault of the program: report it.",
        ) from error
    if not isinstance(message, dict):
        raise EngineError(
            "The engine's protocol was broken: a message is not an object.",
            hint="Ask again; if it happens again, this is a fault of the program: report it.",
        )
    return message


def encode_spec(spec: EngineSpec) -> Json:
    """A spec as JSON."""
    paths = {
        name: None if path is None else str(path)
        for name, path in (("adapter", spec.adapter), ("draft", spec.draft))
    }
    return {**asdict(spec), "folder": str(spec.folder), **paths}


def decode_spec(message: Json) -> EngineSpec:
    """The reverse of `encode_spec`."""
    limits = EngineLimits(**message["limits"])
    paths = {
        name: None if message[name] is None else Path(message[name])
        for name in ("folder", "adapter", "draft")
    }
    return EngineSpec(**{**message, **paths, "limits": limits})


def encode_request(request: GenerationRequest, request_id: str) -> Json:
    """A request as JSON, under the id it has between the two processes."""
    sampling = {f.name: getattr(request.sampling, f.name) for f in fields(Sampling)}
    return {
        "id": request_id,
        "prompt": request.prompt,
        "sampling": sampling,
        "continues": request.continues,
        "reading": None if request.reading is None else asdict(request.reading),
        "grammar": request.grammar,
        "shown": request.shown,
        "user": request.user,
        "adapter": None if request.adapter is None else asdict(request.adapter),
        "ends": request.ends,
        "calls": None if request.calls is None else asdict(request.calls),
    }


def decode_request(message: Json) -> GenerationRequest:
    """The reverse of `encode_request`."""
    sampling = {
        **message["sampling"],
        "stop": tuple(message["sampling"]["stop"]),
        "logit_bias": {int(i): bias for i, bias in message["sampling"]["logit_bias"].items()},
    }
    return GenerationRequest(
        message["id"],
        tuple(message["prompt"]),
        Sampling(**sampling),
        message["continues"],
        None if message["reading"] is None else Reading(**message["reading"]),
        message["grammar"],
        tuple(message["shown"]),
        message["user"],
        None if message["adapter"] is None else AdapterRef(**message["adapter"]),
        tuple(message["ends"]),
        None if message["calls"] is None else CallMark(**message["calls"]),
    )


def encode_output(output: Output) -> list[Any]:
    """An output as a JSON array; there are many, so names are left out."""
    return [
        output.id,
        output.index,
        output.text,
        encode_chosen(output.logprobs),
        output.finish,
        output.error,
        output.prompt_tokens,
        output.completion_tokens,
        output.cached_tokens,
        output.stop_text,
        encode_chosen(output.prompt_logprobs),
        output.embedding,
    ]


def decode_output(row: list[Any]) -> Output:
    """The reverse of `encode_output`."""
    request_id, index, text, logprobs, *rest, prompt_logprobs, embedding = row
    output = Output(request_id, index, text, decode_chosen(logprobs), *rest)
    if not prompt_logprobs and not embedding:
        return output
    read = decode_chosen(prompt_logprobs)
    return replace(output, prompt_logprobs=read, embedding=tuple(embedding))


def encode_chosen(entries: tuple[ChosenToken, ...]) -> list[Any]:
    """Tokens with their alternatives: a row for each, the token itself first."""
    return [[encode_token(token) for token in (entry.chosen, *entry.top)] for entry in entries]


def decode_chosen(rows: list[Any]) -> tuple[ChosenToken, ...]:
    """The reverse of `encode_chosen`."""
    chosen = []
    for row in rows:
        first, *top = map(decode_token, row)
        chosen.append(ChosenToken(first, tuple(top)))
    return tuple(chosen)


def encode_token(token: TokenInfo) -> list[Any]:
    """A token and its log probability; bytes travel as hexadecimal digits."""
    return [token.id, token.token_bytes.hex(), token.logprob]


def decode_token(row: list[Any]) -> TokenInfo:
    """The reverse of `encode_token`."""
    return TokenInfo(row[0], bytes.fromhex(row[1]), row[2])


def encode_error(error: MiniClaudeError) -> Json:
    """An error as JSON, its class by name."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "param": error.param,
        "code": error.code,
        "retry_after": error.retry_after if isinstance(error, RateLimitError) else None,
    }


def decode_error(message: Json) -> MiniClaudeError:
    """The reverse of `encode_error`; a class unknown here becomes an EngineError."""
    kind = getattr(errors, str(message["type"]), EngineError)
    details: Json = {name: message[name] for name in ("hint", "param", "code")}
    if issubclass(kind, RateLimitError):
        details["retry_after"] = message["retry_after"]
    error: MiniClaudeError = kind(message["message"], **details)
    return error
