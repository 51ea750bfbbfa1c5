"""Who may call. Deny by default: a route nobody thought about needs the key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts

from miniclaude.server.auth import PUBLIC_PATHS
from miniclaude.server.routes.page import STATIC, StaticPage
from tests.server.conftest import Serve, Served

pytestmark = pytest.mark.anyio

KEY = "correct horse battery"
PAGE = {"/", "/app", "/app/{rest:path}"}


async def test_every_route_needs_the_key_or_is_listed_as_public(serve: Serve) -> None:
    """Walks the routes that there are, so that a new one is checked the day it is added."""
    async with serve(api_key=KEY) as served:
        seen = 0
        files = StaticPage.read(STATIC).files
        for route in iter_route_contexts(served.app.routes):
            path = route.path or ""
            address = re.sub(r"{[^}]*}", "x", path)
            for method in route.methods or ("WEBSOCKET",):
                public = path in PUBLIC_PATHS or path in PAGE or path in files
                if method == "WEBSOCKET":
                    status = (await open_socket(served, address))[0]["status"]
                else:
                    status = (await served.client.request(method, address)).status_code
                assert (status == 401) is not public, (method, path)
                seen += 1
        assert seen > 25


async def test_an_address_that_is_not_there_does_not_say_so_without_the_key(serve: Serve) -> None:
    async with serve(api_key=KEY) as served:
        assert (await served.client.get("/v1/secrets")).status_code == 401
        assert (await served.client.post("/health")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer {KEY}"}, 200),
        ({"x-api-key": KEY}, 200),
        ({"authorization": "Bearer ", "x-api-key": KEY}, 200),
        ({"authorization": "Bearer wrong", "x-api-key": KEY}, 401),
        ({}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Bearer {KEY}x"}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"authorization": "Bearer \xff\xfe"}, 401),
        ({"x-api-key": ""}, 401),
    ],
)
async def test_the_key(serve: Serve, headers: dict[str, str], status: int) -> None:
    async with serve(api_key=KEY) as served:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await served.client.get("/v1/models", headers=raw)
        assert response.status_code == status
        if status == 401:
            assert response.json()["error"]["code"] == "invalid_api_key"
            assert response.headers["www-authenticate"] == "Bearer"
            assert KEY not in response.text


async def test_a_key_of_any_alphabet(serve: Serve) -> None:
    """It arrives as UTF-8 bytes, which a header's decoding turns into other characters."""
    async with serve(api_key="größtes Geheimnis") as served:
        for key, status in (("größtes Geheimnis", 200), ("grösstes Geheimnis", 401)):
            headers = {b"authorization": b"Bearer " + key.encode()}
            assert (await served.client.get("/v1/models", headers=headers)).status_code == status


