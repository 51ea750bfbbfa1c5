"""Settings of answers: by conversation, by name; tools on offer."""

from __future__ import annotations

import pytest

from miniclaude.errors import NotFoundError
from miniclaude.store import presets
from tests.server.conftest import Served
from tests.server.test_conversations import new

pytestmark = pytest.mark.anyio

BRIEF = {"system": "Be brief.", "max_tokens": 50, "tools": [], "stop": ["\n"]}


async def test_a_conversation_keeps_how_its_answers_are_drawn(served: Served) -> None:
    conversation = await new(served)
    assert (await served.client.get(conversation)).json()["settings"] == {}
    changed = await served.client.patch(conversation, json={"settings": BRIEF})
    assert changed.status_code == 200
    assert (await served.client.get(conversation)).json()["settings"] == BRIEF
    await served.client.patch(conversation, json={"pinned": True})
    assert (await served.client.get(conversation)).json()["settings"] == BRIEF
    await served.client.patch(conversation, json={"settings": None})
    assert (await served.client.get(conversation)).json()["settings"] == {}
    wrong = await served.client.patch(conversation, json={"settings": {"logprobs": 6}})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "settings.logprobs"


async def test_presets_are_saved_listed_replaced_and_deleted(served: Served) -> None:
    for name in ("terse", "Brief"):
        made = await served.client.post("/presets", json={"name": name, "settings": BRIEF})
        assert made.status_code == 201
    again = await served.client.post("/presets", json={"name": " Brief", "settings": {"seed": 3}})
    listed = (await served.client.get("/v1/presets")).json()["data"]
    assert [(one["name"], one["settings"]) for one in listed] == [
        ("Brief", {"seed": 3}),
        ("terse", BRIEF),
    ]
    gone = await served.client.delete(f"/presets/{again.json()['id']}")
    assert gone.status_code == 204
    missing = await served.client.delete(f"/presets/{again.json()['id']}")
    assert missing.status_code == 404
    assert "There is no such preset." in missing.json()["error"]["message"]


async def test_presets_belong_to_somebody_and_are_bounded(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "MAX_PRESETS", 1)
    kept = await served.services.presets.save("somebody", "theirs", {})
    assert (await served.client.get("/presets")).json()["data"] == []
    assert (await served.client.delete(f"/presets/{kept.id}")).status_code == 404
    with pytest.raises(NotFoundError):
        await served.services.presets.delete("local", kept.id)
    await served.client.post("/presets", json={"name": "one", "settings": {}})
    full = await served.client.post("/presets", json={"name": "two", "settings": {}})
    assert full.status_code == 400
    assert "There are 1 presets already." in full.json()["error"]["message"]
    for name in ("", "  ", "x" * 81):
        bad = await served.client.post("/presets", json={"name": name, "settings": {}})
        assert (bad.status_code, bad.json()["error"]["param"]) == (400, "name")


async def test_the_tools_on_offer_are_listed(served: Served) -> None:
    [tool] = (await served.client.get("/tools")).json()["data"]
    assert tool["name"] == "calculator"
    assert tool["description"]
