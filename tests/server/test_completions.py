"""`POST /completions`."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    PromptEcho,
    TextDelta,
    TokenLogprob,
    Usage,
)
from miniclaude.providers.base import CompletionRequest
from miniclaude.server.wire import completions, told
from miniclaude.server.wire.answers import Head
from miniclaude.server.wire.completions import completion, completion_chunks
from tests.server.conftest import Serve, Served

pytestmark = pytest.mark.anyio


async def post(served: Served, **fields: Any) -> Any:
    body = {"model": "scripted/m", "prompt": "once", **fields}
    return await served.client.post("/v1/completions", json=body)


def prompts(served: Served) -> list[str | tuple[int, ...]]:
    return [asked.prompt for asked in served.scripted.asked if isinstance(asked, CompletionRequest)]


async def test_the_shape(served: Served) -> None:
    answer = (await post(served)).json()
    assert answer.pop("id").startswith("cmpl-")
    answer.pop("created")
    assert answer == {
        "object": "text_completion",
        "model": "scripted/m",
        "choices": [{"index": 0, "text": "hi", "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 1,
            "total_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "system_fingerprint": None,
    }


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("a", ["a"]),
        ("", [""]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [(1, 2)]),
        ([[1, 2], [3]], [(1, 2), (3,)]),
    ],
)
async def test_the_forms_of_a_prompt(served: Served, prompt: Any, asked: list[Any]) -> None:
    response = await post(served, prompt=prompt)
    assert response.status_code == 200, response.text
    assert prompts(served) == asked
    assert [c["index"] for c in response.json()["choices"]] == list(range(len(asked)))
    assert response.json()["usage"]["prompt_tokens"] == 3 * len(asked)


async def test_stream_of_several_prompts(served: Served) -> None:
    response = await post(
        served, prompt=["a", "b"], stream=True, stream_options={"include_usage": True}
    )
    *frames, done = response.text.strip().split("\n\n")
    assert done == "data: [DONE]"
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert [
        (choice["index"], choice["text"], choice["finish_reason"])
        for chunk in chunks
        for choice in chunk["choices"]
    ] == [(0, "hi", None), (0, "", "stop"), (1, "hi", None), (1, "", "stop")]
    assert chunks[-1]["usage"]["total_tokens"] == 8
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_in_columns(served: Served, stream: bool) -> None:
    def chosen(token: str) -> ChosenLogprob:
        entry = TokenLogprob(token, token.encode(), -1.0)
        return ChosenLogprob(entry, (entry,))

    served.scripted.script = [
        TextDelta(0, "on", (chosen("on"),)),
        TextDelta(0, " it", (chosen(" it"),)),
        Finished(0, "stop"),
        Usage(1, 2),
    ]
    response = await post(served, logprobs=1, stream=stream)
    if stream:
        second = response.text.split("\n\n")[1].removeprefix("data: ")
        assert json.loads(second)["choices"][0]["logprobs"] == {
            "tokens": [" it"],
            "token_logprobs": [-1.0],
            "top_logprobs": [{" it": -1.0}],
            "text_offset": [2],
        }
    else:
        assert response.json()["choices"][0]["logprobs"] == {
            "tokens": ["on", " it"],
            "token_logprobs": [-1.0, -1.0],
            "top_logprobs": [{"on": -1.0}, {" it": -1.0}],
            "text_offset": [0, 2],
        }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("echo", [False, True])
async def test_offsets_are_places_in_the_text(stream: bool, echo: bool) -> None:
    """Each token that is a piece of a character was counted as one, so that the offsets went beyond
    the text's end."""

    def chosen(token: bytes) -> ChosenLogprob:
        entry = TokenLogprob(token.decode(errors="replace"), token, -1.0)
        return ChosenLogprob(entry, (entry,))

    pieces = [bytes([byte]) for byte in "é👩 x".encode()]
    tokens = [chosen(piece) for piece in pieces]
    prompt = PromptEcho(0, "é👩 x", "\ufffd", tuple(tokens[1:]))
    script: list[Any] = [
        TextDelta(0, "", tuple(tokens[:3])),
        TextDelta(0, "é👩 x", tuple(tokens[3:])),
    ]
    events = [*([prompt] if echo else []), *script, Finished(0, "stop")]
    head = Head("cmpl", "m")

    async def played() -> AsyncGenerator[CompletionEvent, None]:
        for event in (*events, Usage(1, 1)):
            yield event

    if stream:
        said = completion_chunks(head, played(), choices=1, include_usage=False, with_logprobs=True)
        chunks = [chunk async for chunk in said]
    else:
        chunks = [await completion(head, played(), choices=1, with_logprobs=True)]
    told = [choice["logprobs"] for chunk in chunks for choice in chunk["choices"]]
    offsets = [
        offset for columns in told if columns is not None for offset in columns["text_offset"]
    ]
    once = [0, 0, 1, 1, 1, 1, 2, 3]
    assert offsets == (once + [4 + offset for offset in once] if echo else once)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [2**31]}, "prompt"),
        ({"prompt": [[1], []]}, "prompt"),
        ({"prompt": [[1], "a"]}, "prompt"),
        ({"prompt": ["a"] * 129}, "prompt"),
        ({"prompt": {"text": "a"}}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"stream_options": {}}, "stream_options"),
    ],
)
async def test_what_is_wrong_is_named(served: Served, fields: dict[str, Any], param: str) -> None:
    response = await post(served, **fields)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param


