"""Lists of models, some of them odd in places: a model that can be asked is not lost for that."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from miniclaude.providers import anthropic, openai_compatible
from miniclaude.providers.base import ModelInfo, Provider
from miniclaude.providers.told_values import LATEST, MOST, seconds_of
from tests.providers.stand_in import MODELS, StandIn, running_stand_in

pytestmark = pytest.mark.anyio

HUGE = 10**400


@pytest.fixture(params=["openai", "anthropic"])
async def remote(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Provider, StandIn]]:
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_stand_in(request.param))
        create = anthropic.create if request.param == "anthropic" else openai_compatible.create
        provider = create({"base_url": service.url, "api_key": "k", "max_retries": 0})
        stack.push_async_callback(provider.aclose)
        yield provider, service


async def listed(remote: tuple[Provider, StandIn], *entries: object) -> list[ModelInfo]:
    provider, service = remote
    service.listing = json.dumps({"data": entries, "has_more": False}).encode()
    return await provider.models()


def entry(provider: Provider, **fields: Any) -> dict[str, Any]:
    """The stand-in's model, with other fields."""
    listing: Any = MODELS[provider.name]
    return {**listing["data"][0], **fields}


@pytest.mark.parametrize("size", [-4096, HUGE, MOST + 1, "many", [], float("nan")])
async def test_a_context_that_cannot_be_is_none(
    remote: tuple[Provider, StandIn], size: object
) -> None:
    """It was handed on, to clients that reckon with it; or the whole list was lost."""
    fields = {"context": size, "max_input_tokens": size}
    [info] = await listed(remote, entry(remote[0], **fields))
    assert (info.id, info.context) == ("big", 0)


@pytest.mark.parametrize("created", [-5, HUGE, "soon", None, float("inf"), []])
async def test_a_time_that_cannot_be_is_none(
    remote: tuple[Provider, StandIn], created: object
) -> None:
    """No date can be made of it; or the whole list was lost."""
    fields = {"created": created, "created_at": created}
    [info] = await listed(remote, entry(remote[0], **fields))
    assert (info.id, info.created) == ("big", 0)


async def test_a_context_under_another_name_counts_where_the_first_cannot_be(
    remote: tuple[Provider, StandIn],
) -> None:
    """Some services say −1 or 0 in one field and the truth in the next."""
    if remote[0].name == "anthropic":
        return
    [info] = await listed(remote, entry(remote[0], context=-1, max_model_len=512))
    assert info.context == 512


def test_times_end_with_the_year_9999() -> None:
    """Python has no later ones, so that Anthropic's shape of the list failed at them."""
    assert [seconds_of(LATEST), seconds_of(LATEST + 1)] == [LATEST, 0]


@pytest.mark.parametrize(
    "odd", [None, 5, "big", [], {}, {"id": 5}, {"id": None}, {"id": ["big"]}, {"id": ""}]
)
async def test_an_odd_entry_costs_no_other(remote: tuple[Provider, StandIn], odd: object) -> None:
    """One of a hundred that was no model took all the provider's models out of the list."""
    names = [info.id for info in await listed(remote, odd, entry(remote[0]))]
    assert names == ["big"]


@pytest.mark.parametrize("owner", [5, None, ["acme"], {"name": "acme"}, ""])
async def test_an_odd_owner_is_the_provider(
    remote: tuple[Provider, StandIn], owner: object
) -> None:
    """Who owns a model matters less than that it can be asked, and all were lost for it."""
    [info] = await listed(remote, entry(remote[0], owned_by=owner))
    assert (info.id, info.owned_by) == ("big", remote[0].name)
