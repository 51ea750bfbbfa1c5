"""A model hub on this machine, with the real one's URLs: the listing under /api/models, files under
/resolve/COMMIT/ that redirect to another host, and range requests there."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What it offers, how it misbehaves, and what it saw.

    cut: file → bytes after which each connection that sends it is dropped, one entry a request.
    circles: every answer is a redirect to the same address.
    sent: file → bytes that left. tokens: Authorization headers, by host name asked for.
    """

    repo: str
    files: dict[str, bytes]
    url: str = ""
    cut: dict[str, list[int]] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    failing: dict[str, list[int]] = field(default_factory=dict)
    extra_names: list[str] = field(default_factory=list)
    ranges: bool = True
    listing_status: int = 200
    listing_body: bytes | None = None
    circles: bool = False
    sent: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, set[str | None]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, object]:
        """Weights are listed as LFS files, small ones as git blobs, like the real hub does."""
        siblings: list[dict[str, object]] = []
        for name, content in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324  # git's
            entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": blob}
            if name.endswith(".safetensors"):
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
                entry["blobId"] = "f" * 40
            siblings.append(entry)
        siblings += [
            {"rfilename": name, "size": 3, "blobId": "a" * 40} for name in self.extra_names
        ]
        return {"id": self.repo, "sha": COMMIT, "siblings": siblings}


def folder_files(folder: Path) -> dict[str, bytes]:
    """The content of a model folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@contextmanager
def running_hub(repo: str, files: dict[str, bytes], kind: str = "models") -> Iterator[Hub]:
    """The hub, listening on a free port. kind: `models`, or `datasets`, which is in its URLs."""
    hub = Hub(repo, files)
    root = f"/{hub.repo}" if kind == "models" else f"/{kind}/{hub.repo}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client that has what it wants may hang up
                super().handle()

        def do_GET(self) -> None:
            host = self.headers["Host"].partition(":")[0]
            hub.tokens.setdefault(host, set()).add(self.headers["Authorization"])
            path = urlsplit(self.path).path
            hub.paths.append(self.path)
            if hub.circles:
                self.redirect(self.path)
            elif path.startswith(f"/api/{kind}/{hub.repo}"):
                body = hub.listing_body or json.dumps(hub.listing()).encode()
                self.answer(hub.listing_status, body)
            elif path.startswith(f"{root}/resolve/{COMMIT}/"):
                name = path.removeprefix(f"{root}/resolve/{COMMIT}/")
                self.redirect(f"http://localhost:{urlsplit(hub.url).port}/cdn/{name}")
            elif path.startswith("/cdn/"):
                self.file(path.removeprefix("/cdn/"))
            else:
                self.answer(404, b"{}")

        def redirect(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def file(self, name: str) -> None:
            if hub.failing.get(name):
                self.answer(hub.failing[name].pop(0), b"")
                return
            content = hub.files[name]
            if name in hub.corrupt:
                content = bytes(byte ^ 1 for byte in content)
            start = 0
            wanted = self.headers["Range"]
            if wanted and hub.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = len(content)
            if hub.cut.get(name):
                stop = start + hub.cut[name].pop(0)
                self.close_connection = True
            self.wfile.write(content[start:stop])
            hub.sent[name] = hub.sent.get(name, 0) + len(content[start:stop])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
