"""What is written in one step of the event loop leaves together, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from miniclaude.server.one_write import MOST, OneWrite

pytestmark = pytest.mark.anyio


class Sent:
    """A transport that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.told


def pair() -> tuple[Sent, OneWrite]:
    sent = Sent()
    return sent, OneWrite(cast("asyncio.Transport", sent), asyncio.get_running_loop())


async def test_head_and_body_leave_together() -> None:
    """Apart, each of hundreds of refusals at once costs two system calls, and wakes its client
    twice."""
    sent, joined = pair()
    for part in (b"head ", b"", b"body"):
        joined.write(part)
    assert sent.told == []
    await asyncio.sleep(0)
    assert sent.told == [b"head body"]
    joined.write(b"next")
    await asyncio.sleep(0)
    assert sent.told == [b"head body", b"next"]


async def test_what_was_written_goes_before_the_close() -> None:
    sent, joined = pair()
    joined.write(b"last words")
    joined.close()
    await asyncio.sleep(0)
    assert sent.told == [b"last words", "closed"]
    assert joined.is_closing()


async def test_much_of_it_does_not_wait() -> None:
    """Else an answer that never lets go of the event loop would fill the memory, unnoticed by the
    transport, which slows a writer down."""
    sent, joined = pair()
    joined.write(b"x" * MOST)
    assert sent.told == []
    joined.write(b"y")
    assert sent.told == [b"x" * MOST + b"y"]
    await asyncio.sleep(0)
    assert len(sent.told) == 1
