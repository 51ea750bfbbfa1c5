"""Local models: what the contract suite does not already ask of every provider."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.errors import (
    CheckpointError,
    ContextLengthError,
    EngineError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    SettingsError,
)
from miniclaude.messages import (
    Finished,
    ImagePart,
    Message,
    StreamEvent,
    TextDelta,
    TextPart,
    ToolCall,
    Usage,
    text_message,
)
from miniclaude.model.library import Library
from miniclaude.providers.base import ChatRequest, CompletionRequest, Settings, Structure
from miniclaude.providers.local import Local, create
from tests.tiny_checkpoint import CHATML, write_tiny_checkpoint

pytestmark = pytest.mark.anyio


def chat(
    local: Local, model: str = "tiny", text: str = "hello", **settings: Any
) -> AsyncGenerator[StreamEvent, None]:
    request = ChatRequest(model, (text_message("user", text),), Settings(**settings))
    return local.chat(request)


async def all_of(events: AsyncGenerator[StreamEvent, None]) -> list[StreamEvent]:
    return [event async for event in events]


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_seed_repeats_the_answer(local: Local) -> None:
    first = await all_of(chat(local, seed=7, max_tokens=12))
    again = await all_of(chat(local, seed=7, max_tokens=12))
    other = await all_of(chat(local, seed=8, max_tokens=12))
    assert text_of(first) == text_of(again)
    assert text_of(first) != text_of(other)


async def test_every_setting_reaches_the_engine(local: Local) -> None:
    """A bias of 100 on one token leaves nothing else to say."""
    events = await all_of(chat(local, logit_bias={70: 100.0}, max_tokens=3, temperature=0.0))
    assert len(set(text_of(events))) == 1
    with pytest.raises(InvalidRequestError, match="top_p is 2"):
        await all_of(chat(local, top_p=2.0, max_tokens=1))


async def test_an_answer_may_fill_what_is_left_of_the_context(local: Local) -> None:
    events = await all_of(chat(local, logit_bias={70: 100.0}))
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens + usage.completion_tokens == 256
    assert Finished(0, "length") in events


async def test_a_limit_that_is_a_bound_only_is_cut_to_what_fits(local: Local) -> None:
    events = await all_of(
        chat(local, logit_bias={70: 100.0}, max_tokens=32_000, as_far_as_fits=True)
    )
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens + usage.completion_tokens == 256
    assert Finished(0, "length") in events
    with pytest.raises(ContextLengthError) as caught:
        await all_of(chat(local, text="hello " * 200, max_tokens=9, as_far_as_fits=True))
    assert caught.value.param == "messages", "where the prompt alone is too long"


async def test_what_does_not_fit_is_refused_with_both_counts(local: Local) -> None:
    with pytest.raises(ContextLengthError, match=r"has \d+ tokens .* may have 256; .* holds 256"):
        await all_of(chat(local, max_tokens=256))
    with pytest.raises(ContextLengthError, match=r"has \d{3} tokens") as caught:
        await all_of(chat(local, text="hello " * 200))
    assert caught.value.param == "messages"


async def test_raw_prompts_as_ids(local: Local) -> None:
    settings = Settings(max_tokens=1)
    events = [e async for e in local.complete(CompletionRequest("tiny", (5, 6, 7), settings))]
    assert events[-1] == Usage(3, 1)
    with pytest.raises(InvalidRequestError, match="a token id outside 0 to 299"):
        await anext(local.complete(CompletionRequest("tiny", (300,), settings)))


@pytest.mark.parametrize("prompt", ["", ()])
async def test_empty_prompts(local: Local, prompt: str | tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequestError, match=r"prompt: it is empty"):
        await anext(local.complete(CompletionRequest("tiny", prompt)))


async def test_a_model_without_a_template_can_complete_but_not_chat(local: Local) -> None:
    with pytest.raises(InvalidRequestError, match=r"no chat template.*/completions"):
        await all_of(chat(local, "plain"))
    request = CompletionRequest("plain", "the cat", Settings(max_tokens=1))
    assert [event async for event in local.complete(request)][-1] == Usage(2, 1)


async def structured(local: Local, structure: Structure, **settings: Any) -> str:
    """The text of an answer that must have this form."""
    said = (text_message("user", "hello"),)
    request = ChatRequest("tiny", said, Settings(**settings), structure=structure)
    events = await all_of(local.chat(request))
    assert Finished(0, "stop") in events
    return text_of(events)


async def test_an_answer_has_the_form_that_is_asked_for(local: Local) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"enum": [1, 2]}}}
    answer = await structured(local, Structure("json_schema", schema=schema), temperature=2.0)
    assert json.loads(answer) in ({}, {"a": 1}, {"a": 2})
    answer = await structured(local, Structure("regex", pattern="[ab]{3}"), temperature=2.0)
    assert set(answer) <= {"a", "b"}
    assert len(answer) == 3
    assert await structured(local, Structure("choice", choices=("ja",))) == "ja"


@pytest.mark.parametrize(
    ("structure", "code"),
    [
        (Structure("regex", "guided_regex", pattern="["), "invalid_grammar"),
        (
            Structure("json_schema", "guided_json", schema={"not": {}}),
            "unsupported_schema",
        ),
        (
            Structure("json_schema", "guided_json", schema={"enum": ["x" * 1_000_000]}),
            "schema_too_large",
        ),
    ],
)
async def test_a_form_that_cannot_be_is_refused_with_its_field(
    local: Local, structure: Structure, code: str
) -> None:
    """Before the answer begins, whether the provider finds out or the engine."""
    with pytest.raises(InvalidRequestError) as caught:
        await structured(local, structure)
    assert caught.value.code == code
    assert (caught.value.param or "").startswith(structure.param)
    assert caught.value.message.startswith(structure.param)


@pytest.mark.parametrize(
    ("pattern", "reason", "cure"),
    [
        ("(?=a)b", "look-around", "no look-around"),
        # Nearly all begin so; it looked like the carets that show the place of the fault.
        ("^(?=a)b$", "look-around", "no look-around"),
        ("|(?=a)b", "look-around", "no look-around"),
        (r"a\b.", "it looks at what stands around", "Leave out bounds of words"),
    ],
)
async def test_an_expression_in_a_schema_is_blamed_at_its_place(
    local: Local, pattern: str, reason: str, cure: str
) -> None:
    """The engine, which finds the fault, has only the grammar and not the request."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"ok": {"pattern": "a+"}, "code": {"type": "string", "pattern": pattern}},
    }
    with pytest.raises(InvalidRequestError) as caught:
        await structured(local, Structure("json_schema", "guided_json", schema=schema))
    assert caught.value.param == "guided_json.properties.code.pattern"
    told = f"the regular expression {pattern} is not understood: {reason}"
    assert told in caught.value.message
    assert cure in caught.value.hint


