"""A client that connects and then sends nothing, or not all that it began, is dropped; and there
are never more connections than there are files for them. Neither needs a key: else whoever reaches
the port could use up the process's files, or its memory with bodies that never end.

Here and not around each `receive`: a request is only known once its head is whole.
"""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import sys
from http import HTTPStatus

import h11
import orjson

from miniclaude.server.error_handlers import error_body
from miniclaude.server.headers import SECURITY_HEADERS
from miniclaude.server.request_ids import HEADERS, new_request_id
from miniclaude.server.unread import ReadHttp

MOST_CONNECTIONS = 16_384
KEPT_FILES = 256
"""For the database, models, uploads, workers and their pipes; half of all where there are few, such
as the 256 of a terminal on macOS."""

log = logging.getLogger(__name__)


def connections_allowed() -> int:
    """As many as leave the process files enough for all else."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, files - min(KEPT_FILES, files // 2))


class SentHttp(ReadHttp):
    """uvicorn's HTTP, whose clients send what they begin.

    A head has to be whole `head_seconds` after its connection or its first byte; between two
    requests uvicorn's own, shorter time runs. Of a body `least_bytes` have to come in each
    `body_seconds`, unless it is we who do not read on.
    """

    head_seconds = 20.0
    body_seconds = 60.0
    least_bytes = 4096
    most_connections = connections_allowed()
    _last_told = -math.inf
    _awaits = ""
    _arrived = 0
    _deadline: asyncio.TimerHandle | None = None
    _is_socket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._tell_full()
            transport.abort()
        self._mind()

    def data_received(self, data: bytes) -> None:
        """It has sent something."""
        self._arrived += len(data)
        super().data_received(data)
        self._mind()

    def on_response_complete(self) -> None:
        """It has its answer; what it sent meanwhile is the next request's."""
        super().on_response_complete()
        self._mind()
        self.look_while_closing()

    def timeout_keep_alive_handler(self) -> None:
        """It has sent no next request for some seconds."""
        super().timeout_keep_alive_handler()
        self.look_while_closing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on it is a WebSocket, which uvicorn pings."""
        super().handle_websocket_upgrade(event)
        self._is_socket = True

    def send_400_response(self, msg: str) -> None:
        """It has sent what is no request. uvicorn's own text does not say what was wrong."""
        error = sys.exception()
        fault = str(error or msg).partition(": bytearray")[0]  # not what was sent
        status, cure = HTTPStatus.BAD_REQUEST, "Send it as RFC 9112 says; libraries for HTTP do."
        if getattr(error, "error_status_hint", 0) == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            fault, cure = "its head is too long", "Send fewer or shorter headers."
        message = f"This is not a request in HTTP/1.1: {fault}. {cure}"
        body = orjson.dumps(error_body(status, message))
        headers = SECURITY_HEADERS | {
            "cache-control": "no-store",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        headers |= dict.fromkeys(HEADERS, new_request_id())
        head = h11.Response(
            status_code=status, headers=list(headers.items()), reason=status.phrase.encode()
        )
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone, or was dropped."""
        self._wait_for("")
        super().connection_lost(exc)

    def _mind(self) -> None:
        """See what is awaited of the client now."""
        awaited = ""
        if not self._is_socket and not self.transport.is_closing():
            if self.conn.their_state is h11.SEND_BODY:
                awaited = "body"
            elif self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                awaited = "head"
        if awaited != self._awaits:
            self._wait_for(awaited)

    def _wait_for(self, awaited: str) -> None:
        self._awaits = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited:
            seconds = self.head_seconds if awaited == "head" else self.body_seconds
            self._deadline = self.loop.call_later(seconds, self._late, self._arrived)

    def _late(self, arrived: int) -> None:
        """arrived: bytes that had come when the time began."""
        if self._awaits == "body" and (
            self._arrived - arrived >= self.least_bytes
            or self.flow.read_paused
            or self.conn.they_are_waiting_for_100_continue
        ):
            self._wait_for("body")
            return
        log.info(
            "A client did not send the %s of a request in time, and was dropped.", self._awaits
        )
        self._wait_for("")
        self.transport.abort()

    def _tell_full(self) -> None:
        """Once a minute: there may be thousands a second."""
        now = self.loop.time()
        if now - SentHttp._last_told > 60:
            SentHttp._last_told = now
            log.warning(
                "There are %d connections, the most for this process: new ones are closed. Raise"
                " the limit of open files (ulimit -n) for more.",
                self.most_connections,
            )
