"""Other services, added on the page: a key goes in, to one address, and never comes out."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from miniclaude.providers import registry
from miniclaude.providers.base import ModelInfo
from miniclaude.settings import load_settings
from miniclaude.store.choices import CHOICES_FILE
from tests.providers.stand_in import running_stand_in
from tests.server.test_library import shelf

pytestmark = pytest.mark.anyio
KEY = "sk-very-secret-123"


async def test_a_provider_is_added_tested_and_offered(tmp_path: Path) -> None:
    async with running_stand_in("openai") as service, shelf(tmp_path) as served:
        body = {"kind": "openai", "base_url": service.url, "api_key": KEY}
        made = await served.client.put("/providers/mine", json=body)
        assert made.json() == {
            "name": "mine",
            "kind": "openai",
            "base_url": service.url,
            "key_set": True,
            "vision": None,
            "fixed": False,
        }
        tested = (await served.client.post("/providers/mine/test")).json()
        assert tested["ok"]
        listed = [model["id"] for model in (await served.client.get("/models")).json()["data"]]
        assert {f"mine/{model}" for model in tested["models"]} <= set(listed)
        assert KEY not in (await served.client.get("/providers")).text
        assert stat.S_IMODE((tmp_path / CHOICES_FILE).stat().st_mode) == 0o600
    async with shelf(tmp_path) as served:
        [kept] = (await served.client.get("/providers")).json()["data"]
        assert (kept["name"], kept["key_set"]) == ("mine", True)
        assert (await served.client.delete("/providers/mine")).status_code == 200
        assert (await served.client.get("/providers")).json()["data"] == []
        assert (await served.client.delete("/providers/mine")).status_code == 404
    assert KEY not in (tmp_path / CHOICES_FILE).read_text()


async def test_a_stored_key_is_never_sent_to_another_address(tmp_path: Path) -> None:
    """Else whoever can change the address could read the key."""
    async with running_stand_in("openai") as service, shelf(tmp_path) as served:
        first = {"kind": "openai", "base_url": "https://api.example.com/v1", "api_key": KEY}
        await served.client.put("/providers/mine", json=first)
        moved = await served.client.put(
            "/providers/mine", json={"kind": "openai", "base_url": service.url}
        )
        assert moved.status_code == 400
        assert "belongs to another address" in moved.json()["error"]["message"]
        same = {"kind": "openai", "base_url": "https://api.example.com/v1"}
        assert (await served.client.put("/providers/mine", json=same)).json()["key_set"]
        removed = await served.client.put("/providers/mine", json={**same, "api_key": None})
        assert not removed.json()["key_set"]


async def test_which_models_see_is_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is not OpenAI's own is not taken to see unless somebody says so."""
    monkeypatch.setattr(registry, "LISTING_SECONDS", 180)  # one that is late is left out
    async with running_stand_in("openai") as service, shelf(tmp_path) as served:

        async def sees(vision: object) -> bool:
            body = {"kind": "openai", "base_url": service.url, "vision": vision}
            made = await served.client.put("/providers/mine", json=body)
            assert made.json()["vision"] == vision, made.text
            listed = (await served.client.get("/models")).json()["data"]
            found = {model["id"]: model["mini_claude"]["sees"] for model in listed}
            told: bool = found["mine/big"]
            return told

        told = [await sees(vision) for vision in (None, True, False, ["small"])]
        assert told == [False, True, False, False]
        assert await sees(["big"])
        wrong: tuple[object, ...] = ("yes", [""], [1], {})
        for vision in wrong:
            body = {"kind": "openai", "vision": vision}
            refused = await served.client.put("/providers/mine", json=body)
            assert refused.status_code == 400
            assert refused.json()["error"]["param"].startswith("vision")
    async with shelf(tmp_path) as served:
        [kept] = (await served.client.get("/providers")).json()["data"]
        assert kept["vision"] == ["big"]


