"""A client that reads nothing is dropped, one that reads slowly is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from miniclaude.server.unread import DropsUnread


class Buffer:
    """A transport and an event loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.unread = 100
        self.aborted = False
        self.timers: list[Callable[[], object]] = []

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.aborted = True

    def call_later(self, seconds: float, what: Callable[..., object], *given: object) -> Buffer:
        assert seconds == DropsUnread.patience
        self.timers.append(lambda: what(*given))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def wait(self) -> None:
        """As long as its patience lasts."""
        self.timers.pop()()


class Plain(asyncio.Protocol):
    """Tells what it was told."""

    told: str = ""

    def pause_writing(self) -> None:
        self.told += "paused "

    def resume_writing(self) -> None:
        self.told += "resumed "

    def connection_lost(self, exc: Exception | None) -> None:
        self.told += "lost "


class Watched(DropsUnread, Plain):
    """As uvicorn's protocols are."""

    def __init__(self, buffer: Any) -> None:
        self.transport = self.loop = buffer


def test_one_that_reads_nothing_is_dropped() -> None:
    buffer = Buffer()
    watched = Watched(buffer)
    watched.pause_writing()
    buffer.wait()
    assert buffer.aborted
    assert not buffer.timers
    assert watched.told == "paused "


def test_a_slow_reader_of_a_large_answer_is_waited_for() -> None:
    """An export of megabytes takes minutes to somebody far away."""
    buffer = Buffer()
    Watched(buffer).pause_writing()
    for buffer.unread in (99, 50, 49):
        buffer.wait()
        assert not buffer.aborted
    buffer.wait()
    assert buffer.aborted


def test_no_time_runs_while_there_is_room_or_nobody() -> None:
    buffer = Buffer()
    watched = Watched(buffer)
    for after in (watched.resume_writing, lambda: watched.connection_lost(None)):
        watched.pause_writing()
        after()
        assert not buffer.timers
    assert watched.told == "paused resumed paused lost "
