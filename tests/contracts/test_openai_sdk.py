"""The unmodified `openai` SDK against a live server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.contracts.conftest import Live, leave_at

pytestmark = pytest.mark.anyio

MESSAGES: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "one two three"},
]


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0, timeout=180) as sdk:
        yield sdk


@pytest.fixture
async def async_client(live: Live) -> AsyncIterator[AsyncOpenAI]:
    url = f"{live.url}/v1"
    async with AsyncOpenAI(base_url=url, api_key="unused", max_retries=0, timeout=180) as sdk:
        yield sdk


def test_whole(live: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(model=live.model, messages=MESSAGES)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == "one two three"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_an_answer_can_be_sent_back(live: Live, client: OpenAI) -> None:
    """The SDK's own message object carries empty fields; they must not be refused."""
    first = client.chat.completions.create(model=live.model, messages=MESSAGES)
    said = first.choices[0].message.to_dict()
    again: list[ChatCompletionMessageParam] = [*MESSAGES, said, *MESSAGES]  # type: ignore[list-item]
    answer = client.chat.completions.create(model=live.model, messages=again)
    assert answer.choices[0].message.content == "one two three"


def test_stream(live: Live, client: OpenAI) -> None:
    with client.chat.completions.create(
        model=live.model,
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    *spoken, last = chunks
    assert len({chunk.id for chunk in chunks}) == 1
    assert spoken[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in spoken)
    assert text == "one two three"
    assert [c.choices[0].finish_reason for c in spoken][-2:] == [None, "stop"]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == 3


def test_the_sdks_own_accumulator_understands_the_stream(live: Live, client: OpenAI) -> None:
    with client.chat.completions.stream(model=live.model, messages=MESSAGES, n=2) as stream:
        stream.until_done()
        answer = stream.get_final_completion()
    assert [choice.message.content for choice in answer.choices] == ["one two three"] * 2


def test_several_choices(live: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(model=live.model, messages=MESSAGES, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]


def test_stop_and_max_tokens(live: Live, client: OpenAI) -> None:
    stopped = client.chat.completions.create(model=live.model, messages=MESSAGES, stop=["two"])
    assert "two" not in (stopped.choices[0].message.content or "")
    assert stopped.choices[0].finish_reason == "stop"
    short = client.chat.completions.create(
        model=live.model, messages=MESSAGES, max_completion_tokens=1
    )
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 1


def test_seed(live: Live, client: OpenAI) -> None:
    said = [
        client.chat.completions.create(
            model=live.model, messages=MESSAGES, seed=5, temperature=1, max_tokens=8
        )
        .choices[0]
        .message.content
        for _ in range(2)
    ]
    assert said[0] == said[1]


def test_logprobs(live: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=live.model, messages=MESSAGES, logprobs=True, top_logprobs=2, max_tokens=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert len(logprobs.content) == 2
    for entry in logprobs.content:
        assert bytes(entry.bytes or []).decode() == entry.token
        assert entry.logprob <= 0
        assert len(entry.top_logprobs) == 2


def test_cancel(live: Live, client: OpenAI) -> None:
    """Closing a stream in the middle must free what makes it, at once."""
    stream = client.chat.completions.create(model="endless", messages=MESSAGES, stream=True)
    for _ in range(3):
        next(stream)
    assert live.endless.talking == 1
    stream.close()
    live.wait_until_idle()


async def test_async_stream_and_cancel(live: Live, async_client: AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(
        model=live.model, messages=MESSAGES, stream=True
    )
    said = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(said) == "one two three"
    endless = await async_client.chat.completions.create(
        model="endless", messages=MESSAGES, stream=True
    )
    await leave_at(endless, lambda chunk: True)
    await endless.close()
    await asyncio.to_thread(live.wait_until_idle)


async def test_a_plain_request_that_is_given_up_is_cancelled(
    live: Live, async_client: AsyncOpenAI
) -> None:
    """A handler that runs on after its client has gone keeps the model busy for nobody."""
    silent: list[ChatCompletionMessageParam] = [{"role": "user", "content": "silent"}]
    with pytest.raises(openai.APITimeoutError):
        await async_client.with_options(timeout=0.3).chat.completions.create(
            model="endless", messages=silent
        )
    await asyncio.to_thread(live.wait_until_idle)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_given_up_before_its_first_token_is_cancelled(
    live: Live, client: OpenAI, stream: bool
) -> None:
    impatient = client.with_options(timeout=0.3)
    silent: list[ChatCompletionMessageParam] = [{"role": "user", "content": "silent"}]
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="endless", messages=silent, stream=stream)
    live.wait_until_idle()


def test_completions(live: Live, client: OpenAI) -> None:
    answer = client.completions.create(
        model=live.model, prompt=["one two", "three"], n=2, max_tokens=4, logprobs=1
    )
    assert answer.object == "text_completion"
    assert [choice.text for choice in answer.choices] == ["one two"] * 2 + ["three"] * 2
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.tokens == ["one", " two"]
    assert answer.choices[0].logprobs.text_offset == [0, 3]
    with client.completions.create(model=live.model, prompt="a b", stream=True) as stream:
        assert "".join(chunk.choices[0].text for chunk in stream) == "a b"


def test_models(live: Live, client: OpenAI) -> None:
    assert live.model in [model.id for model in client.models.list()]
    assert client.models.retrieve(live.model).object == "model"


def test_errors_become_the_sdks_own(live: Live, client: OpenAI) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as missing:
        create(model="gpt-none", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as hot:
        create(model=live.model, messages=MESSAGES, temperature=9)
    assert hot.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as unknown:
        create(model=live.model, messages=MESSAGES, extra_body={"colour": "red"})
    assert (unknown.value.code, unknown.value.param) == ("unsupported_field", "colour")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-none")


def test_extensions_travel_in_extra_body(live: Live, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=live.model,
        messages=MESSAGES,
        extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1},
    )
    assert answer.choices[0].finish_reason == "stop"