async def test_more_than_can_be_read_again_is_not_stored(tmp_path: Path) -> None:
    """The file is read up to a bound when the server starts; one that was written beyond it would
    keep the server from starting ever again."""
    names = ["\u65e5" * 256] * 200
    body = {"kind": "openai", "base_url": "http://192.0.2.1/v1", "vision": names}
    async with shelf(tmp_path) as served:
        one_more = {**body, "vision": [*names, "one"]}
        refused = await served.client.put("/providers/mine", json=one_more)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "vision")
        answers = [await served.client.put(f"/providers/p{n}", json=body) for n in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 6 + [400] * 2
        told = answers[-1].json()["error"]["message"]
        assert "choices.json would have 1,0" in told
        assert "Name fewer models in `vision`, or remove a provider." in told
        assert "p7" not in served.services.registry.providers
    async with shelf(tmp_path) as served:
        kept = (await served.client.get("/providers")).json()["data"]
        assert [provider["name"] for provider in kept] == [f"p{n}" for n in range(6)]


async def test_a_test_that_fails_says_why_in_words(tmp_path: Path) -> None:
    async with running_stand_in("anthropic") as service, shelf(tmp_path) as served:
        service.status, service.error = 401, {"error": {"message": "bad key"}}
        body = {"kind": "anthropic", "base_url": service.url, "api_key": KEY}
        await served.client.put("/providers/mine", json=body)
        tested = (await served.client.post("/providers/mine/test")).json()
        assert not tested["ok"]
        assert "refuses our key" in tested["problem"]
        assert KEY not in tested["problem"]
        assert (await served.client.post("/providers/none/test")).status_code == 404


async def test_an_address_that_answers_with_a_page_troubles_nobody_else(tmp_path: Path) -> None:
    """A base_url without its `/v1` often does. The list of models, local ones included, and this
    test were a 500 then."""
    async with running_stand_in("openai") as service, shelf(tmp_path) as served:
        service.listing, service.listing_type = b"<html>Welcome</html>", "text/html"
        await served.client.put("/providers/mine", json={"kind": "openai", "base_url": service.url})
        tested = (await served.client.post("/providers/mine/test")).json()
        assert not tested["ok"]
        assert "mine: it sent an answer of an unknown shape" in tested["problem"]
        assert "check the service's status page and providers.mine.base_url" in tested["problem"]
        listed = (await served.client.get("/models")).json()["data"]
        assert "echo" in [model["id"] for model in listed]


async def test_a_provider_with_a_bug_fails_its_test_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come from any package; the page must not show a bare 500."""

    async def models() -> list[ModelInfo]:
        raise ZeroDivisionError

    async with shelf(tmp_path) as served:
        echo = served.services.registry.providers["echo"]
        monkeypatch.setattr(echo, "models", models)
        tested = (await served.client.post("/providers/echo/test")).json()
        assert not tested["ok"]
        assert tested["problem"].startswith("echo failed in a way it should not.")


async def test_what_a_setting_says_the_page_cannot_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf(tmp_path) as served:
        await served.client.put("/providers/anthropic", json={"kind": "anthropic", "api_key": KEY})
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-from-the-environment")
    async with shelf(tmp_path) as served:
        [only] = (await served.client.get("/providers")).json()["data"]
        assert only["fixed"]
        for response in (
            await served.client.put("/providers/anthropic", json={"kind": "openai"}),
            await served.client.delete("/providers/anthropic"),
        ):
            assert response.status_code == 409
            assert "config.toml or the environment" in response.json()["error"]["message"]
        provider = served.services.registry.providers["anthropic"]
        assert vars(provider)["_api_key"] == "sk-from-the-environment"


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("local", {"kind": "openai"}, 409),
        ("echo", {"kind": "openai"}, 409),
        ("Bad.Name", {"kind": "openai"}, 400),
        ("fine", {"kind": "pickle"}, 400),
        ("fine", {"kind": "openai", "base_url": "file:///etc/passwd"}, 400),
        ("fine", {"kind": "openai", "base_url": "http://user:pw@host/"}, 400),
        ("fine", {"kind": "openai", "api_key": "a\nb"}, 400),
        ("fine", {"kind": "openai", "options": {}}, 400),
    ],
)
async def test_bad_providers_are_refused(
    tmp_path: Path, name: str, body: dict[str, object], status: int
) -> None:
    async with shelf(tmp_path) as served:
        refused = await served.client.put(f"/providers/{name}", json=body)
        assert refused.status_code == status, refused.text
        assert (await served.client.get("/providers")).json()["data"] == []


async def test_a_damaged_file_of_choices_is_told_of(tmp_path: Path) -> None:
    (tmp_path / CHOICES_FILE).write_text("[1]")
    with pytest.raises(Exception, match=r"choices\.json cannot be read"):
        async with shelf(tmp_path):
            pass
    assert load_settings(tmp_path)
