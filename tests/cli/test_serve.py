"""`mini-claude serve`: it says where it is, and why it cannot be."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.cli.command import Terminal, run


def url_of(terminal: Terminal) -> str:
    found = re.search(r"Mini-Claude is ready: (\S+)\n", terminal.wait_for("Ctrl-C stops"))
    assert found is not None
    return found[1]


def test_it_serves_until_ctrl_c_and_keeps_a_second_one_away(home: Path) -> None:
    with Terminal(home, "serve", "--port", "0", "--model", "tiny") as terminal:
        url = url_of(terminal)
        with urllib.request.urlopen(f"{url}/v1/models", timeout=180) as answer:  # noqa: S310  # ours
            models = json.load(answer)["data"]
        assert [model["id"] for model in models if model["default"]] == ["tiny"]

        second = run(home, "serve", "--port", "0", "--model", "tiny")
        assert second.returncode == 1
        assert re.search(rf"error: .* already uses .*process \d+, at {url}", second.stderr)

        terminal.interrupt()
        assert terminal.wait() == 0


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(home, "serve", "--port", str(port), "--model", "tiny")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: port: {port} on 127.0.0.1 is already in use.")
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--model", "nobody"], 1, "error: model: 'nobody' is not installed."),
        (["--port", "70000"], 2, "error: --port: "),
        (["--host", "192.0.2.1"], 2, "error: host: 192.0.2.1 can be reached from other machines"),
        (["--database-url", "mysql://x/y"], 1, "error: The database URL is not one"),
    ],
)
def test_what_cannot_work_is_refused(
    home: Path, arguments: list[str], status: int, message: str
) -> None:
    done = run(home, "serve", *arguments)
    assert done.returncode == status
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