async def test_a_lone_stop_text_is_a_list_of_one(served: Served) -> None:
    """The reader of `prompt` once stood in the way of the one of `stop`."""
    assert (await post(served, stop="x")).status_code == 200
    [asked] = served.scripted.asked
    assert asked.settings.stop == ("x",)


async def test_what_asks_for_nothing_is_accepted(served: Served) -> None:
    response = await post(served, echo=False, suffix=None, best_of=1, user="me", logprobs=None)
    assert response.status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_never_refuses_itself(serve: Serve, stream: bool) -> None:
    """Its prompts are answered side by side; a slot for each would fill a small server."""
    async with serve(max_answers=1) as served:
        response = await post(served, prompt=[str(n) for n in range(20)], stream=stream)
        assert response.status_code == 200
        assert "server_overloaded" not in response.text
        assert len(prompts(served)) == 20
        assert served.services.admission.active == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ["word " * 400] * 8, "echo": True, "max_tokens": 0, "logprobs": 20, "n": 16},
        {"prompt": [[1] * 512] * 128, "echo": True, "max_tokens": 0, "logprobs": 4},
        {"max_tokens": 4097, "logprobs": 3, "n": 16, "stream": True},
    ],
)
async def test_too_many_log_probabilities_are_not_begun(
    served: Served, fields: dict[str, Any]
) -> None:
    """Each prompt and choice was bounded by itself: twenty kilobytes asked for gigabytes, and the
    server answered nobody else while they were written."""
    response = await post(served, **fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == "logprobs"
    for name in ("prompts", " n,", "max_tokens", "echo", "262,144"):
        assert name in error["message"]
    assert served.scripted.asked == []


def many_told(count: int) -> TextDelta:
    entry = TokenLogprob("a", b"a", -1.0)
    return TextDelta(0, "a" * count, (ChosenLogprob(entry, (entry,)),) * count)


async def test_log_probabilities_are_counted_as_they_come(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What texts have in tokens is only guessed before."""
    monkeypatch.setattr(told, "MAX_TOLD", 10)
    for count, status in ((5, 200), (6, 400)):
        served.scripted.script = [many_told(count), Finished(0, "stop"), Usage(1, count)]
        response = await post(served, logprobs=1, max_tokens=5)
        assert response.status_code == status, response.text
    assert "about 12 log probabilities" in response.json()["error"]["message"]


@pytest.mark.parametrize(("count", "beside"), [(5, False), (6, True)])
async def test_many_log_probabilities_are_written_beside_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch, count: int, beside: bool
) -> None:
    """Nobody else's stream waits for them."""
    threads: list[int] = []
    write = completions._choices_json

    def written(answers: Any, with_logprobs: bool) -> Any:
        threads.append(threading.get_ident())
        return write(answers, with_logprobs)

    monkeypatch.setattr(completions, "_choices_json", written)
    monkeypatch.setattr(told, "MANY_TOLD", 10)
    served.scripted.script = [many_told(count), Finished(0, "stop"), Usage(1, count)]
    answer = (await post(served, logprobs=1)).json()
    assert len(answer["choices"][0]["logprobs"]["tokens"]) == count
    [thread] = threads
    assert (thread != threading.get_ident()) is beside
