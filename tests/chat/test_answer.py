"""Watching a growing answer: nothing lost, nothing twice, nobody held back."""

from __future__ import annotations

import asyncio
import random

import pytest

from miniclaude.chat.answer import GrowingAnswer
from miniclaude.chat.events import TurnDelta, TurnDone, TurnEvent
from miniclaude.store.turns import Ending

pytestmark = pytest.mark.anyio

DONE = TurnDone("complete", "stop")


async def collect(answer: GrowingAnswer, offset: int = 0) -> tuple[str, list[TurnEvent]]:
    """The text a watcher gets, and everything that is not text."""
    text, others = "", list[TurnEvent]()
    async for event in answer.watch(offset):
        if isinstance(event, TurnDelta):
            text += event.text
            assert event.offset == offset + len(text)
        else:
            others.append(event)
    return text, others


@pytest.mark.parametrize("seed", range(20))
async def test_watchers_at_any_offset_get_the_rest_exactly_once(seed: int) -> None:
    chance = random.Random(seed)
    whole = "".join(chance.choice("aé漢👋 ") for _ in range(200))
    answer = GrowingAnswer()
    watchers = {}
    at = 0
    while at < len(whole):
        offset = chance.randint(0, len(whole))
        watchers[offset] = asyncio.create_task(collect(answer, offset))
        step = chance.choice([0, 1, 2, 30])
        answer.append(whole[at : at + step])
        at += step
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    answer.end(Ending("complete", "stop"))
    for offset, watcher in watchers.items():
        assert await watcher == (whole[offset:], [DONE])
    assert await collect(answer, 3) == (whole[3:], [DONE])
    assert answer.text == whole


async def test_deltas_arrive_one_by_one_while_the_watcher_keeps_up() -> None:
    answer = GrowingAnswer()
    watcher = answer.watch(0)
    for piece in ("one ", "two"):
        answer.append(piece)
        assert await anext(watcher) == TurnDelta(piece, answer.length)
    await watcher.aclose()


async def test_a_slow_watcher_gets_what_it_missed_in_one_piece() -> None:
    answer = GrowingAnswer()
    for piece in "abcdef":
        answer.append(piece)
    assert [event async for event in ended(answer).watch(2)] == [TurnDelta("cdef", 6), DONE]


async def test_an_offset_past_the_end_just_gets_the_end() -> None:
    """After a crash the store may hold a little less than a browser has seen."""
    answer = GrowingAnswer()
    answer.append("abc")
    assert [event async for event in ended(answer).watch(99)] == [DONE]


async def test_watchers_and_store_agree_about_text_that_cannot_be_stored() -> None:
    answer = GrowingAnswer()
    answer.append("a\x00\ud800b")
    assert (answer.text, answer.length) == ("a\ufffd\ufffdb", 4)


def ended(answer: GrowingAnswer) -> GrowingAnswer:
    answer.end(Ending("complete", "stop"))
    return answer
