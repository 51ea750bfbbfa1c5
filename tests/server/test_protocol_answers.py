"""What the protocols' routes answer, whole and streamed, is what the document says; else programs
that are written from it would break at a field that nobody told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from miniclaude.messages import (
    ChosenLogprob,
    Finished,
    PromptEcho,
    PromptRead,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from miniclaude.server.app import API_ROUTERS
from miniclaude.server.openapi import EVENTS, openapi_document
from miniclaude.server.wire.protocol_answers import (
    ANTHROPIC_ANSWERS,
    DONE_LAST,
    PROTOCOL_ANSWERS,
    STREAMS,
)
from tests.server.conftest import Scripted, Served
from tests.server.teaching import ROW, teaching

pytestmark = pytest.mark.anyio
DOCUMENT = openapi_document(API_ROUTERS, needs_key=False)

CHAT, RAW, RESPONSES, MESSAGES = "/chat/completions", "/completions", "/responses", "/messages"
ANTHROPIC = {"anthropic-version": "2023-06-01"}
JOBS = "/fine_tuning/jobs"

Script = list[StreamEvent | Exception | None]


def chosen(token: str) -> ChosenLogprob:
    entry = TokenLogprob(token, token.encode(), -1.0)
    return ChosenLogprob(entry, (entry,))


PLAIN: Script = [
    PromptRead(3, 2),
    TextDelta(0, "hi", (chosen("hi"),)),
    Finished(0, "stop"),
    Usage(3, 1, 2),
]
CALLS: Script = [
    TextDelta(0, "Wait."),
    ToolCallDelta(0, 0, "call_1", "add", ""),
    ToolCallDelta(0, 0, None, None, '{"a": 1}'),
    ToolCallDelta(0, 1, "call_2", "add", "{}"),
    Finished(0, "tool_calls"),
    Usage(9, 9),
]
CUT: Script = [TextDelta(0, "hi"), Finished(0, "length"), Usage(3, 1)]
ECHO: Any = [PromptEcho(0, "a b", "a", (chosen(" b"),)), *PLAIN[1:]]

USER = [{"role": "user", "content": "hi"}]
FUNCTION = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
CHAT_BODY: Any = {"messages": USER}
RESPONSE_BODY: Any = {"input": "hi"}
MESSAGES_BODY: Any = {"messages": USER, "max_tokens": 5}
TOLD: Any = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
JSON: Any = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
CASES: list[tuple[str, Any, Script]] = [
    (CHAT, CHAT_BODY, PLAIN),
    (CHAT, {**CHAT_BODY, "logprobs": True, "top_logprobs": 1}, PLAIN),
    (CHAT, {**CHAT_BODY, "tools": [{"type": "function", "function": FUNCTION}]}, CALLS),
    (RAW, {"prompt": "once"}, PLAIN),
    (RAW, {"prompt": "a b", "echo": True, "logprobs": 1}, ECHO),
    (RESPONSES, RESPONSE_BODY, CUT),
    (RESPONSES, {**RESPONSE_BODY, **TOLD, "text": JSON, "metadata": {"a": "b"}}, PLAIN),
    (
        RESPONSES,
        {
            **RESPONSE_BODY,
            "tools": [{"type": "function", **FUNCTION}],
            "tool_choice": {"type": "function", "name": "add"},
        },
        CALLS,
    ),
    (MESSAGES, MESSAGES_BODY, PLAIN),
    (
        MESSAGES,
        {**MESSAGES_BODY, "tools": [{"name": "add", "input_schema": {"type": "object"}}]},
        CALLS,
    ),
]


@pytest.fixture(autouse=True)
def says_prompts_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted provider plays an echo as anything else."""
    monkeypatch.setattr(Scripted, "complete_with_prompt", Scripted.complete, raising=False)


def events_of(text: str) -> list[str]:
    """The JSON of each event of a stream."""
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [line for line in lines if line != "[DONE]"]


@pytest.mark.parametrize(("path", "body", "script"), CASES)
async def test_a_whole_answer_has_the_shape_that_is_told(
    served: Served, path: str, body: Any, script: Script
) -> None:
    served.scripted.script = script
    answer = await served.client.post(path, json={"model": "scripted/m", **body})
    assert answer.status_code == 200, answer.text
    PROTOCOL_ANSWERS["post", path].model_validate_json(answer.content)


@pytest.mark.parametrize(("path", "body", "script"), CASES)
async def test_a_streams_events_have_the_shape_that_is_told(
    served: Served, path: str, body: Any, script: Script
) -> None:
    served.scripted.script = script
    more: Any = {"stream": True}
    if path in (CHAT, RAW):
        more["stream_options"] = {"include_usage": True}
    answer = await served.client.post(path, json={"model": "scripted/m", **body, **more})
    events = events_of(answer.text)
    assert len(events) >= 3, answer.text
    assert answer.text.endswith("data: [DONE]\n\n") is (("post", path) in DONE_LAST)
    for event in events:
        STREAMS["post", path].model_validate_json(event)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, CHAT_BODY),
        (RAW, {"prompt": "a"}),
        (RESPONSES, RESPONSE_BODY),
        (MESSAGES, MESSAGES_BODY),
    ],
)
async def test_a_stream_that_fails_says_so_in_the_shape_that_is_told(
    served: Served, path: str, body: Any
) -> None:
    served.scripted.script = [TextDelta(0, "hi"), RuntimeError("inside")]
    request = {"model": "scripted/m", "stream": True, **body}
    events = events_of((await served.client.post(path, json=request)).text)
    assert '"error"' in events[-1]
    for event in events:
        STREAMS["post", path].model_validate_json(event)


