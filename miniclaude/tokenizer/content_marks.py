"""Marks around the content of messages, to find it again in what a template made of them."""

from __future__ import annotations

import re
import secrets


class ContentMarks:
    """One set of marks, told apart from all text by a random number."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(12)
        self._pattern = re.compile(self._nonce + r"([<>])(\d+);")

    def put(self, n: int, content: str, trimmed: bool) -> str:
        """The content of message `n` between marks; `trimmed`: its outer whitespace outside of
        them, where a template that trims will find it."""
        inner = content.strip() if trimmed else content
        before, _, after = content.partition(inner) if inner else (content, "", "")
        return f"{before}{self._nonce}<{n};{inner}{self._nonce}>{n};{after}"

    def find(self, marked: str, plain: str) -> dict[int, tuple[int | None, int]]:
        """Message → where its content begins and ends in `plain`; the beginning is None where
        the template left that part out.

        Empty when the marks changed more than themselves, so that places mean nothing.
        """
        if self._pattern.sub("", marked) != plain:
            return {}
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        removed = 0
        for match in self._pattern.finditer(marked):
            places = starts if match[1] == "<" else ends
            places[int(match[2])] = match.start() - removed
            removed += len(match[0])
        return {n: (starts.get(n), end) for n, end in ends.items()}
