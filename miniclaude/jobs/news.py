"""Waking those who wait for something to change in the store, without their asking all the time."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class News:
    """One event loop's. Take `next` before looking, then wait for it: nothing that happens in
    between is missed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """Set at the next `tell`."""
        return self._next

    def tell(self) -> None:
        """Something has changed."""
        told, self._next = self._next, asyncio.Event()
        told.set()


async def wait_for(news: asyncio.Event, seconds: float) -> None:
    """Return when it is told, or after `seconds`: another server may have changed the store."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
