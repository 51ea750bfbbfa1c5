"""Examples in the forms that other tools read: Alpaca, ShareGPT, OpenAI."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from miniclaude.data.conversation import write_tools
from miniclaude.data.example import Example, to_row
from miniclaude.data.item_lines import encode
from miniclaude.data.prepared import SPLITS, PreparedDataset, Split
from miniclaude.data.rejection import Rejection, reject
from miniclaude.data.work_folder import disk_errors
from miniclaude.errors import ConflictError, InvalidRequestError, RowError
from miniclaude.messages import Message

Row = dict[str, object]

SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def to_openai(example: Example) -> Row:
    """OpenAI's fine-tuning form, which is our own."""
    return to_row(example)


def to_alpaca(example: Example) -> Row:
    """`instruction`, `input`, `output`, with `system` and `history` where there are any; `chosen`
    and `rejected` for a preference, `kto_tag` for KTO, `text` for plain text.

    Raises RowError for what the form cannot hold: tools, answers that are not learnt, speakers
    that do not take turns.
    """
    if example.task == "text":
        return {"text": example.text}
    if example.tools or any(
        message.tool_calls or message.role == "tool" for message in example.messages
    ):
        raise _cannot_hold("tool calls")
    if example.unlearned:
        raise _cannot_hold("answers with weight 0")
    system, turns = _split_system(example.messages)
    asked = [*turns] if example.chosen else [*turns[:-1]]
    roles = [message.role for message in asked]
    if len(roles) % 2 == 0 or roles != (["user", "assistant"] * len(roles))[: len(roles)]:
        raise _cannot_hold("speakers who do not take turns")
    row: Row = {"instruction": asked[-1].text, "input": ""}
    if example.chosen:
        if len(example.chosen) != 1 or len(example.rejected) != 1:
            raise _cannot_hold("preferred answers of several messages")
        row |= {"chosen": example.chosen[0].text, "rejected": example.rejected[0].text}
    else:
        row["output"] = turns[-1].text
    if system:
        row["system"] = system
    if len(asked) > 1:
        texts = [message.text for message in asked[:-1]]
        row["history"] = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    if example.desirable is not None:
        row["kto_tag"] = example.desirable
    return row


def to_sharegpt(example: Example) -> Row:
    """`conversations` of `from` and `value`, `tools` as JSON text; a call is `function_call`.

    Raises RowError for answers that are not learnt, and for several calls at once.
    """
    if example.task == "text":
        return {"text": example.text}
    if example.unlearned:
        raise _cannot_hold("answers with weight 0")
    row: Row = {"conversations": [_turn(message) for message in example.messages]}
    if example.chosen:
        if len(example.chosen) != 1 or len(example.rejected) != 1:
            raise _cannot_hold("preferred answers of several messages")
        row |= {"chosen": _turn(example.chosen[0]), "rejected": _turn(example.rejected[0])}
    if example.desirable is not None:
        row["kto_tag"] = example.desirable
    if example.tools:
        row["tools"] = json.dumps(
            [tool["function"] for tool in write_tools(example.tools) if isinstance(tool, dict)],
            ensure_ascii=False,
        )
    return row


WRITERS: dict[str, Callable[[Example], Row]] = {
    "alpaca": to_alpaca,
    "sharegpt": to_sharegpt,
    "openai": to_openai,
}


def export_rows(
    dataset: PreparedDataset, file: Path, *, format_name: str, split: str = "all"
) -> tuple[int, list[Rejection]]:
    """Write a dataset's rows as JSON Lines; the number written, and the rows that the form cannot
    hold.

    Raises InvalidRequestError for an unknown form or split, ConflictError when the file exists,
    DiskFullError and StoreError.
    """
    splits = {"all": SPLITS, "train": SPLITS[:1], "validation": SPLITS[1:]}
    for name, value, known in (("format", format_name, WRITERS), ("split", split, splits)):
        if value not in known:
            raise InvalidRequestError(
                f"{name}: {value!r} is unknown.", hint=f"Use {', '.join(known)}.", param=name
            )
    written = 0
    left_out: list[Rejection] = []
    with disk_errors(file):
        try:
            out = file.open("x", encoding="utf-8", newline="\n")
        except FileExistsError:
            raise ConflictError(f"{file} already exists.", hint="Choose another file.") from None
        with out:
            for side in splits[split]:
                for example in dataset.examples(side):
                    try:
                        out.write(encode(WRITERS[format_name](example)) + "\n")
                        written += 1
                    except RowError as error:
                        left_out.append(reject(example.place, error, to_row(example)))
    return written, left_out


def exported_lines(dataset: PreparedDataset, format_name: str, split: str) -> Iterator[str]:
    """The lines that `export_rows` writes, without the rows that the form cannot hold. Raises
    DatasetError."""
    write = WRITERS[format_name]
    for side in SPLITS if split == "all" else (cast("Split", split),):
        for example in dataset.examples(side):
            with suppress(RowError):
                yield encode(write(example)) + "\n"


def _split_system(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    if messages and messages[0].role == "system":
        return messages[0].text, messages[1:]
    return "", messages


def _turn(message: Message) -> dict[str, str]:
    if not message.tool_calls:
        return {"from": SPEAKERS[message.role], "value": message.text}
    if len(message.tool_calls) > 1 or message.text:
        raise _cannot_hold("several calls, or a call beside text, in one message")
    [call] = message.tool_calls
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    value = {"name": call.name, "arguments": arguments}
    return {"from": "function_call", "value": json.dumps(value, ensure_ascii=False)}


def _cannot_hold(what: str) -> RowError:
    return RowError(
        f"This form has no place for {what}.",
        hint="Export the dataset as openai instead.",
        param="format",
        code="not_expressible",
    )
