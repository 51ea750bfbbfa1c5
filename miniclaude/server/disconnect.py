"""Work that ends when its client goes away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from starlette.requests import Request
from starlette.types import Receive

from miniclaude.errors import OverloadedError

T = TypeVar("T")


class ClientGoneError(Exception):
    """Nobody is left to answer."""


def stopping_error() -> OverloadedError:
    """What a request in the making is told when the server ends."""
    return OverloadedError(
        "The server is stopping.", hint="Send the request again in a moment.", retry_after=5
    )


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client has closed the connection. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_connected(
    request: Request, stopping: anyio.Event, work: Callable[[], Awaitable[T]]
) -> T:
    """`work`'s result; it is cancelled the moment the client goes away or the server stops.

    Raises ClientGoneError or OverloadedError then, and whatever `work` raises otherwise.
    """

    async def gone() -> None:
        await wait_until_gone(request.receive)

    return await _until(work, (gone, ClientGoneError()), (stopping.wait, stopping_error()))


async def unless_stopping(stopping: anyio.Event, work: Callable[[], Awaitable[T]]) -> T:
    """`work`'s result; it is cancelled the moment the server stops.

    Raises OverloadedError then, and whatever `work` raises otherwise.
    """
    return await _until(work, (stopping.wait, stopping_error()))


async def _until(
    work: Callable[[], Awaitable[T]], *ends: tuple[Callable[[], Awaitable[None]], Exception]
) -> T:
    """`work`'s result, unless one of `ends` comes first: then its error."""
    result: list[T] = []
    failure: Exception = ClientGoneError()
    async with anyio.create_task_group() as group:

        async def watch(end: Callable[[], Awaitable[None]], error: Exception) -> None:
            nonlocal failure
            await end()
            failure = error
            group.cancel_scope.cancel()

        for end, error in ends:
            group.start_soon(watch, end, error)
        try:
            result.append(await work())
        except Exception as error:
            failure = error  # raised below: the group would wrap it in another
        group.cancel_scope.cancel()
    if not result:
        raise failure
    return result[0]


@asynccontextmanager
async def closing(iterator: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close `iterator` at the end, also in a cancelled task: closing is what frees its slot."""
    try:
        yield iterator
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await close()
