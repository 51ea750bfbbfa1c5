"""Names to providers, and one provider's trouble kept from the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from miniclaude.errors import (
    ModelNotFoundError,
    ProviderError,
    SettingsError,
)
from miniclaude.messages import StreamEvent, Usage
from miniclaude.providers import registry as registry_module
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelInfo
from miniclaude.providers.echo import Echo
from miniclaude.providers.registry import (
    MayBeBlind,
    Registry,
    create_providers,
    provider_factory,
)

pytestmark = pytest.mark.anyio


class Listing:
    """A provider that offers `ids`, or fails to."""

    def __init__(self, name: str, *ids: str, error: Exception | None = None) -> None:
        self.name = name
        self.ids = ids
        self.error = error
        self.closed = False

    async def models(self) -> list[ModelInfo]:
        if self.error is not None:
            raise self.error
        return [ModelInfo(name, 1, self.name, 8) for name in self.ids]

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        yield Usage(0, 0)

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        yield Usage(0, 0)

    async def aclose(self) -> None:
        self.closed = True
        if self.error is not None:
            raise self.error


class Stuck(Listing):
    async def models(self) -> list[ModelInfo]:
        await asyncio.Event().wait()
        return []


class Seeing(Listing):
    """One that takes pictures; `none` where it is set to take none. asked: how often it was."""

    none = False
    asked = 0

    async def models(self) -> list[ModelInfo]:
        self.asked += 1
        return [replace(info, sees=self.sees(info.id)) for info in await super().models()]

    def sees(self, model: str) -> bool:
        return not self.none

    def blind(self) -> bool:
        return self.none


def down() -> ProviderError:
    return ProviderError("it is down.", hint="Wait.")


async def test_names_lead_to_providers_and_bare_names() -> None:
    local, remote, echo = Listing("local"), Listing("anthropic"), Echo()
    registry = Registry({"local": local, "anthropic": remote, "echo": echo}, "tiny")
    assert registry.resolve("tiny") == (local, "tiny")
    assert registry.resolve("") == (local, "tiny")
    assert registry.resolve("org/tiny") == (local, "org/tiny")
    assert registry.resolve("anthropic/claude") == (remote, "claude")
    assert registry.resolve("echo") == (echo, "echo")


async def test_what_resolves_is_what_is_listed() -> None:
    registry = Registry(
        {
            "openai": Listing("openai", "gpt", "org/gpt"),
            "local": Listing("local", "tiny", "org/t"),
            "echo": Echo(),
        },
        "tiny",
    )
    infos = await registry.models()
    assert [info.id for info in infos] == [
        "tiny",
        "org/t",
        "echo",
        "openai/gpt",
        "openai/org/gpt",
    ]
    assert [registry.resolve(info.id)[1] for info in infos] == [
        "tiny",
        "org/t",
        "echo",
        "gpt",
        "org/gpt",
    ]


async def test_one_model_is_asked_of_its_own_provider_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever looks at one local model a second must not have every service on the net asked."""
    monkeypatch.setattr(registry_module, "LISTING_SECONDS", 600)
    registry = Registry({"openai": Stuck("openai"), "local": Listing("local", "a")}, "a")
    async with asyncio.timeout(registry_module.LISTING_SECONDS / 2):
        found = await registry.model("a")
        assert found is not None
        assert found.owned_by == "local"
        assert await registry.model("b") is None
    registry = Registry({"openai": Listing("openai", "a/b"), "local": Stuck("local")}, "a")
    found = await registry.model("openai/a/b")
    assert found is not None
    assert (found.id, found.owned_by) == ("openai/a/b", "openai")
    registry = Registry({"openai": Listing("openai")}, "a")
    with pytest.raises(ModelNotFoundError, match="no model 'a'"):
        await registry.model("a")


@pytest.mark.parametrize("name", ["tiny", "nobody/tiny", "openai/", ""])
async def test_unknown_names_say_what_there_is(name: str) -> None:
    registry = Registry({"openai": Listing("openai"), "echo": Echo()}, "")
    with pytest.raises(ModelNotFoundError, match=r"Providers: echo, openai\."):
        registry.resolve(name)


async def test_a_provider_that_knows_its_models_refuses_before_work_begins() -> None:
    registry = Registry({"echo": Echo()}, "echo")
    with pytest.raises(ModelNotFoundError, match="no model 'parrot'"):
        registry.resolve("echo/parrot")


async def test_a_provider_that_cannot_list_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    providers = {"openai": Listing("openai", error=down()), "local": Listing("local", "tiny")}
    assert [info.id for info in await Registry(providers, "tiny").models()] == ["tiny"]
    assert "openai did not list its models: it is down" in caplog.text


async def test_a_provider_with_a_bug_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Anybody's package may offer one; the models of all the others were not listed either."""
    bug = AttributeError("'str' object has no attribute 'data'")
    providers = {"mine": Seeing("mine", error=bug), "eye": Seeing("eye", "one")}
    registry = Registry(providers, "")
    assert [info.id for info in await registry.models()] == ["eye/one"]
    assert await registry.seeing() == ["eye/one"]
    assert "mine did not list its models" in caplog.text
    assert str(bug) in caplog.text, "its traceback, for whoever wrote it"


async def test_a_provider_that_hangs_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(registry_module, "LISTING_SECONDS", 0)
    providers = {"openai": Stuck("openai"), "echo": Stuck("echo")}
    assert await Registry(providers, "").models() == []
    assert "openai did not list its models within 0 seconds" in caplog.text


async def test_only_who_may_see_is_asked_who_sees() -> None:
    """Asking takes up to five seconds of somebody's who was just refused."""
    eye, shut, echo = Seeing("eye", "one"), Seeing("shut", "two"), Listing("echo")
    shut.none = True
    registry = Registry({"eye": eye, "shut": shut, "echo": echo}, "")
    assert [await registry.seeing(), await registry.seeing()] == [["eye/one"]] * 2
    assert (eye.asked, shut.asked) == (1, 0)


async def test_who_did_not_say_is_asked_again() -> None:
    """A minute long nobody would be told of the models of a service that was down for a moment."""
    eye, other = Seeing("eye", "one"), Seeing("other", "two", error=down())
    registry = Registry({"eye": eye, "other": other}, "")
    assert await registry.seeing() == ["eye/one"]
    other.error = None
    assert await registry.seeing() == ["eye/one", "other/two"]
    assert await registry.seeing() == ["eye/one", "other/two"]
    assert other.asked == 2


@pytest.mark.parametrize(
    ("vision", "blind"), [(True, False), (["a"], False), (False, True), ([], True)]
)
def test_a_setting_may_leave_nobody_who_sees(vision: object, blind: bool) -> None:
    providers = create_providers(
        {
            "openai": {"base_url": "http://192.0.2.1/v1", "vision": vision},
            "anthropic": {"api_key": "k", "vision": vision},
        }
    )
    for provider in providers.values():
        assert isinstance(provider, MayBeBlind)
        assert provider.blind() is blind


async def test_closing_reaches_every_provider() -> None:
    providers = {"a": Listing("a", error=down()), "b": Listing("b")}
    await Registry(providers, "").aclose()
    assert providers["a"].closed
    assert providers["b"].closed


async def test_providers_come_from_entry_points() -> None:
    providers = create_providers({"echo": {}, "parrot": {"kind": "echo"}})
    assert {type(provider) for provider in providers.values()} == {Echo}


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"called 'telepathy'.*Known are anthropic, echo"):
        provider_factory("telepathy")
