"""Run the real `mini-claude` as people do: as a process, in a pipe or at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "mini-claude")
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
PATIENCE = 900.0  # seconds until a test is given up


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the developer's own: no keys, no settings, another home."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    inherited = {name: value for name, value in os.environ.items() if name.startswith("COV")}
    kept["OMP_NUM_THREADS"] = "1"
    return {**kept, **inherited, "HOME": str(home), "MINI_CLAUDE_HOME": str(home), **more}


def run(
    home: Path, *arguments: str, said: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end with `said` piped in. more: environment variables."""
    return subprocess.run(
        [COMMAND, *arguments],
        input=said,
        capture_output=True,
        text=True,
        env=environment(home, **more),
        timeout=PATIENCE,
        check=False,
    )


class Terminal:
    """The command at a terminal of its own; `piped` comes from a pipe instead of its keyboard."""

    def __init__(
        self, home: Path, *arguments: str, piped: bytes | None = None, **more: str
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=theirs if piped is None else subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            env=environment(home, TERM="dumb", **more),
            start_new_session=True,
        )
        os.close(theirs)
        if self.process.stdin is not None:
            self.process.stdin.write(piped or b"")
            self.process.stdin.close()
        self._unread = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def type(self, line: str) -> None:
        """A line and the return key."""
        os.write(self._ours, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end_of_input(self) -> None:
        """Ctrl-D."""
        os.write(self._ours, b"\x04")

    def wait_for(self, pattern: str) -> str:
        """Read on until the pattern; what came before it and with it."""
        while (found := re.search(pattern, self._unread)) is None:
            ready, _, _ = select.select([self._ours], [], [], PATIENCE)
            try:
                chunk = os.read(self._ours, 4096) if ready else b""
            except OSError:  # the other end is closed
                chunk = b""
            if not chunk:
                raise AssertionError(f"{pattern!r} never came after {self._unread!r}")
            text = chunk.decode(errors="replace").replace("\r\n", "\n")
            self._unread = STYLE.sub("", self._unread + text)
        seen, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return seen

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(timeout=PATIENCE)
