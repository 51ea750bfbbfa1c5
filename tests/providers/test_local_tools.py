"""Tools with local models: random weights, so that whatever is right is right by the grammar."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

from miniclaude.engine.request import GenerationRequest, Output
from miniclaude.errors import (
    EngineError,
    InvalidRequestError,
    MiniClaudeError,
    UnsupportedFieldError,
)
from miniclaude.messages import (
    Finished,
    Message,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    text_message,
)
from miniclaude.model.library import Library
from miniclaude.providers import grammars
from miniclaude.providers.base import ChatRequest, Settings, Structure
from miniclaude.providers.loaded import LoadedModel
from miniclaude.providers.local import Local
from miniclaude.tokenizer.load import load_tokenizer
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.tokenizer.test_tool_format import BARE, TAGGED, template

pytestmark = pytest.mark.anyio


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    city: str = Field(max_length=4)
    days: list[int] = Field(max_length=2)


SCHEMA = Weather.model_json_schema()
SCHEMA["properties"]["days"]["items"] |= {"minimum": 0, "maximum": 9}
WEATHER = Tool("weather", "What it will be.", SCHEMA, strict=True)
NOW = Tool("now", "The time.", {})
BIG = Tool("f", "", {"enum": ["x" * 1_000_000]}, param="tools[0].input_schema")
UNMET = Tool("f", "", {"not": {}}, strict=True, param="tools[1].parameters")
AHEAD = Tool("f", "", {"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}, strict=True)
ASKED = (text_message("user", "hi"),)


@pytest.fixture(scope="module")
async def models(
    tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Local]:
    """`plain`, whose template knows no tools, and two whose templates do."""
    home = tmp_path_factory.mktemp("models")
    write_tiny_checkpoint(home / "plain", context=2048)
    write_tiny_checkpoint(home / "tagged", context=2048, template=template(TAGGED))
    write_tiny_checkpoint(home / "bare", context=2048, template=template(BARE))
    provider = Local(Library(home), device="cpu", threads=1, max_loaded=3)
    yield provider
    await provider.aclose()


class Answers:
    """What the events of a request come to, by choice."""

    def __init__(self) -> None:
        self.text: dict[int, str] = {}
        self.calls: dict[int, list[tuple[str, str]]] = {}
        self.finish: dict[int, str] = {}
        self.ids: set[str] = set()
        self.usage = Usage(0, 0)


async def ask(local: Local, model: str, **fields: Any) -> Answers:
    settings = {"max_tokens": 300, "temperature": 1.0, "seed": 1, **fields.pop("settings", {})}
    given = {"tools": (WEATHER, NOW), "messages": ASKED, **fields}
    answers = Answers()
    async for event in local.chat(ChatRequest(model, settings=Settings(**settings), **given)):
        if isinstance(event, TextDelta):
            answers.text[event.index] = answers.text.get(event.index, "") + event.text
        elif isinstance(event, Finished):
            answers.finish[event.index] = event.reason
        elif isinstance(event, ToolCallDelta):
            calls = answers.calls.setdefault(event.index, [])
            if event.name is not None:
                assert event.id is not None
                answers.ids.add(event.id)
                calls.append((event.name, event.arguments))
            else:
                name, arguments = calls[event.call_index]
                calls[event.call_index] = name, arguments + event.arguments
        elif isinstance(event, Usage):
            answers.usage = event
    return answers


def check(calls: list[tuple[str, str]]) -> None:
    for name, arguments in calls:
        if name == "weather":
            Weather.model_validate_json(arguments)
        else:
            assert name == "now"
            assert json.loads(arguments) == {}


@pytest.mark.parametrize("model", ["plain", "tagged", "bare"])
@pytest.mark.parametrize("temperature", [0.0, 2.0])
async def test_a_required_call_is_one_whatever_the_model(
    models: Local, model: str, temperature: float
) -> None:
    settings = {"temperature": temperature, "n": 2, "max_tokens": 150}
    answers = await ask(models, model, tool_choice="required", settings=settings)
    assert answers.text == {}
    assert sorted(answers.calls) == [0, 1]
    for index, calls in answers.calls.items():
        if answers.finish[index] == "length":  # many calls, the last of them cut off
            calls.pop()
        else:
            assert answers.finish[index] == "tool_calls"
        check(calls)
    assert len(answers.ids) >= 2, "every call has an id of its own"


@pytest.mark.parametrize("model", ["plain", "bare"])
async def test_a_named_tool_is_the_one_that_is_called_once(models: Local, model: str) -> None:
    answers = await ask(models, model, tool_choice="now", settings={"n": 2})
    for calls in answers.calls.values():
        assert [name for name, _ in calls] == ["now"]
        check(calls)
    assert sorted(answers.calls) == [0, 1]
    assert set(answers.finish.values()) == {"tool_calls"}


async def test_not_in_parallel_is_one_call(models: Local) -> None:
    settings = {"n": 4, "temperature": 2.0}
    fields = {"tool_choice": "required", "parallel_tool_calls": False, "settings": settings}
    answers = await ask(models, "plain", **fields)
    assert [len(calls) for calls in answers.calls.values()] == [1] * 4


async def test_auto_is_free_until_it_calls(models: Local) -> None:
    """Pushed into the mark by a bias, the model goes on as the grammar says; left alone, it says
    what it likes."""
    free = await ask(models, "plain", settings={"max_tokens": 20})
    assert free.text[0]
    assert free.calls == {}
    untouched = await ask(models, "plain", tools=(), settings={"max_tokens": 20})
    assert untouched.usage.prompt_tokens < free.usage.prompt_tokens, "the tools are shown"
    loaded = next(m for m in models.loaded() if m.model.name == "plain")
    [brace] = loaded.tokenizer.encode("{")
    answers = await ask(models, "bare", settings={"logit_bias": {brace: 100.0}})
    assert answers.text == {}
    check(answers.calls[0])


async def test_no_tools_are_shown_when_none_may_be_called(models: Local) -> None:
    """And an answer that looks like a call is text."""
    without = await ask(models, "plain", tools=(), settings={"max_tokens": 5})
    none = await ask(models, "plain", tool_choice="none", settings={"max_tokens": 5})
    assert none.usage == without.usage
    assert none.text == without.text


async def test_calls_and_results_in_the_history_are_shown(models: Local) -> None:
    call = ToolCall("call_x", "now", "{}")
    history = (
        *ASKED,
        Message("assistant", (), (call,)),
        Message("tool", text_message("tool", "noon").parts, tool_call_id="call_x"),
    )
    for model in ("plain", "tagged"):
        short = await ask(models, model, settings={"max_tokens": 1})
        long = await ask(models, model, messages=history, settings={"max_tokens": 1})
        assert long.usage.prompt_tokens > short.usage.prompt_tokens + 20


async def test_with_a_form_it_calls_or_answers_in_that_form(models: Local) -> None:
    structure = Structure("json_schema", schema={"enum": ["seven"]})
    answers = await ask(models, "plain", structure=structure, settings={"n": 8, "temperature": 2.0})
    for index, text in answers.text.items():
        assert json.loads(text) == "seven"
        assert answers.finish[index] == "stop"
    for calls in answers.calls.values():
        check(calls)
    with pytest.raises(UnsupportedFieldError, match="guided_regex: it cannot be combined"):
        await ask(models, "plain", structure=Structure("regex", "guided_regex", pattern="a"))


@pytest.mark.parametrize("model", ["plain", "tagged", "bare"])
async def test_a_stop_string_ends_what_is_said_and_no_call(models: Local, model: str) -> None:
    """It used to be found in a call's own markup and arguments, which nobody sees, and left JSON
    that no client can read; where a call was required, nothing at all."""
    stop = ("e", "<", "{", '"name', "city")
    settings = {"n": 8, "temperature": 2.0, "stop": stop}
    structure = Structure("json_schema", schema={"enum": ["seven"]})
    free = await ask(models, model, structure=structure, settings=settings)
    assert free.calls
    assert free.text
    for index, text in free.text.items():
        assert (text, free.finish[index]) == ('"s', "stop")
    for choice, asked in (("auto", free), ("required", None), ("now", None)):
        answers = asked or await ask(models, model, tool_choice=choice, settings=settings)
        for index, calls in answers.calls.items():
            if answers.finish[index] == "length":
                calls.pop()
            else:
                assert answers.finish[index] == "tool_calls"
            check(calls)
        assert sorted([*answers.text, *answers.calls]) == list(range(8))


TEXT = Tool("f", "", {"type": "string", "enum": ["s"]}, param="tools[0].parameters")
"""Its arguments would be no object, which no protocol can carry."""


@pytest.mark.parametrize(
    ("tools", "choice", "param", "code"),
    [
        ((BIG,), "auto", "tools[0].input_schema", "schema_too_large"),
        ((TEXT,), "auto", "tools[0].parameters.type", "invalid_value"),
        ((NOW, UNMET), "auto", "tools[1].parameters.not", "unsupported_schema"),
        ((AHEAD,), "required", "tools.properties.a.pattern", "invalid_grammar"),
        ((NOW,), "later", "tool_choice", "invalid_value"),
    ],
)
async def test_what_cannot_be_held_to_is_refused_with_its_place(
    models: Local, tools: tuple[Tool, ...], choice: str, param: str, code: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await ask(models, "plain", tools=tools, tool_choice=choice)
    assert (caught.value.param, caught.value.code) == (param, code)


async def test_a_schema_that_is_not_strict_is_followed_as_far_as_it_goes(models: Local) -> None:
    """Tools of other people's making say more than a grammar can hold to."""
    properties: dict[str, object] = {
        "a": {"const": 1, "not": {}},
        # As zod 4 writes an e-mail address.
        "b": {"type": "string", "format": "uuid", "pattern": r"^(?!\.)(?!.*\.\.)[^@]+@[^@]+$"},
    }
    loose = Tool("f", "", {"properties": properties, "required": ["a"], "if": {}})
    answers = await ask(models, "plain", tools=(loose,), tool_choice="f", settings={"n": 2})
    for calls in answers.calls.values():
        arguments = json.loads(calls[0][1])
        assert arguments["a"] == 1
        if "b" in arguments:
            UUID(arguments["b"])


