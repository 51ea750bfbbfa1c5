"""Every number that a request may hold, as the bodies' own models declare it: the least and the
greatest that are taken, one step and far beyond them, and what is no number at all."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from miniclaude.jobs.plan import spec_of
from miniclaude.messages import Finished, Usage
from miniclaude.server.wire.anthropic.body import CountBody, MessagesBody
from miniclaude.server.wire.chat import ChatBody
from miniclaude.server.wire.completions import CompletionBody
from miniclaude.server.wire.embeddings import EmbeddingBody
from miniclaude.server.wire.fine_tuning import JobBody, SimpleBody
from miniclaude.server.wire.responses.body import ResponseBody
from miniclaude.training.spec import TuneSpec
from tests.server.conftest import Served
from tests.server.teaching import Teaching, idle_teaching
from tests.server.test_library import Shelf, shelf
from tests.tiny_checkpoint import write_tiny_checkpoint

pytestmark = pytest.mark.anyio

USER = {"messages": [{"role": "user", "content": "hi"}]}
HERE = "@number@"
"""Stands where the number goes."""

MODELS: dict[str, type[BaseModel]] = {
    "/chat/completions": ChatBody,
    "/completions": CompletionBody,
    "/embeddings": EmbeddingBody,
    "/responses": ResponseBody,
    "/messages": MessagesBody,
    "/messages/count_tokens": CountBody,
    "/fine_tuning/jobs": JobBody,
    "/fine-tune": SimpleBody,
}
TEACHING = ("/fine_tuning/jobs", "/fine-tune")
ANSWERING = tuple(path for path in MODELS if path not in TEACHING)
BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": USER,
    "/completions": {"prompt": "hi"},
    "/embeddings": {"input": "hi"},
    "/responses": {"input": "hi"},
    "/messages": {**USER, "max_tokens": 2},
    "/messages/count_tokens": USER,
    "/fine_tuning/jobs": {"model": "tiny", "training_file": "dataset:seed"},
    "/fine-tune": {"model": "tiny", "data": "seed"},
}
SHORT = {
    "/chat/completions": {"max_tokens": 2},
    "/completions": {"max_tokens": 2},
    "/responses": {"max_output_tokens": 2},
}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": HERE}
AROUND: dict[tuple[str, str], dict[str, Any]] = {
    ("/chat/completions", "top_logprobs"): {"logprobs": True, "top_logprobs": HERE},
    ("/chat/completions", "logit_bias.*"): {"logit_bias": {"5": HERE}},
    ("/completions", "logit_bias.*"): {"logit_bias": {"5": HERE}},
    ("/chat/completions", "messages[].tool_calls[].index"): {
        "messages": [{"role": "assistant", "tool_calls": [CALL]}, *USER["messages"]]
    },
    ("/responses", "top_logprobs"): {
        "include": ["message.output_text.logprobs"],
        "top_logprobs": HERE,
    },
}
"""What a number stands in, where it needs more than its own field."""

NO_NUMBERS: tuple[str, ...] = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "true",
    "false",
    "[]",
    "{}",
    "[1]",
)
NO_NUMBERS += ('"1"', '"NaN"', '"Infinity"', '"-1"', '""', '"1e5"')


@dataclass(frozen=True)
class Number:
    """A number of a request. name: such as `messages[].index`; `*` is any key. schema: its own."""

    path: str
    name: str
    schema: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        return bool(self.schema["type"] == "integer")

    def next(self, value: float, towards: float) -> float:
        if self.is_whole:
            return int(value) + (1 if towards > 0 else -1)
        return math.nextafter(value, towards)

    def ends(self) -> Iterator[tuple[float | None, float]]:
        """The least and the greatest that are taken, each with where it lies; None: any is."""
        taken = self.schema.get("enum", [])
        for end, inclusive, exclusive, side in (
            (min, "minimum", "exclusiveMinimum", -math.inf),
            (max, "maximum", "exclusiveMaximum", math.inf),
        ):
            if taken:
                yield end(taken), side
            elif exclusive in self.schema:
                yield self.next(self.schema[exclusive], -side), side
            else:
                yield self.schema.get(inclusive), side

    def taken(self) -> Iterator[str]:
        """As JSON."""
        for value, side in self.ends():
            if value is None:
                yield json.dumps(10**400 if side > 0 else -(10**400))
            else:
                yield json.dumps(value)

    def refused(self) -> Iterator[str]:
        """As JSON: one step beyond and far beyond, and what is no such number."""
        yield from NO_NUMBERS
        for value, side in self.ends():
            if value is not None:
                sign = 1 if side > 0 else -1
                for beyond in (self.next(value, side), sign * 10**30, sign * 10**400):
                    yield json.dumps(beyond)
            if self.is_whole and "enum" not in self.schema:  # pydantic knows 4 by 4.0, and gives 4
                yield json.dumps(0.5 if value is None else float(value))

    def param(self) -> str:
        """The field, as errors name it. A prompt's tokens are read as one."""
        if self.name.startswith(("prompt", "input")):
            return self.name.partition("[")[0]
        return self.name.replace("[]", "[0]").replace("*", "5")

    def body(self, value: str, **fields: Any) -> str:
        """A request with this value, which is JSON."""
        whole = {**BODIES[self.path], **fields}
        if (self.path, self.name) in AROUND:
            whole |= AROUND[self.path, self.name]
        else:
            inner: Any = HERE
            for step in reversed(self.name.replace("[]", ".[]").split(".")):
                inner = [inner] if step == "[]" else {step: inner}
            whole |= inner
        if self.name.startswith("method."):
            whole["method"]["type"] = self.name.split(".")[1]
        return json.dumps(whole).replace(f'"{HERE}"', value)


