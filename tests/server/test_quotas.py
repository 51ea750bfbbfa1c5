"""Requests and tokens a minute, tokens a day, for each key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from miniclaude.errors import OverloadedError, RateLimitError
from miniclaude.messages import Finished, Message, TextDelta, TextPart, Tool, ToolCall, Usage
from miniclaude.providers.base import ChatRequest, Settings
from miniclaude.server.admitted import Admitted
from miniclaude.server.limits import Admission
from miniclaude.server.quotas import Allowance, Quota
from miniclaude.server.rate_limits import duration
from miniclaude.settings import KeyLimits
from tests.server.conftest import Scripted, Serve, Served, full

pytestmark = pytest.mark.anyio

KEY, ALICE, BOB = "correct horse battery", "alice's own key", "bob's own key"


class Clock:
    """Time that passes when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_refills_steadily() -> None:
    clock = Clock()
    allowance = Allowance(60, 60, clock)
    allowance.take(60)
    assert (allowance.left, allowance.wait(1), allowance.reset()) == (0, 1, 60)
    clock.now += 10
    assert (allowance.left, allowance.wait(11), allowance.reset()) == (10, 1, 50)
    clock.now += 1000
    assert (allowance.left, allowance.reset()) == (60, 0)


def test_what_cost_more_than_foreseen_is_paid_later() -> None:
    """Else a caller who asks for no limit on the answer would never be stopped."""
    clock = Clock()
    quota = Quota.of(KeyLimits(tokens_per_minute=60), clock)
    quota.reserve(10).settle(120)
    with pytest.raises(RateLimitError, match=r"of the 60 a minute .* 0 are left") as caught:
        quota.reserve(1)
    assert caught.value.retry_after == 61
    clock.now += 61
    quota.reserve(1).settle(0)
    assert quota.tokens is not None
    assert quota.tokens.left == pytest.approx(1)


def test_what_can_never_be_allowed_says_so() -> None:
    """However much is left now: who is told to come back later comes back for ever."""
    quota = Quota.of(KeyLimits(tokens_per_minute=90, tokens_per_day=60), Clock())
    for used in (0, 50):
        quota.settle(0, used)
        with pytest.raises(
            RateLimitError, match=r"may cost 61 tokens; this key may use 60 a day"
        ) as e:
            quota.reserve(61)
        assert e.value.retry_after is None


def big(**more: Any) -> ChatRequest:
    """A request whose one message has 100 tokens, by the guess."""
    return ChatRequest("m", (Message("user", (TextPart("x" * 400),)),), **more)


def admitted(**limits: Any) -> tuple[Scripted, Allowance, Admitted]:
    scripted, quota = Scripted(), Quota.of(KeyLimits(**limits), Clock())
    assert quota.tokens is not None
    return scripted, quota.tokens, Admitted(scripted, Admission(1), quota=quota)


async def test_who_leaves_before_the_first_token_pays_for_the_prompt() -> None:
    """Else a key with a limit could have prompts read all day, and pay for none. What the server
    itself refuses costs nothing."""
    scripted, tokens, provider = admitted(tokens_per_minute=1000)
    scripted.script = [None]
    events = provider.chat(big(settings=Settings(max_tokens=10)))

    async def ask_for_it() -> None:
        await anext(events)

    async with anyio.create_task_group() as group:
        group.start_soon(ask_for_it)
        await scripted.waiting.wait()
        assert tokens.left == 1000 - 100 - 10
        group.cancel_scope.cancel()
    assert tokens.left == 1000 - 100
    scripted.script = [full()]
    with pytest.raises(OverloadedError):
        await anext(provider.chat(big(settings=Settings(max_tokens=10))))
    assert tokens.left == 1000 - 100


async def test_an_answer_whose_length_nobody_named_is_expected_to_have_the_default() -> None:
    """Else many at once, each expected to cost its prompt alone, use a limit up many times over.
    A limit below the default leaves room for one at a time."""
    for limit, left in ((5000, 5000 - 100 - 2 * 1024), (500, 0)):
        scripted, tokens, provider = admitted(tokens_per_minute=limit)
        scripted.script = [TextDelta(0, "a"), Usage(90, 7)]
        events = provider.chat(big(settings=Settings(n=2)))
        await anext(events)
        assert tokens.left == left
        assert [event async for event in events] == [Usage(90, 7)]
        assert tokens.left == limit - 97


async def test_a_bound_above_a_keys_limit_is_no_reason_to_refuse(serve: Serve) -> None:
    """Clients of `/messages` send the same large `max_tokens` with every request; one above the
    key's tokens a minute was refused for ever, whatever the answer would have cost."""
    for max_tokens, left in ((32_000, 0), (300, 600)):
        scripted, tokens, provider = admitted(tokens_per_minute=1000)
        scripted.script = [TextDelta(0, "a"), Usage(90, 7)]
        events = provider.chat(big(settings=Settings(max_tokens=max_tokens, as_far_as_fits=True)))
        await anext(events)
        assert tokens.left == left
        assert [event async for event in events] == [Usage(90, 7)]
        assert tokens.left == 1000 - 97
    async with serve(**keys(tokens_per_minute=100)) as served:
        path, said = "/v1/messages", {"model": "scripted/m", "max_tokens": 32_000}
        assert (await ask(served, ALICE, path, **said)).status_code == 200
        long = [{"role": "user", "content": "x" * 404}]
        refused = await ask(served, ALICE, path, **said, messages=long)
        assert refused.status_code == 429, "the prompt alone costs more"
        assert "retry-after" not in refused.headers


