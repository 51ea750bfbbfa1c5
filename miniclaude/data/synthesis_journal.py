"""Every answer that a synthesis has paid for, on disk before anything is made of it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. Tokens as the service counts them, 0 when it does not."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Journal:
    """Every answer that was paid for, a line each, after a line that says whose they are."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = out.with_name(f"{out.name}.journal")
        self._descriptor = -1
        self.replies: list[Reply] = []

    @contextmanager
    def opened(self, key: str) -> Iterator[Journal]:
        """Raises ConflictError."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        if self._out.exists() and not self._path.exists():
            raise ConflictError(
                f"{self._out} already exists.",
                hint="Choose another file with --out.",
                param="out",
            )
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._lock()
            self._read(key)
            yield self
        finally:
            os.close(self._descriptor)

    def append(self, reply: Reply) -> None:
        """Keep an answer; on disk when this returns."""
        self._append(
            {
                "text": reply.text,
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
            }
        )

    def _append(self, value: dict[str, object]) -> None:
        # A lone surrogate in an answer is written as its escape.
        data = (json.dumps(value) + "\n").encode()
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"{self._out} is being written by another process.",
                hint="Wait for it, or choose another file with --out.",
                param="out",
            ) from error

    def _read(self, key: str) -> None:
        """What is there. A line that was cut short by a crash is removed."""
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        os.ftruncate(self._descriptor, len(whole))
        lines = whole.splitlines()
        if not lines:
            self._append({"key": key})
            return
        try:
            header, *replies = [json.loads(line) for line in lines]
            self.replies = [Reply(**reply) for reply in replies]
        except (ValueError, TypeError) as error:
            raise ConflictError(
                f"{self._path} is damaged: {error}.",
                hint="Remove it and choose another file with --out.",
                param="out",
            ) from error
        if header.get("key") != key:
            raise ConflictError(
                f"{self._out} was begun with other seeds, another model or other options.",
                hint="Choose another file with --out, or remove it and its .journal.",
                param="out",
            )
