"""Run the server: lock, bind, open, serve, and end without leaving anything half done."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import uvicorn
import uvicorn.server
from starlette.types import ASGIApp, Receive, Scope, Send

from miniclaude.errors import SettingsError
from miniclaude.server.app import create_app
from miniclaude.server.home_lock import home_lock
from miniclaude.server.one_write import OneWriteProtocol
from miniclaude.server.services import Services, open_services
from miniclaude.server.unread import ReadSocket
from miniclaude.settings import ServerSettings

BACKLOG = 2048

LAST_SECONDS = 5.0
"""For what is still to be ended once open connections have had their time: workers, the database,
and threads that nothing can interrupt."""

log = logging.getLogger(__name__)


def bind_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises SettingsError naming the port when it is taken or may not be used, or the host when it
    is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: only then does asyncio turn Nagle's algorithm off, which keeps the
    # second packet of an answer back until the first is acknowledged, 40 ms later.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Listening already here, so that a second server fails here and not later.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(host, port, error) from error
    return listener


def _cannot_bind(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return SettingsError(
            f"port: {port} on {host} is already in use.",
            hint="Stop the program that uses it, or choose another with --port.",
            param="port",
        )
    if error.errno == errno.EACCES:
        return SettingsError(
            f"port: {port} may not be used by this account.",
            hint="Choose one above 1023 with --port.",
            param="port",
        )
    return SettingsError(
        f"host: cannot listen on {host!r}: {error.strerror or error}.",
        hint="Use 127.0.0.1, or an address of this machine.",
        param="host",
    )


class Server(uvicorn.Server):
    """uvicorn's server, which tells the services first that it is stopping.

    Its own way of stopping waits for open streams, and closes WebSockets in the middle of an
    answer; ours ends both with a word why. And it leaves a signal to be raised again, which would
    end the process before the services are closed.
    """

    def __init__(
        self, config: uvicorn.Config, services: Services, started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.services = services
        self.when_started = started
        self.when_stopping: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so once connections are answered."""
        await super().startup(sockets)
        self.when_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, end what is being answered, then what uvicorn does: all of it
        in `timeout_graceful_shutdown` seconds, after which it is broken off."""
        self.when_stopping()
        clock = asyncio.get_running_loop().time
        end = clock() + (self.config.timeout_graceful_shutdown or 0)
        for server in self.servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self.services.stop()
                while self.server_state.tasks:
                    await asyncio.wait(self.server_state.tasks)
        self.config.timeout_graceful_shutdown = max(0, math.ceil(end - clock()))
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM stop the server; a second SIGINT does so without waiting."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {
            number: signal.signal(number, self.handle_exit)
            for number in uvicorn.server.HANDLED_SIGNALS
        }
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def quietly_cancelled(app: ASGIApp) -> ASGIApp:
    """`app` for a server that cancels a request only when it stops and has waited in vain (for a
    client that reads no further): uvicorn would print the stack of where the request stood.

    To be the outermost of all: whoever else cancels wants to be told.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            log.warning("%s was broken off: its client did not read on.", scope.get("path", ""))

    return run


def server_for(
    settings: ServerSettings, services: Services, started: Callable[[], None] = lambda: None
) -> Server:
    """A server for services that are already open. `started` is called once it answers."""
    app = create_app(settings, contextlib.nullcontext(services))
    config = uvicorn.Config(
        quietly_cancelled(app),
        http=OneWriteProtocol,
        ws=ReadSocket,
        # Twice the cap, so that a message above it gets an error frame and not a closed socket.
        ws_max_size=2 * settings.max_body_bytes,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    return Server(config, services, started)


def run_server(settings: ServerSettings, started: Callable[[str], None] = lambda url: None) -> None:
    """Serve until SIGINT or SIGTERM. `started` is told the server's URL once it answers.

    Once it stops, it takes `shutdown_seconds` and LAST_SECONDS at most: then the process ends as it
    is, with status 0. Raises HomeLockedError, SettingsError (the port is taken) and StoreError, in
    this order and before anything is changed.
    """
    with home_lock(settings.home) as lock, bind_socket(settings.host, settings.port) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        lock.describe(settings.url)
        last = threading.Timer(settings.shutdown_seconds + LAST_SECONDS, _leave)
        last.daemon = True
        try:
            asyncio.run(_serve(settings, listener, started, last.start))
        finally:
            last.cancel()


async def _serve(
    settings: ServerSettings,
    listener: socket.socket,
    started: Callable[[str], None],
    stopping: Callable[[], None],
) -> None:
    async with open_services(settings) as services:

        def answering() -> None:
            # What is loaded by now stays. Looking through all of it again would hold up every
            # stream for an eighth of a second, each time that Python collects garbage.
            gc.freeze()
            started(settings.url)

        server = server_for(settings, services, answering)
        server.when_stopping = stopping
        await server.serve([listener])


def _leave() -> None:
    """End the process whatever it is doing. Nothing is lost by it that was not lost already: what
    is committed stays, answers that were being written are marked interrupted at the next start,
    and workers leave when their pipes close."""
    log.warning("Something did not end in time and is left behind; the next start puts it right.")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)