async def test_tools_and_calls_are_part_of_a_prompt() -> None:
    """They are its largest part where agents ask."""
    _, tokens, provider = admitted(tokens_per_minute=1000)
    called = Message("assistant", (), tool_calls=(ToolCall("id", "f", "1" * 399),))
    offered = Tool("f", "d" * 399, {"a": "b" * 392})
    request = replace(big(), messages=(*big().messages, called), tools=(offered,))
    await anext(provider.chat(replace(request, settings=Settings(max_tokens=0))))
    assert tokens.left == 1000 - 400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0421, "43ms"), (1, "1s"), (59.2, "1m0s"), (90, "1m30s"), (7205, "2h0m5s")],
)
def test_durations_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def keys(**limits: Any) -> dict[str, Any]:
    return {"api_key": KEY, "keys": {"alice": {"key": ALICE, **limits}, "bob": {"key": BOB}}}


async def ask(served: Served, key: str, path: str = "/v1/chat/completions", **more: Any) -> Any:
    body = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}], **more}
    return await served.client.post(path, json=body, headers={"x-api-key": key})


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_requests_are_counted_for_each_key(serve: Serve, prefix: str) -> None:
    async with serve(**keys(requests_per_minute=2)) as served:
        path = f"{prefix}/chat/completions"
        for left in (1, 0):
            response = await ask(served, ALICE, path)
            assert response.status_code == 200
            assert response.headers["x-ratelimit-limit-requests"] == "2"
            assert response.headers["x-ratelimit-remaining-requests"] == str(left)
            assert response.headers["x-ratelimit-reset-requests"].endswith("s")
        refused = await ask(served, ALICE, path)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        for other in (BOB, KEY):
            response = await ask(served, other, path)
            assert response.status_code == 200
            assert "x-ratelimit-limit-requests" not in response.headers


async def test_counting_tokens_is_a_request_and_costs_none(serve: Serve) -> None:
    """It was without limit, and as much work for the server as a short answer."""
    async with serve(**keys(requests_per_minute=1, tokens_per_minute=100)) as served:
        path = "/messages/count_tokens"
        counted = await ask(served, ALICE, path, model="scripted/m")
        assert counted.status_code == 200
        assert counted.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert counted.headers["anthropic-ratelimit-tokens-remaining"] == "100"
        assert (await ask(served, ALICE, path, model="scripted/m")).status_code == 429


async def test_tokens_are_charged_and_refused_before_the_work(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, still = Quota.of, Clock()  # a minute's tokens would refill while the test runs
    monkeypatch.setattr(Quota, "of", lambda limits: of(limits, still))
    async with serve(**keys(tokens_per_minute=100)) as served:
        said: list[Any] = [TextDelta(0, "hi"), Finished(0, "stop"), Usage(30, 40)]
        served.scripted.script = [*said]
        response = await ask(served, ALICE, model="scripted/m", max_tokens=80)
        assert response.headers["x-ratelimit-limit-tokens"] == "100"
        # The headers leave when the answer is whole, so they tell what it cost.
        assert response.headers["x-ratelimit-remaining-tokens"] == "30"
        asked = len(served.scripted.asked)
        for stream in (False, True):
            refused = await ask(served, ALICE, model="scripted/m", max_tokens=80, stream=stream)
            assert refused.status_code == 429
            assert "tokens_per_minute" in refused.json()["error"]["message"]
            assert refused.headers["retry-after"]
            assert "x-should-retry" not in refused.headers
        refused = await ask(served, ALICE, model="scripted/m", max_tokens=101)
        assert refused.status_code == 429
        assert "this key may use 100 a minute" in refused.json()["error"]["message"]
        assert "retry-after" not in refused.headers
        # Without it the SDKs would send the same request twice more.
        assert refused.headers["x-should-retry"] == "false"
        assert len(served.scripted.asked) == asked
        assert (await ask(served, ALICE, model="scripted/m", max_tokens=10)).status_code == 200
        assert served.services.admission.active == 0


async def test_anthropics_clients_get_their_own_headers(serve: Serve) -> None:
    async with serve(**keys(requests_per_minute=1, tokens_per_day=1000)) as served:
        response = await ask(served, ALICE, "/messages", max_tokens=10)
        assert response.headers["anthropic-ratelimit-requests-limit"] == "1"
        assert response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert response.headers["anthropic-ratelimit-tokens-limit"] == "1000"
        assert response.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        refused = await ask(served, ALICE, "/messages", max_tokens=10)
        assert refused.status_code == 429
        assert refused.json()["error"]["type"] == "rate_limit_error"


async def test_the_owners_limits_hold_for_keys_without_their_own(serve: Serve) -> None:
    async with serve(**keys(requests_per_minute=5), requests_per_minute=1) as served:
        limits = {}
        for key in (KEY, ALICE, BOB):
            headers = (await ask(served, key)).headers
            limits[key] = headers["x-ratelimit-limit-requests"]
        assert limits == {KEY: "1", ALICE: "5", BOB: "1"}
        assert (await ask(served, BOB)).status_code == 429


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models", 200),
        ("GET", "/models/echo", 200),
        ("DELETE", "/models/echo", 403),
        ("GET", "/conversations", 403),
        ("POST", "/v1/conversations", 403),
        ("GET", "/v1/files", 403),
        ("POST", "/fine-tune", 403),
        ("GET", "/metrics", 403),
        ("GET", "/nope", 403),
        ("GET", "/health", 200),
    ],
)
async def test_a_named_key_may_only_ask_models(
    serve: Serve, method: str, path: str, status: int
) -> None:
    async with serve(**keys()) as served:
        headers = {"authorization": f"Bearer {ALICE}"}
        response = await served.client.request(method, path, headers=headers)
        assert response.status_code == status, response.text
        if status == 403:
            assert "'alice' may ask models, and nothing else" in response.text
