"""The unmodified `openai` SDK asks the model that ships for structured answers and calls.

Its eleven million weights know little of JSON; that everything parses is the server's doing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import httpx2
import pytest
from openai import BadRequestError, OpenAI, pydantic_function_tool
from pydantic import BaseModel, Field

from miniclaude.engine.limits import EngineLimits
from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.local import Local
from tests.contracts.conftest import Live, running

LIMITS = EngineLimits(kv_tokens=2048, max_running=4, step_tokens=256)
ASKED: list[Any] = [{"role": "user", "content": "Who are you?"}]


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=0, le=150)
    mood: Literal["good", "bad"]


class Weather(BaseModel):
    """What the weather will be."""

    city: str = Field(max_length=8)
    unit: Literal["C", "F"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("house")
    library = Library(home / "models", bundled_models())
    [model] = [model.name for model in library.list() if model.bundled]
    local = Local(library, device="cpu", threads=1, limits=LIMITS)
    with running(home, {"local": local}, model) as live:
        yield live


@pytest.fixture
def client(house: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{house.url}/v1", api_key="unused", max_retries=0, timeout=240) as sdk:
        yield sdk


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_parse_gives_the_pydantic_model(house: Live, client: OpenAI, temperature: float) -> None:
    answer = client.chat.completions.parse(
        model=house.model, messages=ASKED, response_format=Person, temperature=temperature, seed=1
    )
    person = answer.choices[0].message.parsed
    assert isinstance(person, Person)
    assert answer.choices[0].finish_reason == "stop"


def test_parse_of_a_stream(house: Live, client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=house.model, messages=ASKED, response_format=Person, temperature=1.0, seed=2
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert isinstance(final.choices[0].message.parsed, Person)


def test_json_mode_regex_and_choice(house: Live, client: OpenAI) -> None:
    def ask(**fields: Any) -> str:
        answer = client.chat.completions.create(
            model=house.model, messages=ASKED, seed=1, max_tokens=200, **fields
        )
        if answer.choices[0].finish_reason == "length":
            return '{"cut": "off"}'
        return answer.choices[0].message.content or ""

    assert isinstance(json.loads(ask(response_format={"type": "json_object"})), dict)
    assert ask(extra_body={"structured_outputs": {"choice": ["red", "blue"]}}) in ("red", "blue")
    assert ask(extra_body={"guided_regex": "[0-9]{3}"}).isdecimal()


def test_a_tool_that_must_be_called(house: Live, client: OpenAI) -> None:
    """Called, answered, and its result read by the next turn: the loop of every agent. The message
    goes back as the SDK's helper gave it, with what was parsed; OpenAI lets that pass."""
    tools: list[Any] = [pydantic_function_tool(Weather, name="weather")]
    answer = client.chat.completions.parse(
        model=house.model, messages=ASKED, tools=tools, tool_choice="required", seed=3,
        parallel_tool_calls=False, temperature=1.0,
    )  # fmt: skip
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.id.startswith("call_")
    assert isinstance(call.function.parsed_arguments, Weather)
    history: list[Any] = [
        *ASKED,
        message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answered = client.chat.completions.create(
        model=house.model, messages=history, max_tokens=5, temperature=0
    )
    assert answered.choices[0].message.content


W = {"name": "w", "parameters": Weather.model_json_schema()}


def test_a_streamed_call(house: Live, client: OpenAI) -> None:
    """First who is called, with empty arguments, then these in pieces, then why it ended."""
    stream = client.chat.completions.create(
        model=house.model,
        messages=ASKED,
        tools=[
            {
                "type": "function",
                "function": {"name": "w", "parameters": Weather.model_json_schema()},
            }
        ],
        tool_choice={"type": "function", "function": {"name": "w"}},
        seed=4,
        stream=True,
    )
    deltas = []
    reasons = []
    for chunk in stream:
        choice = chunk.choices[0]
        assert not choice.delta.content
        deltas += choice.delta.tool_calls or []
        reasons.append(choice.finish_reason)
    first, *rest = deltas
    assert first.function is not None
    assert (first.index, first.type, first.function.name) == (0, "function", "w")
    assert first.function.arguments == ""
    assert (first.id or "").startswith("call_")
    assert len(rest) > 3
    assert all(delta.id is None and delta.type is None for delta in rest)
    arguments = "".join(d.function.arguments or "" for d in rest if d.function)
    Weather.model_validate_json(arguments)
    assert reasons[:-1] == [None] * (len(reasons) - 1)
    assert reasons[-1] == "tool_calls"


def test_auto_may_simply_answer(house: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=house.model, messages=ASKED, temperature=0, max_tokens=10,
        tools=[{"type": "function", "function": {"name": "now"}}],
    )  # fmt: skip
    message = answer.choices[0].message
    assert message.content or message.tool_calls


def formatted(schema: object) -> dict[str, Any]:
    named = {"name": "x", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


LARGE = {"enum": ["x" * 1_000_000]}
HUGE = {"minimum": 10**400}
LARGE_TOOL = {"type": "function", "function": {"name": "f", "parameters": LARGE}}
MANY_TOOLS = [
    {"type": "function", "function": {"name": f"f{n}", "parameters": {"enum": ["x" * 100_000]}}}
    for n in range(3)
]
PLACE = "response_format.json_schema.schema"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        (formatted({"not": {}}), f"{PLACE}.not", "unsupported_schema"),
        (formatted(LARGE), PLACE, "schema_too_large"),
        (formatted(HUGE), f"{PLACE}.minimum", "invalid_schema"),
        (formatted({"type": "integer", "multipleOf": 999_999_937}), PLACE, "invalid_grammar"),
        ({"extra_body": {"guided_regex": "(?=x)"}}, "guided_regex", "invalid_grammar"),
        ({"tools": MANY_TOOLS}, "tools", "schema_too_large"),
        ({"tools": [LARGE_TOOL]}, "tools[0].function.parameters", "schema_too_large"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_is_a_400_of_openais_shape(
    house: Live, client: OpenAI, fields: dict[str, Any], param: str, code: str, stream: bool
) -> None:
    """Also in a stream, for nothing of it was sent yet."""
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=house.model, messages=ASKED, stream=stream, **fields)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (
            "messages",
            {"max_tokens": 9, "tools": [{"name": "f", "input_schema": LARGE}]},
            "tools[0].input_schema",
        ),
        (
            "responses",
            {"tools": [{"type": "function", "name": "f", "parameters": LARGE}]},
            "tools[0].parameters",
        ),
        (
            "messages",
            {
                "max_tokens": 9,
                "output_config": {"format": {"type": "json_schema", "schema": HUGE}},
            },
            "output_config.format.schema.minimum",
        ),
        (
            "responses",
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": HUGE}}},
            "text.format.schema.minimum",
        ),
    ],
)
def test_other_protocols_name_their_own_fields(
    house: Live, path: str, body: dict[str, Any], place: str
) -> None:
    """Who sent `input_schema` looks in vain for `function.parameters`."""
    said = {"input": "hi"} if path == "responses" else {"messages": ASKED}
    asked = {"model": house.model, **said, **body}
    answer = httpx2.post(f"{house.url}/v1/{path}", json=asked, timeout=240)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{place}: ")


@pytest.mark.parametrize("tokens", [1, 2, 3, 60])
def test_a_response_that_must_call_has_no_message(house: Live, tokens: int) -> None:
    """Neither one of log probabilities alone, nor one of the piece of a mark that was cut."""
    with OpenAI(base_url=f"{house.url}/v1", api_key="unused", max_retries=0) as client:
        response = client.responses.create(
            model=house.model,
            input="hi",
            tools=[{"type": "function", "name": "f", "parameters": {}, "strict": False}],
            tool_choice="required",
            include=["message.output_text.logprobs"],
            max_output_tokens=tokens,
            temperature=0,
        )
    assert all(item.type == "function_call" for item in response.output)
    assert bool(response.output) == (tokens == 60)
