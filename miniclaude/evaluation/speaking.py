"""What a measurement needs of a model: answers to many conversations, and the likelihood of texts.

`providers/local_batch.py` is such a speaker; tests have smaller ones. The tools that a model may
call are passed in with what runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from miniclaude.messages import Message, Tool, ToolCall
from miniclaude.tokenizer.tokenizer import Tokenizer

Told = Callable[[], None]
"""Called once for each answer, or document, that is done."""

Document = tuple[Sequence[int], Sequence[bool]]
"""Token ids, and which of them are scored; the first never is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation to go on with. max_tokens: of the answer, at most; less where the context has
    no more room. seed: None is the likeliest answer, else it is drawn as the model's makers
    recommend."""

    messages: tuple[Message, ...]
    max_tokens: int
    tools: tuple[Tool, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ended: the model closed its turn itself. calls: the tools that it asks for.
    problem: why it could not be asked at all; then there is no text."""

    text: str
    ended: bool
    calls: tuple[ToolCall, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool and what runs it: a call's arguments, JSON text, to the text that it returns. suits:
    whether a question may need it."""

    tool: Tool
    run: Callable[[str], str]
    suits: Callable[[str], bool] = lambda question: True


Tools = Mapping[str, OfferedTool]


@dataclass(frozen=True, slots=True)
class Speaking:
    """Facts about a speaker for the report. settings: how sampled replies are drawn."""

    name: str
    dtype: str
    parameters: int
    context: int
    settings: Mapping[str, float] = field(default_factory=dict)


class Speaker(Protocol):
    """A model that is measured."""

    @property
    def facts(self) -> Speaking:
        """What it is."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Its own."""
        ...

    def replies(self, asked: Sequence[Asked], told: Told) -> list[Reply]:
        """An answer to each, in order."""
        ...

    def nats(self, documents: Sequence[Document], told: Told) -> list[float]:
        """The summed negative log-likelihood of each document's scored tokens, in order."""
        ...
