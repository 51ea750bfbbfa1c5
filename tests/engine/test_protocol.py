"""What goes through the pipe comes out the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude import errors
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import (
    EngineSpec,
    Json,
    decode_error,
    decode_line,
    decode_output,
    decode_request,
    decode_spec,
    encode_error,
    encode_line,
    encode_output,
    encode_request,
    encode_spec,
)
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


def sent(message: Json) -> Json:
    """Through the pipe."""
    line = encode_line(message)
    assert line.count(b"\n") == 1
    return decode_line(line)


def test_a_spec_survives() -> None:
    limits = EngineLimits(kv_tokens=64)
    spec = EngineSpec(Path("/models/a b"), "cpu", "bfloat16", 3, limits, Path("/adapters/x"))
    assert decode_spec(sent(encode_spec(spec))) == spec
    spec = EngineSpec(Path("/models/a b"), draft=Path("/models/c"))
    assert decode_spec(sent(encode_spec(spec))) == spec


def test_a_request_survives_with_the_id_of_the_pipe() -> None:
    sampling = Sampling(
        5, 0.5, 3, 0.9, 0.1, 1.1, 0.2, 0.3, {7: -1.5}, 2**63, ("\n", "\ud800", "é"), 4, 2, True
    )
    plain = GenerationRequest("17", (1, 2, 3), sampling)
    assert decode_request(sent(encode_request(plain, "17"))) == plain
    rest = {
        "continues": True,
        "reading": Reading(True, 3),
        "grammar": 'start: "é"',
        "shown": (4, 5),
        "user": "ada",
        "adapter": AdapterRef("/adapters/a b", "9f"),
        "ends": (7, 8),
        "calls": CallMark("{", at_start=True),
    }
    request = GenerationRequest("theirs", (1, 2, 3), sampling, **rest)  # type: ignore[arg-type]
    received = decode_request(sent(encode_request(request, "17")))
    assert received == replace(request, id="17")


def test_an_output_survives() -> None:
    top = (TokenInfo(1, b"\xe2\x82", -0.1), TokenInfo(2, b"", -9999.0))
    read = ((ChosenToken(top[0]),), (0.5, -1.0))
    chosen = (ChosenToken(top[1], top),)
    output = Output("a", 1, "é\n\u2028", chosen, "stop", None, 4, 5, 3, "x", *read)
    (row,) = sent({"outputs": [encode_output(output)]})["outputs"]
    assert decode_output(row) == output


@pytest.mark.parametrize(
    "error",
    [
        errors.ContextLengthError("too long", hint="Shorten it.", param="max_tokens"),
        errors.OverloadedError("full", hint="Wait.", retry_after=7),
        errors.UnknownArchitectureError("what is this", hint="Choose another."),
    ],
)
def test_an_error_keeps_its_class_text_and_hint(error: errors.MiniClaudeError) -> None:
    received = decode_error(sent(encode_error(error)))
    assert type(received) is type(error)
    assert encode_error(received) == encode_error(error)


def test_an_error_of_an_unknown_class_is_an_engine_error() -> None:
    message = {**encode_error(errors.EngineError("m", hint="h")), "type": "Novel"}
    assert type(decode_error(message)) is errors.EngineError


@pytest.mark.parametrize("line", [b"chatter\n", b"[1]\n", b"[" * 100_000, b"\xff\n", b""])
def test_a_line_that_is_no_message_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(errors.EngineError, match="protocol was broken"):
        decode_line(line)
