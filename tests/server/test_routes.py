"""The small routes: models, health, and addresses that are not there."""

from __future__ import annotations

import pytest

from miniclaude.errors import EngineError
from miniclaude.providers.base import ModelInfo
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio

SCRIPTED = {
    "id": "scripted/org/model",
    "object": "model",
    "created": 7,
    "owned_by": "us",
    "context": 64,
    "default": False,
}


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_models(served: Served, prefix: str) -> None:
    listed = (await served.client.get(f"{prefix}/models")).json()
    assert listed["object"] == "list"
    assert SCRIPTED in listed["data"]
    assert [model["id"] for model in listed["data"] if model["default"]] == ["echo"]


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
        ready = await served.client.get(f"{prefix}/ready")
        assert (ready.status_code, ready.json()["model"]) == (200, "echo")


async def test_not_ready_says_why(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> list[ModelInfo]:
        raise EngineError("The worker died.", hint="See the log.")

    monkeypatch.setattr(served.services.registry, "default_model", "scripted/other")
    response = await served.client.get("/ready")
    assert response.status_code == 503
    assert "scripted/other" in response.json()["reason"]
    assert "mini-claude pull" in response.json()["reason"]

    monkeypatch.setattr(served.scripted, "models", broken)
    response = await served.client.get("/ready")
    assert response.status_code == 503
    assert "The worker died." in response.json()["reason"]


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
        ("GET", "/openapi.json", 404),
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
