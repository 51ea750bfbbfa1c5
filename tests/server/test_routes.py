"""The small routes: models, health, and addresses that are not there."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from miniclaude.errors import EngineError
from miniclaude.providers.base import ModelInfo
from miniclaude.server.wire.anthropic.models import model_info_json
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

SCRIPTED = {
    "id": "scripted/org/model",
    "object": "model",
    "created": 7,
    "owned_by": "us",
    "root": "scripted/org/model",
    "parent": None,
    "context": 64,
    "default": False,
    "mini_claude": {
        "bytes": None,
        "parameters": None,
        "adapter": False,
        "continues": False,
        "sees": True,
    },
}


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_models(served: Served, prefix: str) -> None:
    listed = (await served.client.get(f"{prefix}/models")).json()
    assert listed["object"] == "list"
    assert SCRIPTED in listed["data"]
    assert [model["id"] for model in listed["data"] if model["default"]] == ["echo"]


@pytest.mark.parametrize("created", [-1, 1_700_000_000_000, 10**20])
async def test_a_date_that_is_none_is_the_epoch_for_anthropics_clients(created: int) -> None:
    """One service that counts milliseconds made the whole list a 500."""
    told = model_info_json(ModelInfo("org/model", created, "us"))
    assert told["created_at"] == "1970-01-01T00:00:00Z"


async def test_a_models_name_may_hold_slashes(served: Served) -> None:
    """Also as the SDK sends it, quoted."""
    for path in ("/models/scripted/org/model", "/v1/models/scripted%2Forg%2Fmodel"):
        assert (await served.client.get(path)).json() == SCRIPTED
    missing = await served.client.get("/models/org/other")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


async def test_health_and_ready(served: Served) -> None:
    for prefix in ("", "/v1"):
        assert (await served.client.get(f"{prefix}/health")).json() == {"status": "ok"}
        assert (await served.client.head(f"{prefix}/health")).status_code == 200
        ready = await served.client.get(f"{prefix}/ready")
        assert (ready.status_code, ready.json()["model"]) == (200, "echo")


async def test_not_ready_says_why_and_tries_again(served: Served) -> None:
    served.services.registry.default_model = "scripted/model"
    failures: list[Exception] = [EngineError("The worker died.", hint="See the log.")]
    loading = asyncio.Event()

    async def warm(model: str) -> None:
        assert model == "model"
        if failures:
            raise failures.pop()
        await loading.wait()

    served.scripted.warm = warm  # type: ignore[attr-defined]

    async def reason() -> str:
        response = await served.client.get("/ready")
        assert response.status_code == 503
        return str(response.json()["reason"])

    served.services.warmup.begin()
    assert "being loaded" in await reason()
    await anyio.wait_all_tasks_blocked()
    assert "The worker died." in await reason()
    assert "being loaded" in await reason()
    loading.set()
    await anyio.wait_all_tasks_blocked()
    assert (await served.client.get("/ready")).json() == {
        "status": "ready",
        "model": "scripted/model",
    }


async def test_a_default_model_that_is_not_on_offer(served: Served) -> None:
    for name, reason in (("scripted/none", "not on offer"), ("", "mini-claude pull")):
        served.services.registry.default_model = name
        served.services.warmup.begin()
        await anyio.wait_all_tasks_blocked()
        response = await served.client.get("/ready")
        assert response.status_code == 503
        assert reason in response.json()["reason"]


async def test_a_stopping_server_is_not_ready(served: Served) -> None:
    await served.services.stop()
    assert (await served.client.get("/ready")).status_code == 503
    assert (await served.client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nope", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/app", 404),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/assets/../../settings.py", 404),
        ("GET", "/assets/%2e%2e%2f%2e%2e%2fsettings.py", 404),
        ("GET", "/app%00", 404),
        ("GET", "/models/", 404),
        ("DELETE", "/models", 405),
        ("GET", "/chat/completions", 405),
        ("PUT", "/", 405),
    ],
)
async def test_wrong_addresses_have_the_shape(
    served: Served, method: str, path: str, status: int
) -> None:
    response = await served.client.request(method, path)
    assert response.status_code == status
    assert list(response.json()["error"]) == ["message", "type", "param", "code"]
    if status == 405:
        assert response.headers["allow"]


async def test_an_api_address_is_never_the_page(served: Served) -> None:
    for path in ("/v1/models", "/models", "/conversations", "/v1/nope", "/nope"):
        response = await served.client.get(path, headers={"accept": "text/html"})
        assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_a_wrong_address_or_method_says_what_to_do(served: Served, prefix: str) -> None:
    missing = await served.client.get(f"{prefix}/chat/completion")
    assert missing.status_code == 404
    assert "Check the address" in missing.json()["error"]["message"]
    wrong = await served.client.put(f"{prefix}/conversations")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET, POST"
    assert "Use GET, POST." in wrong.json()["error"]["message"]
    limit = await served.client.get(f"{prefix}/conversations?limit=0")
    assert limit.json()["error"]["message"].endswith("Correct it in the address.")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/nope", 404),
        ("POST", "/v1/messages/batches", 404),
        ("DELETE", "/v1/conversations", 405),
        ("GET", "/v1/conversations?limit=0", 400),
    ],
)
async def test_errors_have_the_shape_of_who_asks(
    served: Served, method: str, path: str, status: int
) -> None:
    """Anthropic's SDK lists models too, and found no message in an error of another shape."""
    theirs = await served.client.request(method, path, headers={"anthropic-version": "2023-06-01"})
    assert theirs.status_code == status
    assert theirs.json()["type"] == "error"
    assert theirs.json()["request_id"] == theirs.headers["request-id"]
    ours = await served.client.request(method, path)
    assert ours.status_code == status
    params = {404: "model" if "nope" in path else None, 405: None, 400: "limit"}
    assert ours.json()["error"]["param"] == params[status]
