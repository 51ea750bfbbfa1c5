"""Keys with limits, as unmodified clients meet them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI
from websockets.asyncio.client import connect

from miniclaude.providers.echo import Echo
from tests.contracts.conftest import Live, running

pytestmark = pytest.mark.anyio

KEYS = {name: f"the key of {name}" for name in ("openai", "anthropic", "socket")}
SAID = {"role": "user", "content": "one two three"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Each key may ask twice a minute."""
    keys = {name: {"key": key, "requests_per_minute": 2} for name, key in KEYS.items()}
    home = tmp_path_factory.mktemp("keys")
    with running(home, {"echo": Echo()}, "echo", api_key="the owner's key", keys=keys) as server:
        yield server


def test_the_openai_sdk_sees_its_limit(live: Live) -> None:
    key = KEYS["openai"]
    with OpenAI(base_url=f"{live.url}/v1", api_key=key, max_retries=0, timeout=180) as client:
        create = client.chat.completions.with_raw_response.create
        for left in ("1", "0"):
            answer = create(model="echo", messages=[SAID])  # type: ignore[list-item]
            assert answer.headers["x-ratelimit-remaining-requests"] == left
        with pytest.raises(openai.RateLimitError, match="2 requests a minute") as refused:
            create(model="echo", messages=[SAID])  # type: ignore[list-item]
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 30
        assert [model.id for model in client.models.list()][:1] == ["echo"]
        with pytest.raises(openai.PermissionDeniedError, match="nothing else"):
            client.files.list()


def test_the_anthropic_sdk_sees_its_limit(live: Live) -> None:
    key = KEYS["anthropic"]
    with Anthropic(base_url=live.url, api_key=key, max_retries=0, timeout=180) as client:
        create = client.messages.with_raw_response.create
        for left in ("1", "0"):
            answer = create(model="echo", max_tokens=9, messages=[SAID])  # type: ignore[list-item]
            assert answer.headers["anthropic-ratelimit-requests-remaining"] == left
        with pytest.raises(anthropic.RateLimitError, match="2 requests a minute"):
            create(model="echo", max_tokens=9, messages=[SAID])  # type: ignore[list-item]


async def test_a_socket_counts_each_request(live: Live) -> None:
    """One connection must not be a way around the limit."""
    headers = {"x-api-key": KEYS["socket"]}
    ends = []
    async with connect(live.socket_url, additional_headers=headers) as socket:
        for id in ("a", "b", "c"):
            body = {"model": "echo", "messages": [SAID]}
            await socket.send(json.dumps({"type": "chat.start", "id": id, "body": body}))
            while (frame := json.loads(await socket.recv()))["type"] == "chat.chunk":
                pass
            ends.append(frame)
    assert [frame["type"] for frame in ends] == ["chat.done", "chat.done", "error"]
    assert ends[-1]["error"]["code"] == "rate_limit_exceeded"
    # A socket has no Retry-After; a page would have to read it out of the sentence.
    assert 1 <= ends[-1]["error"]["retry_after"] <= 30


@pytest.mark.parametrize("kind", ["turn.start", "turn.watch"])
async def test_a_key_for_programs_has_no_turns_on_the_socket(live: Live, kind: str) -> None:
    """The socket is open to every key; the owner's conversations behind it are not."""
    headers = {"Authorization": f"Bearer {KEYS['socket']}"}
    place = {"turn_id": "t"} if kind == "turn.watch" else {"body": {"content": "hi"}}
    frame = {"type": kind, "id": "a", "conversation_id": "c", **place}
    async with connect(live.socket_url, additional_headers=headers) as socket:
        await socket.send(json.dumps(frame))
        error = json.loads(await socket.recv())
    assert (error["id"], error["error"]["type"]) == ("a", "permission_error")
