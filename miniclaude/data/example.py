"""One row of a data set as training sees it, and its canonical JSON form.

Whatever form a row came in (Alpaca, ShareGPT, OpenAI, …), it becomes an `Example`; `to_row` writes
it in OpenAI's fine-tuning form and `from_row` reads that back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from miniclaude.data.conversation import (
    read_messages,
    read_tools,
    refuse_if_not_an_answer,
    require_answer,
    write_messages,
    write_tools,
)
from miniclaude.errors import RowError
from miniclaude.messages import Message, Tool

Task = Literal["text", "supervised", "preference", "kto"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: `my.json, item 3`.

    line: counted from 1. unit: what is counted: `line` of a text file, `item` of a JSON array,
    `row` of a table, `paragraph` of plain text.
    """

    file: str
    line: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.line}"


@dataclass(frozen=True, slots=True)
class Example:
    """One example of one task.

    messages: the conversation, ending with the assistant; of a preference, the prompt alone.
    text: plain text to continue (pretraining); then there are no messages.
    chosen, rejected: the better and the worse answer to the prompt (preference).
    desirable: whether the answer is a good one (KTO).
    tools: what the assistant may call. unlearned: indexes of the assistant messages that are
    shown and not learnt (OpenAI's weight 0). kind: the type of conversation, where the row says.
    """

    place: Place
    messages: tuple[Message, ...] = ()
    text: str = ""
    chosen: tuple[Message, ...] = ()
    rejected: tuple[Message, ...] = ()
    desirable: bool | None = None
    tools: tuple[Tool, ...] = ()
    unlearned: frozenset[int] = frozenset()
    kind: str = ""

    @property
    def task(self) -> Task:
        """What the example can be trained for."""
        if self.chosen:
            return "preference"
        if self.desirable is not None:
            return "kto"
        return "supervised" if self.messages else "text"


def to_row(example: Example) -> dict[str, object]:
    """The example as one JSON object: `text`; or `messages`, with `chosen` and `rejected` for a
    preference, with `label` for KTO; `tools`, `weight` and `kind` where there are any."""
    row: dict[str, object] = {}
    if example.task == "text":
        row["text"] = example.text
    else:
        row["messages"] = write_messages(example.messages, example.unlearned)
    if example.chosen:
        row["chosen"] = write_messages(example.chosen)
        row["rejected"] = write_messages(example.rejected)
    if example.desirable is not None:
        row["label"] = example.desirable
    if example.tools:
        row["tools"] = write_tools(example.tools)
    if example.kind:
        row["kind"] = example.kind
    return row


def from_row(row: Mapping[str, object], place: Place) -> Example:
    """The example that `to_row` wrote.

    Raises RowError, its code the error's name, for a row that is no such example.
    """
    kind = row.get("kind")
    named = kind if isinstance(kind, str) else ""
    text = row.get("text")
    if isinstance(text, str) and "messages" not in row:
        return Example(place, text=text, kind=named)
    messages, unlearned = read_messages(row.get("messages"))
    tools = read_tools(row.get("tools"))
    if "chosen" in row or "rejected" in row:
        answers = []
        for name in ("chosen", "rejected"):
            answer, _ = read_messages(row.get(name), param=name)
            refuse_if_not_an_answer(answer, name)
            answers.append(answer)
        chosen, rejected = answers
        return Example(place, messages, chosen=chosen, rejected=rejected, tools=tools, kind=named)
    require_answer(messages)
    if "label" not in row:
        return Example(place, messages, tools=tools, unlearned=unlearned, kind=named)
    label = row["label"]
    if not isinstance(label, bool):
        raise RowError(
            f"label is {label!r}, neither true nor false.",
            hint="Set label to true for an answer to learn, false for one to avoid.",
            param="label",
            code="invalid_label",
        )
    return Example(place, messages, desirable=label, tools=tools, unlearned=unlearned, kind=named)