@pytest.mark.parametrize("more", [{}, {"encoding_format": "base64"}])
async def test_embeddings_and_token_counts(served: Served, more: Any) -> None:
    body = {"model": "scripted/m", "input": ["a", "b"], **more}
    answer = await served.client.post("/embeddings", json=body)
    PROTOCOL_ANSWERS["post", "/embeddings"].model_validate_json(answer.content)
    path = "/messages/count_tokens"
    answer = await served.client.post(path, json={"model": "scripted/m", "messages": USER})
    PROTOCOL_ANSWERS["post", path].model_validate_json(answer.content)


async def test_models_as_anthropics_clients_read_them(served: Served) -> None:
    page = await served.client.get("/models", headers=ANTHROPIC)
    ANTHROPIC_ANSWERS["get", "/models"].model_validate_json(page.content)
    [*_, last] = page.json()["data"]
    one = await served.client.get(f"/models/{last['id']}", headers=ANTHROPIC)
    ANTHROPIC_ANSWERS["get", "/models/{model}"].model_validate_json(one.content)


async def test_files_and_jobs(tmp_path: Path) -> None:
    tried = {("post", path) for path in (CHAT, RAW, RESPONSES, MESSAGES, "/embeddings")}
    tried.add(("post", "/messages/count_tokens"))
    async with teaching(tmp_path) as taught:

        async def ask(method: str, route: str, body: Any = None, **names: str) -> Any:
            answer = await taught.client.request(method, route.format(**names), json=body)
            assert answer.is_success, answer.text
            PROTOCOL_ANSWERS[method, route].model_validate_json(answer.content)
            tried.add((method, route))
            return answer.json()

        upload = await taught.upload()
        PROTOCOL_ANSWERS["post", "/files"].model_validate_json(upload.content)
        tried.add(("post", "/files"))
        file = upload.json()["id"]
        await ask("get", "/files")
        await ask("get", "/files/{file_id}", file_id=file)
        asked: Any = {"model": "tiny", "training_file": file, "metadata": {"who": "ada"}}
        asked["method"] = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.5, "dora": True}}}
        job = await ask("post", JOBS, asked)
        await ask("post", JOBS + "/{job_id}/cancel", job_id=job["id"])
        job = await ask("post", JOBS, {"model": "tiny", "training_file": file})
        await taught.until(job["id"], "succeeded")
        await ask("get", JOBS)
        assert (await ask("get", JOBS + "/{job_id}", job_id=job["id"]))["result_files"]
        assert (await ask("get", JOBS + "/{job_id}/events", job_id=job["id"]))["data"]
        stream = await taught.client.get(f"{JOBS}/{job['id']}/events", params={"stream": True})
        for event in events_of(stream.text):
            STREAMS["get", JOBS + "/{job_id}/events"].model_validate_json(event)
        simple: Any = {"targets": ["qkv"], "r": 8}
        simple = await ask(
            "post", "/fine-tune", {"model": "tiny", "data": [ROW], "hyperparameters": simple}
        )
        simple = await taught.until(simple["id"], "succeeded")
        await ask("delete", "/files/{file_id}", file_id=file)
        await ask("delete", "/models/{model}", model=simple["fine_tuned_model"])
    # These answer with the same call as GET does, and ask for a worker that can be held.
    untried = {("post", f"{JOBS}/{{job_id}}/{verb}") for verb in ("pause", "resume")}
    assert tried == set(PROTOCOL_ANSWERS) - untried


def test_the_document_tells_the_answers_and_the_streams() -> None:
    for (method, path), whole in PROTOCOL_ANSWERS.items():
        content = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]
        assert content["application/json"]["schema"]["$ref"].endswith(f"/{whole.__name__}")
        assert (EVENTS in content) is ((method, path) in STREAMS)
        if EVENTS in content:
            data = content[EVENTS]["schema"]["properties"]["data"]
            [*_, data] = data.get("anyOf", [data])
            shape = STREAMS[method, path]
            assert data["contentSchema"]["$ref"].endswith(f"/{shape.__name__}")
    turns = "/conversations/{conversation_id}/turns/{turn_id}/events"
    content = DOCUMENT["paths"][turns]["get"]["responses"]["200"]["content"]
    data = content[EVENTS]["schema"]["properties"]["data"]
    assert data["contentSchema"]["$ref"].endswith("/TurnStreamEvent")
    for (method, path), page in ANTHROPIC_ANSWERS.items():
        content = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]
        [_, other] = content["application/json"]["schema"]["anyOf"]
        assert other["$ref"].endswith(f"/{page.__name__}")


def schemas_under(part: Any, found: dict[str, Any]) -> None:
    """Put all schemas that a part of the document leads to into `found`, by name."""
    if isinstance(part, list):
        for item in part:
            schemas_under(item, found)
    elif isinstance(part, dict):
        name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
        if name and name not in found:
            found[name] = DOCUMENT["components"]["schemas"][name]
            schemas_under(found[name], found)
        schemas_under(list(part.values()), found)


def test_the_shapes_allow_no_field_that_is_not_told() -> None:
    """A shape that did would let a new field be served that the document is silent about."""
    found: dict[str, Any] = {}
    for method, path in {**PROTOCOL_ANSWERS, **ANTHROPIC_ANSWERS}:
        schemas_under(DOCUMENT["paths"][path][method]["responses"]["200"], found)
    objects = [name for name, schema in found.items() if schema.get("type") == "object"]
    assert len(objects) > 40
    assert not [name for name in objects if found[name].get("additionalProperties") is not False]
