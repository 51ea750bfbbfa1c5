"""The part of a model hub that a push talks to: repositories, large files (git LFS), commits."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class PushHub:
    """What it was given, and how it misbehaves. files: of the last commit. private: repository →
    whether it was made so. tokens: Authorization headers, by path. status: of every answer."""

    url: str = ""
    status: int = 200
    files: dict[str, bytes] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[str, str | None] = field(default_factory=dict)

    def reply(self, method: str, path: str, body: bytes) -> dict[str, Any] | None:
        """The answer to one request; None when there is no such address."""
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.private[name] = asked.get("visibility") == "private"
            return {"url": f"{self.url}/{name}"}
        if path == "/api/validate-yaml":  # a card's front matter, before anything is sent
            return {"errors": [], "warnings": []}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            return {"files": [self.mode(name) for name in names]}
        if path.endswith("/info/lfs/objects/batch"):
            asked = json.loads(body)
            return {
                "transfer": "basic",
                "objects": [self.upload(entry) for entry in asked["objects"]],
            }
        if path.startswith("/large/") and method == "PUT":
            self.objects[path.removeprefix("/large/")] = body
            return {}
        if "/commit/" in path:
            self.commit(body)
            sha = "0" * 40
            repo = path.removeprefix("/api/models/").partition("/commit/")[0]
            return {
                "commitUrl": f"{self.url}/{repo}/commit/{sha}",
                "commitOid": sha,
                "success": True,
            }
        return None

    def mode(self, name: str) -> dict[str, Any]:
        """Weights go by LFS, like on the real hub."""
        kind = "lfs" if name.endswith(".safetensors") else "regular"
        return {"path": name, "uploadMode": kind, "shouldIgnore": False}

    def upload(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Where a large file is to be sent."""
        where = {"href": f"{self.url}/large/{entry['oid']}"}
        return {**entry, "actions": {"upload": where}}

    def commit(self, body: bytes) -> None:
        """Take a commit's lines."""
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.messages.append(value["summary"])
            elif entry["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.files[value["path"]] = self.objects[value["oid"]]


@contextmanager
def running_push_hub() -> Iterator[PushHub]:
    """The hub, listening on a free port."""
    hub = PushHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            self.serve()

        def do_PUT(self) -> None:
            self.serve()

        def do_GET(self) -> None:
            self.serve()

        def serve(self) -> None:
            hub.tokens[self.path] = self.headers["Authorization"]
            if self.headers["Transfer-Encoding"] == "chunked":
                body = self.read_chunks()
            else:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = hub.reply(self.command, self.path.partition("?")[0], body)
            status = 404 if answer is None else hub.status
            content = json.dumps(answer if status == 200 else {"error": "no"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def read_chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

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
