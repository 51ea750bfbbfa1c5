"""Speakers that say what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from miniclaude.evaluation.speaking import Asked, Document, Reply, Speaking, Told
from miniclaude.messages import ToolCall
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer


class Scripted:
    """Answers by a function; finds every scored token equally likely. asked: all it was asked."""

    def __init__(
        self,
        answer: Callable[[Asked], Reply | str],
        folder: Path | None = None,
        *,
        nats: float = 2.0,
        context: int = 256,
    ) -> None:
        self.asked: list[Asked] = []
        self.facts = Speaking("scripted", "float32", 1_000, context, {"temperature": 0.5})
        self._answer = answer
        self._folder = folder
        self._nats = nats

    @property
    def tokenizer(self) -> Tokenizer:
        assert self._folder is not None
        return load_tokenizer(self._folder)

    def replies(self, asked: Sequence[Asked], told: Told) -> list[Reply]:
        self.asked += asked
        given = []
        for one in asked:
            answer = self._answer(one)
            given.append(Reply(answer, ended=True) if isinstance(answer, str) else answer)
            told()
        return given

    def nats(self, documents: Sequence[Document], told: Told) -> list[float]:
        for _ in documents:
            told()
        return [self._nats * sum(mask[1:]) for _, mask in documents]


def calling(name: str, arguments: str, text: str = "") -> Reply:
    """An answer that calls a tool."""
    return Reply(text, ended=True, calls=(ToolCall("call_0", name, arguments),))
