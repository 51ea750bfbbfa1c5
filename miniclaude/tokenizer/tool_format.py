"""How a model writes the calls of tools: found by showing its chat template two calls.

A template that has a place for tools also writes the assistant's earlier calls, and so shows the
form in which its model was trained to answer: `<tool_call>{…}</tool_call>` (Hermes, Qwen),
`{"name": …, "parameters": …}` (Llama 3), `[TOOL_CALLS][…]` (Mistral). No model's name is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

ANY_ID = "\0"
"""Stands for a call's id in the texts of a format."""
ID_PATTERN = "[A-Za-z0-9]{9}"
"""What a call's id looks like where the model itself writes one (Mistral's rule)."""
NAME_PATTERN = "[A-Za-z0-9_-]{1,128}"
"""What a protocol lets a tool be called: OpenAI's up to 64 characters, Anthropic's up to 128."""
MAX_PIECE = 256

Render = Callable[[Sequence[Mapping[str, object]]], Sequence[str | None]]
"""Sets of variables to what the template makes of each; None where it refuses."""


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """An answer that calls is: `before` NAME `between` ARGUMENTS, for each further call `middle`
    NAME `between` ARGUMENTS, and `after`.

    middle: None where an answer holds one call at most. mark: the beginning of `before` that no
    other answer has anywhere; empty where only an answer's very beginning tells.
    """

    before: str
    between: str
    after: str
    middle: str | None
    mark: str

    @property
    def beginning(self) -> str:
        """What tells a call at the very beginning of an answer, but for spaces before it."""
        return self.before.partition(ANY_ID)[0].lstrip()

    @property
    def writes_ids(self) -> bool:
        """Whether the calls' ids are part of what the model reads and writes."""
        return ANY_ID in f"{self.before}{self.between}{self.after}{self.middle}"


def short_id(call_id: str) -> str:
    """An id as such models know them; always the same for the same id."""
    if re.fullmatch(ID_PATTERN, call_id):
        return call_id
    return blake2b(call_id.encode(errors="replace")).hexdigest()[:9]


_BEFORE = '<tool_call>\n{"name": "'
_AFTER = "}\n</tool_call>"

PLAIN = ToolFormat(
    before=_BEFORE,
    between='", "arguments": ',
    after=_AFTER,
    middle=f"{_AFTER}\n{_BEFORE}",
    mark="<tool_call>",
)
"""For models whose template has no place for tools; `plain_tools.py` shows them in this form."""

_FIRST, _SECOND = "probe_first", "probe_second"
_ARGUMENTS = {"probe_key": "probe_value"}
_ARGUMENTS_WRITTEN = re.compile(r'\{\s*"probe_key"\s*:\s*"probe_value"\s*\}')
_NO_THOUGHTS = re.compile(r"^\s*<([a-z_]+)>\s*</\1>\s*")
"""Some templates write that nothing was thought, which no model has to."""
_IDS = ("callprobe", "callagain")
_CALLED = {"role": "user", "content": "Call it."}


def find_tool_format(render: Render, special: Collection[str], ends: Sequence[str]) -> ToolFormat:
    """The template's own form, or PLAIN where it has none that holds a name and then arguments in
    JSON. special: the texts of special tokens; ends: of those that end a turn."""
    tools = [_tool(_FIRST), _tool(_SECOND)]
    prompt, one, two = render(
        [
            _variables([_CALLED], tools, prompt=True),
            _variables([_CALLED, _calling(_FIRST)], tools, prompt=False),
            _variables([_CALLED, _calling(_FIRST, _SECOND)], tools, prompt=False),
        ]
    )
    if prompt is None or one is None or _FIRST not in prompt:
        return PLAIN
    single = _split(_answer(prompt, one, ends))
    if single is None:
        return PLAIN
    before, between, after = single
    before = before.lstrip()
    if max(map(len, single)) > MAX_PIECE:
        return PLAIN
    middle = None
    double = None if two is None else _split(_answer(prompt, two, ends))
    if double is not None:
        head, _, rest = double[2].partition(_SECOND)
        again = _split(_SECOND + rest, _SECOND)
        if again is not None and again[1:] == (between, after) and len(head) <= MAX_PIECE:
            middle = head
    return ToolFormat(before, between, after, middle, _mark(before, special))


def _tool(name: str) -> dict[str, object]:
    parameters = {
        "type": "object",
        "properties": {"probe_key": {"type": "string", "description": "A value."}},
        "required": ["probe_key"],
    }
    function = {"name": name, "description": "Does something.", "parameters": parameters}
    return {"type": "function", "function": function}


def _calling(*names: str) -> dict[str, object]:
    calls = [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": _ARGUMENTS}}
        for name, call_id in zip(names, _IDS, strict=False)
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _variables(messages: list[Any], tools: list[Any], *, prompt: bool) -> dict[str, object]:
    return {
        "messages": messages,
        "tools": tools,
        "documents": None,
        "add_generation_prompt": prompt,
    }


def _answer(prompt: str, whole: str, ends: Sequence[str]) -> str:
    """What the assistant wrote, up to the end of its turn."""
    common = 0
    for mine, theirs in zip(prompt, whole, strict=False):
        if mine != theirs:
            break
        common += 1
    if common < len(prompt):
        # The prompt goes on otherwise, into thoughts perhaps: back to where both begin a word.
        while common and whole[common - 1] not in "\n>":
            common -= 1
    answer = _NO_THOUGHTS.sub("", whole[common:])
    for end in ends:
        answer = answer.partition(end)[0]
    for call_id in _IDS:
        answer = answer.replace(call_id, ANY_ID)
    return answer.rstrip()


def _split(answer: str, name: str = _FIRST) -> tuple[str, str, str] | None:
    """What stands before the name, between name and arguments, and after them."""
    before, found, rest = answer.partition(name)
    arguments = _ARGUMENTS_WRITTEN.search(rest)
    if not found or arguments is None:
        return None
    between = rest[: arguments.start()]
    if name == _FIRST and _SECOND in between:
        return None
    return before, between, rest[arguments.end() :]


def _mark(before: str, special: Collection[str]) -> str:
    """The special token at the beginning, or the word there, up to a brace or a space."""
    for token in sorted(special, key=len, reverse=True):
        if token and before.startswith(token):
            return token
    word = re.match(r"[^\s{]*", before)
    mark = word[0] if word else ""
    return mark if re.search("[A-Za-z]{3}", mark) else ""
