"""What the end of the server ends: whatever is under way, and whatever begins too late."""

from __future__ import annotations

import anyio
import pytest

from miniclaude.errors import OverloadedError
from miniclaude.server.disconnect import Stopping, unless_stopping

pytestmark = pytest.mark.anyio


async def test_work_under_way_is_ended_and_what_comes_later_never_waits() -> None:
    """Else the server would wait for them to the end of its patience."""
    stopping = Stopping()
    begun = anyio.Event()

    async def work() -> None:
        begun.set()
        await anyio.sleep_forever()

    async def refused() -> None:
        with pytest.raises(OverloadedError, match="The server is stopping"):
            await unless_stopping(stopping, work)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(refused)
            await begun.wait()
            assert not stopping.is_set()
            stopping.set()
        assert stopping.is_set()
        await refused()


async def test_a_finished_request_is_forgotten() -> None:
    """A scope kept for each would be a leak, and the end of the server would cancel them all."""
    stopping = Stopping()

    async def answer() -> str:
        return "done"

    assert await unless_stopping(stopping, answer) == "done"
    with pytest.raises(ZeroDivisionError), stopping.cancels():
        _ = 1 / 0
    assert not stopping._scopes
