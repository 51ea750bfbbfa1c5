"""Ratings over HTTP, and the rows that they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from miniclaude.messages import Finished, TextDelta, Usage
from tests.cli.command import run
from tests.server.conftest import Served
from tests.server.test_conversations import new, say, watch

pytestmark = pytest.mark.anyio


async def answered(
    served: Served, conversation: str, question: str, *answers: str, system: str | None = None
) -> list[str]:
    """Ask, and have it answered so; the addresses of the answers."""
    asked: dict[str, Any] = {"content": question}
    made = []
    for answer in answers:
        served.scripted.script = [TextDelta(0, answer), Finished(0, "stop"), Usage(3, 1)]
        turn = await say(
            served,
            conversation,
            model="scripted/m",
            settings={} if system is None else {"system": system},
            **asked,
        )
        await watch(served, conversation, turn)
        asked = {"parent_id": turn["user_message_id"]}
        made.append(f"{conversation}/messages/{turn['assistant_message_id']}/rating")
    return made


async def rows(served: Served, format: str) -> list[dict[str, Any]]:
    response = await served.client.get(f"/v1/feedback/export?format={format}")
    assert response.headers["content-disposition"].startswith(
        f'attachment; filename="feedback-{format}.jsonl"'
    )
    return [json.loads(line) for line in response.text.splitlines()]


async def test_a_rating_is_stored_shown_and_taken_back(served: Served) -> None:
    conversation = await new(served)
    [place] = await answered(served, conversation, "Why?", "So.")
    rated = await served.client.put(place, json={"thumb": "down", "reason": "unhelpful"})
    assert rated.status_code == 200
    rating = (await served.client.get(conversation)).json()["messages"][1]["rating"]
    assert rating == rated.json()
    assert (rating["thumb"], rating["reason"], rating["note"]) == ("down", "unhelpful", "")
    counts = (await served.client.get("/feedback")).json()
    assert counts == {"ratings": 1, "up": 0, "down": 1, "corrections": 0}
    assert (await served.client.delete(place)).status_code == 204
    assert (await served.client.get(conversation)).json()["messages"][1]["rating"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "thumb"),
        ({"thumb": "sideways"}, "thumb"),
        ({"thumb": "up", "reason": "because"}, "reason"),
        ({"thumb": "up", "note": "x" * 10_001}, "note"),
        ({"correction": "  "}, "correction"),
        ({"thumb": "up", "stars": 5}, "stars"),
    ],
)
async def test_what_cannot_be_a_rating(served: Served, body: Any, param: str) -> None:
    conversation = await new(served)
    [place] = await answered(served, conversation, "Why?", "So.")
    response = await served.client.put(place, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


async def test_ratings_become_rows_that_the_data_commands_take(
    served: Served, tmp_path: Path
) -> None:
    """The loop from chat to training breaks here when a format drifts."""
    conversation = await new(served)
    answers = ("Scattered light.", "It is not.")
    good, bad = await answered(
        served, conversation, "Why is the sky blue?", *answers, system="Be brief."
    )
    await served.client.put(good, json={"thumb": "up"})
    await served.client.put(bad, json={"thumb": "down", "correction": "Blue light scatters most."})
    [other] = await answered(served, conversation, "And at night?", "Dark.")
    await served.client.put(other, json={"note": "hm"})

    asked = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why is the sky blue?"},
    ]

    def said(text: str) -> dict[str, str]:
        return {"role": "assistant", "content": text}

    assert await rows(served, "preference") == [
        {"messages": asked, "chosen": [said("Scattered light.")], "rejected": [said("It is not.")]},
        {
            "messages": asked,
            "chosen": [said("Blue light scatters most.")],
            "rejected": [said("It is not.")],
        },
    ]
    assert await rows(served, "kto") == [
        {"messages": [*asked, said("Scattered light.")], "label": True},
        {"messages": [*asked, said("It is not.")], "label": False},
    ]
    assert await rows(served, "openai") == [
        {"messages": [*asked, said("Scattered light.")]},
        {"messages": [*asked, said("Blue light scatters most.")]},
    ]
    for format in ("preference", "kto", "openai"):
        file = tmp_path / f"{format}.jsonl"
        file.write_text((await served.client.get(f"/feedback/export?format={format}")).text)
        checked = run(tmp_path / "home", "data", "check", str(file))
        assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_what_no_row_can_be_made_of_is_passed_over(served: Served) -> None:
    conversation = await new(served)
    [empty] = await answered(served, conversation, "Why?", "")
    await served.client.put(empty, json={"thumb": "down", "correction": "Because."})
    assert await rows(served, "kto") == []
    assert await rows(served, "preference") == []
    assert [row["messages"][-1]["content"] for row in await rows(served, "openai")] == ["Because."]
    refused = await served.client.get("/feedback/export?format=yaml")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "format")