async def test_without_a_key_any_key_is_accepted(served: Served) -> None:
    """The OpenAI SDK cannot be told to send none."""
    response = await served.client.get("/models", headers={"authorization": "Bearer whatever"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8642", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:8642", 200),
        ("[::1]:8642", 200),
        ("[::1]", 200),
        ("house.lan:8642", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("evil.example:localhost", 403),
        ("127.0.0.1.evil.example:8642", 403),
        ("", 403),
    ],
)
async def test_only_known_names_are_answered(serve: Serve, host: str, status: int) -> None:
    """DNS rebinding: a page whose name is made to resolve to us must not read our answers."""
    async with serve(allowed_hosts="house.lan") as served:
        for path in ("/", "/health", "/v1/models"):
            response = await served.client.get(path, headers={"host": host})
            assert response.status_code == status
        if status == 403:
            assert response.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 201),
        ("http://localhost:8642", 201),
        ("http://localhost:5173", 201),
        ("https://localhost:8642", 403),
        ("http://localhost", 403),
        ("http://localhost:8642.evil.example", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
async def test_other_sites_may_not_write(serve: Serve, origin: str | None, status: int) -> None:
    async with serve(allowed_origins="http://localhost:5173") as served:
        headers = {} if origin is None else {"origin": origin}
        response = await served.client.post("/conversations", json={}, headers=headers)
        assert response.status_code == status


ASKED_FIRST = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


def cors(response: httpx2.Response) -> dict[str, str]:
    names = [name for name in response.headers if name.startswith("access-control-")]
    return {name: response.headers[name] for name in names}


async def test_a_page_of_an_allowed_origin_is_let_in_by_its_browser(serve: Serve) -> None:
    """It was allowed, and no browser knew: each asks before it sends JSON, and got 401 or 405."""
    origin = "https://chat.example"
    async with serve(allowed_origins=origin, api_key=KEY) as served:
        path = "/v1/conversations"
        headers = {"origin": origin, **ASKED_FIRST}
        asked = await served.client.options(path, headers=headers)
        assert asked.status_code == 200
        told = cors(asked)
        assert told["access-control-allow-origin"] == origin
        methods = set(told["access-control-allow-methods"].split(", "))
        assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= methods  # PUT rates an answer
        for name in ("authorization", "content-type", "x-stainless-lang"):
            assert name in told["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in told
        assert "Origin" in asked.headers["vary"]
        assert asked.headers["x-content-type-options"] == "nosniff"
        for key, status in ((KEY, 201), ("wrong" * 3, 401)):
            headers = {"origin": origin, "authorization": f"Bearer {key}"}
            answer = await served.client.post(path, json={}, headers=headers)
            assert answer.status_code == status
            assert cors(answer) == {
                "access-control-allow-origin": origin,
                "access-control-expose-headers": "*",
            }
            assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("configured", ["https://chat.example", "*", "null", "*,https://a.example"])
@pytest.mark.parametrize(
    "origin", ["https://chat.example.evil", "http://chat.example", "null", "*", None]
)
async def test_no_other_page_is_told_anything(
    serve: Serve, configured: str, origin: str | None
) -> None:
    """Not by a word that stands for all, either: that is no origin, and is allowed nothing."""
    async with serve(allowed_origins=configured) as served:
        headers = {} if origin is None else {"origin": origin}
        for response in (
            await served.client.options("/v1/models", headers={**headers, **ASKED_FIRST}),
            await served.client.get("/v1/models", headers=headers),
            await served.client.post("/v1/conversations", json={}, headers=headers),
        ):
            assert cors(response) == {}


async def test_a_server_on_an_ipv6_address_answers_to_it(serve: Serve) -> None:
    """The setting has the bare address, a browser writes it in brackets."""
    async with serve(host="fd00::5", api_key=KEY) as served:
        for host, status in (("[fd00::5]:8642", 200), ("[FD00::5]", 200), ("[fd00::6]", 403)):
            response = await served.client.get("/health", headers={"host": host})
            assert response.status_code == status


async def test_a_socket_of_our_own_page_opens(served: Served) -> None:
    headers = {"origin": "http://localhost:8642"}
    assert await open_socket(served, "/chat/stream", headers) == [
        {"type": "websocket.accept", "subprotocol": None, "headers": []}
    ]


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}],
)
async def test_a_socket_from_elsewhere_is_refused_before_it_opens(
    served: Served, headers: dict[str, str]
) -> None:
    """Browsers let any page open a WebSocket to us; only the Origin tells."""
    refusal = await open_socket(served, "/v1/chat/stream", headers)
    assert refusal[0]["type"] == "websocket.http.response.start"
    assert refusal[0]["status"] == 403
    plain = await open_socket(served, "/v1/chat/stream", headers, extensions={})
    assert [message["type"] for message in plain] == ["websocket.close"]


async def open_socket(
    served: Served,
    path: str,
    headers: dict[str, str] | None = None,
    extensions: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Ask for a socket at the ASGI level and leave. Returns what the application sent."""
    sent: list[dict[str, Any]] = []
    events: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]
    )

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    everything = {"host": "localhost:8642", **(headers or {})}
    scope = {
        "type": "websocket",
        "path": path,
        "scheme": "ws",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in everything.items()],
        "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
    }
    await served.app(scope, receive, send)
    return sent


async def test_security_headers_are_on_everything(serve: Serve) -> None:
    async with serve(api_key=KEY) as served:
        for method, path in (("GET", "/"), ("GET", "/nope"), ("GET", "/health"), ("PUT", "/x")):
            headers = (await served.client.request(method, path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "script-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
        assert (await served.client.get("/nope")).headers["cache-control"] == "no-store"