def test_schemas_that_are_too_long_together_are_refused_unread(
    tiny_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request of ten megabytes, a hundred schemas each of a size that is taken, kept a
    processor for half a minute before it was refused, also when its client had long gone."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(grammars, "enforceable", read)
    tokenizer = load_tokenizer(tiny_library.find("tiny").weights)
    wide = tuple(Tool(f"f{n}", "", {"enum": ["x" * 100_000]}) for n in range(3))
    with pytest.raises(InvalidRequestError, match=r"^tools: .* 300,0\d\d characters") as caught:
        grammars.answer_form(ChatRequest("tiny", ASKED, tools=wide), tokenizer)
    assert (caught.value.param, caught.value.code) == ("tools", "schema_too_large")


async def test_forms_have_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a few slow schemas take every thread in which prompts are encoded."""
    monkeypatch.setattr(grammars, "answer_form", lambda *_: threading.current_thread().name)
    form: Any = await grammars.answer_form_beside(ChatRequest("m", ASKED), cast(Any, None))
    assert form.startswith("grammar")


@pytest.mark.parametrize(
    "raised",
    [
        None,
        EngineError("It died.", hint="Ask again."),
        InvalidRequestError("Its grammar asks for too much.", hint="Ask for less."),
    ],
    ids=["told", "engine", "grammar"],
)
async def test_an_answer_that_an_error_ends_keeps_what_may_have_begun_a_call(
    models: Local, monkeypatch: pytest.MonkeyPatch, raised: MiniClaudeError | None
) -> None:
    """Its last spaces, and what looked like the beginning of a call's mark, were never told, so the
    answer that was saved, and gone on with, was another than the model had written."""

    async def submit(_: LoadedModel, request: GenerationRequest) -> AsyncIterator[Output]:
        yield Output(request.id, 1, "All of it.", finish="stop")
        yield Output(request.id, 0, "Three is  <tool")
        if raised is not None:
            raise raised
        yield Output(request.id, 0, "", finish="error", error="It broke.")

    async def listen() -> None:
        async for event in models.chat(ChatRequest("tagged", ASKED, Settings(n=2), tools=(NOW,))):
            if isinstance(event, TextDelta):
                text[event.index] += event.text

    monkeypatch.setattr(LoadedModel, "submit", submit)
    text = ["", ""]
    with pytest.raises(MiniClaudeError, match=r"It died|It broke|Its grammar"):
        await listen()
    assert text == ["Three is  <tool", "All of it."]
