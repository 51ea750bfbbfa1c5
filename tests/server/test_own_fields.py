"""What a provider blames is named as the request named it."""

from __future__ import annotations

import pytest

from miniclaude.errors import ContextLengthError
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chats_limit_is_blamed_by_the_name_it_was_sent_by(
    served: Served, field: str, stream: bool
) -> None:
    """Providers know one name; who sent the other looks in vain for it."""
    for param, told in (("max_tokens", field), ("messages", "messages")):
        served.scripted.script = [ContextLengthError("Too long.", hint="Shorten it.", param=param)]
        served.scripted.closed.clear()
        response = await served.chat(model="scripted/m", stream=stream, **{field: 5})
        assert response.status_code == 400
        assert response.json()["error"]["param"] == told
        assert served.scripted.closed.is_set()


async def test_a_limit_sent_by_both_names_is_blamed_by_the_older(served: Served) -> None:
    served.scripted.script = [ContextLengthError("Long.", hint="Cut it.", param="max_tokens")]
    response = await served.chat(model="scripted/m", max_tokens=5, max_completion_tokens=5)
    assert response.json()["error"]["param"] == "max_tokens"
