"""A response's head and body in one write: each is a system call, and a packet that wakes the
client."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from miniclaude.server.unsent import SentHttp

MOST = 65_536
"""Bytes that wait for the end of a step. More are sent at once, so that a client that does not read
is noticed."""


class OneWrite:
    """A transport that sends together what is written in one step of the event loop. It does
    everything else as the transport inside does it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it at the end of this step."""
        if data and not self._written:
            self._loop.call_soon(self._send)
        self._written += data
        if len(self._written) > MOST:
            self._send()

    def close(self) -> None:
        """Send what was written, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._written:
            written, self._written = self._written, bytearray()
            self._transport.write(written)


class OneWriteProtocol(SentHttp):
    """HTTP over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", OneWrite(transport, self.loop)))
