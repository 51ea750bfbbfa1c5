"""Work that ends when its client goes away, or when the server stops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import anyio
from starlette.requests import Request
from starlette.types import Receive

from miniclaude.errors import OverloadedError

T = TypeVar("T")


class ClientGoneError(Exception):
    """Nobody is left to answer."""


class Stopping:
    """Whether the server has begun to stop, and what ends when it does. A scope for each request,
    and no task of its own that waits: a task takes a twentieth of a millisecond to begin and end.
    """

    def __init__(self) -> None:
        self._begun = False
        self._scopes: set[anyio.CancelScope] = set()

    def set(self) -> None:
        """It begins. To be called in the event loop's own thread."""
        self._begun = True
        for scope in self._scopes:
            scope.cancel()

    def is_set(self) -> bool:
        """It has begun."""
        return self._begun

    @contextmanager
    def cancels(self) -> Iterator[anyio.CancelScope]:
        """The block is cancelled when the server stops, and goes on behind its end."""
        with anyio.CancelScope() as scope:
            if self._begun:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)


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
    request: Request, stopping: Stopping, work: Callable[[], Awaitable[T]]
) -> T:
    """`work`'s result; it is cancelled the moment the client goes away or the server stops.

    Raises ClientGoneError or OverloadedError then, and whatever `work` raises otherwise.
    """
    return await unless_stopping(stopping, lambda: _unless_gone(request.receive, work))


async def unless_stopping(stopping: Stopping, work: Callable[[], Awaitable[T]]) -> T:
    """`work`'s result; it is cancelled the moment the server stops.

    Raises OverloadedError then, and whatever `work` raises otherwise.
    """
    with stopping.cancels():
        return await work()
    raise stopping_error()


async def _unless_gone(receive: Receive, work: Callable[[], Awaitable[T]]) -> T:
    """`work`'s result, unless the client goes away first: then ClientGoneError."""
    result: list[T] = []
    failure: Exception = ClientGoneError()
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            await wait_until_gone(receive)
            group.cancel_scope.cancel()

        group.start_soon(watch)
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