async def test_what_it_cannot_do_is_refused_by_name(local: Local) -> None:
    picture = (Message("user", (ImagePart("image/png", "QUJD"),)),)
    with pytest.raises(InvalidRequestError, match="picture"):
        await anext(local.chat(ChatRequest("tiny", picture)))


async def test_the_idle_model_makes_room(local: Local) -> None:
    await all_of(chat(local, "tiny", max_tokens=1))
    await all_of(chat(local, "org/other", max_tokens=1))
    assert [loaded.model.name for loaded in local.loaded()] == ["org/other"]


async def test_a_busy_model_is_not_given_up(local: Local) -> None:
    events = chat(local, "tiny")
    await anext(events)
    with pytest.raises(OverloadedError, match="cannot be loaded while tiny is answering"):
        await all_of(chat(local, "org/other"))
    await events.aclose()
    assert await all_of(chat(local, "org/other", max_tokens=1))


async def test_warming_loads_what_a_chat_then_finds(local: Local) -> None:
    await local.warm("tiny")
    (loaded,) = local.loaded()
    await all_of(chat(local, max_tokens=1))
    assert local.loaded() == [loaded]


async def test_a_model_is_started_once_for_many_who_ask(local: Local) -> None:
    """Also when the first of them gives up while it loads."""
    await all_of(chat(local, "org/other", max_tokens=1))
    first = asyncio.create_task(all_of(chat(local, "tiny", max_tokens=1)))
    others = [asyncio.create_task(all_of(chat(local, "tiny", max_tokens=1))) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*others)
    assert all(isinstance(events[-1], Usage) for events in answers)
    [loaded] = local.loaded()
    assert (loaded.model.name, loaded.users) == ("tiny", 0)


async def test_a_killed_engine_fails_its_answers_and_comes_back(local: Local) -> None:
    events = chat(local, logit_bias={70: 100.0}, n=64)
    await anext(events)
    [loaded] = local.loaded()
    assert loaded.engine.connection is not None
    os.kill(loaded.engine.connection.process.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="killed by SIGKILL"):
        await all_of(events)
    assert await all_of(chat(local, max_tokens=1))


async def test_models_are_listed_with_their_owner(local: Local) -> None:
    infos = await local.models()
    assert [(info.id, info.owned_by, info.context) for info in infos] == [
        ("org/other", "org", 256),
        ("plain", "mini-claude", 256),
        ("tiny", "mini-claude", 256),
    ]
    local.check("tiny")
    with pytest.raises(ModelNotFoundError, match="Installed: org/other, plain, tiny"):
        local.check("gone")


async def test_a_file_rewritten_within_a_second_is_another_version(tmp_path: Path) -> None:
    """Answers are kept by version; the same one for other weights gives answers they never gave."""
    weights = write_tiny_checkpoint(tmp_path / "tiny") / "model.safetensors"
    local = Local(Library(tmp_path), device="cpu", threads=1)
    before = weights.stat().st_mtime_ns
    versions = set()
    for later in range(3):
        os.utime(weights, ns=(before, before + later))
        versions.add(local.version("tiny"))
    assert len(versions) == 3
    await local.aclose()


async def test_a_corrupt_model_says_so_each_time(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    local = Local(Library(tmp_path), device="cpu", threads=1)
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"model\.safetensors"):
            await all_of(chat(local, "broken"))
    assert local.loaded() == []
    await local.aclose()