def numbers(path: str) -> list[Number]:
    """Those of one address."""
    schema = MODELS[path].model_json_schema()
    found = {name: Number(path, name, own) for name, own in walk(schema, schema.get("$defs", {}))}
    return list(found.values())


def walk(
    schema: dict[str, Any], parts: dict[str, Any], name: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number in a JSON schema, with its name."""
    if "$ref" in schema:
        yield from walk(parts[schema["$ref"].rpartition("/")[2]], parts, name)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from walk(choice, parts, name)
    for field, inner in schema.get("properties", {}).items():
        yield from walk(inner, parts, f"{name}.{field}" if name else field)
    for inner in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(inner, dict):
            yield from walk(inner, parts, f"{name}[]")
    for inner in (
        schema.get("additionalProperties"),
        *schema.get("patternProperties", {}).values(),
    ):
        if isinstance(inner, dict):
            yield from walk(inner, parts, f"{name}.*")
    if schema.get("type") in ("integer", "number"):
        yield name, schema


async def post(client: httpx2.AsyncClient, path: str, body: str) -> httpx2.Response:
    return await client.post(path, content=body, headers={"content-type": "application/json"})


def check_refused(number: Number, answer: httpx2.Response, sent: str) -> None:
    """A 400 in the protocol's shape that names the field."""
    why = (number.path, number.name, sent[:300], answer.text)
    assert answer.status_code == 400, why
    body = answer.json()
    if number.path.startswith("/messages"):
        assert list(body) == ["type", "error", "request_id"], why
        assert body["error"]["type"] == "invalid_request_error", why
        assert body["error"]["message"].startswith(number.param()), why
    else:
        assert list(body["error"]) == ["message", "type", "param", "code"], why
        param = body["error"]["param"] or ""
        # An exact place is named where the JSON itself holds what is no number.
        assert param.startswith(number.param()) or number.param().startswith(f"{param}["), why
        assert len(answer.content) < 1000, why


def check_taken(number: Number, answer: httpx2.Response, sent: str) -> None:
    """Answered, or refused by name for another reason, such as a context that is too short."""
    if answer.status_code != 200:
        check_refused(number, answer, sent)


@pytest.fixture
async def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Teaching]:
    async with idle_teaching(tmp_path, monkeypatch) as started:
        yield started


def test_numbers_are_found() -> None:
    """A walk that finds none would pass all that follows."""
    found = {(path, number.name) for path in MODELS for number in numbers(path)}
    assert ("/chat/completions", "logit_bias.*") in found
    assert ("/completions", "prompt[][]") in found
    assert ("/fine_tuning/jobs", "method.kto.hyperparameters.bits") in found
    assert set(AROUND) <= found


@pytest.mark.parametrize("path", ANSWERING)
async def test_every_number_of_a_question(shared: Served, path: str) -> None:
    """Whatever it is, it is taken, or refused by the name of its field."""
    for number in numbers(path):
        for value in (*number.taken(), "null"):
            choices = int(value) if number.name == "n" and value != "null" else 1
            shared.scripted.script = [*(Finished(n, "stop") for n in range(choices)), Usage(3, 1)]
            sent = number.body(value, model="scripted/m")
            check_taken(number, await post(shared.client, path, sent), sent)
        for value in number.refused():
            if number.name in ("prompt[]", "input[]") and value[0] in '["':
                continue  # texts, and lists of tokens, are other forms that they have
            sent = number.body(value, model="scripted/m")
            check_refused(number, await post(shared.client, path, sent), sent)


@pytest.mark.parametrize("path", TEACHING)
async def test_every_number_of_a_job(taught: Teaching, path: str) -> None:
    """What is taken here is within the bounds of a run's own settings, in which its worker would
    else fail: jobs with `batch_tokens: 10000000` were made, and ended as `failed`."""
    for number in numbers(path):
        for value in number.refused():
            sent = number.body(value)
            check_refused(number, await post(taught.client, path, sent), sent)
        for value in (*number.taken(), "null"):
            sent = number.body(value)
            answer = await post(taught.client, path, sent)
            check_taken(number, answer, sent)
            if answer.status_code == 200:
                TuneSpec.from_dict(spec_of(answer.json()["method"])[0])
                await taught.act(answer.json()["id"], "cancel")


@pytest.fixture(scope="module")
async def local(
    tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Shelf]:
    home = tmp_path_factory.mktemp("numbers")
    write_tiny_checkpoint(home / "models" / "tiny")
    async with shelf(home) as served:
        yield served


@pytest.mark.parametrize("path", ANSWERING)
async def test_a_local_model_takes_every_number_at_its_ends(local: Shelf, path: str) -> None:
    """The engine has bounds of its own; what lies beyond them is named, and is no fault of ours."""
    for number in numbers(path):
        for value in number.taken():
            short = {} if number.name.startswith("max_") else SHORT.get(path, {})
            sent = number.body(value, model="tiny", **short)
            check_taken(number, await post(local.client, path, sent), sent)
