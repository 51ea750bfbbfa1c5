"""The whole house at once: unmodified clients, the live server, an engine process, the model that
ships."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI
from websockets.asyncio.client import connect

from miniclaude.engine.limits import EngineLimits
from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.local import Local
from tests.contracts.conftest import Live, running

pytestmark = pytest.mark.anyio

CONTEXT = 512
RUNNING = 4
"""Answers the engine writes at once here, so that one slot left occupied would show."""

LIMITS = EngineLimits(kv_tokens=RUNNING * CONTEXT, max_running=RUNNING, step_tokens=256)
CLIENTS = 200


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("house")
    library = Library(home / "models", bundled_models())
    [model] = [model.name for model in library.list() if model.bundled]
    local = Local(library, device="cpu", threads=1, limits=LIMITS)
    with running(home, {"local": local}, model, max_answers=512) as live:
        yield live


@pytest.fixture
def client(house: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{house.url}/v1", api_key="unused", max_retries=0, timeout=240) as sdk:
        yield sdk


@pytest.fixture
async def async_client(house: Live) -> AsyncIterator[AsyncOpenAI]:
    url = f"{house.url}/v1"
    async with AsyncOpenAI(base_url=url, api_key="unused", max_retries=0, timeout=300) as sdk:
        yield sdk


def ask(client: OpenAI, house: Live, **fields: object) -> str:
    """One whole answer's text."""
    answer = client.chat.completions.create(
        model=house.model,
        messages=[{"role": "user", "content": "Who are you?"}],
        **fields,  # type: ignore[call-overload]
    )
    text: str = answer.choices[0].message.content
    return text


def test_it_says_who_it_is_and_ends_its_turn(house: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=house.model, messages=[{"role": "user", "content": "Who are you?"}], temperature=0
    )
    assert "Mini-Claude" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"


def test_streamed_equals_whole(house: Live, client: OpenAI) -> None:
    """The stream's pieces put together are the answer, character for character."""
    stream = client.chat.completions.create(
        model=house.model,
        messages=[{"role": "user", "content": "Who are you?"}],
        seed=3,
        stream=True,
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert len(pieces) > 3
    assert "".join(pieces) == ask(client, house, seed=3)


def test_choices_seed_and_stop(house: Live, client: OpenAI) -> None:
    one = ask(client, house, seed=1, max_tokens=12, temperature=1.5)
    assert one == ask(client, house, seed=1, max_tokens=12, temperature=1.5)
    several = client.chat.completions.create(
        model=house.model,
        messages=[{"role": "user", "content": "Who are you?"}],
        n=2,
        seed=1,
        max_tokens=12,
        temperature=1.5,
    )
    texts = [choice.message.content for choice in several.choices]
    assert texts[0] == one
    assert texts[0] != texts[1]
    greedy = ask(client, house, temperature=0)
    middle = greedy[6:12]  # spans tokens, and may begin inside one
    assert ask(client, house, temperature=0, stop=[middle]) == greedy[: greedy.index(middle)]


def test_logprobs_are_a_distribution(house: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=house.model,
        messages=[{"role": "user", "content": "Who are you?"}],
        temperature=0,
        max_tokens=5,
        logprobs=True,
        top_logprobs=3,
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    for entry in logprobs.content:
        assert entry.logprob == entry.top_logprobs[0].logprob, "greedy takes the likeliest"
        assert [top.logprob for top in entry.top_logprobs] == sorted(
            (top.logprob for top in entry.top_logprobs), reverse=True
        )


def test_too_long_a_prompt_names_the_counts(house: Live, client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match=rf"context holds {CONTEXT}") as caught:
        client.chat.completions.create(
            model=house.model, messages=[{"role": "user", "content": "word " * 2000}]
        )
    assert caught.value.code == "context_length_exceeded"


async def test_websocket_client(house: Live) -> None:
    body = {
        "model": house.model,
        "messages": [{"role": "user", "content": "Who are you?"}],
        "temperature": 0,
    }
    async with connect(house.socket_url) as socket:
        for name in ("a", "b"):
            await socket.send(json.dumps({"type": "chat.start", "id": name, "body": body}))
        texts = {"a": "", "b": ""}
        ended: set[str] = set()
        while ended != {"a", "b"}:
            frame = json.loads(await socket.recv())
            if frame["type"] == "chat.done":
                ended.add(frame["id"])
            else:
                assert frame["type"] == "chat.chunk"
                texts[frame["id"]] += frame["data"]["choices"][0]["delta"].get("content") or ""
    assert texts["a"] == texts["b"]
    assert "Mini-Claude" in texts["a"]


async def test_200_clients_that_leave_leave_every_slot_free(
    house: Live, async_client: AsyncOpenAI
) -> None:
    """Each opens a stream, reads its first chunk and hangs up. Were a slot still held, the answer
    that needs all of them would wait for ever."""

    async def come_and_go() -> None:
        task = asyncio.current_task()
        assert task is not None
        async for _ in await async_client.chat.completions.create(
            model=house.model,
            messages=[{"role": "user", "content": "Tell me a story."}],
            max_tokens=CONTEXT // 2,
            stream=True,
        ):
            # A `break` would leave the SDK's nested generators to the garbage collector, which has
            # ended them at a bad moment; what cancels the next read ends them all, inside out.
            task.cancel()

    left = await asyncio.gather(*(come_and_go() for _ in range(CLIENTS)), return_exceptions=True)
    assert {type(how) for how in left} == {asyncio.CancelledError}
    await asyncio.to_thread(house.wait_until_idle)
    whole = await async_client.chat.completions.create(
        model=house.model,
        messages=[{"role": "user", "content": "Hi"}],
        max_tokens=CONTEXT - 40,
        n=RUNNING,
        timeout=240,
    )
    assert len(whole.choices) == RUNNING