async def test_closing_ends_what_is_being_loaded(tiny_library: Library) -> None:
    local = Local(tiny_library, device="cpu", threads=1)
    asking = asyncio.create_task(all_of(chat(local)))
    await asyncio.sleep(0)
    await local.aclose()
    with pytest.raises((asyncio.CancelledError, OverloadedError)):
        await asking
    with pytest.raises(OverloadedError, match="shutting down"):
        await all_of(chat(local))
    await local.aclose()


def test_a_library_is_needed() -> None:
    with pytest.raises(SettingsError, match="no library of models"):
        create({"name": "local"})


async def test_a_hopelessly_long_prompt_is_refused_before_it_is_encoded(local: Local) -> None:
    """Encoding nine megabytes takes seconds of a thread that nobody can stop."""
    with pytest.raises(ContextLengthError, match=r"9,000,000 characters") as caught:
        await all_of(chat(local, text="x" * 9_000_000))
    assert caught.value.param == "messages"
    request = CompletionRequest("tiny", "word " * 400)
    with pytest.raises(ContextLengthError, match="context holds 256") as caught:
        await all_of(local.complete(request))
    assert caught.value.param == "prompt"


@pytest.mark.parametrize("where", ["arguments", "name", "id"])
async def test_what_a_call_carries_counts_before_it_is_encoded(local: Local, where: str) -> None:
    """The arguments of an old call were no part of the sum: eight megabytes of them kept one of the
    few threads busy for twenty seconds, after the caller had gone too."""
    long = "x " * 100_000
    call = {"id": "c1", "name": "add", "arguments": "{}"} | {where: long}
    said = Message("assistant", (), tool_calls=(ToolCall(**call),))
    told = Message("tool", (TextPart("ok"),), tool_call_id="c1")
    request = ChatRequest("tiny", (text_message("user", "hi"), said, told))
    with pytest.raises(
        ContextLengthError, match=r"has 200,\d{3} characters, which is more"
    ) as caught:
        await all_of(local.chat(request))
    assert caught.value.param == "messages"
    with pytest.raises(ContextLengthError, match="characters, which is more"):
        await local.count_tokens(request)


async def test_a_model_samples_as_its_makers_recommend(tmp_path: Path) -> None:
    """A small model at the API's temperature of 1 rambles, and its makers know better; what a
    request says still wins."""
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    recommended = {"do_sample": True, "temperature": 2.0, "top_k": 1}
    (folder / "generation_config.json").write_text(json.dumps(recommended))
    local = Local(Library(tmp_path), device="cpu", threads=1)
    try:
        by_seed = {text_of(await all_of(chat(local, seed=s, max_tokens=8))) for s in range(3)}
        free = {text_of(await all_of(chat(local, seed=s, max_tokens=8, top_k=0))) for s in range(3)}
    finally:
        await local.aclose()
    assert len(by_seed) == 1
    assert len(free) > 1


async def test_a_model_that_thinks_unasked_is_told_not_to(tmp_path: Path) -> None:
    """`reasoning_effort: "none"` would else be accepted, and Qwen 3 would think all the same."""
    over = "{% if enable_thinking is defined and not enable_thinking %}12345{% endif %}"
    write_tiny_checkpoint(tmp_path / "tiny", template=CHATML + over)
    local = Local(Library(tmp_path), device="cpu", threads=1)
    said = (text_message("user", "hello"),)
    settings = Settings(max_tokens=1)
    try:
        asked = await all_of(local.chat(ChatRequest("tiny", said, settings)))
        told = await all_of(
            local.chat(ChatRequest("tiny", said, settings, reasoning_effort="none"))
        )
    finally:
        await local.aclose()
    assert isinstance(asked[-1], Usage)
    assert isinstance(told[-1], Usage)
    assert told[-1].prompt_tokens == asked[-1].prompt_tokens + 5


async def test_a_model_that_is_broken_inside_fails_with_a_sentence(tmp_path: Path) -> None:
    """Weights of the right shapes that are no numbers pass every check of the folder."""
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    weights.write_bytes(content[:header] + b"\xff" * (len(content) - header))
    local = Local(Library(tmp_path), device="cpu", threads=1)
    try:
        with pytest.raises(EngineError) as caught:
            await all_of(chat(local))
    finally:
        await local.aclose()
    assert caught.value.message == "The answer ended early: The model's scores are not numbers."


async def test_the_next_turn_is_computed_from_where_it_differs(local: Local) -> None:
    """And says so; another user's is computed anew."""
    prompt = tuple(range(5, 45))

    async def usage(user: str) -> StreamEvent:
        request = CompletionRequest("tiny", prompt, Settings(max_tokens=1), user)
        return [event async for event in local.complete(request)][-1]

    assert [await usage(user) for user in ("ada", "ada", "eve")] == [
        Usage(40, 1, cached_tokens=0),
        Usage(40, 1, cached_tokens=32),
        Usage(40, 1, cached_tokens=0),
    ]
