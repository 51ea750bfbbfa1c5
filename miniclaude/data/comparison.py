"""Rows that say which answer is better (preference), or whether one is good (KTO).

Preference rows come as LLaMA-Factory writes them (Alpaca or ShareGPT with `chosen` and
`rejected`), as OpenAI does (`input`, `preferred_output`, `non_preferred_output`), and as TRL does
(`prompt`, `chosen`, `rejected`, as texts or messages; without `prompt`, it is what the two have in
common). KTO rows have `kto_tag` beside a whole conversation, or TRL's `label` beside `prompt` and
`completion`.
"""

from __future__ import annotations

from miniclaude.data.conversation import read_messages, read_tools, refuse_if_not_an_answer
from miniclaude.data.example import Example, Place
from miniclaude.data.fields import kind_of, text_field
from miniclaude.data.raw import Row
from miniclaude.data.sharegpt import read_answer, read_conversations
from miniclaude.data.supervised import SUPERVISED, alpaca_prompt, row_kind, side, with_system
from miniclaude.errors import RowError
from miniclaude.messages import Message

Messages = tuple[Message, ...]


def read_preference(row: Row, place: Place) -> Example:
    """Any of the preference forms. Raises RowError."""
    tools = row.get("tools")
    if "preferred_output" in row or "non_preferred_output" in row:
        given = row.get("input")
        if not isinstance(given, dict):
            raise RowError(
                f"input is {kind_of(given)}, not an object with messages.",
                hint='Write "input": {"messages": [{"role": "user", "content": "…"}]}.',
                param="input",
                code="missing_messages_list",
            )
        prompt, _ = read_messages(given.get("messages"), param="input.messages")
        tools = given.get("tools", tools)
        chosen = _answer(row, "preferred_output")
        rejected = _answer(row, "non_preferred_output")
    else:
        chosen, rejected = _answer(row, "chosen"), _answer(row, "rejected")
        shared = _in_common(chosen, rejected)
        prompt = _prompt(row) if _PROMPTS & row.keys() else chosen[:shared]
        if prompt and prompt == chosen[:shared]:
            chosen, rejected = chosen[shared:], rejected[shared:]
    _check(prompt, chosen, rejected)
    return Example(
        place,
        with_system(row, prompt),
        chosen=chosen,
        rejected=rejected,
        tools=read_tools(tools),
        kind=row_kind(row),
    )


_PROMPTS = {"conversations", "messages", "instruction", "prompt", "question"}


def _prompt(row: Row) -> Messages:
    if "conversations" in row:
        return read_conversations(row["conversations"], answered=False)
    if "messages" in row:
        return read_messages(row["messages"])[0]
    if "instruction" in row:
        return alpaca_prompt(row)
    name = "prompt" if "prompt" in row else "question"
    return side(row, name, "user")


def _answer(row: Row, name: str) -> Messages:
    """One of the two answers, as text, as a turn or as messages."""
    value = row.get(name)
    if isinstance(value, dict) and "from" in value:
        return read_answer(value, name)
    answer = side(row, name, "assistant")
    refuse_if_not_an_answer(answer, name)
    return answer


def _in_common(chosen: Messages, rejected: Messages) -> int:
    """How many messages both begin with; their last is never among them."""
    count = 0
    for one, other in zip(chosen[:-1], rejected[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def _check(prompt: Messages, chosen: Messages, rejected: Messages) -> None:
    if not prompt:
        raise RowError(
            "The row has two answers and nothing that they answer.",
            hint='Add "prompt", or begin chosen and rejected with the same messages.',
            param="prompt",
            code="missing_prompt",
        )
    if prompt[-1].role not in ("user", "tool"):
        raise RowError(
            f"The prompt ends with a message of the {prompt[-1].role}; the answers stand in"
            " chosen and rejected.",
            hint="End the prompt with what is to be answered.",
            param="prompt",
            code="invalid_message_count",
        )
    if chosen == rejected:
        raise RowError(
            "chosen and rejected are the same, so there is nothing to prefer.",
            hint="Remove the row, or correct one of the two.",
            param="rejected",
            code="chosen_equals_rejected",
        )


def read_kto(row: Row, place: Place) -> Example:
    """Any of the KTO forms. Raises RowError."""
    name = "kto_tag" if "kto_tag" in row else "label"
    good = row.get(name)
    if good is None:
        raise RowError(
            f"{name} is missing.",
            hint="Set it to true for an answer to learn, to false for one to avoid.",
            param=name,
            code=f"missing_{name}",
        )
    if not isinstance(good, bool):
        raise RowError(
            f"{name} is {good!r}, neither true nor false.",
            hint="Write true for an answer to learn, false for one to avoid; without quotes.",
            param=name,
            code=f"invalid_{name}",
        )
    example = SUPERVISED[_answered_format(row)](row, place)
    return Example(
        place,
        example.messages,
        desirable=good,
        tools=example.tools,
        kind=example.kind,
    )


def _answered_format(row: Row) -> str:
    for field, name in (
        ("messages", "openai"),
        ("conversations", "sharegpt"),
        ("completion", "prompt-completion"),
        ("answer", "question-answer"),
    ):
        if field in row:
            return name
    if "instruction" not in row and "prompt" in row:
        text_field(row, "completion")
    return "alpaca"
