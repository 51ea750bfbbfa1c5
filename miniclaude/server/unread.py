"""A client that reads nothing of what is sent to it, and never leaves, would hold its answer's
place for ever, and its connection where the answer is all there: after a minute it is dropped,
which ends what is made for it.

Here and not around each `send`: it holds for every response and for sockets alike, and only the
transport can drop what lies in its buffer. Closing waits until that has been read.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

log = logging.getLogger(__name__)


class DropsUnread(asyncio.Protocol):
    """Beside one of uvicorn's protocols: its client is dropped when it has read nothing for
    `patience` seconds while more than the transport keeps waits for it. A slow reader is not: each
    byte that leaves begins the time anew."""

    patience = 60.0
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """It has room again."""
        self._forget()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or was dropped."""
        self._forget()
        super().connection_lost(exc)

    def look_while_closing(self) -> None:
        """A transport that is closed waits until what it has was read, and pauses nobody then."""
        unread = self.transport.is_closing() and self.transport.get_write_buffer_size()
        if unread and self._timer is None:
            self._look_later()

    def _look_later(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._timer = self.loop.call_later(self.patience, self._look, unread)

    def _look(self, unread: int) -> None:
        if self.transport.get_write_buffer_size() < unread:
            self._look_later()
            return
        log.warning("A client had read nothing for %g s, and was dropped.", self.patience)
        self.transport.abort()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ReadHttp(DropsUnread, H11Protocol):
    """uvicorn's HTTP."""


class ReadSocket(DropsUnread, WebSocketsSansIOProtocol):
    """uvicorn's WebSockets. One that is refused with a response of ours has been answered: uvicorn
    forgets to note it, and logs an error that anybody could fill the log with."""

    async def send(self, message: ASGISendEvent) -> None:
        """What the application says."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True
